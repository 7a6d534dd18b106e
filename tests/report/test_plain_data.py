"""Tests of dftflow.report.plain_data: what has plain data and tables, and what has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from outcomes import VARIANTS

from dftflow.report.plain_data import data_of, records_of
from dftflow.report.results_json import results_document


def test_an_outcome_is_results_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = VARIANTS["whole"](tmp_path)
    monkeypatch.chdir(tmp_path)
    assert data_of(outcome) == results_document(outcome, tmp_path)


def test_an_alignment_is_one_row_with_its_range(tmp_path: Path) -> None:
    row = VARIANTS["whole"](tmp_path).alignments[0]
    records = records_of(row)
    told = dict(zip(records.columns, *records.rows, strict=True))
    assert (told["lowest_ev"], told["highest_ev"]) == row.range_ev
    assert (told["first"], told["second"], told["type"]) == ("CsPbBr3", "FAPbBr3", row.type)
    unknown = records_of(replace(row, range_ev=None, range_holds="")).rows[0]
    assert dict(zip(records.columns, unknown, strict=True))["lowest_ev"] is None


@pytest.mark.parametrize("ask", [data_of, records_of])
def test_anything_else_is_refused(ask) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError, match="int has no"):
        ask(1)
