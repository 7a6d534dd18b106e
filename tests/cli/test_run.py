"""``dftflow run`` as a process: how it ends, and what becomes of its engines. CASTEP is a shell command here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dftflow.jobs.machine import birth_of

STUDY = """\
schema = 1
title = "CsBr [/x] [red]"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""


def run(folder: Path, engine: str, **streams: int) -> subprocess.Popen[str]:
    """The command, in a session of its own, with `engine` as a shell text in CASTEP's place."""
    (folder / "study.toml").write_text(STUDY)
    return subprocess.Popen(
        (sys.executable, "-m", "dftflow", "run", "study.toml", "--code", "castep", "--preset", "quick", "--out", "out"),
        cwd=folder,
        env={**os.environ, "CASTEP_COMMAND": f"sh -c '{engine}'"},
        start_new_session=True,
        text=True,
        **streams,  # type: ignore[call-overload]
    )


def engine_of(folder: Path) -> int | None:
    for file in (folder / "out").glob("steps/*/*/state.json"):
        pid: int | None = json.loads(file.read_text())["pid"]
        return pid
    return None


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.mark.parametrize("signals", [["INT"], ["TERM"], ["HUP"], ["QUIT"], ["INT", "INT"], ["TERM", "INT"]])
def test_a_signal_ends_the_engines_and_says_how_to_go_on(tmp_path: Path, signals: list[str]) -> None:
    deaf = "trap : TERM; " if len(signals) > 1 else ""
    process = run(tmp_path, f"{deaf}while :; do sleep 1; done", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: engine_of(tmp_path))
    engine = engine_of(tmp_path)
    assert engine is not None
    time.sleep(0.3)
    for name in signals:
        process.send_signal(signal.Signals[f"SIG{name}"])
        time.sleep(0.6)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted; what is finished is kept" in said
    assert birth_of(engine) is None
    (state,) = (tmp_path / "out").glob("steps/*/*/state.json")
    assert json.loads(state.read_text())["state"] == "waiting"


def test_what_shows_the_progress_may_go_away(tmp_path: Path) -> None:
    """As ``dftflow run ... 2>&1 | head -1`` does; the title of this study is no markup."""
    process = run(tmp_path, "sleep 1.5; touch ended", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("CsBr [/x] [red]: preset quick")
    process.stderr.close()
    process.wait(timeout=60)
    assert len(list((tmp_path / "out").glob("steps/*/*/ended"))) == 1


def test_hangup_is_ignored_under_nohup(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    command = f"exec nohup {sys.executable} -m dftflow run study.toml --code castep --preset quick --out out"
    process = subprocess.Popen(
        ("sh", "-c", command),
        cwd=tmp_path,
        env={**os.environ, "CASTEP_COMMAND": "sh -c 'sleep 1.5; touch ended'"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: engine_of(tmp_path))
    process.send_signal(signal.SIGHUP)
    process.wait(timeout=60)
    assert process.returncode == 5 and len(list((tmp_path / "out").glob("steps/*/*/ended"))) == 1
