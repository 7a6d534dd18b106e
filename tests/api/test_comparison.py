"""Comparing two calculations from Python, and by the command with ``--codes``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from outcomes import CS_010, CS_011, CS_BANDS, StoredRun

from dftflow.api import calculation
from dftflow.api.calculation import find
from dftflow.api.comparison import compare
from dftflow.cli.main import main
from dftflow.gate.found import read_calculation


def test_the_same_as_the_command(stored: StoredRun, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = stored.folder(CS_010), stored.folder(CS_011)
    for codes in (False, True):
        compared = compare(str(first), second, codes=codes)
        main(["compare", str(first), str(second), "--json", *(["--codes"] if codes else [])])
        assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(compared.to_dict()))
        assert list(compared.to_frame()["quantity"]) == [row.quantity for row in compared.comparison.rows]
        assert compared.sentence in repr(compared)


def test_two_codes_by_the_command(stored: StoredRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(stored.folder(CS_BANDS))
    assert main(["compare", "--codes", place, place]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "they agree in all that can be compared" and max(map(len, out.splitlines())) <= 100
    other = StoredRun.of(tmp_path / "run").shifted(CS_BANDS, conduction_ev=0.2)
    assert main(["compare", "--codes", place, str(other.folder(CS_BANDS))]) == 7
    assert capsys.readouterr().out.splitlines()[-1] == "they do not agree in: band gap"


def test_files_of_many_are_read_once_for_a_comparison(stored: StoredRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of many keeps nothing of its files; its sentence, table and document are told from what was read."""
    one = find(stored.folder(CS_BANDS))[0]
    read: list[object] = []
    monkeypatch.setattr(calculation, "read_calculation", lambda unread: read.append(unread) or read_calculation(unread))
    compared = compare(one, one)
    assert compared.table() and compared.to_dict() and repr(compared)
    assert len(read) == 2
