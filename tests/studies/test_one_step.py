"""Steps of a run that are carried out one by one, each by a call of its own, as jobs on nodes do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from model_crystal import copying_engine

from dftflow.cli.main import main
from dftflow.errors import CalculationError, StoreError
from dftflow.jobs.cluster.submission import intend, moved, write
from dftflow.jobs.local import at_work
from dftflow.jobs.lock import locked
from dftflow.jobs.machine import job_id
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.resource_table import ResourceTable
from dftflow.jobs.step_state import read_state, write_state
from dftflow.jobs.store import read_plan, write_place
from dftflow.report.results_json import results_document
from dftflow.studies.decks import write_decks
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.one_step import run_step
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import Study, load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.study_folder import StudyFolder

RELAX, BANDS = "CsBr/bulk-relax", "CsBr/bulk-bands"


@pytest.fixture
def study(write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A crystal that is relaxed, and a slab; the engine copies what a model crystal leaves."""
    thick = 'setting = "cubic"\nmin_thickness_ang = 24.0'
    chosen = load_study(str(write_study(('setting = "cubic"', thick))))
    copying_engine(chosen, tmp_path / "prepared", monkeypatch)
    return chosen


@pytest.fixture
def folder(study: Study, tmp_path: Path) -> Path:
    """Planned, nothing run."""
    root = tmp_path / "run"
    StudyFolder.create(plan_study(study), root, "run")
    return root


def machine_with(launcher: tuple[str, ...], **asked: int) -> Machine:
    """One on which a step has two ranks."""
    return Machine(name="two", cores=8, launcher=launcher, table=ResourceTable(ranks=2, **asked))


def names(root: Path) -> list[str]:
    return [step.name for step in StudyFolder.existing(root).plan.steps]


def test_all_steps_one_by_one_end_as_a_run_does(study: Study, folder: Path, tmp_path: Path) -> None:
    for name in names(folder):
        assert run_step(folder, name).state == "finished"
    alone, whole = outcome_of_folder(folder), run_study(study, tmp_path / "whole")
    assert len(whole.steps) > 3
    kept = [results_document(outcome, place)["materials"] for outcome, place in ((alone, folder), (whole, tmp_path))]
    assert json.dumps(kept[0]) == json.dumps(kept[1])
    assert {step.name: step.state for step in alone.steps} == dict.fromkeys(names(folder), "finished")


def test_where_a_step_lies_is_noted_in_a_file_of_its_own(study: Study, folder: Path) -> None:
    before = (folder / "plan.json").read_bytes()
    with locked(folder):  # a whole study's call holds it; a step's does not
        end = run_step(folder, RELAX)
    assert end.folder is not None and end.folder.parent == folder / "steps" / "CsBr"
    assert (folder / "plan.json").read_bytes() == before and not (folder / "plan.jsonl").exists()
    plan = read_plan(folder)
    assert plan is not None
    assert {step.name: step.folder for step in plan.steps}[RELAX] == os.path.relpath(end.folder, folder)
    states = {end.name: end.state for end in standing_of(folder).ends}
    assert states.pop(RELAX) == "finished" and set(states.values()) == {"waiting"}
    assert run_step(folder, RELAX).reused


