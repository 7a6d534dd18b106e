"""Looks at a scheduler of which only the answers are there: an ``sbatch`` and a ``squeue`` that keep a list."""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from model_crystal import copying_engine

from dftflow.cli.main import main
from dftflow.codes.gpaw.code import GPAW
from dftflow.errors import MachineError, StoreError
from dftflow.jobs.cluster.queue import Queue
from dftflow.jobs.cluster.submission import attempts, last_attempt
from dftflow.jobs.machine_profile import load_machine
from dftflow.jobs.step_state import read_state, write_state
from dftflow.report.table import summary_table
from dftflow.studies import tick as tick_module
from dftflow.studies.again import retry_steps
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.study_folder import StudyFolder
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
  down) echo "sbatch: error: Unable to contact slurm controller (connect failure)" >&2; exit 1;;
esac
id=$(( $(wc -l < jobs) + 1 ))
echo "$id|{user}|PD|None|$folder" >> jobs
case $mode in
  silent) echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1;;
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

    def tick(self) -> Tick:
        return tick(self.root, queue=self.queue())

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


def test_settings_of_a_step_alone_are_kept_by_every_submission(place: Place) -> None:
    place.answers("wrong")
    place.submit()
    place.answers("yes")
    retry_steps(place.root, [RELAX], {"max_scf_cycles": "300"})
    assert RELAX in place.submit().submitted
    assert StudyFolder.existing(place.root).plan.overrides == {RELAX: {"max_scf_cycles": 300}}


def test_a_full_queue_is_gone_on_with_at_the_next_look(place: Place) -> None:
    place.answers("one")
    found = place.submit()
    assert len(found.submitted) == 1 and "QOSMaxSubmitJob" in found.held and not found.is_over
    assert place.stage(BANDS) in ("refused", "")
    place.answers("yes")
    more = place.tick()
    assert len(more.submitted) == len(found.ends) - 1 and not more.held


def test_what_a_job_waits_for_is_told_where_that_may_be_for_ever(place: Place) -> None:
    place.submit()
    jobs = place.path / "jobs"
    for reason, told in (("Priority", "job 1: pending"), ("PartitionTimeLimit", "job 1: pending (PartitionTimeLimit)")):
        jobs.write_text(jobs.read_text().replace("|None|", f"|{reason}|").replace("|Priority|", f"|{reason}|"))
        place.tick()
        assert {end.name: end.failure for end in standing_of(place.root).ends}[RELAX] == told


def test_what_a_job_printed_last_is_told_of_one_that_left_nothing_else(place: Place) -> None:
    place.submit()
    record = last_attempt(place.root, RELAX)
    assert record is not None
    record.log.write_text("Lmod has detected the following error:\nmodule castep/99 is not there\n\n")
    place.says("1", "F")
    place.tick()
    failures = {end.name: end.failure for end in standing_of(place.root).ends}
    assert failures[RELAX] == f"job 1 failed; module castep/99 is not there; see {record.log}"


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


def test_of_what_is_refused_again_and_again_the_last_records_are_kept(place: Place) -> None:
    place.answers("down")
    place.submit()
    first = attempts(place.root, RELAX)[0]
    for _ in range(3):
        place.tick()
    kept = [record.attempt for record in attempts(place.root, RELAX)]
    assert kept == [5, 6, 7, 8] and not Path(first.folder).exists()
    place.answers("silent")
    place.tick()
    assert place.stage(RELAX) == "intended", "of one that may have been accepted nothing goes"


def test_ctrl_c_ends_the_wait_for_a_scheduler(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_module, "WAITS_S", (60.0,))
    place.answers("down")
    said: list[str] = []

    def interrupt(line: str) -> None:
        if "are waited" in line:
            said.append(line)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        submit_study(place.study, load_machine("far"), place.root, queue=place.queue(), say=interrupt)
    assert len(said) == 1 and place.stage(RELAX) == "refused", "what was answered is written down"


def test_a_job_of_a_step_that_has_finished_without_it_is_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.submit()
    scancel = place.path / "bin" / "scancel"
    scancel.write_text(f"#!/bin/sh\nfor word; do :; done\necho $word >> {place.path}/ended\n")
    scancel.chmod(0o755)
    copying_engine(place.study, place.path / "prepared", monkeypatch)
    assert main(its_command(place)) == 0
    place.tick()
    assert (place.path / "ended").read_text().split() == ["1"]


