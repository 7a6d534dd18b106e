"""No line of a table is wider than the terminal, whatever stands in it."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from dftflow.report.fitted_table import TableColumn, fitted_table

TEXTS = st.text(max_size=30)


def columns(*texts: tuple[str, ...], **settings: int) -> list[TableColumn]:
    return [TableColumn(head=f"head {number}", cells=cells, **settings) for number, cells in enumerate(texts)]


def drawn_width(line: str) -> int:
    """Columns of a terminal, by another rule than that of the table: wide letters twice."""
    return sum(2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1 for letter in line)


def test_what_fits_is_shown_whole() -> None:
    name, number = columns(("Si", "a long name"), ("1.5", "-20.25"))
    lines = fitted_table([name, TableColumn(head="E", cells=number.cells, right=True)], 80)
    assert lines == ["head 0            E", "Si              1.5", "a long name  -20.25"]


def test_texts_are_shortened_before_a_column_is_left_out() -> None:
    name = TableColumn(head="name", cells=("a/very/long/path/of/silicon",), shortest=12)
    other = TableColumn(head="gap", cells=("1.170 indirect",), leave_out=1)
    assert fitted_table([name, other], 34)[1] == "a/ver…h/of/silicon  1.170 indirect"
    narrow = fitted_table([name, other], 20)
    assert narrow[0] == "name" and narrow[-1] == "(left out, for the …"


def test_of_several_columns_the_least_missed_goes_first() -> None:
    stays = TableColumn(head="stays", cells=("x" * 10,))
    first = TableColumn(head="first", cells=("y" * 10,), leave_out=2)
    second = TableColumn(head="second", cells=("z" * 10,), leave_out=1)
    assert fitted_table([stays, first, second], 30)[1] == "xxxxxxxxxx  zzzzzzzzzz"


def test_a_column_without_any_text_is_not_shown() -> None:
    empty = TableColumn(head="W", cells=("", ""), leave_out=1)
    assert fitted_table([*columns(("a", "b")), empty], 80)[0] == "head 0"


def test_nothing_in_a_cell_ends_a_line_or_moves_a_cursor() -> None:
    assert fitted_table(columns(("two\nlines\x1b[31m",)), 80)[1] == r"two\u000alines\u001b[31m"


@example([("", "", "\x1f")], 5)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), st.integers(5, 90))
def test_no_line_is_wider(rows: list[tuple[str, str, str]], width: int) -> None:
    by_column = list(zip(*rows, strict=True))
    table = [
        TableColumn(head="name", cells=by_column[0], shortest=6),
        TableColumn(head="E", cells=by_column[1], right=True),
        TableColumn(head="flags", cells=by_column[2], leave_out=1),
    ]
    lines = fitted_table(table, width)
    assert len(lines) in ((len(rows) + 1, len(rows) + 2) if any(map(any, rows)) else (0,))
    assert all(drawn_width("".join(c for c in line if not unicodedata.combining(c))) <= width for line in lines)
