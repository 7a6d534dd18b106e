"""Files of potentials that are not there, and exact exchange with ultrasoft potentials."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from castep_decks import cell, lint, only, param, potentials, said


@pytest.mark.parametrize("name", ["Si.usp", "Si_00.recpot", "Si.UPF", "../other/Si.uspcc", "own.otfglib"])
def test_a_file_that_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PSPOT_DIR", raising=False)
    found = only(lint(tmp_path, cell=cell(potentials(f"Si {name}"))))
    assert (found.severity, found.line) == ("warning", 11)
    assert f"{name} lies neither beside the deck nor in PSPOT_DIR, which is not set" in found.message
    monkeypatch.setenv("PSPOT_DIR", str(tmp_path / "a"))
    assert str(tmp_path / "a") in only(lint(tmp_path, cell=cell(potentials(f"Si {name}")))).message


@pytest.mark.parametrize("beside", [True, False])
def test_a_file_that_is_there(beside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setenv("PSPOT_DIR", os.pathsep.join(map(str, folders)))
    ((tmp_path if beside else folders[1]) / "Si.usp").touch()
    assert said(lint(tmp_path, cell=cell(potentials("Si Si.usp")))) == []


def test_all_files_in_one_finding(tmp_path: Path) -> None:
    found = only(lint(tmp_path, cell=cell(potentials("Si Si.usp", "C C.usp", "C:a C.usp"))))
    assert found.message.startswith("Si.usp, C.usp lie neither")


@pytest.mark.parametrize("text", ["C19", "Si C19", "Si 3|1.8|5|6|7|30:31:32", 'Si "3|1.8|5|6|7|30:31:32"', "MS"])
def test_what_is_no_file(text: str, tmp_path: Path) -> None:
    assert said(lint(tmp_path, cell=cell(potentials(text)))) == []


# --- exact exchange ---------------------------------------------------------------------------------------------------

HSE = param().replace("PBE", "HSE06")


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ([], "CASTEP's default"),
        ([potentials()], "CASTEP's default"),
        ([potentials("C19")], "C19"),
        ([potentials("QC5")], "QC5"),
        ([potentials("NCP19", "Si C17")], "C17"),
        ([potentials("Si Si_00PBE.usp")], "Si_00PBE.usp"),
        ([potentials("Si 3|1.8|5|6|7|30:31:32")], "30:31:32"),
        ([potentials("NCP19")], ""),
        ([potentials("C19", "Si NCP19")], ""),
        ([potentials("Si Si.recpot")], ""),
        ([potentials("Si Si.usp")], ""),  # of either kind
        ([potentials("Si 3|1.8|5|6|7|30N:31N:32N")], ""),
    ],
)
def test_exact_exchange_with_ultrasoft_potentials(block: list[str], kind: str, tmp_path: Path) -> None:
    for name in ("Si_00PBE.usp", "Si.recpot", "Si.usp"):
        (tmp_path / name).touch()
    found = lint(tmp_path, param=HSE, cell=cell(*block))
    assert said(found) == ([(".param", 2, "error")] if kind else [])
    if kind:
        assert kind in only(found).message
        assert "NCP19" in only(found).fix


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("spectral_xc_functional : PBE0", 4),
        ("bs_xc_functional : HF-LDA", 4),
        ("xc_functional : sX-LDA", 2),
        ("xc_functional : LIBXC_HYB_GGA_XC_PBEH", 2),
        ("xc_functional : rSCAN", 0),
        ("%BLOCK xc_definition\nPBE 1.0\nSHF 0.25\n%ENDBLOCK xc_definition", 4),
        ("%BLOCK xc_definition\nPBE 1.0\n%ENDBLOCK xc_definition", 0),
    ],
)
def test_every_way_to_ask_for_exact_exchange(text: str, line: int, tmp_path: Path) -> None:
    deck = param(text)
    if text.startswith("xc_") or text.startswith("%"):
        deck = param().replace("xc_functional : PBE", text)
    errors = [finding for finding in lint(tmp_path, param=deck, cell=cell()) if "exact exchange" in finding.message]
    assert [finding.line for finding in errors] == ([line] if line else [])
