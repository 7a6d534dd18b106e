"""The next attempt at a step that failed in a known way: the same calculation, brought to its end by another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.base import Code
from dftflow.codes.reading import read_only
from dftflow.codes.remedy import Remedy, fitting_remedy, with_lines
from dftflow.crystals.ions import with_states_of
from dftflow.errors import DftflowError, SpecError
from dftflow.jobs.tries import TRIES
from dftflow.model.attempt import Attempt
from dftflow.model.built import Built
from dftflow.studies.built_file import BuiltRecord

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["MOST_TRIES", "NextTry", "next_try"]

MOST_TRIES = 2


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


def _last_geometry(code: Code, built: Built, folder: Path) -> Structure:
    """The last one that lies in `folder`, else that of the last attempt which left one, else that of the start."""
    attempts = sorted((folder / TRIES).glob("*"), key=lambda place: int(place.name), reverse=True)
    for place in (folder, *attempts):
        try:
            results = read_only(code, place).results
        except DftflowError:
            continue
        if results is not None and results.structure is not None:
            return _in_order(with_states_of(results.structure, built.structure), built)
    return built.structure


def _in_order(found: Structure, built: Built) -> Structure:
    """`found`, whose atoms stand as they were asked for: those that are held are named by their place."""
    here, asked = ([site.specie.symbol for site in structure] for structure in (found, built.structure))
    if built.spec.fixed_atoms and here != asked:
        raise SpecError("the atoms of the last geometry stand in another order than those that are held")
    return found
