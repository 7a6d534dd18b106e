"""A few kills of the hundreds of ``benchmarks/kills.py``: nothing runs twice, is lost or is not seen."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from programs import load_program

from dftflow.jobs import lock
from dftflow.jobs.step_state import StepState, write_state

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "kills.py"


kills = load_program(PROGRAM)


class Quick(kills.Stub):  # type: ignore[name-defined, misc]
    """Killed in its first second, when it has not come to its end yet."""

    longest_s = 1.0


@pytest.mark.parametrize("early", [False, True])
def test_a_run_that_is_killed_again_and_again_comes_to_its_end(tmp_path: Path, early: bool) -> None:
    report = kills.Report()
    trial = kills.Trial(Quick(), tmp_path / "trial" / "run", report, random.Random(7), early=early)
    assert trial.run(6) > 1
    assert report.findings == [] and report.starts > 4


def test_the_witness_sees_two_engines_in_one_folder_and_one_that_starts_again(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "steps" / "a" / "one-1"
    folder.mkdir(parents=True)
    (folder / "done").write_text("yes")
    report = kills.Report()
    witness = kills.Witness(tmp_path / "run", kills.Stub().is_whole, report)
    witness.look()
    engines = [
        subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)"), cwd=folder, start_new_session=True)
        for _ in range(2)
    ]
    try:
        witness.look()
    finally:
        for engine in engines:
            engine.kill()
            engine.wait()
    kinds = sorted(finding.partition(":")[0] for finding in report.findings)
    assert kinds == ["run again", "run again", "twice at once"]


def test_the_trial_sees_an_engine_of_which_dftflow_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run" / "steps" / "a" / "one-1"
    folder.mkdir(parents=True)
    write_state(folder, StepState(state="waiting"))
    report = kills.Report()
    trial = kills.Trial(kills.Stub(), tmp_path / "run", report, random.Random(7), early=False)
    held = lock.EngineLock.take(folder)
    assert held is not None
    engine = subprocess.Popen(
        (sys.executable, "-c", "import time; time.sleep(600)"),
        cwd=folder,
        start_new_session=True,
        pass_fds=(held.descriptor,),
    )
    held.let_go()
    try:
        trial._ask()
        assert report.findings == []
        (folder / lock.ENGINE_LOCK).unlink()
        trial._ask()
    finally:
        engine.kill()
        engine.wait()
    assert [finding.partition(":")[0] for finding in report.findings] == ["unseen"]
