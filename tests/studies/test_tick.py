"""Looks at a scheduler of which only the answers are there: an ``sbatch`` and a ``squeue`` that keep a list."""

from __future__ import annotations

import getpass
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dftflow.cli.main import main
from dftflow.errors import MachineError, StoreError
from dftflow.jobs.cluster.queue import Queue
from dftflow.jobs.cluster.submission import last_attempt
from dftflow.jobs.machine_profile import load_machine
from dftflow.studies import tick as tick_module
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.tick import Tick, submit_study, tick

RELAX, BANDS = "CsBr/bulk-relax", "CsBr/bulk-bands"
SBATCH = """\
#!/bin/sh
cd {here}
mode=$(cat mode)
for word; do case $word in --chdir=*) folder=${{word#--chdir=}};; esac; last=$word; done
echo "$(grep -o 'afterok:.*' "$last")" >> dependencies
case $mode in
  full) echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1;;
  wrong) echo "sbatch: error: Batch job submission failed: Invalid account or account/partition" >&2; exit 1;;
  down) echo "Batch job submission failed: Unable to contact slurm controller (connect failure)" >&2; exit 1;;
esac
id=$(( $(wc -l < jobs) + 1 ))
echo "$id|{user}|PD|n|$folder" >> jobs
case $mode in
  silent) echo "Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1;;
  one) echo full > mode;;
esac
echo $id
"""
SQUEUE = """\
#!/bin/sh
cat {here}/jobs
"""


class Place:
    """A study, and a scheduler whose list a test writes on."""

    def __init__(self, path: Path, study: Path) -> None:
        self.path, self.root = path, path / "run"
        self.study = load_study(str(study))
        (path / "bin").mkdir()
        for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE)):
            (path / "bin" / name).write_text(text.format(here=path, user=getpass.getuser()))
            (path / "bin" / name).chmod(0o755)
        (path / "machines.toml").write_text('[machines.far]\nscheduler = "slurm"\ncores = 4\n')
        (path / "jobs").touch()
        self.answers("yes")

    def answers(self, mode: str) -> None:
        (self.path / "mode").write_text(mode)

    def says(self, job: str, state: str) -> None:
        """The queue says of a job that it is in this state; ``""``: it does not list it."""
        lines = [line.split("|") for line in (self.path / "jobs").read_text().splitlines()]
        said = [[*line[:2], state, *line[3:]] if line[0] == job else line for line in lines]
        (self.path / "jobs").write_text("".join("|".join(line) + "\n" for line in said if line[2]))

    def submit(self) -> Tick:
        return submit_study(self.study, load_machine("far"), self.root, queue=self.queue())

    def tick(self, **options: Any) -> Tick:
        return tick(self.root, queue=self.queue(), **options)

    def queue(self) -> Queue:
        return Queue("slurm", cache=self.path / "cache", fresh_s=0.0)

    @property
    def states(self) -> dict[str, str]:
        return {end.name: end.state for end in standing_of(self.root).ends}

    def stage(self, name: str) -> str:
        record = last_attempt(self.root, name)
        return "" if record is None else record.stage


@pytest.fixture
def place(write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path, write_study())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DFTFLOW_MACHINES", str(tmp_path / "machines.toml"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tick_module, "WAITS_S", (0.0,))
    return found


def test_each_step_is_a_job_that_waits_for_those_it_needs(place: Place) -> None:
    found = place.submit()
    names = [step.name for step in plan_study(place.study).steps]
    assert list(found.submitted) == names and set(place.states.values()) == {"queued"}
    jobs = dict(found.submitted)
    told = dict(zip(names, (place.path / "dependencies").read_text().splitlines(), strict=True))
    for step in plan_study(place.study).steps:
        needs = {jobs[str(need.step)] for need in step.needs}
        assert set(re.findall(r"\d+", told[step.name])) == needs
    again = place.submit()
    assert again.submitted == {} and place.tick().submitted == {}


def test_a_full_queue_is_gone_on_with_at_the_next_look(place: Place) -> None:
    place.answers("one")
    found = place.submit()
    assert len(found.submitted) == 1 and "QOSMaxSubmitJob" in found.held and not found.is_over
    assert place.stage(BANDS) in ("refused", "")
    place.answers("yes")
    more = place.tick()
    assert len(more.submitted) == len(found.ends) - 1 and not more.held


def test_an_answer_that_tells_nothing_is_found_in_the_queue_and_never_given_again(place: Place) -> None:
    place.answers("silent")
    place.submit()
    lines = (place.path / "jobs").read_text().splitlines()
    assert len(lines) == 1, "what waits for it is not submitted either"
    assert place.stage(RELAX) == "intended" and place.states[RELAX] == "uncertain"
    place.answers("yes")
    place.tick()
    assert place.stage(RELAX) == "submitted" and place.states[RELAX] == "queued"


