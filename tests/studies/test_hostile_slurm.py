"""What schedulers have done to others, done to a whole study: each behaviour with the public thread that tells of it.

The jobs really run, and their engines are counted. Whatever the scheduler says, an engine is started once for each
step, nothing that has finished is lost, and what cannot be known is called so, with the command that mends it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from counted_study import STUDY, CountedStudy
from servers.hostile_slurm import ALWAYS, HostileSlurm
from servers.warm_python import WarmPython

from dftflow.cli import look as look_module
from dftflow.cli.main import main
from dftflow.jobs.cluster import queue as queue_module
from dftflow.jobs.cluster.queue import Queue
from dftflow.jobs.cluster.submission import Submission, attempts, last_attempt
from dftflow.studies import at_the_queue
from dftflow.studies import tick as tick_module
from dftflow.studies.plan import plan_study
from dftflow.studies.printed import printed_of
from dftflow.studies.reader import load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.tick import tick

pytestmark = pytest.mark.xdist_group("hostile slurm")  # one interpreter is warmed up for all

RELAX, BANDS = "CsBr/bulk-relax", "CsBr/bulk-bands"
MACHINES = """\
[machines.loop]
scheduler = "slurm"
cores = 2
memory_gib = 2
python = "{python}"

[machines.loop.resources]
time_h = 0.2
"""
CORES, LOST_AT_ONCE = "cores = 2\n", "lost_after_min = 1e-4\n"
ONCE = {"CsBr-bulk-relax": 1, "CsBr-bulk-bands": 1}
FINISHED = {RELAX: "finished", BANDS: "finished"}
MOST_LOOKS = 12
Behind = Callable[[CountedStudy, HostileSlurm], None]


@dataclass(frozen=True)
class Place:
    """A study, a scheduler, and what a person does with both."""

    study: CountedStudy
    slurm: HostileSlurm
    capsys: pytest.CaptureFixture[str]

    @property
    def root(self) -> Path:
        return self.study.root

    def run(self) -> int:
        """``dftflow run --machine``: the exit code."""
        shutil.rmtree(self.study.path / "cache", ignore_errors=True)
        return self.dftflow("run", str(self.study.path / "study.toml"), "--machine", "loop", "--out", str(self.root))

    def advance(self) -> tuple[int, bool]:
        """``dftflow advance``, half a minute after the last one: the exit code, and whether all is over."""
        self.slurm.wait()
        shutil.rmtree(self.study.path / "cache", ignore_errors=True)
        self.said()
        code = self.dftflow("advance", str(self.root), "--json")
        printed = self.capsys.readouterr().out
        return code, code != 0 or '"held"' not in printed

    def dftflow(self, *arguments: str) -> int:
        return main(list(arguments))

    def said(self) -> str:
        captured = self.capsys.readouterr()
        return captured.out + captured.err

    def to_the_end(self) -> int:
        """Look again and again, as cron does; the last exit code."""
        for _ in range(MOST_LOOKS):
            code, over = self.advance()
            if over:
                return code
        raise AssertionError(self.told())

    def states(self) -> dict[str, str]:
        return {end.name: end.state for end in standing_of(self.root).ends}

    def told(self) -> dict[str, str]:
        """What ``dftflow status`` says beside each step."""
        self.said()
        assert self.dftflow("status", str(self.root), "--json") in (0, 5, 9)
        document = json.loads(self.capsys.readouterr().out)
        return {step["name"]: step.get("failure") or step.get("note") or "" for step in document["steps"]}

    def records(self, step: str) -> tuple[Submission, ...]:
        return attempts(self.root, step)

    def mend(self, step: str) -> None:
        """Carry out the one command that the state of the step names."""
        (command,) = re.findall(r"`dftflow (retry [^`]*)`", self.told()[step])
        assert self.dftflow(*shlex.split(command)) == 0


@pytest.fixture
def text() -> str:
    """Of the study."""
    return STUDY


@pytest.fixture
def place(
    text: str,
    warm: WarmPython,
    behind: Behind,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Place]:
    study = CountedStudy(tmp_path, text, machines=MACHINES, interpreter=warm.command)
    slurm = HostileSlurm(tmp_path / "slurm")
    behind(study, slurm)
    monkeypatch.setattr(tick_module, "WAITS_S", (0.0, 0.0, 0.0, 0.0))
    yield Place(study, slurm, capsys)
    slurm.end()


# --- what is seen through ---------------------------------------------------------------------------------------

SEEN_THROUGH = {
    "it is honest": ((), ALWAYS),
    # "submitted and completing, despite: Batch job submission failed": nothing was answered
    "nextflow-io/nextflow#981": (("sbatch dies after accepting",), 1),
    # "Batch job submission failed: Socket timed out on send/recv operation", "but ... still received and ran the job"
    "DataBiosphere/toil#5459": (("sbatch times out after accepting",), 2),
    # "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", and a job all the same
    "rwth-i6/sisyphus#156": (("sbatch retries and times out after accepting",), 1),
    # "Welcome to the Stampede3 Supercomputer": the 3 was taken for the id
    "llnl/maestrowf#441, mlr-org/batchtools#314": (("sbatch prints more",), ALWAYS),
    # "Unable to contact slurm controller (connect failure)", for a while
    "fls-bioinformatics-core/genomics#245": (("no controller",), 3),
    # "sbatch: error: AssocMaxSubmitJobLimit"
    "rwth-i6/sisyphus#241": (("full",), ALWAYS),
    # "slurm_load_jobs error: Socket timed out on send/recv operation"
    "nextflow-io/nextflow#2696": (("squeue times out",), 2),
    # "slurm_load_jobs error: Invalid job id specified", in an endless loop, of a job that had ended well
    "fractal-analytics-platform/fractal-server#1681": (("squeue knows no id",), ALWAYS),
    # "41472211 not in queue", and the job ran
    "MikeDacre/fyrd#16": (("queue forgets",), ALWAYS),
    # a queue that removes what has ended too quickly; "Slurm accounting storage is disabled"
    "llnl/maestrowf#264, snakemake/snakemake-executor-plugin-slurm#38": (
        ("queue forgets what ended", "no accounting"), ALWAYS),
    # "failed to open persistent connection to host:slurm-hpc:6819: Connection refused"
    "snakemake/snakemake-executor-plugin-slurm#207": (("queue forgets", "no database"), ALWAYS),
    # the accounting's job of this id is one of another user, of 2017, "COMPLETED"
    "princeton-ddss/blackfish#484, facebookincubator/submitit#1660": (("another user's jobs",), ALWAYS),
    # "More then one matching SLURM task"
    "rwth-i6/sisyphus#163": (("every line twice",), ALWAYS),
    # "<cmd> did not create file <file>. In fact the files are created"
    "cooperative-computing-lab/cctools#614, snakemake/snakemake#775": (("files come late",), ALWAYS),
    # "NODE_FAIL; these jobs are automatically requeued by SLURM with the same SLURM ID"
    "snakemake/snakemake-executor-plugin-slurm#109, nextflow-io/nextflow#226": (("requeued",), ALWAYS),
}  # fmt: skip


@pytest.mark.parametrize("thread", SEEN_THROUGH, ids=lambda thread: ", ".join(SEEN_THROUGH[thread][0]) or "honest")
def test_each_engine_is_started_once_and_all_is_finished(place: Place, thread: str) -> None:
    names, times = SEEN_THROUGH[thread]
    place.slurm.does(*names, times=times)
    if "after accepting" in "".join(names):
        place.slurm.does("nothing starts")
        assert place.run() == 5, "uncertain: nothing is waited for"
        place.run()
        place.slurm.does("nothing starts", times=0)
    assert place.run() == 0
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE and place.study.ended == ONCE
    assert len(place.slurm.jobs) == 2, "nothing was submitted twice"


# --- what is told -----------------------------------------------------------------------------------------------


def test_an_answer_that_leaves_it_open_and_no_job(place: Place) -> None:
    """snakemake/snakemake#1789: "Socket timed out on send/recv operation", which says nothing of the job."""
    place.slurm.does("sbatch times out without accepting", times=1)
    assert place.run() == 5
    for _ in range(2):
        assert place.run() == 5
        assert place.advance() == (5, True)
    assert place.states() == {RELAX: "uncertain", BANDS: "waiting"} and place.slurm.jobs == {}
    place.mend(RELAX)
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE


