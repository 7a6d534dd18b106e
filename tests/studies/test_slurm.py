"""Studies on a real Slurm of two nodes: the driver, the jobs, the nodes and the controller end when nobody wants it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from counted_study import STUDY, CountedStudy
from servers.slurm import Slurm
from small_relaxation import lay_small_relaxation

from dftflow.cli.main import main
from dftflow.jobs.cluster.queue import Queue
from dftflow.jobs.cluster.submission import attempts, last_attempt
from dftflow.jobs.machine_profile import load_machine
from dftflow.jobs.step_state import read_state
from dftflow.studies import tick as tick_module
from dftflow.studies.reader import load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.tick import Tick, submit_study, tick

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("slurm")]

RELAX, BANDS = "CsBr/bulk-relax", "CsBr/bulk-bands"
MACHINES = """\
default = "local"

[machines.loop]
scheduler = "slurm"
cores = 2
memory_gib = 2
grace_s = 5
python = "{python}"

[machines.loop.resources]
time_h = 0.2
memory_gib = 0.25

[machines.brief]
scheduler = "slurm"
cores = 2
memory_gib = 2
grace_s = 5
python = "{python}"

[machines.brief.resources]
time_h = 0.0166
memory_gib = 0.25
"""
KILLING_SBATCH = """\
#!/bin/sh
# the sbatch of a driver that is killed just before, or just after, Slurm has accepted its job
count=$(cat {here}/calls 2>/dev/null || echo 0); count=$((count + 1)); echo $count > {here}/calls
if [ $count != {number} ]; then exec {sbatch} "$@"; fi
[ {when} = after ] && {sbatch} "$@" > {here}/accepted
kill -9 $PPID
"""


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    home = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a socket's path is short
    try:
        with Slurm(home / "s") as started:
            yield started
    finally:
        shutil.rmtree(home)


class Place(CountedStudy):
    """A folder with a study, its machine and the engine of a model crystal."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, STUDY, machines=MACHINES)

    def submit(self, machine: str = "loop") -> Tick:
        return submit_study(self.study, load_machine(machine), self.root, queue=self.queue())

    def tick(self) -> Tick:
        return tick(self.root, queue=self.queue())

    def queue(self) -> Queue:
        return Queue("slurm", cache=self.path / "cache", fresh_s=0.0)

    def wait(self, until: Callable[[Tick], bool] = lambda now: now.is_over, *, patience_s: float = 120.0) -> Tick:
        """Look until it is so."""
        deadline = time.monotonic() + patience_s
        while not until(now := self.tick()):
            assert time.monotonic() < deadline, [(end.name, end.state, end.failure) for end in now.ends]
            time.sleep(0.5)
        return now

    def drive(self, *path: Path) -> int:
        """``dftflow run`` as a process of its own, with these folders in front of its PATH."""
        environment = {**os.environ, "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])}
        argv = self.command("run", "study.toml", "--machine", "loop", "--out", "run")
        return subprocess.run(argv, cwd=self.path, env=environment, capture_output=True).returncode

    def states(self) -> dict[str, str]:
        return {end.name: end.state for end in standing_of(self.root).ends}


@pytest.fixture
def place(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    study = Place(tmp_path)
    for name, value in {**study.environment, **slurm.environment}.items():
        monkeypatch.setenv(name, value)
    return study


FINISHED = {RELAX: "finished", BANDS: "finished"}
ONCE = {"CsBr-bulk-relax": 1, "CsBr-bulk-bands": 1}


# --- the windows of a submission --------------------------------------------------------------------------------


def killing(place: Place, *, when: str, number: int) -> Path:
    """A folder with an sbatch that kills whoever calls it for the `number`-th time."""
    folder = place.path / "killing"
    folder.mkdir()
    text = KILLING_SBATCH.format(here=folder, sbatch=shutil.which("sbatch"), when=when, number=number)
    (folder / "sbatch").write_text(text)
    (folder / "sbatch").chmod(0o755)
    return folder


@pytest.mark.parametrize("number", [1, 2])
def test_a_driver_that_is_killed_after_the_acceptance_submits_nothing_twice(
    slurm: Slurm, place: Place, number: int
) -> None:
    before = set(slurm.jobs())
    assert place.drive(killing(place, when="after", number=number)) == -signal.SIGKILL
    name = (RELAX, BANDS)[number - 1]
    record = last_attempt(place.root, name)
    assert record is not None and record.stage == "intended" and record.job == ""
    assert place.states()[name] == "uncertain"
    assert {end.name: end.state for end in place.wait().ends} == FINISHED
    found = last_attempt(place.root, name)
    assert found is not None and found.attempt == 1 and found.job in set(slurm.jobs()) - before
    assert place.started == ONCE and len(set(slurm.jobs()) - before) == 2


def test_a_driver_that_is_killed_before_the_acceptance_leaves_a_step_uncertain(slurm: Slurm, place: Place) -> None:
    before = set(slurm.jobs())
    assert place.drive(killing(place, when="before", number=2)) == -signal.SIGKILL
    now = place.wait()
    assert {end.name: end.state for end in now.ends} == {RELAX: "finished", BANDS: "uncertain"}
    told = next(end.failure for end in now.ends if end.name == BANDS)
    assert f"dftflow retry {place.root}" in told and str(place.root / "jobs") in told
    assert place.submit().submitted == {}, "not by a run either"
    assert len(set(slurm.jobs()) - before) == 1
    assert main(["retry", str(place.root), BANDS]) == 0
    assert set(place.tick().submitted) == {BANDS}
    assert {end.name: end.state for end in place.wait().ends} == FINISHED
    assert place.started == ONCE


# --- jobs that end otherwise ------------------------------------------------------------------------------------


def job_of(place: Place, name: str) -> str:
    record = last_attempt(place.root, name)
    assert record is not None and record.job
    return record.job


def when_engine_runs(place: Place) -> Tick:
    return place.wait(lambda now: place.started["CsBr-bulk-relax"] > 0 and now.count("running") == 1)


def test_a_cancelled_job_fails_its_step_and_is_not_submitted_again_by_itself(slurm: Slurm, place: Place) -> None:
    place.takes(600)
    assert set(place.submit().submitted) == {RELAX, BANDS}
    when_engine_runs(place)
    slurm.scancel(job_of(place, RELAX))
    now = place.wait()
    states = {end.name: (end.state, end.failure) for end in now.ends}
    assert states[RELAX][0] == "failed" and "was cancelled" in states[RELAX][1]
    assert states[BANDS][0] in ("waiting", "not_run")
    assert place.tick().submitted == {} and main(["advance", str(place.root)]) == 5
    place.takes(0)
    assert set(place.submit().submitted) == {RELAX, BANDS}, "a person asks for it"
    assert {end.name: end.state for end in place.wait().ends} == FINISHED
    assert place.started == {"CsBr-bulk-relax": 2, "CsBr-bulk-bands": 1}


def test_a_job_whose_process_is_killed(slurm: Slurm, place: Place) -> None:
    """Its engine lives on as an orphan, which holds the lock: the step runs until that has ended, and is whole then."""
    place.takes(8)
    place.submit()
    when_engine_runs(place)
    mine = [
        process
        for process in psutil.process_iter(["cmdline"])
        if {"step", RELAX, str(place.root)} <= set(process.info["cmdline"] or ())
    ]
    assert mine
    for process in mine:
        process.kill()
    now = place.wait()
    assert place.started["CsBr-bulk-relax"] == 1
    states = {end.name: end.state for end in now.ends}
    assert states[RELAX] in ("finished", "failed")  # Slurm may end the engine too
    if states[RELAX] == "failed":
        place.takes(0)
        place.submit()
        states = {end.name: end.state for end in place.wait().ends}
    assert states == FINISHED


def test_jobs_that_run_out_of_time(place: Place) -> None:
    """One goes on from its check-point, the other has none; Slurm counts in whole minutes.

    The job that waited for the first was ended by Slurm, and is given again.
    """
    without, place.root = place.root, place.path / "with-checkpoints"
    place.leaves_checkpoints(place.root)
    place.takes(600)
    place.submit("brief")
    submit_study(place.study, load_machine("brief"), without, queue=place.queue())
    place.wait(lambda now: RELAX in now.submitted, patience_s=200)
    place.takes(0)
    assert {end.name: end.state for end in place.wait().ends} == FINISHED
    first, second = attempts(place.root, RELAX)
    assert first.remedy == "the last geometry" and second.goes_on == first.cause == "out_of_time"
    (folder,) = place.root.glob("steps/CsBr/bulk-relax-*")
    assert [attempt.cause for attempt in read_state(folder).tries] == ["out_of_time"]
    place.root = without
    told = next(end for end in place.wait(patience_s=200).ends if end.name == RELAX)
    assert told.state == "failed" and "no check-point within the time; ask for more" in told.failure
    assert told.folder is not None and read_state(told.folder).state == "waiting", "ended in order"
    assert place.started == {"CsBr-bulk-relax": 2 + 1, "CsBr-bulk-bands": 1}


# --- nodes and the controller -----------------------------------------------------------------------------------


def test_a_drained_node_and_one_that_dies(slurm: Slurm, place: Place) -> None:
    place.takes(600)
    slurm.scontrol("update", "nodename=n1", "state=drain", "reason=test")
    try:
        place.submit()
        when_engine_runs(place)
        slurm.scontrol("update", "nodename=n2", "state=down", "reason=test")
        now = place.wait(lambda now: now.count("running") == 0)
        told = next(end.failure for end in now.ends if end.name == RELAX)
        assert "lost its node" in told and now.count("failed") == 1
        place.takes(0)
        place.submit()
    finally:
        slurm.resume()
    assert {end.name: end.state for end in place.wait().ends} == FINISHED


def test_a_controller_that_is_down(slurm: Slurm, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_module, "WAITS_S", (0.1,))
    slurm.stop_controller()
    try:
        now = place.submit()
        assert now.submitted == {} and "Unable to contact slurm controller" in now.held
        assert set(place.states().values()) == {"waiting"}
    finally:
        slurm.start_controller()
    slurm.wait_for_nodes()
    place.takes(600)
    assert set(place.tick().submitted) == {RELAX, BANDS}
    when_engine_runs(place)
    before = place.states()
    slurm.stop_controller()
    try:
        place.takes(0)
        now = place.tick()
        assert now.held and not now.is_over and place.states() == before
    finally:
        slurm.start_controller()
    slurm.wait_for_nodes()
    slurm.scancel(job_of(place, RELAX))
    place.wait()
    place.submit()
    assert {end.name: end.state for end in place.wait().ends} == FINISHED


# --- two studies ------------------------------------------------------------------------------------------------


def test_two_studies_in_one_store_run_what_they_share_once(slurm: Slurm, place: Place) -> None:
    """Submitted together: a job whose calculation another one carries out waits for it on its node."""
    before = set(slurm.jobs())
    place.takes(4)
    roots = [place.path / name for name in ("one", "two")]
    for root in roots:
        file = place.path / f"{root.name}.toml"
        file.write_text(STUDY.replace("schema = 1", 'schema = 1\nstore = "store"'))
        submit_study(load_study(str(file)), load_machine("loop"), root, queue=place.queue())
    for root in roots:
        place.root = root
        assert {end.name: end.state for end in place.wait().ends} == FINISHED
        assert [attempt.attempt for step in FINISHED for attempt in attempts(root, step)] == [1, 1]
    assert place.started == place.ended == ONCE
    assert len(set(slurm.jobs()) - before) == 4 and len(list((place.path / "store" / "steps").iterdir())) == 2


# --- the whole --------------------------------------------------------------------------------------------------

TIMINGS = ("wall_time_s", "cpu_time_s", "peak_memory_mib")


def without_timings(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: without_timings(value) for key, value in content.items() if key not in TIMINGS}
    return [without_timings(value) for value in content] if isinstance(content, list) else content


@pytest.mark.engine
def test_the_numbers_are_those_of_a_local_run(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place.path)
    Path("real").mkdir()
    machines = (place.path / "machines.toml").read_text()
    (place.path / "machines.toml").write_text(machines.replace(str(place.python), sys.executable))
    file = str(lay_small_relaxation(Path("real")))
    assert main(["run", file, "--machine", "loop", "--out", "far", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["machine"] == "loop" and {step["state"] for step in said["steps"]} == {"queued"}
    place.root = Path("far")
    place.wait(patience_s=300)
    assert main(["advance", "far"]) == 0
    assert main(["run", file, "--out", "near"]) == 0
    far, near = (json.loads(Path(folder, "results.json").read_text()) for folder in ("far", "near"))
    assert without_timings(far) == without_timings(near)
    assert far["materials"]["CsBr"]["bulk"]["band_gap_ev"] > 1.0