def test_a_run_goes_on_from_steps_that_were_run_alone(study: Study, folder: Path) -> None:
    run_step(folder, RELAX)
    left = next(folder.glob("steps/CsBr/bulk-relax-*/results.json"))
    before = left.stat()
    outcome = run_study(study, folder)
    assert {step.state for step in outcome.steps} == {"finished"}
    assert (left.stat().st_ino, left.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_a_place_of_another_plan_says_nothing_and_a_damaged_one_is_named(folder: Path) -> None:
    write_place(folder, "another", step=RELAX, folder="steps/elsewhere", failure="")
    plan = read_plan(folder)
    assert plan is not None and {step.folder for step in plan.steps} == {""}
    (folder / "places" / f"{RELAX}.json").write_text("{")
    with pytest.raises(StoreError, match=f"where {RELAX} lies cannot be read"):
        read_plan(folder)


def test_a_run_in_the_same_folder_keeps_the_file_of_the_step_up_to_date(study: Study, folder: Path) -> None:
    plan = read_plan(folder)
    assert plan is not None
    write_place(folder, plan.id, step=RELAX, folder="", failure="it had no crystal")
    outcome = run_study(study, folder)
    assert next(step.state for step in outcome.steps if step.name == RELAX) == "finished"
    assert {end.state for end in standing_of(folder).ends} == {"finished"}


def test_what_needs_a_step_that_has_not_finished_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CalculationError, match=f"{BANDS} cannot be run yet: it needs {RELAX}"):
        run_step(folder, BANDS)
    assert not (folder / "steps").exists()
    assert main(["step", str(folder), BANDS]) == 5
    assert main(["step", str(folder), RELAX, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["state"] == "finished" and said["name"] == RELAX
    assert main(["step", str(folder), BANDS]) == 0
    assert main(["step", str(folder), "CsBr/none"]) == 2


def test_an_engine_that_leaves_nothing_is_a_failure(folder: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "prepared").glob("CsBr-bulk-relax/*"):
        file.unlink()
    assert main(["step", str(folder), RELAX]) == 5
    assert run_step(folder, RELAX).state == "failed"
    assert {end.state for end in standing_of(folder).ends if end.name == RELAX} == {"failed"}


def test_another_plan_and_a_folder_of_decks_are_refused(study: Study, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not the one any more"):
        run_step(folder, RELAX, plan="0" * 64)
    assert run_step(folder, RELAX, plan=StudyFolder.existing(folder).digest).state == "finished"
    write_decks(study, tmp_path / "decks")
    with pytest.raises(StoreError, match="decks and no run"):
        run_step(tmp_path / "decks", RELAX)


LAUNCHER = """
import os, pathlib, subprocess, sys, time
with open(sys.argv[1], "a") as log:
    log.write(f"{os.environ['OMP_NUM_THREADS']}\\n")
time.sleep(0.5)
sys.exit(subprocess.call(sys.argv[2:]))
"""


def test_two_calls_for_one_step_start_one_engine_with_the_launcher(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "launch.py").write_text(LAUNCHER)
    launcher = (sys.executable, str(tmp_path / "launch.py"), str(tmp_path / "started"))
    ends, machine = [], machine_with(launcher, threads=3)
    calls = [threading.Thread(target=lambda: ends.append(run_step(folder, RELAX, machine=machine))) for _ in range(2)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert [end.state for end in ends] == ["finished", "finished"]
    assert (tmp_path / "started").read_text() == "3\n"


def test_the_end_of_an_engine_elsewhere_is_waited_for(folder: Path, tmp_path: Path) -> None:
    """It holds the lock of the folder, and cannot be seen: as one on another node."""
    end = run_step(folder, RELAX)
    assert end.folder is not None
    holder = subprocess.Popen(
        ("flock", str(end.folder / "engine.lock"), sys.executable, "-c", "import time; time.sleep(4)"),
        cwd=tmp_path,
    )
    write_state(end.folder, replace(read_state(end.folder), state="running", host="n7", pid=1, birth=0.0))
    try:
        assert run_step(folder, RELAX).state == "finished"
    finally:
        holder.terminate()
        holder.wait()


def test_an_engine_of_a_job_that_has_ended_is_at_work_no_more(folder: Path) -> None:
    end = run_step(folder, RELAX)
    assert end.folder is not None
    for file in end.folder.glob("results.json"):
        file.unlink()
    lost = replace(read_state(end.folder), state="running", host="n7", boot="x", pid=7, birth=1.0, job="12", files={})
    write_state(end.folder, lost)
    assert at_work(end.folder, lost) == "uncertain"
    record = moved(intend(folder, RELAX, plan="p", name="n", script=lambda place: ""), "submitted", job="12")
    write(folder, record)
    assert run_step(folder, RELAX).state == "uncertain"
    write(folder, moved(record, "ended", word="node_fail"))
    assert run_step(folder, RELAX).state == "finished"


def test_the_job_of_a_scheduler_is_kept_with_the_state(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_ID", "5")
    assert job_id() == ""
    monkeypatch.setenv("SGE_ROOT", "/sge")
    assert job_id() == "5"
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert job_id() == "77"
    (tmp_path / "copy.py").write_text("import shutil; shutil.copy('state.json', 'seen.json')")
    end = run_step(folder, RELAX, machine=machine_with((sys.executable, str(tmp_path / "copy.py"))))
    assert end.folder is not None and json.loads((end.folder / "seen.json").read_text())["job"] == "77"
