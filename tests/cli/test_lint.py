"""``dftflow lint`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dftflow.cli.main import main

GOOD = "task : SinglePoint\nxc_functional : PBE\nnum_dump_cycles : 0\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_good_file_says_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.param").write_text(GOOD)
    assert main(["lint", "a.param"]) == 0
    assert capsys.readouterr() == ("", "")


def test_an_error_is_a_line_and_exit_code_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.param").write_text(GOOD + "dipole_corection : static\ncut_off_energy : 30 rydberg\n")
    assert main(["lint", "a.param"]) == 2
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "a.param:4: error: CASTEP has no keyword dipole_corection (did you mean dipole_correction?)",
        "a.param:5: error: cut_off_energy is '30 rydberg': rydberg is no unit of energy (write ry)",
    ]
    assert "2 errors in a.param" in said.err


def test_a_warning_is_printed_and_no_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.param").write_text(GOOD + "dipole_dir : Z\n")
    assert main(["lint", "a.param"]) == 0
    assert capsys.readouterr().out.startswith("a.param:4: warning: dipole_dir has no effect")


def test_notes_are_printed_on_demand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.param").write_text("task : SinglePoint\nxc_functional : PBE\n")
    assert main(["lint", "a.param"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["lint", "--notes", "a.param"]) == 0
    assert "note: num_dump_cycles is left to its default" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "code", "errors"), [("", 0, 0), ("nbands : many\n", 2, 1)])
def test_json_is_one_document(
    text: str, code: int, errors: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.param").write_text(GOOD + text)
    assert main(["lint", "--json", "a.param"]) == code
    document = json.loads(capsys.readouterr().out)
    assert (document["errors"], document["warnings"]) == (errors, 0)
    assert [finding["line"] for finding in document["findings"]] == [4] * errors


def test_other_files_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "INCAR").write_text("")
    assert main(["lint", "INCAR"]) == 2
    assert ".cell or .param" in capsys.readouterr().err
