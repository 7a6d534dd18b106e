"""Tests of dftflow.api.quantities: every number of a study, from wherever it is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from html_cells import cell, texts
from outcomes import VARIANTS

from dftflow.api.quantities import quantities
from dftflow.errors import InputError
from dftflow.report.results_json import write_results_json


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_outcome_and_its_file_have_the_same(variant: str, tmp_path: Path) -> None:
    outcome = VARIANTS[variant](tmp_path)
    file = write_results_json(outcome, tmp_path)
    found = quantities(outcome)
    assert tuple(found) == outcome.quantities
    assert tuple(quantities(file)) == tuple(quantities(str(tmp_path))) == outcome.quantities
    frame = found.to_frame()
    assert list(frame.name) == [row["name"] for row in csv.DictReader(io.StringIO(found.to_csv()))]
    assert len(found.to_dict()) == len(found) == len(frame)
    missing = sum(one.missing is not None for one in outcome.quantities)
    assert repr(found) == f"<Quantities: {len(found)}, {missing} of them without a value>"
    assert "band gap" in texts(cell(found))


def test_those_of_one_name_and_one_material(tmp_path: Path) -> None:
    found = quantities(VARIANTS["whole"](tmp_path))
    gaps = found.where(name="band gap", subject="FAPbBr3")
    assert gaps and {one.name for one in gaps} == {"band gap"}
    assert all("FAPbBr3" in one.subject for one in gaps)
    assert [one for one in found.where(name="band gap") if "FAPbBr3" in one.subject] == list(gaps)
    assert found[:2][1] == found[1]


def test_a_place_without_results(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        quantities(tmp_path)
