"""CASTEP behind the `Code` seam."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.base import PLAIN_LAUNCH, Calculation, Diagnosis, Launch, Progress, Reading
from dftflow.codes.castep.folder import calculations_in
from dftflow.codes.castep.input.potentials import potential_hashes
from dftflow.codes.castep.options import CastepOptions
from dftflow.codes.castep.remedies import REMEDIES
from dftflow.codes.castep.sheet import CASTEP_SHEET
from dftflow.codes.compressed import lying, lying_at
from dftflow.codes.file_hash import NOT_KNOWN_HERE
from dftflow.codes.log_tail import tail_of
from dftflow.codes.memory_use import MemoryUse
from dftflow.codes.suggested_cutoff import UNTESTED_EV, SuggestedCutoff
from dftflow.errors import ParseError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["CASTEP"]

PRINTED_LEVELS = "what each potential wants (coarse, medium, fine) is printed in the .castep file"
PROGRAMS = ("castep.mpi", "castep.serial", "castep")
_MESSAGES = {
    "scf_not_converged": "the SCF was given up after max_scf_cycles",
    "geom_not_converged": "the geometry did not converge within geom_max_iter steps",
    "out_of_time": "the run stopped because its run_time was nearly over; it can be continued",
    "truncated": "the .castep file has no end: the run still goes on, or was killed",
    "died": "CASTEP gave up; its message and a trace stand at the end of the .castep file",
}


class CASTEP:
    """CASTEP 18.1 and later; Materials Studio builds too."""

    name = "castep"
    deck_files = ("{seed}.cell", "{seed}.param")
    sheet = CASTEP_SHEET
    options_model = CastepOptions
    remedies = REMEDIES
    scratch: tuple[str, ...] = ("*.check", "*.wvfn.*")
    memory_use = MemoryUse()

    def __init__(self, options: CastepOptions | None = None) -> None:
        self.options = options or CastepOptions()

    @property
    def runs_here(self) -> bool:
        """Whether ``CASTEP_COMMAND`` is set or a CASTEP program is on the PATH."""
        return bool(os.environ.get("CASTEP_COMMAND")) or any(shutil.which(program) for program in PROGRAMS)

    @property
    def how_to_get_it(self) -> str:
        """One line for a person who does not have it."""
        return "CASTEP needs a licence (https://www.castep.org, free for academic use); then put castep.mpi on the PATH"

    def render(self, structure: Structure, spec: CalcSpec, seed: str) -> Deck:
        """``<seed>.cell`` and ``<seed>.param``; raises `SpecError` for what CASTEP cannot express."""
        from dftflow.codes.castep.input.deck import render_deck

        return render_deck(structure, spec, seed, self.options)

    def suggested_cutoff(self, structure: Structure) -> SuggestedCutoff:
        """The fine level of the hardest element of its ultrasoft on-the-fly potentials, where each is listed.

        Of other potentials nothing is known but that norm-conserving ones want no less.
        """
        from dftflow.codes.castep.input.recommended_cutoffs import FINE, SETS, recommended_ev

        found = recommended_ev(sorted(structure.composition.chemical_system_set), FINE)
        if found is None:
            return SuggestedCutoff.untested(PRINTED_LEVELS)
        fine_ev, hardest = found
        of_ultrasoft = f"the fine level of CASTEP's ultrasoft on-the-fly potential of {hardest} ({fine_ev:.1f} eV)"
        suggested, own = SuggestedCutoff.at_least(fine_ev, of_ultrasoft), self.options.potentials
        if own is None or (isinstance(own, str) and own.upper() in SETS):
            return suggested
        why = f"not tested for these potentials; {of_ultrasoft}, and norm-conserving ones want more: {PRINTED_LEVELS}"
        return SuggestedCutoff(ev=max(UNTESTED_EV, suggested.ev), why=why, asked=False)

    def fingerprint(self, elements: Sequence[str]) -> Mapping[str, str]:
        """Keyword family and potentials; which CASTEP will run is not known before it has."""
        return {
            "version": NOT_KNOWN_HERE,
            "keywords": self.options.keywords,
            **potential_hashes(elements, self.options.keywords, self.options.potentials),
        }

    def command(self, deck: Deck, launch: Launch = PLAIN_LAUNCH) -> tuple[str, ...]:
        """Launcher, program and seed; where the machine says neither, ``CASTEP_COMMAND`` may hold both."""
        own = os.environ.get("CASTEP_COMMAND", "") if launch == PLAIN_LAUNCH else ""
        program = next((program for program in PROGRAMS if shutil.which(program)), PROGRAMS[0])
        return (*(shlex.split(own) or [*launch.launcher, launch.program or program]), deck.seed)

    def progress(self, folder: Path) -> Progress:
        """Last SCF cycle and geometry iteration in the ``.castep`` file."""
        from dftflow.codes.castep.output.castep_file import read_castep

        try:
            run = read_castep(folder / f"{_seed(folder)}.castep")[-1]
        except ParseError:
            return Progress(doing="starting")
        step = "" if run.iteration is None else f"geometry iteration {run.iteration} done, "
        return Progress(doing=step + ("reading" if run.scf_cycle is None else f"SCF cycle {run.scf_cycle}"))

    def diagnose(self, folder: Path) -> Diagnosis:
        """Status of the last run, by the end of ``.castep`` and by ``<seed>.*.err``."""
        from dftflow.codes.castep.output.castep_file import read_castep

        seed = _seed(folder)
        errors = tail_of(folder, sorted(file.name for file in folder.glob(f"{seed}*.err"))).strip()
        log = folder / f"{seed}.castep"
        is_there = lying_at(log) is not None
        try:
            with lying(log) as plain:
                run = read_castep(plain)[-1]
        except ParseError as error:
            why = errors or (error.summary if is_there else "there is no .castep file")
            return Diagnosis(status="died", message=why, log_tail=tail_of(folder, [f"{seed}.castep"]) or errors)
        if run.status == "finished":
            return Diagnosis(status="finished")
        if errors and run.status in ("truncated", "died"):
            return Diagnosis(status="died", message=errors.splitlines()[0], log_tail=errors)
        return Diagnosis(status=run.status, message=_MESSAGES[run.status], log_tail=tail_of(folder, [f"{seed}.castep"]))

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        """The seeds in `folder`; a property run of Materials Studio belongs to its base."""
        return calculations_in(folder)

    def read(self, calculation: Calculation) -> Reading:
        """Every file of the seed; see `dftflow.codes.castep.output.reader`."""
        from dftflow.codes.castep.output.reader import read_calculation

        return read_calculation(calculation)


def _seed(folder: Path) -> str:
    """The seed of the one calculation in `folder`; property runs of Materials Studio belong to their base."""
    seeds = [calculation.seed for calculation in calculations_in(folder)]
    if len(seeds) == 1:
        return seeds[0]
    if seeds:
        raise ParseError(f"several calculations share a folder: {', '.join(seeds)}", where=str(folder))
    raise ParseError("there is no CASTEP calculation here", where=str(folder))
