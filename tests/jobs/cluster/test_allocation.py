"""Steps as tasks of a real executor of executorlib, on this machine: each calls ``dftflow step``."""

from __future__ import annotations

import json
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest
from counted_study import STUDY
from executorlib import SingleNodeExecutor
from model_crystal import copying_engine, leave

from dftflow.cli.main import main
from dftflow.errors import MachineError
from dftflow.jobs.cluster.allocation import InAllocation, executor_of_job
from dftflow.jobs.machine_profile import load_machine
from dftflow.jobs.shared_store import StepHome
from dftflow.studies.again import cancel_steps
from dftflow.studies.builder import Builder
from dftflow.studies.execution import run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

RELAX, BANDS = "CsBr/bulk-relax", "CsBr/bulk-bands"
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


class Ended:
    """An executor whose tasks do nothing, and end with this exit code."""

    def __init__(self, code: int) -> None:
        self.code, self.given = code, 0

    def submit(self, function: object, /, *given: object, resource_dict: object) -> Future[int]:
        self.given += 1
        ended: Future[int] = Future()
        ended.set_result(self.code)
        return ended


def states_in(place: Path, tasks: Ended) -> dict[str, str]:
    executor = InAllocation(place / "run", StepHome(place / "run"), load_machine("inside"), tasks)
    study = load_study(str(place / "study.toml"))
    outcome = run_study(study, place / "run", machine=load_machine("inside"), executor=executor)
    return {step.name: step.state for step in outcome.steps}


def test_results_that_were_changed_are_used_by_nobody(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(str(place / "study.toml"))
    copying_engine(study, place / "prepared", monkeypatch)
    (place / "machines.toml").write_text((place / "machines.toml").read_text() + "[machines.here]\ncores = 2\n")
    run_study(study, place / "run", machine=load_machine("here"))
    assert states_in(place, unused := Ended(0)) == {RELAX: "finished", BANDS: "finished"} and not unused.given
    (record,) = (place / "run" / "steps" / "CsBr").glob("bulk-relax-*/results.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"energy_ev": -7.0}))
    assert states_in(place, unused) == {RELAX: "refused", BANDS: "not_run"} and not unused.given


def test_how_a_step_ended_is_told_as_it_tells_it(place: Path) -> None:
    assert states_in(place, Ended(9))[RELAX] == "uncertain"
    assert states_in(place, Ended(70))[RELAX] == "failed"
    cancel_steps(place / "run", [RELAX])
    assert states_in(place, unused := Ended(0))[RELAX] == "cancelled" and not unused.given


def test_the_executor_is_that_of_the_job(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    for name in ("SLURM_JOB_ID", "FLUX_URI", "FLUX_JOB_ID", "PBS_JOBID", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MachineError, match="this is none"):
        executor_of_job(1)
    monkeypatch.chdir(place)
    assert main(["run", "study.toml", "--machine", "inside"]) == 2
    monkeypatch.setenv("PBS_JOBID", "7")
    assert isinstance(executor_of_job(1), SingleNodeExecutor)
