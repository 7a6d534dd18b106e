"""Checks a ``.cell`` that gives the k-points of the bands in both families of keywords, bs_* and spectral_*."""

from __future__ import annotations

from collections.abc import Iterator

from dftflow.codes.castep.input.deck_file import DeckBlock, DeckFile, DeckKeyword
from dftflow.codes.castep.input.keyword_table import canonical_name
from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.values import DeckValues
from dftflow.model.fortran_number import fortran_number

__all__ = ["SAMPLINGS", "check_kpath_families"]

SAMPLINGS = ("kpoint_path", "kpoint_list", "kpoint_mp_grid", "kpoint_mp_spacing")
DETAILS = ("kpoint_path_spacing", "kpoint_mp_offset")
FAMILY_OF_TASK = {"bandstructure": "bs", "spectral": "spectral"}
TASK_OF_FAMILY = {"bs": "BandStructure", "spectral": "Spectral"}
SAME = 6  # digits


def check_kpath_families(cell: DeckFile, param: DeckFile | None) -> Iterator[Finding]:
    """Which family the task takes; a warning when the two are not the same k-points.

    Parameters
    ----------
    param
        Of the same calculation, None when it is not there.
    """
    given = {family: _given(cell, family) for family in TASK_OF_FAMILY}
    samplings = {family: [things[name] for name in SAMPLINGS if name in things] for family, things in given.items()}
    if not all(samplings.values()):
        return
    same = _content(given["bs"]) == _content(given["spectral"])
    first = {family: min(things, key=lambda thing: thing.line) for family, things in samplings.items()}
    task = DeckValues.of(param).option("task") if param else ""
    taken = FAMILY_OF_TASK.get(task, "")
    unused = first[{"bs": "spectral", "spectral": "bs"}.get(taken, "bs")]
    both = f"{first['bs'].name} (line {first['bs'].line}) and {first['spectral'].name} (line {first['spectral'].line})"
    takes = [f"task {TASK_OF_FAMILY[family]} takes {first[family].name}" for family in ([taken] if taken else first)]
    yield Finding(
        file=cell.file,
        line=unused.line,
        severity="note" if same else "warning",
        message=f"{both} are {'the same' if same else 'different'} k-points: {', '.join(takes)}",
        fix="leave the one that goes with the task",
    )


def _given(cell: DeckFile, family: str) -> dict[str, DeckKeyword | DeckBlock]:
    """What is given of a family, under the names without its prefix."""
    found = {canonical_name(thing.name): thing for thing in reversed(cell.things)}
    names = ((name, f"{family}_{name}") for name in (*SAMPLINGS, *DETAILS))
    return {name: found[full] for name, full in names if full in found}


def _content(things: dict[str, DeckKeyword | DeckBlock]) -> dict[str, list[list[str]]]:
    """Words and rounded numbers, without comments."""
    return {
        name: [_words(thing.value)] if isinstance(thing, DeckKeyword) else [_words(line.text) for line in thing.lines]
        for name, thing in things.items()
    }


def _words(text: str) -> list[str]:
    numbers = ((word, fortran_number(word)) for word in text.lower().split())
    return [word if number is None else f"{round(number, SAME) + 0.0:g}" for word, number in numbers]
