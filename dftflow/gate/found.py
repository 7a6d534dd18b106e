"""Calculations as they were found in folders: read, and without the parts that fail a check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.codes.base import Calculation, FileReading, Reading
from dftflow.codes.finding import find_calculations
from dftflow.codes.registry import load_code
from dftflow.errors import InputError, ParseError
from dftflow.gate.calculation import Sound, sound
from dftflow.model.absolute import CalculationLevels
from dftflow.model.results import Results

__all__ = ["FoundCalculation", "calculation_at", "calculations_in", "read_calculation", "unread_in"]

HOLD_BANDS = ("eigenvalues", "run", "log", "checkpoint", "saved calculation")
HOLD_POTENTIALS = ("potential", "plane averages")
"""Kinds of files, as the readers call them, that may hold eigenvalues, and a potential."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class FoundCalculation:
    """One calculation: its files as read, and what of its results may be used.

    Attributes
    ----------
    reading
        What every file holds, and which were refused.
    judged
        The results without the parts that fail a check; None when no output was among the files.
    """

    reading: Reading
    judged: Sound | None

    @property
    def calculation(self) -> Calculation:
        """Its files, folder and code."""
        return self.reading.calculation

    @property
    def place(self) -> Path:
        """Folder and seed, as dftflow names a calculation."""
        return self.calculation.folder / self.calculation.seed

    @property
    def results(self) -> Results:
        """What may be used of it.

        Raises
        ------
        ParseError
            When it has left no output that can be read.
        """
        if self.judged is None:
            refused = [file.error for file in self.refused_files if file.error is not None]
            raise next(iter(refused), ParseError("the calculation has left no output", where=str(self.place)))
        return self.judged.results

    @property
    def refused_files(self) -> tuple[FileReading, ...]:
        """The files that were refused, each with its error."""
        return tuple(file for file in self.reading.files if file.error is not None)

    @property
    def refused_parts(self) -> tuple[str, ...]:
        """A line for each part of the results that was refused: which, of what, and why."""
        judged = self.judged
        if judged is None:
            return ()
        return tuple(f"{self.place}: {part}: {judged.why_without(part)}" for part in judged.refused_parts)

    @property
    def why_refused_potential(self) -> str:
        """Why its potential, or the file that holds it, was refused; ``""`` when there is one, or never was."""
        judged = self.judged
        if judged is None or judged.results.potential is not None:
            return ""
        return judged.why_without("potential") or self._refusal_of(HOLD_POTENTIALS)

    def levels(self) -> CalculationLevels:
        """Band edges and vacuum levels; what is missing because it, or its file, was refused has that as its reason."""
        results = self.results
        levels, judged = calculation_levels(results), self.judged
        assert judged is not None, "there are results"
        no_bands = judged.why_without("bands") or ("" if results.bands is not None else self._refusal_of(HOLD_BANDS))
        no_potential = self.why_refused_potential
        refused_vacuum = no_potential and levels.why_no_vacuum
        return replace(
            levels,
            why_no_edges=f"the eigenvalues were refused: {no_bands}" if no_bands else levels.why_no_edges,
            why_no_vacuum=f"the potential was refused: {no_potential}" if refused_vacuum else levels.why_no_vacuum,
        )

    def _refusal_of(self, kinds: tuple[str, ...]) -> str:
        """Name of the first refused file of one of `kinds`, and why; ``""`` when none was."""
        for file in self.refused_files:
            if file.error is not None and any(kind in file.kind for kind in kinds):
                return f"{file.file.name}: {file.error.summary}"
        return ""


def read_calculation(calculation: Calculation) -> FoundCalculation:
    """The calculation, read by its code and judged."""
    reading = load_code(calculation.code).read(calculation)
    return FoundCalculation(reading=reading, judged=None if reading.results is None else sound(reading.results))


def unread_in(places: Sequence[Path], code: str | None = None) -> tuple[Calculation, ...]:
    """Every calculation in `places` and below, each once; none of its files is read.

    Parameters
    ----------
    places
        Folders; a file stands for the calculation that it belongs to.
    code
        Those of one code alone.

    Raises
    ------
    InputError, ParseError, SpecError
        As `find_calculations` does.
    """
    calculations = [calculation for place in places for calculation in find_calculations(place, code)]
    once = {(found.code, found.folder.resolve(), found.seed): found for found in reversed(calculations)}
    return tuple(reversed(once.values()))


def calculations_in(places: Sequence[Path], code: str | None = None) -> Iterator[FoundCalculation]:
    """Those of `unread_in`, read one at a time: a potential is gone before the next one."""
    yield from map(read_calculation, unread_in(places, code))


def calculation_at(place: Path, code: str | None = None) -> FoundCalculation:
    """The one calculation at `place`: a folder that holds a single one, or one of its files.

    Raises
    ------
    InputError
        There is none, or more than one.
    """
    found = find_calculations(place, code)
    if len(found) != 1:
        places = ", ".join(str(calculation.folder / calculation.seed) for calculation in found)
        raise InputError(
            f"there are {len(found)} calculations here: {places}" if found else "there is no calculation here",
            where=str(place),
            fix="name a file of the one that is meant" if found else "give the folder that holds its output files",
        )
    return read_calculation(found[0])
