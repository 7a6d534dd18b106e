"""What is done about a calculation that failed in a known way: data, beside the code that it belongs to.

A remedy changes how the calculation gets to its result (mixing, cycles, bands that help, where it starts from), never
what the result is (cutoff, k-points, functional, smearing, criteria): that is for the person who asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from dftflow.errors import SpecError
from dftflow.input_file import is_regular
from dftflow.model.spec import CalcSpec, Task

__all__ = [
    "LAST_GEOMETRY",
    "DeckLine",
    "Fitting",
    "Remedy",
    "Start",
    "fitting_remedy",
    "with_lines",
]

Start = Literal["anew", "last geometry", "where it stopped"]
"""``anew``: as the attempt that failed did; ``last geometry``: the deck has the last geometry that can be read;
``where it stopped``: the code itself goes on from files that are left."""
LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckLine:
    """A line that a deck gets, instead of the one with its keyword or as a new one.

    Attributes
    ----------
    file
        Pattern of the names of the files that it belongs to; of these, those that have the keyword or `after`.
    keyword
        First word of the line that it replaces, case disregarded.
    text
        The line; ``{0}``, ``{1}`` … stand for what `Remedy.when` found.
    after
        Regular expression of the line that a new one stands behind.
    instead_of
        First word of another line that it replaces, where both would contradict each other; ``""`` for none.
    """

    file: str
    keyword: str
    text: str
    after: str
    instead_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One thing that can be done about one failure.

    Attributes
    ----------
    name, words
        For programs; for a person, behind "again with".
    causes
        Of the failures that it is for, see `dftflow.model.cause`.
    tasks
        It is for these.
    most
        How often it is tried in one step.
    log, when
        Pattern of the names of files, and regular expression that a line in one of them has to hold; the last counts.
    needs
        Pattern of the name of a file that has to be there; ``""`` for none.
    cycles, steps
        Factors for `CalcSpec.max_scf_cycles` and `Relaxation.max_steps`.
    lines
        What is changed in the deck.
    start, start_from
        Where the next attempt starts, and patterns of the names of files that it needs for that.
    stop_file
        Name of an empty file, with ``{seed}`` for the seed, by which the engine is asked to end before its time does,
        so that it leaves those files; ``""`` for none.
    geometry_file
        Name of the file that holds the last geometry, where the code writes one that is newer than its results; ``""``
        for none.
    geometry_deck
        Name of the file of the deck that holds the geometry alone, so that nothing else is chosen anew by the symmetry
        of the last one; ``""`` where the whole deck is written from that.
    """

    name: str
    words: str
    causes: tuple[str, ...]
    tasks: tuple[Task, ...] = ("relax", "bands", "potential")
    most: int = 1
    log: str = ""
    when: str = ""
    needs: str = ""
    cycles: int = 1
    steps: int = 1
    lines: tuple[DeckLine, ...] = ()
    start: Start = "anew"
    start_from: tuple[str, ...] = ()
    stop_file: str = ""
    geometry_file: str = ""
    geometry_deck: str = ""

    def changed(self, spec: CalcSpec) -> CalcSpec:
        """`spec` with more cycles and steps."""
        goal = spec.relaxation
        return replace(
            spec,
            max_scf_cycles=spec.max_scf_cycles * self.cycles,
            relaxation=None if goal is None else replace(goal, max_steps=goal.max_steps * self.steps),
        )


LAST_GEOMETRY = Remedy(
    name="last-geometry",
    words="the last geometry",
    causes=("geom_not_converged", "out_of_time"),
    tasks=("relax",),
    most=2,
    start="last geometry",
)
"""Of every code whose deck holds the geometry; where the code goes on by files too, that comes before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """A remedy that fits, and what it found in the log."""

    remedy: Remedy
    values: tuple[str, ...] = ()


def fitting_remedy(
    remedies: Iterable[Remedy], folder: Path, *, cause: str, task: Task, tried: Sequence[str]
) -> Fitting | None:
    """The first of `remedies` for a calculation that failed in `folder`; None when there is none.

    Parameters
    ----------
    tried
        Names of those that this step had already.
    """
    for remedy in remedies:
        if cause not in remedy.causes or task not in remedy.tasks or tried.count(remedy.name) >= remedy.most:
            continue
        if remedy.needs and not _files(folder, remedy.needs):
            continue
        values = _found(remedy, folder)
        if values is not None:
            return Fitting(remedy=remedy, values=values)
    return None


def _files(folder: Path, pattern: str) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if fnmatchcase(file.name, pattern) and is_regular(file)]


def _found(remedy: Remedy, folder: Path) -> tuple[str, ...] | None:
    """What the last line that `remedy` wants has in its groups; None where there is none."""
    if not remedy.when:
        return ()
    words, found = re.compile(remedy.when), None
    for file in _files(folder, remedy.log):
        with file.open("rb") as stream:
            while raw := stream.readline(LONGEST_LINE):
                found = words.search(raw.decode("utf-8", errors="replace")) or found
    return None if found is None else tuple(group or "" for group in found.groups())


def with_lines(deck: Mapping[str, str], lines: Iterable[DeckLine], values: Sequence[str] = ()) -> dict[str, str]:
    """The files of a deck with other lines.

    Raises
    ------
    SpecError
        When a line has no place in the deck, as in one by a template of the user's own.
    """
    files = dict(deck)
    for line in lines:
        changed = {
            name: text
            for name, old in files.items()
            if fnmatchcase(name, line.file) and (text := _with_line(old, line, values)) is not None
        }
        if not changed:
            raise SpecError(f"the deck has no place for {line.keyword!r}")
        files |= changed
    return files


def _with_line(text: str, line: DeckLine, values: Sequence[str]) -> str | None:
    """`text` with the line; None where it has no place for it."""
    new = line.text.format(*values).replace("\\", r"\\")
    keywords = "|".join(re.escape(word) for word in (line.keyword, line.instead_of) if word)
    own = re.compile(rf"^([ \t]*)(?:{keywords})(?!\w)[^\n]*\n?", re.IGNORECASE | re.MULTILINE)
    first = own.search(text)
    if first:
        line_end = first[0][len(first[0].rstrip("\n")) :]
        rest = own.sub("", text[first.end() :])
        return text[: first.start()] + first.expand(rf"\g<1>{new}") + line_end + rest
    before = re.compile(rf"^(?:{line.after})[^\n]*\n(?=([ \t]*))", re.MULTILINE)
    if not before.search(text):
        return None
    return before.sub(rf"\g<0>\g<1>{new}\n", text, count=1)
