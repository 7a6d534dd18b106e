"""A few kills of the hundred of ``benchmarks/kill_drivers.py``: every step runs once, and nothing goes on unseen."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from counted_study import CountedStudy
from programs import load_program
from servers.slurm import Slurm
from servers.warm_python import WarmPython

drivers = load_program(Path(__file__).resolve().parents[2] / "benchmarks" / "kill_drivers.py")

PRELOAD = """
import dftflow.cli.main, dftflow.cli.run, dftflow.cli.outcome, dftflow.cli.progress, dftflow.codes.gpaw.code
import dftflow.api.study, dftflow.report.settled, dftflow.report.table, dftflow.studies.outcome, pymatgen.core, spglib
from pathlib import Path
from types import SimpleNamespace
from dftflow.report import write
write.write_outcome = lambda outcome, folder, say: SimpleNamespace(summary="", report=Path())  # it draws every figure
"""
STUDY = drivers.STUDY.format(cutoffs=[250.0, 252.0])
TWELVE = 3 * drivers.STEPS_A_POINT


def kill_often(
    tmp_path: Path, place_of: Callable[[CountedStudy], Any], at_least: int, at_most: int, *, python: str, **times: float
) -> None:
    """Kill the driver of a study that often before its end: of another one with slower engines, until it is so."""
    killed = 0
    for seconds in (0.0, 0.2, 1.0, 5.0):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        study = CountedStudy(folder, STUDY, machines=drivers.MACHINES, seconds=seconds, interpreter=python)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DFTFLOW_MACHINES", str(folder / "machines.toml"))
            place = place_of(study)
            killed = drivers.Campaign(place, **times).run(at_most)
        assert len(study.steps) == TWELVE
        assert study.started == study.ended == dict.fromkeys(study.steps.values(), 1)
        assert not place.tally.double | place.tally.lost | place.tally.silent
        if killed >= at_least:
            return
    pytest.fail(f"only {killed} kills fell before the end")


def test_a_driver_that_is_killed_again_and_again_runs_each_step_once(tmp_path: Path) -> None:
    tally = drivers.Tally()
    with WarmPython(PRELOAD) as warm:
        kill_often(
            tmp_path,
            lambda study: drivers.Here(study, random.Random(3), tally),
            3,
            5,
            python=warm.command,
            start_s=0.5,
            look_every_s=0.1,
        )
    assert not tally.uncertain


@pytest.mark.debian
@pytest.mark.xdist_group("slurm")
def test_the_same_on_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a socket's path is short
    try:
        with Slurm(home / "s") as slurm:
            for name, value in slurm.environment.items():
                monkeypatch.setenv(name, value)
            kill_often(
                tmp_path,
                lambda study: drivers.OnSlurm(study, random.Random(3), drivers.Tally(), slurm),
                3,
                3,
                python=sys.executable,
                look_every_s=0.5,
            )
    finally:
        shutil.rmtree(home)
