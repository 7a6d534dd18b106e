"""VASP behind the `Code` seam."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dftflow.codes.base import PLAIN_LAUNCH, Calculation, Diagnosis, Launch, Progress, Reading
from dftflow.codes.compressed import lying
from dftflow.codes.file_hash import NOT_KNOWN_HERE
from dftflow.codes.log_tail import last_lines, tail_of
from dftflow.codes.memory_use import MemoryUse
from dftflow.codes.suggested_cutoff import SuggestedCutoff
from dftflow.codes.vasp.cell_cutoff import cutoff_of_potentials
from dftflow.codes.vasp.failures import explain
from dftflow.codes.vasp.folder import calculations_in, file_of
from dftflow.codes.vasp.options import VaspOptions
from dftflow.codes.vasp.outcar_file import OutcarFile, read_outcar
from dftflow.codes.vasp.potentials import choose_potentials, potential_hashes
from dftflow.codes.vasp.remedies import REMEDIES
from dftflow.codes.vasp.sheet import VASP_SHEET
from dftflow.codes.vasp.status import status_of
from dftflow.codes.vasp.vasprun_file import VaspRun, read_vasprun
from dftflow.crystals.geometry import elements_of
from dftflow.errors import ParseError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["VASP"]

T = TypeVar("T")
PROGRAMS = ("vasp_std", "vasp_gam", "vasp_ncl")
LOGS = ("stdout.log", "stderr.log", "OUTCAR")


class VASP:
    """VASP 5.4 and later."""

    name = "vasp"
    deck_files = ("POSCAR", "INCAR", "KPOINTS", "POTCAR.spec", "vasp.sh")
    sheet = VASP_SHEET
    options_model = VaspOptions
    remedies = REMEDIES
    scratch: tuple[str, ...] = ("WAVECAR", "CHG", "TMPCAR")
    memory_use = MemoryUse(lists_path=True)

    def __init__(self, options: VaspOptions | None = None) -> None:
        self.options = options or VaspOptions()

    @property
    def runs_here(self) -> bool:
        """Whether there is a program (``VASP_COMMAND``, or one on the PATH) and the library (``VASP_PP_PATH``)."""
        program = bool(os.environ.get("VASP_COMMAND")) or any(shutil.which(program) for program in PROGRAMS)
        return program and Path(os.environ.get("VASP_PP_PATH") or os.devnull).is_dir()

    @property
    def how_to_get_it(self) -> str:
        """One line for a person who does not have it."""
        return (
            "VASP and its potentials need a licence (https://www.vasp.at); then put vasp_std on the PATH, or set "
            "VASP_COMMAND, and set VASP_PP_PATH to the folder that holds potpaw_PBE"
        )

    def render(self, structure: Structure, spec: CalcSpec, seed: str) -> Deck:
        """Input files without the potentials; raises `SpecError` for what VASP cannot express."""
        from dftflow.codes.vasp.deck import render_deck

        return render_deck(structure, spec, seed, self.options)

    def suggested_cutoff(self, structure: Structure) -> SuggestedCutoff:
        """1.3 times the largest ENMAX of the potentials; raises `SpecError` for an element that has none."""
        return cutoff_of_potentials(choose_potentials(elements_of(structure), self.options.potentials))

    def fingerprint(self, elements: Sequence[str]) -> Mapping[str, str]:
        """Potentials, by the content of their files; which VASP will run is not known before it has."""
        return {"version": NOT_KNOWN_HERE, **potential_hashes(elements, self.options.potentials)}

    def command(self, deck: Deck, launch: Launch = PLAIN_LAUNCH) -> tuple[str, ...]:
        """The deck's script: it checks the potentials, then runs ``VASP_COMMAND`` or the first program on the PATH."""
        if launch == PLAIN_LAUNCH:
            return ("bash", "vasp.sh")
        program = launch.program or next((name for name in PROGRAMS if shutil.which(name)), PROGRAMS[0])
        return ("env", f"VASP_COMMAND={' '.join((*launch.launcher, program))}", "bash", "vasp.sh")

    def progress(self, folder: Path) -> Progress:
        """Last SCF cycle and geometry in ``OUTCAR``."""
        outcar = _outcar(folder)
        if outcar is None or outcar.scf_cycle is None:
            return Progress(doing="starting")
        step = f"geometry {outcar.ionic_step}, " if outcar.is_relaxation else ""
        return Progress(doing=f"{step}SCF cycle {outcar.scf_cycle}")

    def diagnose(self, folder: Path) -> Diagnosis:
        """Status by ``vasprun.xml`` and ``OUTCAR``; a run without an end is searched for VASP's known failures."""
        run, outcar, tail = _run(folder), _outcar(folder), tail_of(folder, LOGS)
        failure = explain("\n".join(line for name in LOGS for line in last_lines(folder / name, None)))
        if run is None and outcar is None:
            return Diagnosis(status="died", message=failure or "VASP has left no output", log_tail=tail)
        status, message = status_of(run, outcar)
        if status == "finished":
            return Diagnosis(status=status)
        if status == "truncated" and failure:
            return Diagnosis(status="died", message=failure, log_tail=tail)
        return Diagnosis(status=status, message=message, log_tail=tail)

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        """The calculations whose files lie in `folder`: one, or one for each word that tells several runs apart."""
        return calculations_in(folder)

    def read(self, calculation: Calculation) -> Reading:
        """Run, eigenvalues and potential; see `dftflow.codes.vasp.reader`."""
        from dftflow.codes.vasp.reader import read_calculation

        return read_calculation(calculation)


def _run(folder: Path) -> VaspRun | None:
    return _read_in(folder, "vasprun.xml", read_vasprun)


def _outcar(folder: Path) -> OutcarFile | None:
    return _read_in(folder, "OUTCAR", read_outcar)


def _read_in(folder: Path, name: str, read: Callable[[Path], T]) -> T | None:
    """What VASP calls `name` of the calculation in `folder`; None where it is not there or cannot be read."""
    found = calculations_in(folder)
    own = [calculation for calculation in found if calculation.seed == folder.name] or found
    try:
        with lying(file_of(own[0], name) if own else folder / name) as file:
            return read(file)
    except (ParseError, OSError):
        return None
