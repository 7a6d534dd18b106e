"""Studies on PBS, SGE and LSF, by programs that print what theirs do (`servers.other_queues`); the jobs really run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from counted_study import STUDY, CountedStudy
from servers.other_queues import OtherQueue
from servers.warm_python import WarmPython

from dftflow.cli.main import main
from dftflow.jobs.cluster.submission import Submission, attempts
from dftflow.jobs.step_state import read_state
from dftflow.studies import at_the_queue
from dftflow.studies.standing import standing_of
from dftflow.studies.tick import Tick, tick

pytestmark = pytest.mark.xdist_group("hostile slurm")  # one interpreter is warmed up for all

RELAX, BANDS = "CsBr/bulk-relax", "CsBr/bulk-bands"
MACHINES = """\
[machines.hpc]
scheduler = "{kind}"
cores = 2
memory_gib = 2
python = "{{python}}"
lost_after_min = {lost_after_min}

[machines.hpc.resources]
time_h = 0.2
"""
ONCE = {"CsBr-bulk-relax": 1, "CsBr-bulk-bands": 1}
FINISHED = {RELAX: "finished", BANDS: "finished"}
KINDS = ("pbs", "sge", "lsf")


@dataclass(frozen=True)
class Place:
    """A study, a scheduler, and what a person does with both."""

    study: CountedStudy
    queue: OtherQueue
    kind: str

    @property
    def root(self) -> Path:
        return self.study.root

    def run(self) -> int:
        shutil.rmtree(self.study.path / "cache", ignore_errors=True)
        return main(["run", str(self.study.path / "study.toml"), "--machine", "hpc", "--out", str(self.root)])

    def look(self) -> Tick:
        """One look, when nothing runs and half a minute later."""
        self.queue.wait()
        return self.look_now()

    def look_now(self) -> Tick:
        shutil.rmtree(self.study.path / "cache", ignore_errors=True)
        return tick(self.root)

    def to_the_end(self) -> dict[str, str]:
        for _ in range(6):
            if self.look().is_over:
                break
        return self.states()

    def states(self) -> dict[str, str]:
        return {end.name: end.state for end in standing_of(self.root).ends}

    def said(self, step: str) -> str:
        return next(end.failure for end in standing_of(self.root).ends if end.name == step)

    def records(self, step: str) -> tuple[Submission, ...]:
        return attempts(self.root, step)

    def last(self, step: str) -> Submission:
        return self.records(step)[-1]

    def forgets_at_once(self) -> None:
        text = MACHINES.format(kind=self.kind, lost_after_min="1e-6").format(python=self.study.python)
        (self.study.path / "machines.toml").write_text(text)


@pytest.fixture(params=KINDS)
def place(
    request: pytest.FixtureRequest, warm: WarmPython, behind: Callable[[CountedStudy, OtherQueue], None], tmp_path: Path
) -> Iterator[Place]:
    home = tmp_path / "a place"  # whose name has a blank
    home.mkdir()
    machines = MACHINES.format(kind=request.param, lost_after_min="10")
    study = CountedStudy(home, STUDY, machines=machines, interpreter=warm.command)
    queue = OtherQueue(tmp_path / "queue", request.param)
    behind(study, queue)
    yield Place(study, queue, request.param)
    queue.end()


def test_a_study_is_finished(place: Place) -> None:
    assert place.run() == 0
    relax, bands = place.last(RELAX).job, place.last(BANDS).job
    assert place.queue.jobs[bands]["after"] == [relax] and place.queue.jobs[relax]["after"] == []
    assert place.to_the_end() == FINISHED
    assert place.study.started == place.study.ended == ONCE and len(place.queue.jobs) == 2
    place.look()
    place.look()
    assert [place.last(step).stage for step in FINISHED] == ["ended", "ended"], "nothing is waited for any more"
    assert place.run() == 0 and place.study.started == ONCE


def test_what_runs_and_what_waits_is_told(place: Place) -> None:
    place.study.takes(600)
    assert place.run() == 0
    place.look_now()
    assert place.states() == {RELAX: "running", BANDS: "queued"}
    assert place.last(RELAX).word == "running" and place.last(BANDS).word == "pending"


def test_a_job_that_is_cancelled(place: Place) -> None:
    place.study.takes(600)
    assert place.run() == 0
    assert main(["cancel", str(place.root), RELAX]) == 0
    assert place.queue.jobs[place.last(RELAX).job]["state"] == "EXIT"
    place.study.takes(0)
    place.forgets_at_once()
    for _ in range(3):
        now = place.look()
    assert place.states()[RELAX] == "cancelled" and place.states()[BANDS] != "finished" and now.submitted == {}
    assert place.study.ended == {}


def test_a_step_that_fails(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words are told, though the queue may have forgotten its job; what waits for it calculates nothing."""
    monkeypatch.setattr(at_the_queue, "LATE_S", 0.0)
    prepared = place.study.path / "prepared" / "CsBr-bulk-relax"
    prepared.rename(prepared.with_name("away"))
    place.forgets_at_once()
    assert place.run() == 0
    for _ in range(4):
        now = place.look()
    assert now.submitted == {} and place.states()[RELAX] == "failed"
    (folder,) = place.root.glob("steps/CsBr/bulk-relax-*")
    assert read_state(folder).failure.splitlines()[0] in place.said(RELAX)
    assert place.states()[BANDS] in ("waiting", "failed"), place.said(BANDS)
    assert place.study.started == {"CsBr-bulk-relax": 1} and len(place.queue.jobs) == 2
    prepared.with_name("away").rename(prepared)
    assert place.run() == 0
    assert place.to_the_end() == FINISHED
    assert place.study.started == {"CsBr-bulk-relax": 2, "CsBr-bulk-bands": 1}


def test_a_submission_without_an_answer(place: Place) -> None:
    """PBS tells in which folder a job works; of SGE and LSF the step is uncertain until its results are there."""
    place.study.takes(1)
    place.queue.dies_after_accepting()
    assert place.run() == 5
    assert place.last(RELAX).stage == "intended" and place.states()[RELAX] == "uncertain"
    assert "dftflow retry" in place.said(RELAX)
    place.look_now()
    assert place.last(RELAX).stage == ("submitted" if place.kind == "pbs" else "intended")
    assert len(place.records(RELAX)) == 1
    assert place.to_the_end() == FINISHED
    assert place.study.started == ONCE and len(place.queue.jobs) == 2
