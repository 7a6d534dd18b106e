"""What several points of a sweep share: one calculation, which ends for all of them as it ended, and is run once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from counting_engine import CountingEngine

from dftflow.cli.main import main
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.lock import is_locked_elsewhere
from dftflow.jobs.store import existing_plan, note_in_plan
from dftflow.model.outcome import StudyOutcome
from dftflow.studies import standing
from dftflow.studies.again import cancel_steps, retry_steps
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.preview import preview
from dftflow.studies.reader import Study, load_study
from dftflow.studies.standing import Standing, standing_of
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

RELAX, BULK, SLAB = "CsBr/bulk-relax", "CsBr/bulk-bands", "CsBr/slab-110-potential"
POINT = "-vacuum-22"
BULK_SEED = "CsBr-bulk-bands"
SWEEP = "[[sweep]]\nvacuum_ang = [22.0]\n"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CountingEngine:
    return CountingEngine(tmp_path / "engine", monkeypatch)


@pytest.fixture
def file(write_study: Callable[..., Path]) -> Path:
    """Four steps, of which two are one calculation: a crystal knows nothing of the vacuum beside its slab."""
    file = write_study()
    file.write_text(f"{file.read_text()}\n{SWEEP}")
    return file


def study_of(file: Path) -> Study:
    return load_study(str(file), "quick")


def states(root: Path) -> dict[str, str]:
    return {end.name: end.state for end in standing_of(root).ends}


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def said_of(outcome: StudyOutcome) -> dict[str, tuple[str, str, str]]:
    """How each step ended, why, and by which cause."""
    return {step.name: (step.state, step.failure, step.cause) for step in outcome.steps}


def test_a_shared_step_whose_engine_was_killed_has_failed_at_every_point(
    file: Path, tmp_path: Path, engine: CountingEngine
) -> None:
    """It leaves input files alone, and what is said of the gap is how it ended."""
    engine.before[BULK_SEED] = engine.before[BULK_SEED + POINT] = "kill -9 $$"
    root = tmp_path / "run"
    assert engine.run(file, root, most_tries=0).count(BULK_SEED) == 1
    outcome = outcome_of_folder(root)
    said = said_of(outcome)
    assert said[BULK][0] == "failed" and "killed" in said[BULK][1] and said[BULK] == said[BULK + POINT]
    (material,) = outcome.materials
    assert material.bulk.why_no_edges == f"{BULK} failed: {said[BULK][1]}"
    now = run_study(study_of(file), root, workers=1, most_tries=0)
    assert now.materials[0].bulk.why_no_edges == material.bulk.why_no_edges and said_of(now) == said


# --- cancel -----------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(file: Path, tmp_path: Path, engine: CountingEngine) -> Iterator[tuple[Path, Path]]:
    """A run whose shared step is at work, and the file that lets it end."""
    root, go = tmp_path / "run", tmp_path / "go"
    engine.before[BULK_SEED] = f"while [ ! -e {go} ]; do sleep 0.02; done"
    driver = threading.Thread(target=lambda: engine.run(file, root, most_tries=0), daemon=True)
    driver.start()
    wait_for(lambda: (root / "plan.json").exists() and states(root)[BULK] == "running")
    yield root, go
    go.touch()
    driver.join(60)


def test_what_another_point_shares_goes_on_when_it_is_cancelled(
    begun: tuple[Path, Path], file: Path, engine: CountingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """And when its results have come, it has finished with them, also for what needs it."""
    root, go = begun
    capsys.readouterr()
    assert main(["cancel", str(root), BULK]) == 9
    told = capsys.readouterr()
    assert told.out == f"cancelled {BULK}, which was running, and is carried out for {BULK}{POINT}\n"
    assert f"{BULK}: it runs on for {BULK}{POINT}, the same calculation" in told.err
    time.sleep(0.6)  # more than twice as long as until it is asked how it is
    go.touch()
    wait_for(lambda: set(states(root).values()) == {"finished"})
    assert engine.started.count(BULK_SEED) == 1
    assert engine.run(file, root) == []


def test_it_is_ended_when_all_that_share_it_are_cancelled(
    begun: tuple[Path, Path], file: Path, engine: CountingEngine
) -> None:
    root, go = begun
    for done, other in zip(cancel_steps(root, [BULK, BULK + POINT]), ("running", "waiting"), strict=True):
        assert (done.was, done.doubt, done.shared_with) == (other, "", ())
    wait_for(lambda: (root / "index.json").exists() and not is_locked_elsewhere(root))
    assert states(root) == {BULK: "cancelled", BULK + POINT: "cancelled", SLAB: "finished", SLAB + POINT: "finished"}
    assert engine.run(file, root) == [], "nor at the next run"
    go.touch()
    retry_steps(root, [BULK + POINT])
    assert len(engine.run(file, root)) == 1


def test_a_step_that_is_cancelled_while_it_waits_is_carried_out_for_those_that_share_it(
    file: Path, tmp_path: Path, engine: CountingEngine
) -> None:
    root = tmp_path / "run"
    StudyFolder.create(plan_study(study_of(file)), root, "run")
    (done,) = cancel_steps(root, [BULK])
    assert (done.was, done.doubt, done.shared_with) == ("waiting", "", (BULK + POINT,))
    engine.failures[BULK_SEED] = engine.failures[BULK_SEED + POINT] = {"status": "scf_not_converged"}
    engine.run(file, root, most_tries=0)
    assert (states(root)[BULK], states(root)[BULK + POINT]) == ("cancelled", "failed")
    engine.failures.clear()
    assert len(engine.run(file, root)) == 1 and set(states(root).values()) == {"finished"}


def test_a_step_with_settings_of_its_own_shares_nothing(file: Path, tmp_path: Path, engine: CountingEngine) -> None:
    """Nor do steps that are built from what it ends with."""
    root = tmp_path / "run"
    folder = StudyFolder.create(plan_study(load_study(str(file), "study")), root, "run")
    shared = [step.name for step in folder.plan.steps if Work(folder.plan).sharers(step)]
    assert shared == [RELAX, BULK, RELAX + POINT, BULK + POINT]
    folder.override(RELAX, {"cutoff_ev": 210.0})
    plan = StudyFolder.existing(root).plan
    assert not any(Work(plan).sharers(step) for step in plan.steps)


# --- how they stand ---------------------------------------------------------------------------------------------


def test_status_asks_nobody_of_shared_steps_that_are_as_the_run_left_them(
    file: Path, tmp_path: Path, engine: CountingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what the run left of its plan the gate is asked, which says the same."""
    root = tmp_path / "run"
    engine.run(file, root)
    (root / "index.json").rename(tmp_path / "index.json")
    expected = standing_of(root)
    assert {end.state for end in expected.ends} == {"finished"}
    asked: list[str] = []
    monkeypatch.setattr(standing, "_asked", lambda root, names: asked.extend(names) or expected_of(expected))
    assert standing_of(root) == expected and len(asked) == 1
    (tmp_path / "index.json").rename(root / "index.json")
    assert standing_of(root) == expected and len(asked) == 1
    note_in_plan(root, existing_plan(root).id, wall_time_s=1.0)
    assert standing_of(root) == expected and len(asked) == 2


def expected_of(known: Standing) -> dict[str, NodeOutcome]:
    return {end.name: end for end in known.ends}


def test_a_shared_step_is_no_older_than_what_its_point_was_relaxed_to(
    file: Path, tmp_path: Path, engine: CountingEngine
) -> None:
    """What lies there names the relaxation of another point, which ended with the same geometry."""
    root = tmp_path / "run"
    engine.run(file, root, preset="study")
    outcome = outcome_of_folder(root)
    assert {step.state for step in outcome.steps} == {"finished"}
    assert not [warning for warning in outcome.warnings if "older" in warning]


def test_plan_and_status_have_one_answer_of_what_is_made_from_a_step_that_is_to_run_again(
    file: Path, tmp_path: Path, engine: CountingEngine
) -> None:
    """Here nothing moves: what was made from the other relaxation is what would be made from the start."""
    root, study = tmp_path / "run", load_study(str(file), "study")
    engine.run(file, root, preset="study")
    retry_steps(root, [RELAX], {"cutoff_ev": "210"})
    assert {step.name: step.state for step in preview(study, root)} == states(root)
    assert states(root)[BULK] == "waiting"
    engine.run(file, root, preset="study")
    assert {step.name: step.state for step in preview(study, root)} == states(root)
