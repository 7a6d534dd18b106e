"""Two calculations side by side, row by row."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, fields

from dftflow.model.code_comparison import CodeComparison, CodeRow
from dftflow.model.comparison import Comparison, ComparisonRow
from dftflow.model.printable import only_printable
from dftflow.model.records import Records

__all__ = ["comparison_records", "comparison_table"]


def comparison_table(comparison: Comparison | CodeComparison, width: int) -> list[str]:
    """A line for each quantity and what follows from it; what is too wide goes on under its column."""
    rows = comparison.rows
    name, verdict = (max(len(getattr(row, key)) for row in rows) for key in ("quantity", "verdict"))
    blank = " " * (name + verdict + 4)
    lines = []
    for row in rows:
        values = row.first if row.first == row.second else f"{row.first}  |  {row.second}"
        texts = [only_printable(values), *_remarks(row)]
        texts[0] = f"{row.quantity:<{name}}  {row.verdict:<{verdict}}  {texts[0]}"
        lines.append(_under(texts[0], "", blank, width))
        lines += [_under(text, blank, f"{blank}   ", width) for text in texts[1:]]
    return [line for block in lines for line in block]


def _under(text: str, first: str, following: str, width: int) -> list[str]:
    room = max(width, len(following) + 20)
    return textwrap.wrap(
        text,
        room,
        initial_indent=first,
        subsequent_indent=following,
        drop_whitespace=True,
        replace_whitespace=False,
        break_on_hyphens=False,
    )


def _remarks(row: ComparisonRow | CodeRow) -> list[str]:
    if isinstance(row, ComparisonRow):
        return [f"-> {row.consequence}"] if row.consequence else []
    within = f"within {row.tolerance}" if row.tolerance else ""
    text = "; ".join(filter(None, (row.note, within)))
    return [f"-> {text}"] if text else []


def comparison_records(comparison: Comparison | CodeComparison) -> Records:
    """The rows to calculate with."""
    kind = CodeRow if isinstance(comparison, CodeComparison) else ComparisonRow
    columns = tuple(field.name for field in fields(kind))
    return Records(columns=columns, rows=tuple(tuple(asdict(row).values()) for row in comparison.rows))
