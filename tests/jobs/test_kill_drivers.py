"""A few kills of the hundred of ``benchmarks/kill_drivers.py``: every step runs once, and nothing goes on unseen."""

from __future__ import annotations

import random
import shutil
import tempfile
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


def nothing_wrong(study: CountedStudy, place: Any) -> None:
    assert len(study.steps) == TWELVE
    assert study.started == study.ended == dict.fromkeys(study.steps.values(), 1)
    assert not place.tally.double | place.tally.lost | place.tally.silent


def test_a_driver_that_is_killed_again_and_again_runs_each_step_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFTFLOW_MACHINES", str(tmp_path / "machines.toml"))
    with WarmPython(PRELOAD) as warm:
        study = CountedStudy(tmp_path, STUDY, machines=drivers.MACHINES, interpreter=warm.command)
        place = drivers.Here(study, random.Random(3), drivers.Tally())
        killed = drivers.Campaign(place, start_s=0.5, look_every_s=0.1).run(5)
    assert killed >= 3 and not place.tally.uncertain
    nothing_wrong(study, place)


@pytest.mark.debian
@pytest.mark.xdist_group("slurm")
def test_the_same_on_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFTFLOW_MACHINES", str(tmp_path / "machines.toml"))
    home = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a socket's path is short
    try:
        with Slurm(home / "s") as slurm:
            for name, value in slurm.environment.items():
                monkeypatch.setenv(name, value)
            study = CountedStudy(tmp_path, STUDY, machines=drivers.MACHINES)
            place = drivers.OnSlurm(study, random.Random(3), drivers.Tally(), slurm)
            assert drivers.Campaign(place, look_every_s=0.5).run(3) == 3
    finally:
        shutil.rmtree(home)
    nothing_wrong(study, place)
