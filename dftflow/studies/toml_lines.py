"""In which line of a TOML file a key stands, for messages: `tomllib` keeps no positions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import takewhile
from operator import eq
from typing import Any

__all__ = ["line_of"]


def line_of(text: str, place: Sequence[object]) -> int | None:
    """Line of a key, counted from 1; None where nothing of `place` is found.

    Parameters
    ----------
    place
        Names of tables and keys, numbers of the tables of an array: ``"alignment", 0, "surfaces"``. The deepest part of
        it that is found counts; where the table itself has no header, the first within it.
    """
    best: int | None = None
    beside: tuple[int, int | None] = (1, None)
    table: tuple[object, ...] = ()
    counts: dict[tuple[object, ...], int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        header = _header(line)
        if header:
            named = _with_counts(header, counts)
            table = named
            if line.lstrip().startswith("[["):
                counts[named] = counts.get(named, -1) + 1
                table = (*named, counts[named])
            inside = tuple(place[: len(table)]) == table or tuple(place) == named
            if inside or (best is None and tuple(place) == table[: len(place)]):
                best = number
            shared = _shared(table, place)
            beside = max(beside, (shared, number), key=lambda found: found[0])
            continue
        key = (*table, *_key(line))
        if len(table) < len(key) and len(table) < len(place) and all(map(eq, place, key)):
            return number
    return best or beside[1]


def _shared(table: Sequence[object], place: Sequence[object]) -> int:
    """How many names the two have in common, from the first on."""
    return sum(1 for _ in takewhile(bool, map(eq, table, place)))


def _key(line: str) -> tuple[str, ...]:
    """The names in the key of a line; none where it has no key."""
    found = re.match(r"\s*([^\s=#\[{][^=#]*?)\s*=", line)
    return _header(f"[{found[1]}]") if found else ()


def _header(line: str) -> tuple[str, ...]:
    """The names in the header of a table; none in any other line."""
    if not line.lstrip().startswith("["):
        return ()
    try:
        content: Any = tomllib.loads(line)
    except (ValueError, RecursionError):
        return ()
    names: list[str] = []
    while content:
        ((name, content),) = content.items()
        names.append(name)
        content = content[0] if isinstance(content, list) else content
    return tuple(names)


def _with_counts(names: tuple[str, ...], counts: Mapping[tuple[object, ...], int]) -> tuple[object, ...]:
    """The names of a header, with the number of the last table behind each of its parents that stands several times."""
    place: tuple[object, ...] = ()
    for name in names:
        place = (*place, counts[place], name) if place in counts else (*place, name)
    return place
