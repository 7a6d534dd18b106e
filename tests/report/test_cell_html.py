"""Tests of dftflow.report.cell_html: titles, tables and notes that hold any text and any number of rows."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dftflow.errors import AnalysisError
from dftflow.figures.drawing import Drawing
from dftflow.model.records import Records
from dftflow.report.cell_html import (
    MOST_ROWS,
    block,
    facts_html,
    figure_html,
    files_html,
    notes_html,
    records_html,
    rows_html,
)

ANY_TEXT = st.text(st.characters(), max_size=400)


def cells(html: Markup, tag: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(f"<body>{html}</body>").iter(tag)]


@given(title=ANY_TEXT, name=ANY_TEXT, value=ANY_TEXT)
def test_any_text_is_well_formed_and_no_markup(title: str, name: str, value: str) -> None:
    html = block(title, facts_html([(name, value)]), rows_html([name], [[value]]), notes_html([value]))
    tags = {element.tag for element in ElementTree.fromstring(f"<body>{html}</body>").iter()}
    assert tags <= {"body", "div", "strong", "table", "thead", "tbody", "tr", "th", "td"}


def test_numbers_words_and_what_is_not_known() -> None:
    html = rows_html(["a", "b", "c", "d", "e"], [[-1.23456, 7, True, None, "x"], [2.0, -7, False, "y", None]])
    assert cells(html, "td") == ["−1.235", "7", "yes", "", "x", "2.000", "-7", "no", "y", ""]


def test_a_column_without_a_value_is_left_out() -> None:
    html = rows_html(["name", "refused", "gap"], [["a", "", 0.0], ["b", None, None]])
    assert cells(html, "th") == ["name", "gap"]
    assert cells(html, "td") == ["a", "0.000", "b", ""]


def test_a_long_table_is_cut_and_counted() -> None:
    html = rows_html(["n"], [[number] for number in range(MOST_ROWS + 3)])
    assert len(cells(html, "td")) == MOST_ROWS
    assert cells(html, "p") == ["and 3 more"]
    assert not cells(rows_html(["n"], [[1]] * MOST_ROWS), "p")


def test_a_fact_that_is_not_there_has_no_line() -> None:
    assert cells(facts_html([("charge", 0), ("refused", ""), ("source", None)]), "th") == ["charge"]


def test_records_have_names_and_units_for_a_person() -> None:
    records = Records(columns=("name", "folder", "band_gap_ev", "range holds"), rows=(("Si", "a/b", 1.17, "x"),))
    html = records_html(records, without=("folder",))
    assert (cells(html, "th"), cells(html, "td")) == (["name", "band gap (eV)", "range holds"], ["Si", "1.170", "x"])


def test_files_are_folded_and_keep_their_lines() -> None:
    html = files_html({"a.cell": "%BLOCK <x>\n\tCs & Br\x1b\n", "long": "y" * 30_000})
    assert cells(html, "summary") == ["a.cell", "long"]
    first, long = cells(html, "pre")
    assert first == "%BLOCK <x>\n\tCs & Br\\u001b\n"
    assert len(long) == 20_001 and long.endswith("…")


def test_the_reason_stands_where_no_figure_can_be_made() -> None:
    def none() -> Drawing:
        raise AnalysisError("no path", fix="calculate <one>")

    assert cells(figure_html(none), "p") == ["No figure: no path; calculate <one>"]
