"""``dftflow export``: the quantities of a study as a table and as JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from outcomes import CS_011, FAILURE, VARIANTS

from dftflow.cli.main import main
from dftflow.errors import ParseError
from dftflow.model.quantity import Quantity
from dftflow.report.results_json import write_results_json


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_quantity_is_a_row(tmp_path: Path, variant: str, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = VARIANTS[variant](tmp_path)
    write_results_json(outcome, tmp_path)
    assert main(["export", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows = _rows(captured.out)
    assert len(rows) == len(outcome.quantities) > 0
    for row, quantity in zip(rows, outcome.quantities, strict=True):
        assert (row["name"], row["subject"], row["method"], row["unit"]) == (
            quantity.name, quantity.subject, quantity.method, quantity.unit,
        )  # fmt: skip
        value = row["value"] if isinstance(quantity.value, str) else float(row["value"]) if row["value"] else None
        assert value == quantity.value
        ends = tuple(float(row[key]) for key in ("lowest", "highest") if row[key])
        assert (ends or None) == quantity.uncertainty and row["range holds"] == quantity.uncertainty_holds
        assert row["origin"] == "; ".join(quantity.origin) and row["remarks"] == "; ".join(quantity.remarks)
        told = "" if quantity.missing is None else f"{quantity.missing.kind}: {quantity.missing.reason}"
        assert row["missing"] == told


def test_a_failed_step_costs_the_numbers_of_its_surface(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results_json(VARIANTS["failed"](tmp_path), tmp_path)
    assert main(["export", str(tmp_path / "results.json")]) == 0
    rows = [row for row in _rows(capsys.readouterr().out) if row["subject"].startswith("CsPbBr3 (011)")]
    assert {row["missing"] for row in rows} == {f"failed: {CS_011} failed: {FAILURE}"}
    assert {(row["value"], row["lowest"], row["highest"]) for row in rows} == {("", "", "")}


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = VARIANTS["whole"](tmp_path)
    file = write_results_json(outcome, tmp_path)
    assert main(["export", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(file.read_text())["quantities"]


def test_words_with_commas_quotes_and_lines_stay_in_their_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = Quantity(name='a, "b"', subject="one\ntwo", unit="", value="x, y", remarks=("p; q", "r"))
    write_results_json(replace(VARIANTS["relaxed"](tmp_path), quantities=(odd,)), tmp_path)
    assert main(["export", str(tmp_path)]) == 0
    (row,) = _rows(capsys.readouterr().out)
    assert (row["name"], row["subject"], row["value"], row["remarks"]) == ('a, "b"', "one\ntwo", "x, y", "p; q; r")


def test_a_study_without_quantities_has_the_head_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results_json(replace(VARIANTS["relaxed"](tmp_path), quantities=()), tmp_path)
    assert main(["export", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "name,subject,method,value,unit,lowest,highest,range holds,origin,remarks,missing"
    ]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_damaged_file_is_named(tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.json").write_text('{"schema": "dftflow-results/2"}')
    assert main(["export", str(tmp_path), *arguments]) == ParseError.exit_code == 6
    captured = capsys.readouterr()
    told = json.dumps(json.loads(captured.out)["error"]) if arguments else captured.err
    assert "damaged" in told
    assert "Traceback" not in captured.err


def test_a_folder_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path)]) == 2
    assert str(tmp_path / "results.json") in capsys.readouterr().err
