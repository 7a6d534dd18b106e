from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from dftflow.cli.main import cli


def test_the_commands_that_are_told_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a blank in its name is one word of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my studies").mkdir()
    told = CliRunner().invoke(cli, ["init", "my studies/first"], catch_exceptions=False).output.splitlines()
    commands = [shlex.split(line, comments=False)[:3] for line in told if line.startswith("  dftflow ")]
    assert commands == [["dftflow", name, "my studies/first.toml"] for name in ("plan", "run")]
    assert (tmp_path / "my studies" / "first.toml").is_file()
