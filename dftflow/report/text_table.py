"""A table of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

__all__ = ["WIDTH", "text_table", "wrapped_lines"]

WIDTH = 92
_NAME = 34


def wrapped_lines(text: str) -> str:
    """Text in lines of at most `WIDTH` characters."""
    return "\n".join(textwrap.wrap(text, WIDTH))


def text_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first is broken into lines of 34 characters."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    widths[0] = min(widths[0], _NAME)
    right = [all(map(_is_number, column)) for column in zip(*rows, strict=True)] or [False] * len(heads)
    lines = [title, _row(heads, widths, right), "  ".join("-" * width for width in widths)]
    for row in rows:
        first, *more = textwrap.wrap(row[0], widths[0]) or [""]
        lines.append(_row([first, *row[1:]], widths, right))
        lines += [f"  {line}" for line in more]
    return "\n".join(lines)


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    placed = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
    return "  ".join(placed).rstrip()


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.lstrip("+-").replace(".", "", 1).isdigit()
