"""Steps as tasks of a real executor of executorlib, on this machine: each calls ``dftflow step``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from counted_study import STUDY
from executorlib import SingleNodeExecutor
from model_crystal import leave

from dftflow.cli.main import main
from dftflow.errors import MachineError
from dftflow.jobs.cluster.allocation import InAllocation, executor_of_job
from dftflow.jobs.machine_profile import load_machine
from dftflow.jobs.shared_store import StepHome
from dftflow.studies.builder import Builder
from dftflow.studies.execution import run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

COPY = "import shutil, sys; shutil.copytree(sys.argv[1], '.', dirs_exist_ok=True)"
STUB = f"""
import pathlib, sys
from dftflow.codes.gpaw.code import GPAW
here = pathlib.Path(__file__).parent
GPAW.command = lambda self, deck, *launch: (sys.executable, "-c", {COPY!r}, str(here / "prepared" / deck.seed))
from dftflow.cli.main import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study, and a machine whose dftflow has a stub for an engine."""
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "stub.py").write_text(STUB)
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/stub.py "$@"\n')
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "machines.toml").write_text(
        f'[machines.inside]\nscheduler = "slurm"\nengine = "executorlib"\ncores = 2\npython = "{tmp_path}/python"\n'
    )
    monkeypatch.setenv("DFTFLOW_MACHINES", str(tmp_path / "machines.toml"))
    return tmp_path


def test_the_steps_of_a_study_are_tasks_of_executorlib(place: Path) -> None:
    study = load_study(str(place / "study.toml"))
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        leave(place / "prepared" / step.seed, built.structure, built.spec)
    machine = load_machine("inside")
    with SingleNodeExecutor(max_cores=2, hostname_localhost=True) as tasks:
        executor = InAllocation(place / "run", StepHome(place / "run"), machine, tasks)
        outcome = run_study(study, place / "run", machine=machine, executor=executor)
    assert {step.name: step.state for step in outcome.steps} == {step.name: "finished" for step in plan.steps}
    states = [json.loads(file.read_text())["state"] for file in (place / "run").glob("steps/**/state.json")]
    assert states == ["finished"] * len(plan.steps)
    assert len(list((place / "run" / "places").glob("**/*.json"))) == len(plan.steps), "each by a call of its own"


def test_a_step_that_fails_in_its_task_fails_here(place: Path) -> None:
    study = load_study(str(place / "study.toml"))
    machine = load_machine("inside")
    with SingleNodeExecutor(max_cores=2, hostname_localhost=True) as tasks:
        executor = InAllocation(place / "run", StepHome(place / "run"), machine, tasks)
        outcome = run_study(study, place / "run", machine=machine, executor=executor)
    states = {step.name: step.state for step in outcome.steps}
    assert states == {"CsBr/bulk-relax": "failed", "CsBr/bulk-bands": "not_run"}
    assert all(step.failure for step in outcome.steps)


def test_the_executor_is_that_of_the_job(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    for name in ("SLURM_JOB_ID", "FLUX_URI", "FLUX_JOB_ID", "PBS_JOBID", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MachineError, match="this is none"):
        executor_of_job(1)
    monkeypatch.chdir(place)
    assert main(["run", "study.toml", "--machine", "inside"]) == 2
    monkeypatch.setenv("PBS_JOBID", "7")
    assert isinstance(executor_of_job(1), SingleNodeExecutor)
