"""What a shell completes: studies, presets, codes, steps, crystals; fast, and never with an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete, get_completion_class

from dftflow.cli.main import cli
from dftflow.codes.registry import code_names
from dftflow.crystals.shipped import shipped_names
from dftflow.resources import shipped_studies
from dftflow.studies.reader import load_study, preset_names

SHELLS = ("bash", "zsh", "fish")
STUDY = "fapbbr3-cspbbr3"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def completions(*arguments: str, incomplete: str = "", shell: str = "bash") -> list[str]:
    kind = get_completion_class(shell)
    assert kind is not None
    complete: ShellComplete = kind(cli, {}, "dftflow", "_DFTFLOW_COMPLETE")
    return [item.value for item in complete.get_completions(list(arguments), incomplete)]


@pytest.mark.parametrize("shell", SHELLS)
def test_names_in_every_shell(shell: str) -> None:
    assert completions("plan", shell=shell) == list(shipped_studies())
    assert completions("run", "x", "--code", shell=shell) == list(code_names())
    assert completions("run", STUDY, "--preset", incomplete="p", shell=shell) == ["paper"]
    assert completions("help", incomplete="st", shell=shell) == ["studies", "status", "step", "structure"]


@pytest.mark.parametrize("command", ["plan", "run", "decks"])
def test_studies_and_their_presets(command: str) -> None:
    Path("mine.toml").write_text('[presets.my-own]\ndescription = "x"\n')
    assert "mine.toml" in completions(command)
    assert completions(command, STUDY, "--preset") == list(preset_names(load_study(STUDY).content))
    assert "my-own" in completions(command, "mine.toml", "--preset")


def test_crystals() -> None:
    assert completions("structure") == list(shipped_names())
    assert completions("slab", incomplete="CsPbI") == [name for name in shipped_names() if name.startswith("CsPbI")]
    assert completions("init", "--from", incomplete="CsBr") == ["CsBr_Pm-3m"]
    assert completions("init", "--like") == list(shipped_studies())


def test_steps_of_a_folder(tmp_path: Path) -> None:
    steps = ["CsBr/bulk-relax", "CsBr/bulk-bands"]
    (tmp_path / "decks").mkdir()
    (tmp_path / "decks" / "plan.json").write_text(json.dumps({"steps": [{"name": name} for name in steps]}))
    assert completions("advance", "decks", "--step") == steps
    assert completions("advance", "decks", "--step", incomplete="CsBr/bulk-b") == ["CsBr/bulk-bands"]
    assert completions("collect", "decks", "--at") == [f"{name}=" for name in steps]


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"steps": 3}', '{"steps": [{}]}'])
def test_what_cannot_be_read_completes_to_nothing(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    assert completions("advance", ".", "--step") == []
    (tmp_path / "bad.toml").write_text("[[[")
    assert completions("run", "bad.toml", "--preset") == []


def test_files_where_there_is_no_name() -> None:
    kind = get_completion_class("bash")
    assert kind is not None
    complete = kind(cli, {}, "dftflow", "_DFTFLOW_COMPLETE")
    assert [item.type for item in complete.get_completions(["structure"], "./cells/a")] == ["file"]
    assert [item.type for item in complete.get_completions(["status"], "ru")] == ["file"]
    assert [item.type for item in complete.get_completions(["run", STUDY, "--out"], "ru")] == ["dir"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_of_the_shells(shell: str) -> None:
    """What a person puts into the start-up file of the shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(cli, {}, "dftflow", "_DFTFLOW_COMPLETE").source_vars()
    assert script["prog_name"] == "dftflow"
    environment = {"_DFTFLOW_COMPLETE": f"{shell}_complete", "COMP_WORDS": "dftflow run "}
    environment["COMP_CWORD"] = "" if shell == "fish" else "2"  # fish hands the word itself
    done = subprocess.run(
        [sys.executable, "-c", "from dftflow.cli.main import main; main([])"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
    )
    assert STUDY in done.stdout, done.stderr


def test_completion_imports_nothing_heavy() -> None:
    script = (
        "import os, sys; os.environ.update(_DFTFLOW_COMPLETE='bash_complete', COMP_WORDS='dftflow run x --code ',"
        "COMP_CWORD='4')\n"
        "from dftflow.cli.main import main\n"
        "try: main([])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pydantic', 'pymatgen', 'ase', 'matplotlib', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "castep" in done.stdout
