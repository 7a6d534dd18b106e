"""A table that fits the width of a terminal: no line of it is ever continued in the next.

What is too wide is made narrower in a fixed order: texts that may be are shortened in their middle, then the columns
that are missed least are left out, and named below.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dftflow.model.printable import only_printable

__all__ = ["TableColumn", "fitted_table"]

GAP = "  "
CUT = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column.

    Attributes
    ----------
    cells
        One text a row.
    right
        Set on the right, as numbers are.
    shortest
        The least width that its cells may be shortened to; None for those that lose their meaning.
    leave_out
        Of the columns that may be left out, the one of the highest number goes first; 0 for one that stays.
    """

    head: str
    cells: tuple[str, ...]
    right: bool = False
    shortest: int | None = None
    leave_out: int = 0

    @property
    def width(self) -> int:
        """Of its widest text."""
        return max(map(_width, (self.head, *self.cells)))

    @property
    def least_width(self) -> int:
        """When it is shortened as far as it may be."""
        return self.width if self.shortest is None else min(self.width, max(self.shortest, _width(self.head)))


def fitted_table(columns: Sequence[TableColumn], width: int) -> list[str]:
    """The lines of the table, each at most `width` columns of a terminal wide.

    Columns without any text are not shown at all.
    """
    clean = [replace(one, cells=tuple(map(only_printable, one.cells))) for one in columns if any(one.cells)]
    shown, left_out = _that_fit(clean, width)
    widths = _widths(shown, width)
    texts = [(column.head, *column.cells) for column in shown]
    lines = []
    for row in zip(*texts, strict=True):
        cells = (_set(text, size, column.right) for text, size, column in zip(row, widths, shown, strict=True))
        lines.append(_cut(GAP.join(cells).rstrip(), width))
    if left_out:
        names = ", ".join(column.head for column in left_out)
        lines.append(_cut(f"(left out, for the width: {names})", width))
    return lines


def _that_fit(columns: Sequence[TableColumn], width: int) -> tuple[list[TableColumn], list[TableColumn]]:
    """The columns that are shown, and those that are not."""
    shown, left_out = list(columns), []
    while len(shown) > 1 and _total([column.least_width for column in shown]) > width:
        least = max(shown, key=lambda column: column.leave_out)
        if not least.leave_out:
            break
        shown.remove(least)
        left_out.append(least)
    return shown, left_out


def _widths(columns: Sequence[TableColumn], width: int) -> list[int]:
    """Of each column, the widest ones that may be shortened made narrower until all fit."""
    widths = [column.width for column in columns]
    while _total(widths) > width:
        spare = [size - column.least_width for size, column in zip(widths, columns, strict=True)]
        if not any(spare):
            break
        widest = max((size, place) for place, size in enumerate(widths) if spare[place])[1]
        widths[widest] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _set(text: str, width: int, right: bool) -> str:
    shown = _shortened(text, width)
    blanks = " " * (width - _width(shown))
    return blanks + shown if right else shown + blanks


def _cut(line: str, width: int) -> str:
    """`line` without its end where even the narrowest columns are too wide."""
    if _width(line) <= width:
        return line
    kept = ""
    for letter in line:
        if _width(kept + letter + CUT) > width:
            break
        kept += letter
    return kept + CUT


def _shortened(text: str, width: int) -> str:
    """`text` with its middle left out where it is wider than `width`; more of its end is kept than of its beginning."""
    if _width(text) <= width:
        return text
    head, tail = "", ""
    for letter in text:
        if _width(head + letter) > (width - 1) // 3:
            break
        head += letter
    for letter in reversed(text):
        if _width(head + CUT + letter + tail) > width:
            break
        tail = letter + tail
    return head + CUT + tail


def _width(text: str) -> int:
    """Columns that a terminal needs: two for wide East Asian characters, none for marks that combine."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
