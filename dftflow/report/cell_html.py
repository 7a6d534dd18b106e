"""What a cell of a notebook shows: a title, tables and a picture; every text escaped, every table bounded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from markupsafe import Markup

from dftflow.errors import DftflowError
from dftflow.figures.drawing import Drawing
from dftflow.model.printable import only_printable
from dftflow.model.records import Records
from dftflow.report.inline_figure import inline_figure, no_figure
from dftflow.report.markup import plain_html

__all__ = [
    "MOST_ROWS",
    "Fact",
    "block",
    "facts_html",
    "files_html",
    "figure_html",
    "notes_html",
    "number_html",
    "records_html",
    "rows_html",
]

MOST_ROWS = 40
"""Of a table; the rest is counted."""

LONGEST_NOTE, LONGEST_FILE = 2000, 20_000
"""Letters that are shown."""

Fact = tuple[str, object]
_FACT = Markup(
    '<tr><th scope="row" style="text-align:left;white-space:nowrap;padding:1px 8px">{}</th>'
    '<td style="text-align:left;padding:1px 8px">{}</td></tr>'
)
_HEAD = Markup('<th scope="col" style="padding:1px 8px">{}</th>')
_CELL = Markup('<td style="text-align:{};padding:1px 8px">{}</td>')
_UNITS = {"ev": "eV", "ang": "Å", "ang2": "Å²"}
_MINUS = "\N{MINUS SIGN}"


def block(title: object, *parts: Markup) -> Markup:
    """What a cell shows: a title above its parts."""
    head = Markup("<div><strong>{}</strong></div>").format(_text(title))
    return Markup('<div style="max-width:60em;overflow-x:auto">{}</div>').format(Markup("").join([head, *parts]))


def facts_html(facts: Iterable[Fact]) -> Markup:
    """A line for each fact that is there: what it is, and its value."""
    rows = [_FACT.format(_text(name), _text(value)) for name, value in facts if value not in ("", None)]
    return Markup("<table><tbody>{}</tbody></table>").format(Markup("").join(rows))


def rows_html(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """A table with a line of names; numbers with three decimals, what is not known empty; at most `MOST_ROWS` rows.

    A column without any value is left out.
    """
    kept = [place for place in range(len(heads)) if any(row[place] not in ("", None) for row in rows)]
    heads, rows = [heads[place] for place in kept], [[row[place] for place in kept] for row in rows]
    names = Markup("").join(_HEAD.format(_text(head)) for head in heads)
    lines = [Markup("<tr>{}</tr>").format(Markup("").join(map(_cell, row))) for row in rows[:MOST_ROWS]]
    table = Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(names, Markup("").join(lines))
    left = len(rows) - MOST_ROWS
    return table + Markup("<p>and {} more</p>").format(left) if left > 0 else table


def _cell(value: object) -> Markup:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    side = "right" if isinstance(value, int | float) else "left"
    text = number_html(value) if isinstance(value, float) else "" if value is None else value
    return _CELL.format(side, _text(text))


def _text(value: object) -> Markup:
    return value if isinstance(value, Markup) else plain_html(value)


def number_html(value: float, decimals: int = 3) -> str:
    """A number as a person reads it."""
    return f"{value:.{decimals}f}".replace("-", _MINUS)


def records_html(records: Records, *, without: Collection[str] = ()) -> Markup:
    """The table of records for a person, some of its columns left out."""
    kept = [place for place, name in enumerate(records.columns) if name not in without]
    heads = [_head(records.columns[place]) for place in kept]
    return rows_html(heads, [[row[place] for place in kept] for row in records.rows])


def _head(column: str) -> str:
    """``"work function (eV)"`` of ``"work_function_ev"``."""
    name, _, unit = column.rpartition("_")
    words = f"{name} ({_UNITS[unit]})" if unit in _UNITS else column
    return words.replace("_", " ")


def figure_html(make: Callable[[], Drawing]) -> Markup:
    """The figure, or why it cannot be made."""
    try:
        return inline_figure(make())
    except DftflowError as error:
        return no_figure(error.sentence)


def files_html(files: Mapping[str, str]) -> Markup:
    """Files of text, each folded under its name; of a long one the beginning."""
    shown = (
        (name, only_printable(text[:LONGEST_FILE], keep="\n\t"), "…" if len(text) > LONGEST_FILE else "")
        for name, text in files.items()
    )
    return Markup("").join(
        Markup("<details><summary>{}</summary><pre>{}{}</pre></details>").format(plain_html(name), text, more)
        for name, text, more in shown
    )


def notes_html(texts: Iterable[str]) -> Markup:
    """A line for each text that is there, at most `MOST_ROWS`."""
    told = [text for text in texts if text][:MOST_ROWS]
    return Markup("").join(Markup("<div>{}</div>").format(plain_html(text, LONGEST_NOTE)) for text in told)