def test_a_job_that_everybody_forgets(place: Place) -> None:
    """ai4d-iasc/trixie#30: submitted with no error, nothing in the queue, and no output."""
    place.slurm.does("all forget, and nothing runs")
    assert place.run() == 0
    (place.study.path / "machines.toml").write_text(
        MACHINES.format(python=place.study.python).replace(CORES, f"{CORES}{LOST_AT_ONCE}")
    )
    tick(place.root)
    shutil.rmtree(place.study.path / "cache")
    assert place.states()[RELAX] == "queued", "a time of grace"
    now = tick(place.root)
    assert {end.state for end in now.ends} == {"lost"} and now.submitted == {}
    assert place.run() == 5, "not submitted again"
    assert "is in no queue any more" in place.told()[RELAX]
    jobs = set(place.slurm.jobs)
    place.slurm.does_well()
    for job in jobs:
        place.slurm.drop(job)
    for step in (RELAX, BANDS):
        place.mend(step)
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE


def test_a_state_that_is_cut(place: Place) -> None:
    """galaxyproject/galaxy#6007, jdblischak/smk-simple-slurm#29: ``OUT_OF_ME+``, and it was waited for for ever."""
    place.slurm.does("out of memory, cut", times=1)
    place.slurm.does("queue forgets what ended")
    assert place.run() == 0
    assert place.to_the_end() == 0
    first, second = place.records(RELAX)
    assert first.cause == "out_of_memory" and second.asked == {"memory_mib": 2048.0}, "all that a node has"
    assert place.states() == FINISHED and place.study.started == ONCE


