"""The next attempt at a step that failed in a known way: the same calculation, brought to its end by another way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.base import Code
from dftflow.codes.reading import read_only
from dftflow.codes.remedy import Fitting, Remedy, Start, fitting_remedy, with_lines
from dftflow.crystals.geometry import same_geometry
from dftflow.crystals.ions import with_states_of
from dftflow.crystals.structure_file import read_atoms
from dftflow.errors import DftflowError, SpecError
from dftflow.gate.step import likeness_of
from dftflow.input_file import is_regular
from dftflow.jobs.tries import places_of_attempts
from dftflow.model.attempt import Attempt
from dftflow.model.built import Built
from dftflow.model.spec import CalcSpec
from dftflow.stored_file import read_stored
from dftflow.studies.built_file import BUILT_FILE, BuiltRecord

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["MOST_TRIES", "NextTry", "has_moved_on", "next_try", "next_try_by_hand"]

MOST_TRIES = 2
MOVED_ANG = 1e-5
"""An atom that has moved less has not moved: some codes print five digits behind the point."""
HELD_ANG = 0.01
OVERLAP_ANG = 0.5
NEAR = 0.2
"""How far lengths and angles of a cell may be from those that it began with, as a share of them."""
MOST_BYTES = 8 << 20
UNTOLD = ("truncated", "killed")


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
    tried = [one.remedy for one in tries]
    found = fitting_remedy(code.remedies, folder, cause=cause, task=record.built.spec.task, tried=tried)
    return None if found is None else _with_remedy(code, record, folder, found, tries)


def next_try_by_hand(
    code: Code, record: BuiltRecord, folder: Path, cause: str, tries: Sequence[Attempt], *, keep: Collection[str] = ()
) -> NextTry | None:
    """The next attempt at a relaxation that a person runs: from where the last one ended, if that has moved the atoms.

    What ended it is often not known, because a scheduler leaves no word in its files: it goes on as at the end of its
    time.

    Parameters
    ----------
    keep
        Names of files of the deck that a person has changed, and that have to stay as they are.
    """
    cause, since_s = ("out_of_time" if cause in UNTOLD else cause), (folder / BUILT_FILE).stat().st_mtime
    for remedy in code.remedies:
        found = fitting_remedy([remedy], folder, cause=cause, task=record.built.spec.task, tried=())
        if found is None or remedy.start == "anew":
            continue
        next_one = _with_remedy(code, record, folder, found, tries)
        if next_one is None or not _is_in(folder, record, next_one, keep):
            continue
        if has_moved_on(code, record, folder, remedy, since_s=since_s):
            return next_one
    return None


def _is_in(folder: Path, record: BuiltRecord, found: NextTry, keep: Collection[str]) -> bool:
    """Whether the files `keep`, as they lie there, are what the next attempt needs but for what a person wants."""
    new = found.record.deck
    try:
        own = {name: read_stored(folder / name).decode("utf-8", errors="replace") for name in keep}
        asked = with_lines({**new, **own}, found.remedy.lines, found.values)
    except (OSError, DftflowError):
        return False
    return all(new.get(name) == record.deck.get(name) and asked[name] == own[name] for name in keep)


def _with_remedy(
    code: Code, record: BuiltRecord, folder: Path, found: Fitting, tries: Sequence[Attempt]
) -> NextTry | None:
    known = {remedy.name: remedy for remedy in code.remedies}
    before = [Fitting(remedy=known[one.remedy], values=one.values) for one in tries if one.remedy in known]
    try:
        deck = _deck(code, record, folder, before, found)
    except DftflowError:
        return None
    return NextTry(record=replace(record, deck=deck), remedy=found.remedy, values=found.values)


def _deck(code: Code, record: BuiltRecord, folder: Path, before: Sequence[Fitting], now: Fitting) -> dict[str, str]:
    """The deck of the step with what was tried before, but for what a code was told to go on from: it is used up."""
    all_of_them = [*before, now]
    spec = record.built.spec
    for one in all_of_them:
        spec = one.remedy.changed(spec)
    moved = [one.remedy for one in all_of_them if one.remedy.start in _moves_the_deck(now.remedy)]
    deck = _from_last_geometry(code, record, spec, folder, moved[-1]) if moved else _render(code, record, spec)
    for one in all_of_them:
        if one is now or one.remedy.start != "where it stopped":
            deck = with_lines(deck, one.remedy.lines, one.values)
    return deck


def _render(code: Code, record: BuiltRecord, spec: CalcSpec, structure: Structure | None = None) -> dict[str, str]:
    return dict(code.render(structure or record.built.structure, spec, record.seed).files)


def _from_last_geometry(
    code: Code, record: BuiltRecord, spec: CalcSpec, folder: Path, remedy: Remedy
) -> dict[str, str]:
    structure, file = _last_geometry(code, record, folder, remedy.geometry_file), remedy.geometry_deck
    if not file or spec.relaxation is None:
        return _render(code, record, spec, structure)
    still = replace(spec, relaxation=replace(spec.relaxation, cell="fixed"))  # asks nothing of the symmetry
    return {**_render(code, record, spec), file: _render(code, record, still, structure)[file]}


def _moves_the_deck(remedy: Remedy) -> tuple[Start, ...]:
    """The starts, of this attempt and of those before, after which the deck has the last geometry."""
    return ("last geometry", "where it stopped") if remedy.start == "anew" else ("last geometry",)


def has_moved_on(code: Code, record: BuiltRecord, folder: Path, remedy: Remedy, *, since_s: float) -> bool:
    """Whether there is something to go on from that was not there before: otherwise it would go round for ever.

    Parameters
    ----------
    remedy
        Of the next attempt: it starts from files that are left, or from the last geometry.
    since_s
        Before the attempt that ended, in seconds since 1970.
    """
    if remedy.start == "where it stopped":
        left = (file for pattern in remedy.start_from for file in folder.glob(pattern) if is_regular(file))
        if any(file.stat().st_mtime > since_s for file in left):
            return True
    here = _geometry_in(code, record, folder, remedy.geometry_file)
    before = _earlier_geometry(code, record, folder, remedy.geometry_file)
    return here is not None and not same_geometry(here, before, tolerance_ang=MOVED_ANG)


def _last_geometry(code: Code, record: BuiltRecord, folder: Path, file: str) -> Structure:
    """The last one that lies in `folder`, else that of the last attempt which left one, else that of the start."""
    return _geometry_in(code, record, folder, file) or _earlier_geometry(code, record, folder, file)


def _earlier_geometry(code: Code, record: BuiltRecord, folder: Path, file: str) -> Structure:
    """That of the last attempt put aside which left one, else that of the start."""
    found = (_geometry_in(code, record, place, file) for place in reversed(places_of_attempts(folder)))
    return next((geometry for geometry in found if geometry is not None), record.built.structure)


def _geometry_in(code: Code, record: BuiltRecord, place: Path, file: str) -> Structure | None:
    """The last geometry of the calculation in `place`: of the code's `file` for it, else of its results.

    None where neither tells one that is whole and of this calculation. A relaxation may be anywhere on its way: where
    the file is headed like its deck, it is its own; anything else has to be like what was asked for.
    """
    for read, own in ((_of_file, _is_headed_like(record, place / file)), (_of_results, False)):
        try:
            found = read(code, place, file)
            here = None if found is None else _in_order(with_states_of(found, record.built.structure), record.built)
            if here is not None and (own or not likeness_of(here, record.built).refusal):
                return here
        except (DftflowError, OSError):
            continue
    return None


def _is_headed_like(record: BuiltRecord, file: Path) -> bool:
    """Whether its first line is that of a file of the deck, which the code has taken over."""
    try:
        content = read_stored(file, most_bytes=MOST_BYTES)
    except OSError:
        return False
    heads = {text.partition("\n")[0].strip() for text in record.deck.values()}
    return content.partition(b"\n")[0].decode("utf-8", errors="replace").strip() in heads - {""}


def _of_file(code: Code, place: Path, file: str) -> Structure | None:
    """None too where its last line has no end: of a number that was cut, the rest is a number as well."""
    if not file or not is_regular(place / file):
        return None
    if not read_stored(place / file, most_bytes=MOST_BYTES).endswith(b"\n"):
        return None
    return read_atoms(place / file)


def _of_results(code: Code, place: Path, file: str) -> Structure | None:
    results = read_only(code, place).results
    return None if results is None else results.structure


def _in_order(found: Structure, built: Built) -> Structure:
    """`found`, of the atoms and, nearly, the cell that were asked for; in that order where some atoms are held.

    These are named by their place. A deck groups atoms by element, and keeps their order within one.
    """
    asked, held = built.structure, list(built.spec.fixed_atoms)
    cells = [(*one.lattice.abc, *one.lattice.angles) for one in (found, asked)]
    near = all(abs(a / b - 1) < NEAR for a, b in zip(*cells, strict=True))
    if found.composition != asked.composition or not near or not found.is_valid(tol=OVERLAP_ANG):
        raise SpecError("the last geometry is of other atoms or another cell")
    if not held:
        return found
    places = [sorted(range(len(one)), key=lambda index: one[index].specie.Z) for one in (found, asked)]
    ordered = type(found).from_sites([found[here] for _, here in sorted(zip(places[1], places[0], strict=True))])
    apart = ordered.frac_coords[held] - asked.frac_coords[held]
    if abs(asked.lattice.get_cartesian_coords(apart - apart.round())).max() > HELD_ANG:
        raise SpecError("the atoms that are held do not stand in the last geometry where they were")
    return ordered
