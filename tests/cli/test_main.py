"""The frame of the command line: start-up, help, and how every kind of error ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from dftflow import __version__, errors
from dftflow.cli import main as main_module
from dftflow.cli.main import COMMANDS, main
from dftflow.cli.output import as_dftflow_error

DFTFLOW = [sys.executable, "-m", "dftflow"]
HEAVY = ("numpy", "scipy", "pymatgen", "matplotlib", "ase", "pydantic", "spglib", "mp_api", "jinja2", "rich", "gpaw")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Puts a function in as the command ``try``."""

    def put(body: Callable[[], object]) -> None:
        @click.command()
        @click.option("--json", "as_json", is_flag=True)
        def wrapped(as_json: bool) -> None:
            body()

        module = ModuleType("dftflow_command_under_test")
        module.command = wrapped  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(main_module.COMMANDS, "try", (module.__name__, "A command under test."))

    return put


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> None:
        raise error

    return body


# --- start-up ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], ["rnu"]])
def test_start_up_imports_no_heavy_package(arguments: list[str]) -> None:
    script = (
        "import sys, json; from dftflow.cli.main import main; code = main(sys.argv[1:]);"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_imports_no_heavy_package(name: str) -> None:
    script = (
        "import sys; from dftflow.cli.main import main; assert main(sys.argv[1:]) == 0;"
        f"heavy = set({HEAVY!r}) & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script, name, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout


DRAWN_OR_RUN = (
    "matplotlib", "jinja2", "rich", "mp_api", "pandas", "pymatgen.io.vasp", "dftflow.studies.execution",
    "dftflow.studies.decks", "dftflow.derive", "dftflow.report", "dftflow.figures",
)  # fmt: skip
DRAWN = tuple(name for name in DRAWN_OR_RUN if name != "jinja2")
"""A plan renders one deck, by which a functional is refused that the code has none for."""
LATTICES = ("gpaw", "ase.io", "ase.dft", "scipy.optimize", "scipy.integrate", "psutil", "dftflow.jobs.machine_profile")
"""What the path of a band structure brings with it (by ASE), and the machine: a surface needs neither."""


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (["slab", "CsPbBr3_Pm-3m", "--miller", "0", "0", "1"], (*DRAWN_OR_RUN, *LATTICES)),
        (["plan", "fapbbr3-cspbbr3", "--out", "none"], DRAWN),
    ],
    ids=lambda value: value[0],
)
def test_a_command_imports_what_it_needs(arguments: list[str], never: tuple[str, ...], tmp_path: Path) -> None:
    script = (
        "import sys; from dftflow.cli.main import main; assert main(sys.argv[1:]) == 0;"
        f"loaded = set({never!r}) & set(sys.modules); assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_help_answers_at_once() -> None:
    """0.3 s of processor time: other processes of a busy machine do not count."""
    assert min(_processor_s([*DFTFLOW, "--help"]) for _ in range(5)) < 0.3


def _processor_s(argv: list[str]) -> float:
    before = os.times()
    subprocess.run(argv, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


# --- help and wrong calls ---------------------------------------------------------------------------------------


def test_help_of_a_command_within_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "bands", "--help"]) == 0
    told = capsys.readouterr().out
    assert main(["help", "plot", "bands"]) == 0
    assert capsys.readouterr().out == told
    assert main(["help", "plot", "bnads"]) == main(["help", "slab", "bands"]) == 2


def test_help_lists_every_command_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert list(COMMANDS) == [
        "studies", "init", "plan", "run", "status", "log", "cancel", "retry", "clean", "step", "decks", "advance",
        "collect", "deck", "parse", "levels", "align", "compare", "plot", "lint", "structure", "slab",
        "diffraction", "mismatch", "report", "export", "import", "help", "doctor",
    ]  # fmt: skip
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in out
        assert line.split()[0] in out


def test_every_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        assert f"Usage: dftflow {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dftflow {__version__}\n"