def test_memory_that_is_never_enough(place: Place) -> None:
    """The same of every job: what a node has is asked for once, and then a person."""
    place.slurm.does("out of memory, cut")
    place.slurm.does("queue forgets what ended")
    assert place.run() == 0
    assert place.to_the_end() == 5
    assert "ran out of memory" in place.told()[RELAX] and place.states()[BANDS] in ("waiting", "not_run")
    assert place.advance() == (5, True) and place.study.started == {}, "not by itself"
    assert len(place.records(RELAX)) == 2
    place.slurm.does_well()
    assert place.run() == 0
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE


def test_a_job_that_is_longer_than_may_be(place: Place) -> None:
    """BSC-ES/autosubmit#2854, mlr-org/batchtools#199: "(job submit limit, user's size and/or time limits)" is both."""
    place.slurm.does("too long")
    assert place.run() == 5
    assert "QOSMaxWallDurationPerJobLimit" in place.told()[RELAX] and place.states()[RELAX] == "failed"
    assert [place.advance() for _ in range(2)] == [(5, True)] * 2
    assert len(place.records(RELAX)) == 1, "not submitted as it is again"
    place.slurm.does_well()
    assert place.run() == 0
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE


def test_after_one_answer_that_leaves_it_open_the_others_wait(place: Place) -> None:
    """A Slurm without room for jobs lets each sbatch wait for minutes: a hundred of them would take the night."""
    file = place.study.path / "study.toml"
    text = file.read_text()
    more = text[text.index("[materials.CsBr]") :].replace("[materials.CsBr]", "[materials.Other]")
    file.write_text(f"{text}\n{more.replace('244.9', '250.0')}")
    place.slurm.does("sbatch times out without accepting")
    assert place.run() == 0 and "no more is submitted in this look" in place.said()
    assert list(place.states().values()).count("uncertain") == 1
    assert place.run() == 5
    uncertain = [name for name, state in place.states().items() if state == "uncertain"]
    assert len(uncertain) == 2
    place.slurm.does_well()
    assert place.dftflow("retry", str(place.root), "--uncertain", "--json") == 0
    assert [one["name"] for one in json.loads(place.capsys.readouterr().out)] == uncertain
    assert {record.stage for name in uncertain for record in place.records(name)} == {"refused"}
    assert place.dftflow("retry", str(place.root), "--uncertain") == 0 and "there is none" in place.said()


