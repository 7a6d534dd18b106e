"""Steps that a person cancels, retries, looks at and cleans up after, on the engine that copies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from counting_engine import CountingEngine

from dftflow.cli.main import main
from dftflow.codes.gpaw.code import GPAW
from dftflow.errors import InputError
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.lock import EngineLock, engine_lock_is_held
from dftflow.jobs.step_state import StepState, read_state, write_state
from dftflow.jobs.store import read_plan
from dftflow.jobs.tries import TRIES
from dftflow.studies.again import cancel_steps, retry_steps
from dftflow.studies.cleaning import remove, what_can_go
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.printed import printed_of
from dftflow.studies.reader import load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.stored_plan import plan_for
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.sums import Group, by_cause, by_state

RELAX, BULK, SLAB = "CsBr/bulk-relax", "CsBr/bulk-bands", "CsBr/slab-110-potential"
BULK_SEED, SLAB_SEED = "CsBr-bulk-bands", "CsBr-slab-110-potential"
Write = Callable[..., Path]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CountingEngine:
    return CountingEngine(tmp_path / "engine", monkeypatch)


def states(root: Path) -> dict[str, str]:
    return {end.name: end.state for end in standing_of(root).ends}


def folder_of(root: Path, name: str) -> Path:
    return next(end.folder for end in standing_of(root).ends if end.name == name and end.folder is not None)


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


# --- retry ------------------------------------------------------------------------------------------------------


def test_a_step_that_failed_runs_again_with_another_setting_and_says_so(
    write_study: Write, tmp_path: Path, engine: CountingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.failures[BULK_SEED] = {"status": "scf_not_converged", "message": "gave up"}
    engine.run(file, root, most_tries=0)
    failed = folder_of(root, BULK)
    assert states(root)[BULK] == "failed"
    assert main(["retry", str(root), BULK, "--set", "smearing_ev=0.2", "--set", "max_scf_cycles=300"]) == 0
    assert "smearing_ev = 0.2" in capsys.readouterr().out
    assert states(root) == {BULK: "waiting", SLAB: "finished"}
    engine.failures.clear()
    assert engine.run(file, root) == [BULK_SEED]
    place = folder_of(root, BULK)
    assert place != failed and failed.is_dir(), "another calculation has another folder"
    script = (place / f"{BULK_SEED}.py").read_text()
    assert "FermiDirac(0.2)" in script and "maxiter=300" in script
    outcome = outcome_of_folder(root)
    (step,) = [step for step in outcome.steps if step.name == BULK]
    told = "calculated with smearing_ev = 0.2, set for this step alone; the study has 0.1"
    assert told in step.remarks
    assert any(told in remark for remark in outcome.materials[0].bulk.remarks), "beside every number from there"
    assert engine.run(file, root) == [], "it is kept"
    file.write_text(file.read_text().replace("schema = 1", "schema = 1  # a note"))
    assert engine.run(file, root) == [], "also when the text of the study changes"


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ("colour=red", "there is no setting 'colour'"),
        ("smearing_ev=9", "from 1e-06 to 5 eV"),
        ("max_scf_cycles=many", "max_scf_cycles cannot be 'many'"),
        ("force_tol_ev_per_ang=0.01", "a setting of relaxations"),
        ("nothing", "is no setting"),
        ("max_scf_cycles=1_2", "it is no number"),
    ],
)
def test_a_setting_that_is_none_changes_nothing(
    write_study: Write, tmp_path: Path, engine: CountingEngine, capsys: pytest.CaptureFixture[str], pair: str, says: str
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    plan = (root / "plan.json").read_bytes()
    assert main(["retry", str(root), BULK, "--set", pair]) == 2
    assert says in capsys.readouterr().err
    assert (root / "plan.json").read_bytes() == plan and states(root)[BULK] == "finished"


def test_a_finished_step_is_not_run_again_for_nothing(
    write_study: Write, tmp_path: Path, engine: CountingEngine
) -> None:
    root = tmp_path / "run"
    engine.run(write_study(), root)
    with pytest.raises(InputError, match="has finished"):
        retry_steps(root, [BULK])


def test_an_uncertain_step_is_free_by_a_persons_word(
    write_study: Write, tmp_path: Path, engine: CountingEngine
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    folder = folder_of(root, BULK)
    (folder / "results.json").unlink()
    write_state(folder, StepState(state="running", host="another", boot="b", pid=1, birth=1.0))
    assert engine.run(file, root) == [] and states(root)[BULK] == "uncertain"
    assert retry_steps(root, [BULK])[0].was == "uncertain"
    assert engine.run(file, root) == [BULK_SEED] and states(root)[BULK] == "finished"


def test_results_that_were_changed_are_put_aside_and_calculated_again(
    write_study: Write, tmp_path: Path, engine: CountingEngine
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    folder = folder_of(root, BULK)
    record = folder / "results.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"energy_ev": -7.0}))
    assert states(root)[BULK] == "refused"
    (done,) = retry_steps(root, [BULK])
    assert done.was == "refused" and done.kept_in == "tries/1"
    assert json.loads((folder / "tries/1/results.json").read_text())["energy_ev"] == -7.0
    assert engine.run(file, root) == [BULK_SEED] and states(root)[BULK] == "finished"


# --- cancel -----------------------------------------------------------------------------------------------------


def test_a_running_step_is_ended_and_waits_for_retry(
    write_study: Write, tmp_path: Path, engine: CountingEngine
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.before[BULK_SEED] = "sleep 600"
    driver = in_background(lambda: engine.run(file, root))
    wait_for(lambda: (root / "plan.json").exists() and states(root)[BULK] == "running")
    (done,) = cancel_steps(root, [BULK])
    assert (done.was, done.doubt) == ("running", "")
    driver.join(60)
    assert not driver.is_alive()
    assert states(root) == {BULK: "cancelled", SLAB: "finished"}, "what does not depend on it goes on"
    assert not engine_lock_is_held(folder_of(root, BULK))
    assert engine.run(file, root) == [], "nor at the next run"
    engine.before.clear()
    retry_steps(root, [BULK])
    assert engine.run(file, root) == [BULK_SEED]
    assert set(states(root).values()) == {"finished"}


def test_all_that_has_not_ended_is_cancelled_at_once(
    write_study: Write, tmp_path: Path, engine: CountingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    (folder_of(root, SLAB) / "results.json").unlink()
    write_state(root / folder_of(root, SLAB).relative_to(root), StepState(state="waiting"))
    capsys.readouterr()
    assert main(["cancel", str(root)]) == 0
    assert capsys.readouterr().out == f"cancelled {SLAB}, which was waiting\n"
    assert main(["cancel", str(root)]) == 0 and capsys.readouterr().out == "nothing to cancel\n"
    assert main(["retry", str(root), BULK]) == 2, "what has finished stays"


def test_an_engine_that_cannot_be_seen_is_said_to_run_on(
    write_study: Write, tmp_path: Path, engine: CountingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    folder = folder_of(root, BULK)
    (folder / "results.json").unlink()
    write_state(folder, StepState(state="running", host="another", boot="b", pid=1, birth=1.0))
    assert main(["cancel", str(root), BULK]) == 9
    assert "its engine on another cannot be seen from here" in capsys.readouterr().err


# --- log, clean, status -----------------------------------------------------------------------------------------


def test_the_log_of_a_step_is_shown_and_followed(
    write_study: Write, tmp_path: Path, engine: CountingEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.before[BULK_SEED] = "echo cycle 1; echo cycle 2 > deck.txt; sleep 1; echo cycle 3 >> deck.txt"
    driver = in_background(lambda: engine.run(file, root))
    wait_for(lambda: any((root / "steps").glob("CsBr/bulk*/deck.txt")))
    assert main(["log", str(root), BULK, "--follow"]) == 0
    driver.join(60)
    shown = capsys.readouterr().out
    assert "cycle 1" in shown, shown
    assert shown.find("cycle 2") < shown.find("cycle 3"), shown
    assert "cycle 2" in shown
    lines = {one.file.name: one.lines for one in printed_of(root, BULK, lines=1)}
    assert lines == {"stdout.log": ("cycle 1",), "deck.txt": ("cycle 3",)}
    assert main(["log", str(root), "CsBr/none"]) == 2


def test_what_nobody_needs_is_listed_and_removed_and_no_number_changes(
    write_study: Write,
    tmp_path: Path,
    engine: CountingEngine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(GPAW, "scratch", ("*.wave",))
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    earlier = folder_of(root, BULK)
    engine.before[BULK_SEED] = "head -c 5000 /dev/zero > big.wave"
    file.write_text(file.read_text().replace("cutoff_ev = 244.9", "cutoff_ev = 260.0"))
    engine.run(file, root)
    before = outcome_of_folder(root)
    attempts = folder_of(root, BULK) / TRIES
    (attempts / "1").mkdir(parents=True)
    (attempts / "1" / "old.wave").write_bytes(b"\0" * 300)
    found = {one.path.name: one for one in what_can_go(root)}
    assert {one.path for one in found.values()} >= {earlier}
    assert found["big.wave"].size_bytes == 5000 and found[TRIES].size_bytes == 300
    assert len(found) == 4, "two folders of the earlier text, one file, and the failed attempts as a whole"
    assert main(["clean", str(root)]) == 0 and earlier.is_dir(), "without --yes nothing is removed"
    assert main(["clean", str(root), "--yes"]) == 0
    assert not earlier.exists() and not list(root.rglob("*.wave"))
    capsys.readouterr()
    assert main(["clean", str(root)]) == 0 and capsys.readouterr().out == "nothing can go\n"
    assert what_can_go(root) == () and set(states(root).values()) == {"finished"}
    assert [q.value for q in outcome_of_folder(root).quantities] == [q.value for q in before.quantities]
    assert engine.run(file, root) == []


def test_what_finished_for_a_step_that_has_to_wait_again_stays(
    write_study: Write, tmp_path: Path, engine: CountingEngine
) -> None:
    """It is found by its calculation as soon as what it is made from is there again."""
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root, preset="study")
    relaxed, made = folder_of(root, RELAX), folder_of(root, BULK)
    kept = (relaxed / "results.json").read_bytes()
    (relaxed / "results.json").unlink()
    write_state(relaxed, StepState(state="running", host="another", boot="b", pid=1, birth=1.0))
    engine.run(file, root, preset="study")
    assert states(root)[RELAX] == "uncertain" and states(root)[BULK] == "not_run"
    assert what_can_go(root) == standing_of(root).earlier == (), "of a plan whose steps have not finished"
    (relaxed / "results.json").write_bytes(kept)
    (relaxed / "state.json").unlink()
    assert engine.run(file, root, preset="study") == [] and folder_of(root, BULK) == made


def test_what_a_retry_with_another_setting_replaces_goes_when_that_has_finished(
    write_study: Write, tmp_path: Path, engine: CountingEngine
) -> None:
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    first = folder_of(root, BULK)
    retry_steps(root, [BULK], {"max_scf_cycles": "300"})
    assert what_can_go(root) == () and states(root)[BULK] == "waiting"
    StudyFolder.create(plan_for(load_study(str(file), "quick"), read_plan(root)), root, "run")  # a run that was killed
    assert states(root)[BULK] == "waiting", "the folder of the earlier settings is not taken for it"
    engine.run(file, root)
    assert [one.path for one in what_can_go(root)] == [first]


def test_what_lies_behind_a_link_or_is_calculated_is_left_alone(
    write_study: Write, tmp_path: Path, engine: CountingEngine
) -> None:
    """As what several studies share: it is not this run's to remove."""
    file, root = write_study(), tmp_path / "run"
    engine.run(file, root)
    first = folder_of(root, BULK)
    file.write_text(file.read_text().replace("cutoff_ev = 244.9", "cutoff_ev = 260.0"))
    engine.run(file, root)
    shared = tmp_path / "store" / first.name
    shared.parent.mkdir()
    first.rename(shared)
    first.symlink_to(shared)
    others = [one for one in what_can_go(root) if one.step is None]
    assert [one.path.name.rpartition("-")[0] for one in others] == ["slab-110-potential"]
    lock = EngineLock.take(others[0].path)
    assert lock is not None
    try:
        assert what_can_go(root) == ()
    finally:
        lock.let_go()
    remove(root, what_can_go(root))
    assert (shared / "results.json").is_file()


