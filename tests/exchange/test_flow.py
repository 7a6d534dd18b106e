"""`dftflow.to_jobflow`: a study run by jobflow with the real engine, beside the same study run by dftflow."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from small_relaxation import lay_small_relaxation

import dftflow
from dftflow.errors import CodeNotFoundError, StoreError
from dftflow.jobs.lock import locked

OF_THE_RUN = ("wall_time_s", "cpu_time_s", "peak_memory_mib")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return lay_small_relaxation(tmp_path)


def results(folder: Path) -> Any:
    """What stands in results.json, without the times."""
    return without_times(json.loads((folder / "results.json").read_text()))


def without_times(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: without_times(value) for name, value in part.items() if name not in OF_THE_RUN}
    return [without_times(value) for value in part] if isinstance(part, list) else part


def run_locally(flow: Any) -> dict[str, Any]:
    """What each job gave, by its name."""
    from jobflow import run_locally

    responses = run_locally(flow, log=False)
    names = {job.uuid: job.name for job, _ in flow.iterflow()}
    return {names[uuid]: response[1].output for uuid, response in responses.items()}


@pytest.mark.engine
def test_jobflow_ends_with_the_results_of_dftflow(study: Path, tmp_path: Path) -> None:
    from monty.json import MontyDecoder

    flow = dftflow.to_jobflow(study, tmp_path / "flow")
    # as a manager stores it, and another process reads it
    given = run_locally(MontyDecoder().process_decoded(json.loads(json.dumps(flow.as_dict()))))
    assert given["CsBr/bulk-bands"]["state"] == given["CsBr/bulk-relax"]["state"] == "finished"
    last = given["study: results"]
    assert last["results"] == str(tmp_path / "flow" / "results.json")
    dftflow.write_outcome(dftflow.run(study, tmp_path / "run"), tmp_path / "run")
    assert results(tmp_path / "flow") == results(tmp_path / "run")
    assert last["quantities"] == json.loads((tmp_path / "flow" / "results.json").read_text())["quantities"]
    # and neither runs again what the other has finished
    again = run_locally(dftflow.to_jobflow(study, tmp_path / "run"))
    assert all(again[step]["reused"] for step in ("CsBr/bulk-relax", "CsBr/bulk-bands"))
    assert all(step.state == "finished" for step in dftflow.run(study, tmp_path / "flow").steps)


def test_the_jobs_depend_on_each_other_as_the_steps_do(study: Path, tmp_path: Path) -> None:
    flow = dftflow.to_jobflow(study, tmp_path / "flow")
    uuids = {job.uuid: job.name for job, _ in flow.iterflow()}
    before = {job.name: {uuids[uuid] for uuid in parents} for job, parents in flow.iterflow()}
    needs = {step.name: set(step.needs) for step in dftflow.plan(study, tmp_path / "flow")}
    assert {name: parents for name, parents in before.items() if name in needs} == needs
    assert before["study: results"] == set(needs)


def test_a_step_that_fails_costs_what_needs_it(study: Path, tmp_path: Path) -> None:
    flow = dftflow.to_jobflow(study, tmp_path / "flow")
    (tmp_path / "flow" / "steps").write_text("a file in the place of a folder")
    given = run_locally(flow)
    assert set(given) == {"study: results"}  # neither the relaxation nor the bands
    assert set(given["study: results"]["states"].values()) <= {"not_run", "waiting", "failed"}
    assert all(one["missing"] for one in given["study: results"]["quantities"] if one["name"] == "band gap")


def test_a_flow_of_another_text_of_the_study_is_refused(study: Path, tmp_path: Path) -> None:
    from jobflow import run_locally as run_flow

    flow = dftflow.to_jobflow(study, tmp_path / "flow")
    lay_small_relaxation(study.parent, cutoff_ev=160.0)
    dftflow.to_jobflow(study, tmp_path / "flow")
    with pytest.raises(StoreError, match="is not the one any more"):
        run_flow(flow, log=False, raise_immediately=True)


def test_a_folder_in_use(study: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "flow"), pytest.raises(StoreError, match="another dftflow"):
        dftflow.to_jobflow(study, tmp_path / "flow")


def test_without_jobflow(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {"jobflow", "jobflow.core.flow", "jobflow.core.job"}:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CodeNotFoundError, match="jobflow"):
        dftflow.to_jobflow(study, tmp_path / "flow")
    assert not (tmp_path / "flow").exists()