def test_a_notice_instead_of_jobs_is_no_answer(place: Place) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    (place.study.path / "machines.toml").write_text(
        MACHINES.format(python=place.study.python).replace(CORES, f"{CORES}{LOST_AT_ONCE}")
    )
    place.slurm.does("squeue prints a notice")
    for _ in range(2):
        assert place.advance()[0] == 0
    assert place.states() == {RELAX: "queued", BANDS: "queued"}
    assert place.dftflow("retry", str(place.root), RELAX) == 9 and "too many queries" in place.said()
    assert place.dftflow("cancel", str(place.root)) == 9 and job_states(place) == ["PENDING", "PENDING"]


def test_a_job_that_only_the_accounting_keeps_alive_is_lost(place: Place) -> None:
    """sacctmgr(1), "runaway jobs": the database has them running, and no controller knows of them."""
    place.slurm.does("nothing starts")
    assert place.run() == 0
    (place.study.path / "machines.toml").write_text(
        MACHINES.format(python=place.study.python).replace(CORES, f"{CORES}{LOST_AT_ONCE}")
    )
    place.slurm.does("queue forgets", "accounting keeps jobs running")
    for _ in range(3):
        place.advance()
    assert place.states() == {RELAX: "lost", BANDS: "lost"}
    assert place.dftflow("retry", str(place.root), RELAX, BANDS) == 0
    assert len(tick(place.root).submitted) == 2


def test_a_job_that_is_revoked_is_another_clusters(place: Place) -> None:
    """In a federation squeue shows it so where it does not run."""
    place.slurm.does("nothing starts", "revoked")
    assert place.run() == 0
    assert place.advance()[0] == 0
    assert place.states() == {RELAX: "queued", BANDS: "queued"}
    place.slurm.does_well()
    assert place.to_the_end() == 0
    assert place.study.started == ONCE


def test_a_queue_that_hangs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """mlr-org/batchtools#201: squeue is slow or does not answer at all, because it is asked too often."""
    monkeypatch.setattr(queue_module, "ASK_LIMIT_S", 0.5)
    assert place.run() == 0
    before = place.records(BANDS)
    place.slurm.does("squeue hangs", times=1)
    began = time.monotonic()
    found = tick(place.root)
    assert "gave no answer" in found.held and place.records(BANDS) == before
    assert time.monotonic() - began < 60
    assert place.to_the_end() == 0
    assert place.study.started == ONCE


def test_a_node_that_reports_success_and_wrote_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """desihub/desispec#2744, qiita-spots/qiita#3521: COMPLETED, 0:0, and the job had failed."""
    place.slurm.does("wrote nothing", times=1)
    assert place.run() == 0
    place.slurm.wait()
    assert place.advance() == (0, False) and "not seen yet" in place.told()[RELAX]
    monkeypatch.setattr(at_the_queue, "LATE_S", 0.0)
    assert place.to_the_end() == 5
    assert "ended well by its scheduler, and left no results" in place.told()[RELAX]
    job = last_attempt(place.root, RELAX)
    assert job is not None
    job.log.write_text("module: command not found\n")
    assert [one.lines for one in printed_of(place.root, RELAX, lines=3)] == [("module: command not found",)]
    assert place.study.started == {}
    assert place.run() == 0
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE
    (folder,) = (end.folder for end in standing_of(place.root).ends if end.name == RELAX)
    assert folder is not None
    (folder / "engine.txt").write_text("cycle 9\n")
    os.utime(folder / "engine.txt")
    os.utime(job.log, (2e9, 2e9))
    shown = {one.file.name for one in printed_of(place.root, RELAX, lines=3)}
    assert "engine.txt" in shown, "also where its job has printed since"


