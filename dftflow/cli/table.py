"""A table of texts that keeps to the width of the terminal: what is too long goes on below itself."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

__all__ = ["columns_or", "terminal_width", "text_table"]

NO_TERMINAL = 10_000
"""Columns of what is no terminal, such as a pipe or a file: lines stay whole there, for `grep` and `cut`."""

GAP = 2
LEAST_LAST = 30
"""A last column that would be narrower than that, and has more to say, goes below its row."""


def columns_or(without_terminal: int = 120) -> int:
    """Columns of ``COLUMNS`` or of the terminal that stdout is; `without_terminal` where it is none."""
    return shutil.get_terminal_size((without_terminal, 24)).columns


def terminal_width() -> int:
    """Columns of the terminal that stdout is, or of ``COLUMNS``; without bound where it is none."""
    isatty = getattr(sys.stdout, "isatty", lambda: False)()
    return max(40, columns_or(80 if isatty else NO_TERMINAL))


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Columns below a header, each as wide as it needs; where that is too wide, the widest are folded between words.

    Parameters
    ----------
    rows
        As many texts each as `header` has. A text that begins with a blank is set to the right of its column.
    width
        Columns of the terminal; found out unless given.
    """
    room = width or terminal_width()
    needs = [max(len(row[index].strip()) for row in (header, *rows)) for index in range(len(header))]
    before = sum(needs[:-1]) + GAP * (len(header) - 1)
    if before + needs[-1] > room and room - before < LEAST_LAST and len(header) > 4:
        return "\n".join(_lines_with_last_below(header, rows, needs[:-1], room))
    columns = _fitted(header, rows, needs, room)
    return "\n".join(line for row in (header, *rows) for line in _lines(row, columns))


def _lines_with_last_below(
    header: Sequence[str], rows: Sequence[Sequence[str]], needs: list[int], room: int
) -> Iterator[str]:
    """The last text of each row below it, indented."""
    columns = _fitted(header[:-1], [row[:-1] for row in rows], needs, room)
    yield from _lines(header[:-1], columns)
    for row in rows:
        yield from _lines(row[:-1], columns)
        indent = " " * (2 * GAP)
        yield from textwrap.wrap(row[-1], room, initial_indent=indent, subsequent_indent=indent)


def _fitted(header: Sequence[str], rows: Sequence[Sequence[str]], needs: Sequence[int], room: int) -> list[int]:
    """Widths of the columns: the widest give way, none of them further than to its longest word."""
    columns = list(needs)
    least = [
        max(len(word) for row in (header, *rows) for word in (row[index].split() or [""]))
        for index in range(len(header))
    ]
    while sum(columns) + GAP * (len(columns) - 1) > room:
        wide = [index for index, width in enumerate(columns) if width > least[index]]
        if not wide:
            break
        columns[max(wide, key=lambda index: columns[index])] -= 1
    return columns


def _lines(row: Sequence[str], columns: Sequence[int]) -> list[str]:
    right = [text.startswith(" ") for text in row]
    folded = [
        textwrap.wrap(text.strip(), width, break_long_words=False, break_on_hyphens=False) or [""]
        for text, width in zip(row, columns, strict=True)
    ]
    height = max(map(len, folded))
    cells = [part + [""] * (height - len(part)) for part in folded]
    return [
        (" " * GAP)
        .join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, columns, right, strict=True)
        )
        .rstrip()
        for line in zip(*cells, strict=True)
    ]
