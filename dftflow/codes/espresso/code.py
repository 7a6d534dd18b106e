"""Quantum ESPRESSO behind the `Code` seam."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.base import PLAIN_LAUNCH, Calculation, Diagnosis, Launch, Progress, Reading
from dftflow.codes.espresso.cell_cutoff import cutoff_of_potentials
from dftflow.codes.espresso.folder import calculations_in
from dftflow.codes.espresso.options import EspressoOptions
from dftflow.codes.espresso.potentials import choose_potentials, potential_hashes
from dftflow.codes.espresso.pw_stdout import ProgramOutput, read_stdout
from dftflow.codes.espresso.remedies import REMEDIES
from dftflow.codes.espresso.sheet import ESPRESSO_SHEET
from dftflow.codes.espresso.status import status_of
from dftflow.codes.file_hash import NOT_KNOWN_HERE
from dftflow.codes.log_tail import tail_of
from dftflow.codes.memory_use import MemoryUse
from dftflow.codes.reading import FileLog
from dftflow.codes.suggested_cutoff import SuggestedCutoff
from dftflow.crystals.geometry import elements_of
from dftflow.errors import ParseError, SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["ESPRESSO"]

PROGRAMS = ("pw.x", "pp.x", "average.x")


class ESPRESSO:
    """Quantum ESPRESSO 6.4 and later; ``ESPRESSO_PSEUDO`` in the environment names the folder of the potentials."""

    name = "espresso"
    deck_files = ("{seed}.*in", "{seed}.sh")
    sheet = ESPRESSO_SHEET
    options_model = EspressoOptions
    remedies = REMEDIES
    scratch: tuple[str, ...] = ("*.wfc*", "*.mix*", "*.save/wfc*", "*.hub*")
    memory_use = MemoryUse(measured="pw.x 6.7 to a factor of 1.5")

    def __init__(self, options: EspressoOptions | None = None) -> None:
        self.options = options or EspressoOptions()

    @property
    def runs_here(self) -> bool:
        """Whether the programs are on the PATH and the folder of the potentials is known."""
        return all(shutil.which(program) for program in PROGRAMS) and _potentials_folder() is not None

    @property
    def how_to_get_it(self) -> str:
        """One line for a person who does not have it."""
        return (
            "install Quantum ESPRESSO (Debian: apt-get install quantum-espresso; conda-forge: qe), and set "
            "ESPRESSO_PSEUDO to a folder with one pseudopotential an element, e.g. of SSSP or PseudoDojo"
        )

    def render(self, structure: Structure, spec: CalcSpec, seed: str) -> Deck:
        """Inputs of pw.x, pp.x and average.x, and ``<seed>.sh``; raises `SpecError` for what they cannot express."""
        from dftflow.codes.espresso.deck import render_deck

        return render_deck(structure, spec, seed, self.options, folder=_potentials_folder())

    def suggested_cutoff(self, structure: Structure) -> SuggestedCutoff:
        """The largest cutoff that a potential suggests, where their folder is known."""
        return cutoff_of_potentials(
            choose_potentials(elements_of(structure), self.options.potentials, _potentials_folder())
        )

    def fingerprint(self, elements: Sequence[str]) -> Mapping[str, str]:
        """Potentials, by the content of their files; which pw.x will run is not known before it has."""
        hashes = potential_hashes(elements, self.options.potentials, _potentials_folder())
        return {"version": NOT_KNOWN_HERE, **hashes}

    def command(self, deck: Deck, launch: Launch = PLAIN_LAUNCH) -> tuple[str, ...]:
        """The deck's script, which puts ``ESPRESSO_COMMAND`` (``mpirun -n 4``) in front of pw.x and pp.x."""
        if launch.program:
            raise SpecError(
                f"Quantum ESPRESSO is several programs, and {launch.program} is one",
                fix="put their folder on the PATH in setup of the machine, and leave its command out",
            )
        launcher = ("env", f"ESPRESSO_COMMAND={' '.join(launch.launcher)}") if launch.launcher else ()
        return (*launcher, "bash", f"{deck.seed}.sh")

    def progress(self, folder: Path) -> Progress:
        """What the program that was started last prints."""
        printed = [(file, _printed(file)) for file in _outputs(folder)]
        running = [(file, output) for file, output in printed if output is not None]
        if not running:
            return Progress(doing="starting")
        file, output = running[-1]
        stage = file.name.removesuffix(".out").rpartition(".")[2]
        return Progress(doing=f"{stage}: {_doing(output)}", fraction=_fraction(output))

    def diagnose(self, folder: Path) -> Diagnosis:
        """Status by what each program printed and by the XML of pw.x."""
        from dftflow.codes.espresso.reader import stages_of

        found, tail = self.find(folder), _log_tail(folder)
        if len(found) != 1:
            message = "there is no calculation of Quantum ESPRESSO here, or more than one"
            return Diagnosis(status="died", message=message, log_tail=tail)
        log = FileLog()
        stages = stages_of(found[0], log)
        if all(stage.printed is None and stage.run is None for stage in stages):
            return Diagnosis(status="died", message="no program has left an output", log_tail=tail)
        status, message = status_of(stages)
        if status == "finished":
            refused = next((file.error for file in log.files if file.error is not None), None)
            if refused is None:
                return Diagnosis(status=status)
            return Diagnosis(status="truncated", message=refused.summary, log_tail=tail)
        return Diagnosis(status=status, message=message, log_tail=tail)

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        """The seeds in `folder`."""
        return calculations_in(folder)

    def read(self, calculation: Calculation) -> Reading:
        """Every file of the calculation; see `dftflow.codes.espresso.reader`."""
        from dftflow.codes.espresso.reader import read_calculation

        return read_calculation(calculation)


def _potentials_folder() -> Path | None:
    """Where the potentials lie; None when it is not known, or there is no such folder."""
    folder = Path(os.environ.get("ESPRESSO_PSEUDO") or Path.home() / "espresso" / "pseudo")
    return folder if folder.is_dir() else None


def _printed(file: Path) -> ProgramOutput | None:
    try:
        return read_stdout(file)
    except ParseError:
        return None


def _outputs(folder: Path) -> list[Path]:
    """Outputs of programs, the one written last at the end."""
    try:
        files = [file for file in folder.glob("*.out") if file.is_file()]
        return sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name))
    except OSError:
        return []


def _doing(output: ProgramOutput) -> str:
    if output.band_point is not None:
        return f"k-point {output.band_point[0]} of {output.band_point[1]}"
    if output.scf_cycle is None:
        return "starting"
    geometry = "" if output.geometry is None else f"geometry {output.geometry + 1}, "
    return f"{geometry}SCF iteration {output.scf_cycle}"


def _fraction(output: ProgramOutput) -> float | None:
    return None if output.band_point is None else output.band_point[0] / output.band_point[1]


def _log_tail(folder: Path) -> str:
    """The last lines of the last output, and of what the script printed."""
    return tail_of(folder, [file.name for file in _outputs(folder)[-1:]] + ["stderr.log"])