def end(name: str, state: str, *, cause: str = "", failure: str = "") -> NodeOutcome:
    return NodeOutcome(name=name, title=name, state=state, folder=None, cause=cause, failure=failure)  # type: ignore[arg-type]


def test_a_campaign_is_summed_by_state_and_by_why_it_failed() -> None:
    ends = [
        *(end(f"ok{n}", "finished") for n in range(5)),
        *(end(f"memory{n}", "failed", cause="out_of_memory") for n in range(2)),
        *(end(f"scf{n}", "failed", cause="scf_not_converged", failure=f"in cycle {n}") for n in range(3)),
        end("bad", "refused", failure="a calculation of\n another crystal"),
        end("w", "waiting"),
    ]
    assert by_state(ends) == {"finished": 5, "waiting": 1, "failed": 5, "refused": 1}
    assert by_cause(ends) == (
        Group(state="failed", why="SCF not converged", count=3, example="scf0"),
        Group(state="failed", why="out of memory", count=2, example="memory0"),
        Group(state="refused", why="a calculation of another crystal", count=1, example="bad"),
    )


def test_status_shows_the_sums_of_many_steps_and_every_step_when_asked(
    write_study: Write, tmp_path: Path, engine: CountingEngine, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file, root = write_study(), tmp_path / "run"
    engine.failures[BULK_SEED] = {"status": "scf_not_converged"}
    engine.run(file, root, most_tries=0)
    monkeypatch.setattr("dftflow.cli.status.MOST_SHOWN", 1)
    capsys.readouterr()
    assert main(["status", str(root)]) == 0
    shown = capsys.readouterr().out
    assert "2 steps: 1 finished, 1 failed" in shown
    assert any(line.split() == ["failed", "1", "SCF", "not", "converged", BULK] for line in shown.splitlines())
    assert main(["status", str(root), "--steps"]) == 0
    assert SLAB in capsys.readouterr().out
    assert read_state(folder_of(root, BULK)).cause == "scf_not_converged"
    assert main(["status", str(root), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["states"] == {"finished": 1, "failed": 1}
    assert document["causes"][0]["why"] == "SCF not converged"
