"""The next attempt at a step that failed in a known way: the same calculation, brought to its end by another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.base import Code
from dftflow.codes.reading import read_only
from dftflow.codes.remedy import Remedy, fitting_remedy, with_lines
from dftflow.crystals.geometry import same_geometry
from dftflow.crystals.ions import with_states_of
from dftflow.errors import DftflowError, SpecError
from dftflow.input_file import is_regular
from dftflow.jobs.tries import TRIES
from dftflow.model.attempt import Attempt
from dftflow.model.built import Built
from dftflow.studies.built_file import BuiltRecord

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["MOST_TRIES", "NextTry", "has_moved_on", "next_try"]

MOST_TRIES = 2
MOVED_ANG = 1e-5
"""An atom that has moved less has not moved: some codes print five digits behind the point."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class NextTry:
    """What is tried next: the record of the step with another deck, the remedy, and what it found in the log."""

    record: BuiltRecord
    remedy: Remedy
    values: tuple[str, ...]


def next_try(code: Code, record: BuiltRecord, folder: Path, cause: str, tries: Sequence[Attempt]) -> NextTry | None:
    """The next attempt at what failed in `folder`; None where there is no remedy, or it cannot be applied.

    Its deck is that of the step with everything that was tried so far. The identity stays: cutoff, k-points,
    functional, smearing and criteria are the same.
    """
    spec = record.built.spec
    found = fitting_remedy(code.remedies, folder, cause=cause, task=spec.task, tried=[one.remedy for one in tries])
    if found is None:
        return None
    try:
        deck = _deck(code, record, folder, [*_done(code, tries), (found.remedy, found.values)])
    except DftflowError:
        return None
    return NextTry(record=replace(record, deck=deck), remedy=found.remedy, values=found.values)


def _done(code: Code, tries: Sequence[Attempt]) -> list[tuple[Remedy, tuple[str, ...]]]:
    known = {remedy.name: remedy for remedy in code.remedies}
    return [(known[one.remedy], one.values) for one in tries if one.remedy in known]


def _deck(
    code: Code, record: BuiltRecord, folder: Path, remedies: Sequence[tuple[Remedy, tuple[str, ...]]]
) -> dict[str, str]:
    built = record.built
    spec, structure = built.spec, built.structure
    for remedy, _ in remedies:
        spec = remedy.changed(spec)
    if any(remedy.start == "last geometry" for remedy, _ in remedies):
        structure = _last_geometry(code, built, folder)
    deck = dict(code.render(structure, spec, record.seed).files)
    for remedy, values in remedies:
        deck = with_lines(deck, remedy.lines, values)
    return deck


def has_moved_on(code: Code, built: Built, folder: Path, remedy: Remedy, *, since_s: float) -> bool:
    """Whether there is something to go on from that was not there before: otherwise it would go round for ever.

    Parameters
    ----------
    remedy
        Of the next attempt: it starts from files that are left, or from the last geometry.
    since_s
        Before the attempt that ended, in seconds since 1970.
    """
    patterns = remedy.start_from
    if any(file.stat().st_mtime > since_s for pattern in patterns for file in folder.glob(pattern) if is_regular(file)):
        return True
    here = _geometry_in(code, built, folder)
    return here is not None and not same_geometry(here, _earlier_geometry(code, built, folder), tolerance_ang=MOVED_ANG)


def _last_geometry(code: Code, built: Built, folder: Path) -> Structure:
    """The last one that lies in `folder`, else that of the last attempt which left one, else that of the start."""
    return _geometry_in(code, built, folder) or _earlier_geometry(code, built, folder)


def _earlier_geometry(code: Code, built: Built, folder: Path) -> Structure:
    """That of the last attempt put aside which left one, else that of the start."""
    attempts = sorted((folder / TRIES).glob("*"), key=lambda place: int(place.name), reverse=True)
    found = (_geometry_in(code, built, place) for place in attempts)
    return next((geometry for geometry in found if geometry is not None), built.structure)


def _geometry_in(code: Code, built: Built, place: Path) -> Structure | None:
    """The last geometry of the calculation in `place`; None where it tells none."""
    try:
        results = read_only(code, place).results
    except DftflowError:
        return None
    if results is None or results.structure is None:
        return None
    return _in_order(with_states_of(results.structure, built.structure), built)


def _in_order(found: Structure, built: Built) -> Structure:
    """`found`, whose atoms stand as they were asked for: those that are held are named by their place."""
    here, asked = ([site.specie.symbol for site in structure] for structure in (found, built.structure))
    if built.spec.fixed_atoms and here != asked:
        raise SpecError("the atoms of the last geometry stand in another order than those that are held")
    return found