def test_one_that_no_queue_lists_stays_uncertain_whoever_asks(place: Place) -> None:
    place.answers("silent")
    place.submit()
    (place.path / "jobs").write_text("")
    place.answers("yes")
    for _ in range(2):
        assert RELAX not in place.tick().submitted and RELAX not in place.submit().submitted
    assert place.states[RELAX] == "uncertain" and (place.path / "jobs").read_text() == ""


@pytest.mark.parametrize("mode", ["down", "wrong"])
def test_a_refusal_that_is_certain_lets_it_be_given_again(place: Place, mode: str) -> None:
    place.answers(mode)
    found = place.submit()
    assert found.submitted == {} and place.stage(RELAX) == "refused"
    assert place.states[RELAX] == ("waiting" if mode == "down" else "failed")
    place.answers("yes")
    if mode == "wrong":
        assert place.tick().submitted == {}, "as it was, until a person asks for it"
    assert RELAX in (place.tick() if mode == "down" else place.submit()).submitted
    record = last_attempt(place.root, RELAX)
    assert record is not None and record.attempt == (3 if mode == "down" else 2)


def test_a_job_that_is_gone_is_lost_after_its_time_of_grace(place: Place) -> None:
    place.submit()
    place.says("1", "")
    place.tick(grace_s=0.0)
    assert place.states[RELAX] == "queued"
    time.sleep(0.01)
    place.tick(grace_s=0.0)
    assert place.states[RELAX] == "lost" and place.tick().submitted == {}


def test_success_without_results_is_a_failure_once_they_could_be_seen(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.submit()
    place.says("1", "CD")
    assert place.tick().count("running") == 1, "what it left may be seen late"
    monkeypatch.setattr("dftflow.studies.at_the_queue.LATE_S", 0.0)
    told = next(end for end in place.tick().ends if end.name == RELAX)
    assert told.state == "failed" and "left no results" in told.failure


def test_what_waits_for_one_that_failed_is_released_and_goes_along_when_that_is_asked_for_again(place: Place) -> None:
    place.submit()
    place.says("1", "OOM")
    others = [line.partition("|")[0] for line in (place.path / "jobs").read_text().splitlines()][1:]
    for job in others:
        place.says(job, "CA")
    found = place.tick()
    told = next(end for end in found.ends if end.name == RELAX)
    assert told.state == "failed" and "ran out of memory" in told.failure
    assert found.submitted == {} and found.is_over
    assert {place.stage(name) for name in place.states if name != RELAX} == {"released"}
    assert place.tick().submitted == {}
    assert len(place.submit().submitted) == len(found.ends)


def test_jobs_of_an_earlier_text_have_to_end_first(place: Place, write_study: Callable[..., Path]) -> None:
    place.submit()
    place.study = load_study(str(write_study(("cutoff_ev = 244.9", "cutoff_ev = 260.0"))))
    with pytest.raises(StoreError, match="of an earlier text of this study has not ended"):
        place.submit()


def test_what_is_cancelled_ends_at_the_scheduler_and_is_given_again_when_that_is_asked_for(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.submit()
    scancel = place.path / "bin" / "scancel"
    scancel.write_text(f'#!/bin/sh\necho "$@" >> {place.path}/ended\n')
    scancel.chmod(0o755)
    assert main(["cancel", str(place.root), RELAX]) == 0
    assert (place.path / "ended").read_text() == "1\n" and place.states[RELAX] == "cancelled"
    assert place.tick().submitted == {} and main(["retry", str(place.root), RELAX]) == 2
    assert "dftflow advance" in capsys.readouterr().err
    place.says("1", "CA")
    assert place.tick().submitted == {}
    assert main(["retry", str(place.root), RELAX]) == 0
    assert RELAX in place.tick().submitted


def test_a_machine_without_jobs_is_refused(place: Place) -> None:
    with pytest.raises(MachineError, match="takes no job"):
        submit_study(place.study, load_machine("local"), place.root)
    place.root.mkdir()
    with pytest.raises(StoreError, match="not given to a machine"):
        tick(place.root)


def test_on_the_command_line(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    study, root = str(place.path / "study.toml"), str(place.root)
    assert main(["run", study, "--machine", "far", "--out", root, "--time-limit", "60"]) == 2
    place.answers("down")
    assert main(["run", study, "--machine", "far", "--out", root]) == 5
    assert "no step could be submitted" in capsys.readouterr().err
    place.answers("yes")
    assert main(["advance", root, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["machine"] == "far" and len(said["submitted"]) == len(said["steps"])
    assert main(["advance", root, "--step", RELAX]) == 2
    assert main(["status", root]) == 0
    assert "queued" in capsys.readouterr().out