def test_dependents_that_stay_in_the_queue_for_ever(place: Place) -> None:
    """desihub/desispec#2658 #2682: DependencyNeverSatisfied, in spite of --kill-on-invalid-dep=yes."""
    place.slurm.does("dependents stay", "out of memory, cut")
    assert place.run() == 0
    assert place.to_the_end() == 5
    assert {place.slurm.jobs[record.job]["state"] for record in place.records(BANDS)} == {"CANCELLED"}
    assert place.states()[RELAX] == "failed"
    place.slurm.does_well()
    assert place.run() == 0
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE


# --- what several points of a sweep share -----------------------------------------------------------------------

SWEPT = f"""{STUDY.replace('title = "CsBr"', 'title = "CsBr"' + chr(10) + 'preset = "tiny"')}
[[materials.CsBr.slabs]]
miller = [1, 1, 0]

[[sweep]]
vacuum_ang = [10.0, 11.0]

[presets.tiny]
description = "small"
accuracy = "none"
bulk_relax = "cell"
slab_relax = false
slab_thickness_ang = 6.0
vacuum_ang = 12.0
path_spacing_per_ang = 0.5
"""
POINTS = ("", "-vacuum-10", "-vacuum-11")
"""Three slabs beside one crystal, whose two steps stand in the plan at each point."""
swept = pytest.mark.parametrize("text", [SWEPT], ids=["swept"])


@swept
def test_one_job_is_given_for_a_calculation_of_several_points(place: Place) -> None:
    assert place.run() == 0
    assert len(place.slurm.jobs) == 5, "relaxation, bands and three slabs"
    assert place.records(RELAX)[0].also == tuple(f"{RELAX}{point}" for point in POINTS[1:])
    assert place.to_the_end() == 0
    assert set(place.states().values()) == {"finished"} and len(place.states()) == 9
    assert set(place.study.started.values()) == {1} and len(place.study.started) == 5
    assert place.run() == 0 and len(place.slurm.jobs) == 5


@swept
def test_what_fails_for_several_points_fails_once(place: Place) -> None:
    for file in place.study.path.glob("prepared/*bulk-bands*/results.json"):
        file.write_text(file.read_text().replace('"status": "finished"', '"status": "scf_not_converged"'))
    assert place.run() == 0
    assert place.to_the_end() == 5
    assert [place.states()[f"{BANDS}{point}"] for point in POINTS] == ["failed"] * 3
    assert [seed for seed in place.study.started if "bands" in seed] == ["CsBr-bulk-bands"]
    assert place.dftflow("retry", str(place.root), f"{BANDS}-vacuum-11") == 0
    assert list(tick(place.root).submitted) == [BANDS]


@swept
def test_the_job_of_several_points_is_left_to_those_that_are_not_cancelled(place: Place) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    assert place.dftflow("cancel", str(place.root), RELAX) == 9
    assert f"job 100 is left for {RELAX}-vacuum-10, {RELAX}-vacuum-11, the same" in place.said()
    assert "CANCELLED" not in job_states(place)
    for point in POINTS[1:]:
        place.dftflow("cancel", str(place.root), f"{RELAX}{point}")
    assert job_states(place)[0] == "CANCELLED"


# --- what a person does -----------------------------------------------------------------------------------------


def job_states(place: Place) -> list[str]:
    return [job["state"] for job in place.slurm.jobs.values()]


def test_a_submission_that_was_accepted_is_found_before_a_persons_word_counts(place: Place) -> None:
    place.slurm.does("nothing starts")
    place.slurm.does("sbatch dies after accepting", times=1)
    assert place.run() == 5
    assert place.dftflow("retry", str(place.root), RELAX) == 2, "the queue lists it"
    assert place.dftflow("cancel", str(place.root)) == 0 and job_states(place) == ["CANCELLED"]
    assert place.dftflow("retry", str(place.root), RELAX) == 0
    assert place.dftflow("retry", str(place.root), BANDS) == 0
    place.slurm.does("nothing starts", times=0)
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE


def test_nothing_is_certified_while_the_queue_does_not_answer(place: Place) -> None:
    place.slurm.does("sbatch times out without accepting", times=1)
    assert place.run() == 5
    place.slurm.does("squeue times out", times=1)
    assert place.dftflow("retry", str(place.root), RELAX) == 9 and "cannot be asked" in place.said()
    assert place.dftflow("retry", str(place.root), RELAX) == 0
    assert "its job was not accepted: a person said" in place.told()[RELAX]


def test_a_job_is_asked_to_end_as_long_as_it_has_not(place: Place) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    scancel = place.slurm.path / "scancel"
    honest = scancel.read_text()
    scancel.write_text("#!/bin/sh\necho 'scancel: error: Unable to contact slurm controller' >&2; exit 1\n")
    assert place.dftflow("cancel", str(place.root), RELAX) == 9
    scancel.write_text(honest)
    assert place.dftflow("retry", str(place.root), RELAX) == 2 and "`dftflow cancel" in place.said()
    assert place.dftflow("cancel", str(place.root), RELAX) == 0 and job_states(place) == ["CANCELLED", "PENDING"]


def test_what_waits_for_a_step_that_was_cancelled_does_not_wait_for_ever(place: Place) -> None:
    place.slurm.does("nothing starts", "dependents stay")
    assert place.run() == 0
    assert place.dftflow("cancel", str(place.root), RELAX) == 0
    assert place.to_the_end() == 5 and job_states(place) == ["CANCELLED", "CANCELLED"]


def test_a_copy_of_a_run_leaves_the_jobs_of_the_original_alone(place: Place) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    copy = place.study.path / "copy"
    shutil.copytree(place.root, copy, symlinks=True)
    assert {end.state for end in standing_of(copy).ends} == {"uncertain"}
    assert tick(copy).submitted == {}
    assert place.dftflow("cancel", str(copy)) == 9 and "left alone" in place.said()
    assert job_states(place) == ["PENDING", "PENDING"] and set(place.states().values()) == {"queued"}
    for step in (RELAX, BANDS):
        assert place.dftflow("retry", str(copy), step) == 0
    assert set(tick(copy).submitted) == {RELAX, BANDS}, "its own"


@pytest.mark.parametrize(
    "change", [("244.9", "250.0"), ("[materials.CsBr]", "[materials.Other]")], ids=["other numbers", "other steps"]
)
def test_jobs_of_an_earlier_text_are_ended_by_the_command_that_is_named(place: Place, change: tuple[str, str]) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    file = place.study.path / "study.toml"
    file.write_text(file.read_text().replace(*change))
    place.said()
    assert place.run() == 8
    (command,) = re.findall(r"`(scancel [^`]*)`", place.said())
    for job in shlex.split(command)[1:]:
        subprocess.run((str(place.slurm.path / "scancel"), job), check=True)
    assert place.run() == 0 and job_states(place) == ["CANCELLED", "CANCELLED", "PENDING", "PENDING"]


def test_cancel_reaches_jobs_of_steps_that_the_study_does_not_have_any_more(place: Place) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    file = place.study.path / "study.toml"
    file.write_text(file.read_text().replace("[materials.CsBr]", "[materials.Other]"))
    StudyFolder.create(plan_study(load_study(str(file))), place.root, "run")  # as by a run without the machine
    assert place.dftflow("cancel", str(place.root)) == 0
    assert job_states(place) == ["CANCELLED", "CANCELLED"] and "of an earlier plan" in place.said()


def thesis_of(place: Place) -> dict[str, dict[str, Any]]:
    """Jobs of the same ids, which are another work's."""
    return {id: {**job, "folder": "/home/me/thesis"} for id, job in place.slurm.jobs.items()}


def test_a_job_that_has_got_the_id_of_a_lost_one_is_not_cancelled(place: Place) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    place.slurm.has(thesis_of(place))
    assert place.dftflow("cancel", str(place.root)) == 9 and "lists no such job" in place.said()
    assert job_states(place) == ["PENDING", "PENDING"]