def test_a_job_that_is_gone_is_lost_after_its_time_of_grace(place: Place) -> None:
    place.submit()
    place.says("1", "")
    for _ in range(2):
        place.tick()
        time.sleep(0.01)
    assert place.states[RELAX] == "queued", "ten minutes unless the machine's profile has it otherwise"
    machines = place.path / "machines.toml"
    machines.write_text(machines.read_text() + "lost_after_min = 1e-4\n")
    place.tick()
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


def test_what_finishes_during_a_look_is_gone_on_from_in_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an engine does that outlived its job: a look which ended before would say that all is over."""
    place.submit()
    place.says("1", "F")
    place.says("2", "CA")
    copying_engine(place.study, place.path / "prepared", monkeypatch)
    submit_all, looks = tick_module._Submitting.all, []

    def finished_behind_it(given: tick_module._Submitting) -> str:
        held = submit_all(given)
        looks.append(held)
        if len(looks) == 1:
            assert main(its_command(place)) == 0
        return held

    monkeypatch.setattr(tick_module._Submitting, "all", finished_behind_it)
    now = place.tick()
    assert place.states[RELAX] == "finished" and BANDS in now.submitted and not now.is_over
    assert len(looks) == 2


def test_a_step_that_has_finished_needs_no_word_of_the_queue(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many queues show nothing of a job that has ended: it keeps no changed study back."""
    place.submit()
    copying_engine(place.study, place.path / "prepared", monkeypatch)
    for number, step in enumerate(plan_study(place.study).steps, start=1):
        assert main(its_command(place, step.name)) == 0
        place.says(str(number), "")
    place.tick()
    assert {place.stage(name) for name in place.states} == {"ended"}
    text = place.study.file.read_text()
    place.study.file.write_text(text.replace('title = "CsBr"', 'title = "Caesium bromide"'))
    place.study = load_study(str(place.study.file))
    assert place.submit().submitted == {}


# --- limits -----------------------------------------------------------------------------------------------------

CUT_OFF = (
    "import pathlib, sys; kept = pathlib.Path('relax.jsonl');"
    "kept.write_text((kept.read_text() if kept.exists() else '') + sys.argv[1]); sys.exit(1)"
)
"""An engine that leaves more geometries, and no end."""
GEOMETRY = (
    '{"energy_ev": -6.6, "max_force_ev_per_ang": 0.1, "max_stress_gpa": 1.0, "max_displacement_ang": 0.1, '
    '"volume_ang3": 79.0}\n'
)


def on_its_node(place: Place, monkeypatch: pytest.MonkeyPatch, job: str, *, geometries: int) -> None:
    """What the job of the relaxation does until it is ended, with the words of its own script."""
    monkeypatch.setattr(
        GPAW, "command", lambda self, deck, *launch: (sys.executable, "-c", CUT_OFF, GEOMETRY * geometries)
    )
    monkeypatch.setenv("SLURM_JOB_ID", job)
    assert main(its_command(place)) == 5
    monkeypatch.delenv("SLURM_JOB_ID")


def its_command(place: Place, name: str = RELAX) -> list[str]:
    record = last_attempt(place.root, name)
    assert record is not None
    (line,) = [line for line in record.script.read_text().splitlines() if line.startswith("exec ")]
    return shlex.split(line)[4:]


def told_of(now: Tick, name: str = RELAX) -> str:
    return next(end.failure for end in now.ends if end.name == name)