@pytest.mark.parametrize(("wrong", "right"), [("rnu", "run"), ("structures", "structure"), ("docter", "doctor")])
def test_unknown_command_names_the_nearest(wrong: str, right: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([wrong]) == 2
    assert f"No such command '{wrong}'. Did you mean '{right}'?" in capsys.readouterr().err


def test_unknown_command_without_a_near_one_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyzzy"]) == 2
    assert "No such command 'xyzzy'. Commands: studies, init, plan, run, status," in capsys.readouterr().err


def test_wrong_option_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 2
    captured = capsys.readouterr()
    said = json.loads(captured.out)["error"]
    assert said["exit_code"] == 2
    assert "FOLDER" in said["summary"]
    assert said["fix"] == "see `dftflow status --help`"


# --- errors -----------------------------------------------------------------------------------------------------

ALL_ERRORS = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_own_errors_end_with_their_code_and_no_traceback(
    kind: type[errors.DftflowError], command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(kind("it went wrong", reason="because", fix="do this", where="study.toml:7")))
    assert main(["try"]) == kind.exit_code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: study.toml:7: it went wrong\n  why: because\n  fix: do this\n"


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_own_errors_as_json(kind: type[errors.DftflowError], command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(kind("it went wrong", reason="because", fix="do this", where="study.toml:7")))
    assert main(["try", "--json"]) == kind.exit_code
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out) == {
        "error": {
            "type": kind.__name__,
            "exit_code": kind.exit_code,
            "summary": "it went wrong",
            "reason": "because",
            "fix": "do this",
            "where": "study.toml:7",
        }
    }


def test_a_result_stays_the_only_json_document(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def prints_then_fails() -> None:
        click.echo(json.dumps({"steps": 3}))
        raise errors.CalculationError("one step failed")

    command(prints_then_fails)
    assert main(["try", "--json"]) == 5
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"steps": 3}
    assert captured.err == "error: one step failed\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EPERM])
def test_a_disk_that_cannot_be_written(code: int, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(OSError(code, os.strerror(code), "runs/x/state.json")))
    assert main(["try"]) == errors.StoreError.exit_code
    err = capsys.readouterr().err
    assert err.startswith("error: runs/x/state.json: ")
    assert os.strerror(code) in err
    assert "fix: " in err


def test_a_really_full_disk(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command(lambda: Path("/dev/full").write_text("x" * 100))
    assert main(["try"]) == errors.StoreError.exit_code
    assert os.strerror(errno.ENOSPC) in capsys.readouterr().err


def test_a_missing_package_points_to_doctor(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(lambda: __import__("no_such_package_anywhere.inside"))
    assert main(["try"]) == errors.CodeNotFoundError.exit_code
    err = capsys.readouterr().err
    assert "'no_such_package_anywhere' is not installed" in err
    assert "dftflow doctor" in err


def test_a_missing_module_of_dftflow_is_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        __import__("dftflow.no_such_module")
    assert as_dftflow_error(caught.value) is None


@pytest.mark.parametrize("error", [ZeroDivisionError("1/0"), OSError("no number"), KeyError("k")])
def test_a_bug_says_so_without_a_traceback(error: Exception, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(error))
    assert main(["try"]) == 70
    err = capsys.readouterr().err
    assert type(error).__name__ in err
    assert "report it" in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(
    command: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(raising(ZeroDivisionError("1/0")))
    assert main(["--debug", "try"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    monkeypatch.setenv("DFTFLOW_DEBUG", "1")
    assert main(["try"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_interruption(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(KeyboardInterrupt()))
    assert main(["try"]) == 130
    assert "what is finished is kept" in capsys.readouterr().err


def test_interruption_by_a_signal() -> None:
    script = (
        "import sys, time, types, click; from dftflow.cli import main as m;"
        "mod = types.ModuleType('slow');"
        "mod.command = click.Command('slow', callback=lambda: (print('up', flush=True), time.sleep(60)));"
        "sys.modules['slow'] = mod; m.COMMANDS['slow'] = ('slow', '');"
        "sys.exit(m.main(['slow']))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err


@pytest.mark.parametrize("arguments", [["structure"], ["structure", "--json"]])
def test_a_reader_that_goes_away_leaves_no_noise(arguments: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([*DFTFLOW, *arguments], stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert done.returncode == 1
    assert done.stderr == ""


def test_as_a_module_and_as_a_program_alike() -> None:
    program = Path(sys.executable).with_name("dftflow")
    if not program.exists():
        pytest.skip("dftflow runs from its source, it is not installed")
    outputs = {subprocess.check_output([*argv, "--help"]) for argv in (DFTFLOW, [str(program)])}
    assert len(outputs) == 1
