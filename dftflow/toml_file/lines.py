"""In which line of a TOML file a key stands, for messages: `tomllib` keeps no positions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from operator import eq
from typing import Any, NamedTuple

__all__ = ["failed_line", "line_of"]


def failed_line(error: tomllib.TOMLDecodeError) -> int | None:
    """Line at which a text is no TOML, counted from 1; None where the parser tells none."""
    line: int | None = getattr(error, "lineno", None)  # since Python 3.14
    told = re.search(r"\(at line (\d+)", str(error))
    return int(told[1]) if told else line


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
    for line in _lines(text):
        if line.header:
            inside = tuple(place[: len(line.place)]) == line.place or tuple(place) == line.header
            if inside or (best is None and tuple(place) == line.place[: len(place)]):
                best = line.number
            beside = max(beside, (_shared(line.place, place), line.number), key=lambda found: found[0])
        elif line.depth < min(len(line.place), len(place)) and all(map(eq, place, line.place)):
            return line.number
    return best or beside[1]


class _Line(NamedTuple):
    """A header, or a key.

    Attributes
    ----------
    place
        Of the table, the number of one of several in it; or of the key.
    header
        The names in a header, each with the number of its last table but for the last; empty for a key.
    depth
        How much of `place` is that of its table.
    """

    number: int
    place: tuple[object, ...]
    header: tuple[object, ...]
    depth: int


@lru_cache(maxsize=2)
def _lines(text: str) -> tuple[_Line, ...]:
    """What stands where; kept, for a place is asked for of one text again and again."""
    found: list[_Line] = []
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
            found.append(_Line(number, table, named, len(table)))
        elif key := _key(line):
            found.append(_Line(number, (*table, *key), (), len(table)))
    return tuple(found)


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