@pytest.mark.parametrize("named", [True, False], ids=["of another name", "of the same name"])
def test_jobs_of_another_cluster_are_left_alone(place: Place, monkeypatch: pytest.MonkeyPatch, *, named: bool) -> None:
    """Two clusters with one home: the same ids, and other people's jobs."""
    place.slurm.does("nothing starts")
    assert place.run() == 0
    other = HostileSlurm(place.study.path / "other")
    other.does("nothing starts")
    other.has(thesis_of(place))
    if named:
        other.calls_itself("other")
    monkeypatch.setenv("PATH", f"{other.path}{os.pathsep}{os.environ['PATH']}")
    place.said()
    assert place.dftflow("cancel", str(place.root), RELAX) == 9
    assert ("and this is other" if named else "lists no such job") in place.said()
    assert {job["state"] for job in other.jobs.values()} == {"PENDING"} and job_states(place) == ["PENDING"] * 2
    assert place.dftflow("advance", str(place.root)) == 0
    assert ("login node of hostile" if named else "is not listed since") in place.said()


def test_the_kept_answer_of_one_cluster_is_not_anothers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    other = HostileSlurm(place.study.path / "other")
    with monkeypatch.context() as there:
        there.setenv("PATH", f"{other.path}{os.pathsep}{os.environ['PATH']}")
        assert Queue("slurm").listing().jobs == ()
    assert len(Queue("slurm").listing().jobs) == 2


def test_a_cluster_of_several_is_named_to_every_command(place: Place) -> None:
    place.slurm.does("nothing starts")
    file = place.study.path / "machines.toml"
    file.write_text(file.read_text().replace(CORES, f'{CORES}cluster = "big"\n'))
    assert place.run() == 0
    assert {job["cluster"] for job in place.slurm.jobs.values()} == {"big"}
    assert {record.cluster for record in place.records(RELAX)} == {"big"}
    assert "#SBATCH --clusters=big" in place.records(RELAX)[0].script.read_text()
    file.write_text(MACHINES.format(python=place.study.python))
    assert place.dftflow("cancel", str(place.root)) == 9 and 'cluster = "big"' in place.said()
    assert job_states(place) == ["PENDING", "PENDING"]


def test_who_watches_sees_what_the_next_look_finds(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_module, "WATCH_EVERY_S", 0.2)
    place.slurm.does("sbatch dies after accepting", times=1)
    file = str(place.study.path / "study.toml")
    assert place.dftflow("run", file, "--machine", "loop", "--out", str(place.root), "--watch") == 0
    assert place.states() == FINISHED and place.study.started == ONCE


def test_a_machine_that_has_lost_its_scheduler_is_named(place: Place) -> None:
    place.slurm.does("nothing starts")
    assert place.run() == 0
    machines = place.study.path / "machines.toml"
    machines.write_text(machines.read_text().replace('scheduler = "slurm"', ""))
    assert place.dftflow("advance", str(place.root)) == 2 and "takes no job" in place.said()
    assert place.dftflow("cancel", str(place.root)) == 9 and "cannot be told" in place.said()


@pytest.mark.parametrize("skew_s", [-5400.0, 5400.0])
def test_a_node_whose_clock_is_another(place: Place, skew_s: float) -> None:
    """snakemake/snakemake#3261: "older modification time than input. This could indicate a clock skew problem"."""
    place.study.dates_files(skew_s)
    assert place.run() == 0
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE
    written_s = min(file.stat().st_mtime for file in place.root.glob("steps/*/*/results.json")) - time.time()
    assert abs(written_s - skew_s) < 600
    assert place.run() == 0 and place.study.started == ONCE, "nothing is run for a date"


def test_a_login_node_whose_clock_goes_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same between two looks: no job is lost, and no kept answer is fresh for ever."""
    assert place.run() == 0
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 5400.0)
    assert place.to_the_end() == 0
    assert place.states() == FINISHED and place.study.started == ONCE