def test_a_relaxation_that_ran_out_of_time_goes_on_in_another_job_and_what_waits_for_it_too(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = list(place.submit().submitted)
    first = last_attempt(place.root, RELAX)
    on_its_node(place, monkeypatch, "1", geometries=2)
    place.says("1", "TO")
    now = place.tick()
    assert list(now.submitted) == [RELAX], "the others are pending, until Slurm has ended them"
    record = last_attempt(place.root, RELAX)
    assert first is not None and record is not None and record.attempt == 2
    released = attempts(place.root, RELAX)[0]
    assert (released.stage, released.cause) == ("released", "out_of_time")
    assert released.why == "out of time; again with the last geometry"
    assert told_of(now) == f"job {record.job} (after one that ran out of time)"
    assert its_command(place)[-2:] == ["--after", "out_of_time"]
    for job in range(2, len(names) + 1):
        place.says(str(job), "CA")
    place.says(record.job, "R")
    now = place.tick()
    assert set(now.submitted) == {*names} - {RELAX}
    assert f"afterok:{record.job}" in (place.path / "dependencies").read_text()
    prepared = place.path / "prepared"
    copying_engine(place.study, prepared, monkeypatch)
    assert main(its_command(place)) == 0
    outcome = outcome_of_folder(place.root)
    relax = next(step for step in outcome.steps if step.name == RELAX)
    assert relax.state == "finished"
    assert [(one.cause, one.remedy, one.folder) for one in relax.tries] == [("out_of_time", "goes-on", "tries/1")]
    kept = [len((at / "relax.jsonl").read_text().splitlines()) for at in (relax.folder / "tries/1", relax.folder)]
    assert kept == [2, 2], "what it went on from stays, and is kept"
    assert "attempt 1: out of time; again with the last geometry" in " ".join(summary_table(outcome).split())


def test_one_that_was_told_that_its_time_is_nearly_over_goes_on_too(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended its engine in order, and Slurm calls it failed."""
    place.submit()
    on_its_node(place, monkeypatch, "1", geometries=1)
    (folder,) = (place.root / "steps" / "CsBr").glob("bulk-relax-*")
    state = read_state(folder)
    assert (state.state, state.job) == ("failed", "1")
    place.says("1", "F")
    assert place.tick().submitted == {}, "a failure of its own is no limit"
    write_state(folder, replace(state, state="waiting", failure="", cause=""))
    assert place.tick().submitted == {}, "told to end long before its time was over, by somebody else"
    resources, record = load_machine("far").resources("relax", "gpaw"), last_attempt(place.root, RELAX)
    assert resources.time_s is not None and record is not None
    told_s = record.intended_s + resources.time_s - load_machine("far").grace_s
    os.utime(folder / "state.json", (told_s, told_s))
    assert list(place.tick().submitted) == [RELAX]


def test_it_is_not_gone_on_with_for_ever(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.submit()
    for number in range(3):
        record = last_attempt(place.root, RELAX)
        assert record is not None and record.attempt == number + 1
        on_its_node(place, monkeypatch, record.job, geometries=1)
        place.says(record.job, "TO")
        monkeypatch.setattr("dftflow.studies.at_the_queue.LATE_S", 0.0)
        now = place.tick()
    assert now.submitted == {} and place.states[RELAX] == "failed"
    assert "2 further jobs have not brought it to its end; ask for more: time_h in [resources.relax]" in told_of(now)
    assert RELAX in place.submit().submitted, "a person asks for it"
    assert "--after" in its_command(place), "and it goes on from what is there"


@pytest.mark.parametrize("ran", [True, False])
def test_without_a_check_point_it_needs_more_time(place: Place, monkeypatch: pytest.MonkeyPatch, ran: bool) -> None:
    place.submit()
    if ran:
        on_its_node(place, monkeypatch, "1", geometries=1)
        (kept,) = place.root.glob("steps/CsBr/bulk-relax-*/relax.jsonl")
        os.utime(kept, (1e9, 1e9))  # it was there before
    place.says("1", "TO")
    assert place.tick().submitted == {} and place.states[RELAX] == "running", "what it left may be seen late"
    monkeypatch.setattr("dftflow.studies.at_the_queue.LATE_S", 0.0)
    now = place.tick()
    assert now.submitted == {} and now.count("failed") == 1
    assert "no check-point within the time; ask for more: time_h in [resources.relax] of the study" in told_of(now)


def test_out_of_memory_asks_for_more_until_a_node_has_no_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.path / "machines.toml").write_text(
        '[machines.far]\nscheduler = "slurm"\ncores = 4\nmemory_gib = 3\n[machines.far.resources]\nmemory_gib = 1\n'
    )
    place.submit()
    for number, memory_mib in enumerate((1024, 2048, 3072)):
        record = last_attempt(place.root, RELAX)
        assert record is not None and record.attempt == number + 1
        assert f"#SBATCH --mem={memory_mib}M" in record.script.read_text()
        assert (f"--memory-limit {memory_mib}" in record.script.read_text()) == (number > 0)
        on_its_node(place, monkeypatch, record.job, geometries=1)
        place.says(record.job, "OUT_OF_ME+")
        now = place.tick()
    assert now.submitted == {} and "ask for more: memory_gib in [resources.relax]" in told_of(now)
    (folder,) = (place.root / "steps" / "CsBr").glob("bulk-relax-*")
    words = [str(attempt) for attempt in read_state(folder).tries]
    assert words == [f"out of memory; again with {size} GiB of memory on each node" for size in (2, 3)]


def test_ranks_are_spread_over_more_nodes_where_memory_is_no_choice(place: Place) -> None:
    (place.path / "machines.toml").write_text(
        '[machines.far]\nscheduler = "slurm"\ncores = 4\nnodes = 3\nlauncher = ["srun"]\n'
        "[machines.far.resources]\nranks = 4\n"
    )
    place.study = load_study(str(place.path / "study.toml"), code="espresso")
    place.submit()
    for number, nodes in enumerate((1, 2, 3)):
        record = last_attempt(place.root, RELAX)
        assert record is not None and record.attempt == number + 1
        assert f"#SBATCH --nodes={nodes}\n" in record.script.read_text()
        place.says(record.job, "OOM")
        now = place.tick()
    assert now.submitted == {} and now.count("failed") == 1


def test_jobs_of_an_earlier_text_have_to_end_first(place: Place, write_study: Callable[..., Path]) -> None:
    place.submit()
    place.study = load_study(str(write_study(("cutoff_ev = 244.9", "cutoff_ev = 260.0"))))
    with pytest.raises(StoreError, match="of an earlier text of this study have not ended"):
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
    capsys.readouterr()
    assert main(["retry", str(place.root), RELAX]) == 0
    said = capsys.readouterr().out
    assert "`dftflow advance" in said and "dftflow step" not in said, "an engine belongs on no login node"
    assert RELAX in place.tick().submitted


def test_jobs_that_still_wait_when_a_step_gets_settings_of_its_own(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The relaxation has finished, the bands' job still waits: then the first one is asked for otherwise."""
    names = list(place.submit().submitted)
    copying_engine(place.study, place.path / "prepared", monkeypatch)
    assert main(its_command(place)) == 0
    early = place.states
    assert early[RELAX] == "finished" and early[BANDS] == "queued"
    place.says("1", "CD")
    place.tick()
    waiting = its_command(place, BANDS)
    assert main(["retry", str(place.root), RELAX, "--set", "smearing_ev=0.2"]) == 0
    assert place.states[RELAX] == "waiting", "what it was before is another calculation"
    monkeypatch.setattr("dftflow.studies.one_step.LATE_S", 0.0)
    assert main(waiting) == 5, "there is nothing to cut its deck from"
    assert f"{BANDS} cannot be run yet: it needs {RELAX}" in capsys.readouterr().err
    job = f"{names.index(BANDS) + 1}"
    place.says(job, "F")
    now = place.tick()
    assert {RELAX, BANDS} <= set(now.submitted)
    again = last_attempt(place.root, RELAX)
    assert again is not None and again.attempt == 2
    assert attempts(place.root, BANDS)[0].why == f"{RELAX} had not finished"
    assert f"afterok:{again.job}" in attempts(place.root, BANDS)[1].script.read_text()


def test_what_was_made_from_a_step_is_made_anew_when_that_gets_settings_of_its_own(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = list(place.submit().submitted)
    copying_engine(place.study, place.path / "prepared", monkeypatch)
    for name, job in ((RELAX, "1"), (BANDS, str(names.index(BANDS) + 1))):
        assert main(its_command(place, name)) == 0
        place.says(job, "CD")
    place.tick()
    assert place.states[BANDS] == "finished"
    assert main(["retry", str(place.root), RELAX, "--set", "smearing_ev=0.2"]) == 0
    assert place.states[BANDS] != "finished"
    assert {RELAX, BANDS} <= set(place.tick().submitted)


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
