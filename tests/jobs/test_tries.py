"""What is tried again: the attempt that failed is kept, the next one has its own files, and the bound holds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dftflow.jobs.graph import NodeView, run_graph
from dftflow.jobs.job import Again, Job, Node, NodeOutcome, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.resources import Resources
from dftflow.jobs.step_state import STATE_FILE, StepState, read_state, write_state
from dftflow.jobs.tries import places_of_attempts, put_aside
from dftflow.model.attempt import Attempt

COUNTS = """\
open("runs.log", "a").write("run\\n")
n = int(open("count").read()) if __import__("os").path.exists("count") else 0
open("count", "w").write(str(n + 1))
print("attempt", n + 1)
"""
STEPS_AND_WAITS = COUNTS + "import time; n + 1 < NEEDED and time.sleep(60); open('done', 'w').write('yes')"
FAILS = "print('no')"
FINISHES = "open('done', 'w').write('yes')"


def judge(folder: Path) -> Verdict:
    if (folder / "done").exists():
        return Verdict(state="finished")
    return Verdict(state="failed", failure="gave up", cause="scf_not_converged")


def job(script: str) -> Job:
    return Job(identity="a" * 64, files={"job.py": script}, argv=(sys.executable, "job.py"), beside={"kept": script})


def node(script: str, *remedies: Again) -> Node:
    """A node whose attempts have these remedies, one after the other."""

    def again(folder: Path, cause: str, tries: Sequence[Attempt]) -> Again | None:
        return remedies[len(tries)] if len(tries) < len(remedies) else None

    def resumed(folder: Path, job_now: Job) -> Job:
        deck = (folder / "kept").read_text()
        return replace(job_now, files={"job.py": deck}, beside={"kept": deck})

    return Node(
        name="a", title="a", needs=(), prepare=lambda: job(script), judge=judge, doing=lambda folder: "", again=again,
        resumed=resumed,
    )  # fmt: skip


def run(root: Path, one: Node) -> tuple[NodeOutcome, list[NodeView]]:
    seen: list[NodeView] = []
    ends = run_graph([one], Local(root), observer=seen.extend)
    return ends["a"], seen


def test_a_remedy_is_tried_and_the_failed_attempt_is_kept(tmp_path: Path) -> None:
    end, seen = run(tmp_path, node(FAILS, Again(job=job(FINISHES), remedy="other", words="another script")))
    assert end.state == "finished" and end.folder is not None
    (attempt,) = end.tries
    assert (attempt.cause, attempt.failure) == ("scf_not_converged", "gave up")
    assert str(attempt) == "SCF not converged; again with another script"
    assert attempt.folder == "tries/1"
    assert (end.folder / "tries/1/stdout.log").read_text() == "no\n"
    assert (end.folder / "tries/1/job.py").read_text() == FAILS
    assert (end.folder / "job.py").read_text() == FINISHES and (end.folder / "stdout.log").read_text() == ""
    assert read_state(end.folder).tries == end.tries
    assert "tries/1/stdout.log" in read_state(end.folder).files, "it is sealed with the rest"
    assert any(view.tries == end.tries for view in seen)


def test_the_last_failure_stands_when_no_remedy_is_left(tmp_path: Path) -> None:
    remedy = Again(job=job(FAILS + "\n"), remedy="other", words="another script")
    end, _ = run(tmp_path, node(FAILS, remedy, remedy))
    assert end.state == "failed" and len(end.tries) == 2 and end.cause == "scf_not_converged"
    assert end.folder is not None
    assert sorted(path.name for path in (end.folder / "tries").iterdir()) == ["1", "2"]
    assert read_state(end.folder).state == "failed"


def test_a_failure_without_a_remedy_is_as_it_was(tmp_path: Path) -> None:
    end, _ = run(tmp_path, node(FAILS))
    assert end.state == "failed" and end.tries == () and end.folder is not None
    assert not (end.folder / "tries").exists()


def test_what_was_cut_off_by_the_time_limit_goes_on_from_what_it_left(tmp_path: Path) -> None:
    script = STEPS_AND_WAITS.replace("NEEDED", "3")
    goes_on = Again(job=job(script), remedy="goes-on", words="what it left", start_from=("count",))
    end, _ = run(tmp_path, replace(node(script, goes_on, goes_on), resources=Resources(time_s=1.0)))
    assert end.state == "finished" and end.folder is not None
    assert [attempt.cause for attempt in end.tries] == ["out_of_time", "out_of_time"]
    assert (end.folder / "count").read_text() == "3"
    assert (end.folder / "tries/2/count").read_text() == "2", "and a copy of it is kept"
    assert (end.folder / "runs.log").read_text() == "run\n", "what is not named does not stay"
    assert end.wall_time_s is not None and end.wall_time_s > 2.0


def test_a_run_that_ends_between_two_attempts_goes_on_with_the_second(tmp_path: Path) -> None:
    """As a kill leaves it: the first is put aside and noted, the engine of the second is not started."""
    one = node(FAILS, Again(job=job(FINISHES), remedy="other", words="another script"))
    folder = tmp_path / "steps" / f"a-{'a' * 10}"
    folder.mkdir(parents=True)
    (folder / "kept").write_text(FINISHES)
    attempt = Attempt(cause="scf_not_converged", failure="gave up", remedy="other", words="another", folder="tries/1")
    write_state(folder, StepState(state="waiting", tries=(attempt,)))
    end, _ = run(tmp_path, one)
    assert end.state == "finished" and end.tries == (attempt,)
    assert (folder / "job.py").read_text() == FINISHES
    again, _ = run(tmp_path, one)
    assert again.reused and again.tries == (attempt,)


@pytest.mark.parametrize("earlier", [(), ("1",), ("1", "2")])
def test_what_is_put_aside_never_takes_a_place_that_is_taken(tmp_path: Path, earlier: tuple[str, ...]) -> None:
    for name in earlier:
        (tmp_path / "tries" / name).mkdir(parents=True)
    (tmp_path / "tries" / ".nfs0001").mkdir(parents=True)
    assert [place.name for place in places_of_attempts(tmp_path)] == list(earlier)
    for name in ("out", "big.check", STATE_FILE, "kept"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("out")
    place = put_aside(tmp_path, stay=("kept",), start_from=("*.check",))
    assert place == f"tries/{len(earlier) + 1}"
    assert sorted(file.name for file in (tmp_path / place).iterdir()) == ["big.check", "out"]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
        ["big.check", "kept", "link", STATE_FILE, "tries"]
    )
