"""How a package gets into an environment: tried in environments that venv and uv made."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import dftflow
from dftflow import installer
from dftflow.installer import install_line, keeper

ROOT = Path(dftflow.__file__).parents[1]
UV = Path(sys.executable).with_name("uv")


def told_in(environment: Path) -> tuple[str, list[str]]:
    """What the module says in another environment, in which dftflow is not installed."""
    script = (
        "import json, sys; from dftflow.installer import install_line, keeper;"
        "print(json.dumps([keeper(), install_line('six', again=True)]))"
    )
    done = subprocess.run(
        [environment / "bin" / "python", "-c", script],
        capture_output=True, text=True, check=True, cwd=ROOT, env={"PATH": f"{UV.parent}:/usr/bin:/bin"},
    )  # fmt: skip
    who, line = json.loads(done.stdout)
    return who, shlex.split(line)


def test_an_environment_of_venv_has_pip(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    assert told_in(tmp_path / "venv") == ("pip", [python, "-m", "pip", "install", "--force-reinstall", "six"])


def test_an_environment_of_uv_has_none(tmp_path: Path) -> None:
    subprocess.run([UV, "venv", "--quiet", "--offline", "--python", sys.executable, tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    assert subprocess.run([python, "-m", "pip"], capture_output=True).returncode != 0
    who, line = told_in(tmp_path / "venv")
    assert (who, line) == ("uv", ["uv", "pip", "install", "--python", str(python), "--reinstall", "six"])
    # and uv takes the line
    done = subprocess.run([UV, *line[1:], "--dry-run", "--offline"], capture_output=True, text=True)
    assert "unexpected argument" not in done.stderr and "Using Python" in done.stderr


def test_one_without_both_gets_pip_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(installer, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("UV", raising=False)
    assert keeper() == "none"
    assert install_line("six") == shlex.join([sys.executable, "-m", "ensurepip"]) + " && " + shlex.join(
        [sys.executable, "-m", "pip", "install", "six"]
    )


def test_a_tool_of_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nuv = 0.13.9\n")
    (tmp_path / "uv-receipt.toml").write_text("[tool]\n")
    assert keeper() == "uv tool"
    assert shlex.split(install_line("gpaw", "gpaw-data"))[1:8] == [
        "tool", "install", "--force", "--with", "gpaw", "--with", "gpaw-data",
    ]  # fmt: skip
