"""``dftflow align``: one command from numbers to the matrix and the diagram."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dftflow.cli.main import main

UPS = (
    "name,IP,EA,±,reference\nCsPbBr3,5.9,3.6,0.1,10.1000/a\nFAPbBr3,6.5,4.3,0.1,10.1000/a\nTiO2,8.0,4.8,0.1,10.1000/a\n"
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "ups.csv"
    file.write_text(UPS, "utf-8")
    return file


def test_a_table_becomes_a_matrix_and_a_figure(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = table.with_name("alignment.pdf")
    assert main(["align", str(table), "--out", str(out), "--level", "O2/H2O=1.23 SHE", "--size", "column"]) == 0
    printed = capsys.readouterr()
    assert "+0.60 ± 0.20" in printed.out and "−5.67" in printed.out and "10.1351/pac198658070955" in printed.out
    assert printed.err == f"written: {out}\n"
    assert out.read_bytes().startswith(b"%PDF")


def test_json_is_one_document(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["align", str(table), "--json", "--tolerance", "0.3", "--order", "TiO2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["levels"][0]["material"] == "TiO2" and document["tolerance_ev"] == 0.3
    assert document["offsets"][0]["valence_band_offset_ev"] == pytest.approx(-2.1)
    assert document["offsets"][0]["range_low_ev"] == pytest.approx(-0.2)


def test_pictures_and_tables_at_once(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["a.svg", "a.png", "a.csv", "a.toml"]
    options = [part for name in names for part in ("--out", str(table.parent / name))]
    assert main(["align", str(table), "--fill", "gradient", *options]) == 0
    assert all((table.parent / name).stat().st_size for name in names)
    capsys.readouterr()
    assert main(["align", str(table.with_name("a.toml"))]) == 0
    assert "CsPbBr3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--out", "x.jpg"], "nothing is written as .jpg"),
        (["--size", "huge", "--out", "x.svg"], "huge"),
        (["--size", "5x4", "--out", "a.csv"], "--size is of a picture"),
        (["--fill", "gradient"], "--fill is of a picture"),
        (["--level", "Au"], "NAME=EV"),
        (["--level", "Au=5.1"], "above the vacuum level"),
        (["--level", "Au=nan"], "NAME=EV"),
        (["--tolerance", "-1"], "cannot be -1"),
        (["--order", "X"], "no material 'X'"),
        (["nothing.toml"], "cannot be read"),
        (["A=nothing.toml"], "names of its own"),
    ],
)
def test_mistakes_end_with_a_message_and_code_2(
    table: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent)
    assert main(["align", str(table), *more]) == 2
    assert said in capsys.readouterr().err


def test_a_mistake_in_a_table_names_its_line(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_text(UPS.replace("FAPbBr3,6.5", "FAPbBr3,-6.5"), "utf-8")
    assert main(["align", str(table), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["where"] == f"{table}:3" and "ip = 6.5" in error["fix"]
