"""Rows joined before the parser: the same rows, the same lines."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import pytest

from dftflow.codes.vasp.joined_rows import JoinedRows, row_texts

XML = "<a>\n <set>\n  <r> 1 2 </r>\n  <r> 3 4 </r>\n  <r> 5 6 </r>\n </set>\n <v>1</v>\n <v name='x'>2</v>\n</a>\n"


def joined(text: str) -> ET.Element:
    return ET.parse(JoinedRows(io.BytesIO(text.encode()))).getroot()


def test_rows_are_those_of_the_elements() -> None:
    part = joined(XML)
    rows = part.find("set")
    assert rows is not None and len(rows) == 1
    assert row_texts(rows, "r") == [" 1 2 ", " 3 4 ", " 5 6 "]
    assert [row.get("name") for row in part.findall("v")] == [None, "x"]


@pytest.mark.parametrize("size", [1, 7, 20, 30])
def test_pieces_of_any_size_give_the_same_rows(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("dftflow.codes.vasp.joined_rows.PIECE_BYTES", size)
    rows = joined(XML).find("set")
    assert rows is not None and row_texts(rows, "r") == [" 1 2 ", " 3 4 ", " 5 6 "]


def test_damage_keeps_its_line() -> None:
    with pytest.raises(ET.ParseError) as caught:
        joined(XML.replace("</set>", "</sat>"))
    assert caught.value.position[0] == 6
