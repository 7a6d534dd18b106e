"""What reaches the terminal: nothing of others that it would take as a command."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click
import pytest

from dftflow.cli.main import main
from dftflow.cli.output import gated_output, ungated

MOVING = "\x1b[2J\x1b]0;t\x07\x9b31m\r\u202e\u2066\u2028\x85\x00\udc9b"
STUDY = """schema = 1
title = "CsBr {title}"
[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""


def shows(text: str) -> bool:
    """Whether a terminal takes it as text alone."""
    return not re.search(r"[^\n\t -~\u00a0-\u02ff\u0370-\u03ff\u2010-\u2027]", text)


def test_streams_show_codes_in_the_place_of_what_moves(capsys: pytest.CaptureFixture[str]) -> None:
    with gated_output():
        print(MOVING)
        print(MOVING, file=sys.stderr)
        click.echo(MOVING)
        click.echo(MOVING, err=True)
        assert ungated(sys.stdout) is not sys.stdout and not hasattr(sys.stdout, "buffer")
    out, err = capsys.readouterr()
    assert shows(out) and shows(err) and "\\u001b[2J" in out and "\\u009b" in err


def test_a_document_stays_the_same_document(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(char for char in MOVING if char not in "\x00\r") + "\U000e0001Γ–X"
    with gated_output():
        print(json.dumps(text, ensure_ascii=False))
    out = capsys.readouterr().out
    assert shows(out) and json.loads(out) == text


@pytest.mark.parametrize("command", ["plan", "run", "structure", "slab", "parse", "lint", "status", "report", "none"])
def test_no_command_prints_what_an_argument_holds(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, MOVING.replace("\x00", "")])
    out, err = capsys.readouterr()
    assert shows(out) and shows(err) and out + err


@pytest.mark.parametrize("title", ["[/x]", "[red]", "[[x]]", ":smile:", "\\\\[bold]", "{}"])
def test_the_markup_of_a_display_is_text(title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run ends where its study cannot be run, with the title as it stands."""
    (tmp_path / "s.toml").write_text(STUDY.replace("{title}", title))
    assert main(["run", str(tmp_path / "s.toml"), "--code", "castep", "--out", str(tmp_path / "run")]) == 4
    assert f"CsBr {title}".replace("\\\\", "\\") in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("key", ["title", "x"])
def test_a_study_that_moves_the_cursor_is_refused_in_plain_text(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.toml").write_text(f'{key} = "\\u001b[2J\\u202e"\n"\\u001b[31m" = 1\n')
    assert main(["plan", str(tmp_path / "s.toml")]) == 2
    assert shows(capsys.readouterr().err)


@pytest.mark.parametrize("value", ["inf", "nan", "1e308", "-1", "0", "9" * 5000, "1e300", "x" * 10**4])
@pytest.mark.parametrize(
    "option",
    [
        *(
            ["slab", "CsBr_Pm-3m", "--miller", "1", "0", "0", name]
            for name in ("--thickness", "--vacuum", "--pseudocubic")
        ),
        ["slab", "CsBr_Pm-3m", "--miller", "1", "1"],
        ["structure", "CsBr_Pm-3m", "--pseudocubic"],
        ["structure", "CsBr_Pm-3m", "--supercell", "1", "1"],
        *(
            ["run", "x", name]
            for name in ("--workers", "--time-limit", "--memory-limit", "--stall-limit", "--log-limit")
        ),
    ],
    ids=lambda option: "-".join(option),
)
def test_a_number_beyond_sense_is_refused(option: list[str], value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same bounds as in a study file; 0 and -1 are Miller indices."""
    if option[-3:] == ["--miller", "1", "1"] and value in ("0", "-1"):
        return
    assert main([*option, value]) == 2
    err = capsys.readouterr().err
    assert len(err) < 1000 and ("it can be from" in err or "is no " in err)
