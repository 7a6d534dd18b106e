"""A study on a cluster: gives its steps to a scheduler, one job a step, and looks now and then how they stand.

No process has to live between two looks. What is known lies in the run's folder: the plan, the record of each
submission (`dftflow.jobs.cluster.submission`) and what the jobs leave.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dftflow.errors import CodeNotFoundError, MachineError, StoreError
from dftflow.jobs.cluster.answer import Answer, refusal_of
from dftflow.jobs.cluster.listing import Listing
from dftflow.jobs.cluster.queue import Queue
from dftflow.jobs.cluster.submission import (
    Submission,
    attempts,
    intend,
    last_attempt,
    moved,
    open_attempts,
    settled,
    write,
)
from dftflow.jobs.harmless import harmless
from dftflow.jobs.interruption import Interruption
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.job_script import job_script
from dftflow.jobs.lock import locked
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.store import read_plan
from dftflow.model.cause import cause_words
from dftflow.model.step import Step
from dftflow.named_command import dftflow_line
from dftflow.studies.at_the_queue import ended_unlisted, may_come_late
from dftflow.studies.carriers import Carriers
from dftflow.studies.machine_of_run import machine_of, note_machine
from dftflow.studies.next_job import cause_of_end, next_job
from dftflow.studies.paced import Say
from dftflow.studies.plan import Plan
from dftflow.studies.reader import Study, default_folder
from dftflow.studies.standing import standing_of
from dftflow.studies.stored_plan import plan_for
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

__all__ = ["Tick", "submit_study", "tick"]

OPTIONS = {"memory_mib": "--memory-limit", "nodes": "--nodes"}
"""Of `dftflow step`, for what a further job asks for."""
FOUND_S = 120.0
"""How long the queue may take to list a job of which it has said nothing."""
WAITS_S = (1.0, 4.0, 15.0, 60.0)
"""Between tries when the scheduler could not be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one look found and did.

    Attributes
    ----------
    ends
        How each step stands now.
    submitted
        Step -> id of the job that it was given to in this look.
    held
        Why nothing more was submitted: a full queue, a scheduler that does not answer; ``""`` for nothing.
    may_be_found
        A submission without an answer is so young that one of the next looks may find its job.
    """

    machine: str
    ends: tuple[NodeOutcome, ...]
    submitted: Mapping[str, str]
    held: str = ""
    may_be_found: bool = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to wait for: no job is known of that has not ended, and none can be given.

        A queue that never answers holds nothing up that has finished.
        """
        return self.count("finished") == len(self.ends) or (not self.held and self.count("queued", "running") == 0)

    def count(self, *states: str) -> int:
        """How many steps are in one of these states."""
        return sum(end.state in states for end in self.ends)


def submit_study(
    study: Study, machine: Machine, out: Path | None = None, *, queue: Queue | None = None, say: Say = lambda line: None
) -> Tick:
    """Plan a study in `out`, and give every step that has not finished to the machine's scheduler.

    A step that failed before is submitted again; one of which it is not certain whether it was submitted is not.

    Raises
    ------
    InputError, SourceError
        When a crystal, a plane or a deck cannot be made; before anything is submitted.
    StoreError
        When the folder cannot be written, is in use, or belongs to another study, preset or code; or jobs of an earlier
        text of the study have not ended.
    CodeNotFoundError
        When the scheduler's programs, or pysqa, are not here.
    MachineError
        When the machine has no scheduler, takes no job a step, or a step asks for more than it has.
    """
    _refuse_without_jobs(machine)
    tell = harmless(say)
    root = out or default_folder(study)
    plan = plan_for(study, read_plan(root), say=tell)
    work = Work(plan, machine=machine, say=tell)
    work.check_machine()
    work.check(decks=True, say=tell)
    with locked(root):
        queue = queue or Queue.of(machine)
        _refuse_jobs_of_another(StudyFolder.planned(plan, root, "run"), queue, machine)
        folder = StudyFolder.create(plan, root, "run")
        note_machine(root, machine)
        return _look(folder, machine, queue, tell, again=True)


def tick(root: Path, *, queue: Queue | None = None, say: Say = lambda line: None) -> Tick:
    """Look once how the jobs of a run stand, and submit what can be submitted now.

    Raises
    ------
    InputError, StoreError
        When `root` holds no run that was given to a machine, or cannot be read or written, or is in use.
    MachineError
        When its machine has no scheduler any more, or takes no job a step.
    """
    machine = machine_of(root)
    if machine is None:
        raise StoreError(
            "this run was not given to a machine with a scheduler",
            where=str(root),
            fix="`dftflow run STUDY --machine NAME` gives it to one; `dftflow run STUDY` goes on with it here",
        )
    _refuse_without_jobs(machine)
    with locked(root):
        return _look(StudyFolder.existing(root), machine, queue or Queue.of(machine), harmless(say))


def _refuse_without_jobs(machine: Machine) -> None:
    if machine.scheduler == "none" or machine.engine != "job a step":
        raise MachineError(
            f"{machine.name} takes no job for each step", fix="`dftflow run` carries them out", where=machine.where
        )


def _refuse_jobs_of_another(folder: StudyFolder, queue: Queue, machine: Machine) -> None:
    """A job that was submitted for an earlier text would calculate what nobody asks for any more."""
    others = [record for record in open_attempts(folder.root) if record.plan != folder.digest]
    listing = queue.listing(others, now=True) if others else Listing(at_s=time.time())
    left = []
    for record in others:
        now = settled(record, listing, lost_after_s=machine.lost_after_s)
        if now != record:
            write(folder.root, now)
        left += [now] if now.is_open else []
    if left:
        known = " ".join(record.job for record in left if record.stage == "submitted")
        others = [record for record in left if record.stage != "submitted"]
        unknown = " and ".join(dftflow_line("retry", folder.root, record.step) for record in others)
        mend = [f"`{queue.cancel_words} {known}` ends them"] if known else []
        mend += [f"{unknown} says that there is none"] if unknown else []
        raise StoreError(
            f"{f'jobs {known}' if known else 'jobs'} of an earlier text of this study have not ended",
            reason=f"they are of {', '.join(sorted({record.step for record in left}))}",
            where=str(folder.root),
            fix=f"{', and '.join(mend)}; or give another folder with --out",
        )


# --- one look ---------------------------------------------------------------------------------------------------


def _look(folder: StudyFolder, machine: Machine, queue: Queue, say: Say, *, again: bool = False) -> Tick:
    root, plan = folder.root, folder.plan
    records = {step.name: record for step in plan.steps if (record := last_attempt(root, step.name)) is not None}
    jobs = Carriers(Work(plan, folder), records)
    listing = _settle(root, plan, machine, queue, records)
    ends = _ends(root)
    if _release(root, plan, machine, jobs, ends, again=again, say=say):
        ends = _ends(root)
    _end_stranded(root, plan, jobs, ends, queue, listing, say)
    submitted: dict[str, str] = {}
    held = listing.silence
    while not held:
        given = _Submitting(folder, machine, queue, jobs, ends, say, again=again)
        held, submitted = given.all(), submitted | given.submitted
        before, ends = ends, _ends(root)
        if _finished(ends) <= _finished(before):
            break  # else something has finished meanwhile that others may have waited for
    return Tick(
        machine=machine.name,
        ends=tuple(ends.values()),
        submitted=submitted,
        held=" ".join(held.split()),
        may_be_found=any(
            record.stage == "intended" and record.is_of(root) and time.time() - record.intended_s < FOUND_S
            for record in records.values()
        ),
    )


def _ends(root: Path) -> dict[str, NodeOutcome]:
    return {end.name: end for end in standing_of(root).ends}


def _finished(ends: Mapping[str, NodeOutcome]) -> set[str]:
    return {name for name, end in ends.items() if end.state == "finished"}


def _settle(root: Path, plan: Plan, machine: Machine, queue: Queue, records: dict[str, Submission]) -> Listing:
    """Write down what queue and folders say of the jobs whose end is not known; what the queue said."""
    open_ones = {name: record for name, record in records.items() if record.is_open and record.is_of(root)}
    if not open_ones:
        return Listing(at_s=time.time())
    listing, ends = queue.listing(tuple(open_ones.values())), _ends(root)
    for step in plan.steps:
        record = open_ones.get(step.name)
        if record is None:
            continue
        needs = [ends[str(need.step)] for need in step.needs]
        now = settled(record, listing, lost_after_s=machine.lost_after_s)
        now = ended_unlisted(now, ends[step.name], needs)
        if now != record:
            write(root, now)
            records[step.name] = now
    return listing


def _release(
    root: Path,
    plan: Plan,
    machine: Machine,
    jobs: Carriers,
    ends: Mapping[str, NodeOutcome],
    *,
    again: bool,
    say: Say,
) -> bool:
    """Let those be submitted again whose job was in vain because of what it needs, or that have a remedy; with `again`
    all that failed. Whether there are any.
    """
    released = False
    for step in plan.steps:
        record, end = jobs.records.get(step.name), ends[step.name]
        if record is None or record.stage != "ended" or end.state == "finished":
            continue
        forerunners = _given_again_after(root, step, record, jobs, ends)
        if forerunners:
            now = moved(record, "released", why=f"{' and '.join(forerunners)} had not finished")
        else:
            now = _remedied(root, plan, machine, step, record, end)
        if again and now.stage == "ended" and end.state == "failed":
            now = moved(now, "released", why="asked for again")
        if now != record:
            if now.remedy:
                say(f"{step.name}: {now.why}")
            write(root, now)
            jobs.records[step.name], released = now, True
    return released


def _given_again_after(
    root: Path, step: Step, record: Submission, jobs: Carriers, ends: Mapping[str, NodeOutcome]
) -> list[str]:
    """The steps because of which a job has nothing left to say: they did not finish, or were let run again since."""
    names = list(dict.fromkeys(str(need.step) for need in step.needs))
    again = [name for name in names if any(job.released_after(record.intended_s) for job in jobs.attempts(root, name))]
    never_began = record.word == "cancelled" and not record.began
    return again or [name for name in names if never_began and ends[name].state != "finished"]


def _remedied(root: Path, plan: Plan, machine: Machine, step: Step, record: Submission, end: NodeOutcome) -> Submission:
    """`record` of a job that ended by a limit: released with a remedy, or with why there is none; itself otherwise."""
    if record.why or not (end.state == "failed" or may_come_late(record)):
        return record
    place = end.folder
    resources = plan.resources(step, machine, given=record.asked)
    told_after_s = None if resources.time_s is None else resources.time_s - machine.grace_s
    cause = cause_of_end(record, place, told_after_s=told_after_s)
    if not cause:
        return record
    now = replace(record, cause=cause)
    records = (*attempts(root, step.name)[:-1], now)
    found = next_job(plan.code, machine, resources, place, step.id.task, records)
    if not found.remedy:
        return record if may_come_late(record) else replace(now, why=found.refusal)
    words = f"{cause_words(cause)}; again with {found.remedy}"
    return moved(now, "released", why=words, remedy=found.remedy, more=found.asked)


def _end_stranded(
    root: Path,
    plan: Plan,
    jobs: Carriers,
    ends: Mapping[str, NodeOutcome],
    queue: Queue,
    listing: Listing,
    say: Say,
) -> None:
    """End the jobs that wait for one that failed, which not every Slurm does itself (desihub/desispec#2682), and those
    of steps that have finished meanwhile without them.
    """
    for step in plan.steps:
        record = jobs.records.get(step.name)
        if record is None or not record.is_of(root) or record.stage != "submitted" or record.word != "pending":
            continue
        if listing.silence or record.listed_in(listing) is None:
            continue  # a later look does it
        if ends[step.name].state == "finished":
            said = queue.cancel(record, listing)
            say(f"{step.name} has finished without job {record.job}, which is ended; {said}".removesuffix("; "))
            continue
        needs = dict.fromkeys(str(need.step) for need in step.needs)
        failed = [name for name in needs if _has_failed(name, jobs.job(name), ends)]
        if failed:
            said, names = queue.cancel(record, listing), " and ".join(failed)
            line = f"{step.name}: job {record.job} waits for {names}, which has no results, and is ended; {said}"
            say(line.removesuffix("; "))


def _has_failed(name: str, job: Submission | None, ends: Mapping[str, NodeOutcome]) -> bool:
    """Whether a step has no results, and the job that was to give them, or to another as well, is over."""
    if ends[name].state == "finished":
        return False
    over = job is not None and (job.stage == "released" or ends[job.step].state in ("failed", "refused"))
    return over or ends[name].state in ("failed", "refused", "cancelled")


class _Submitting:
    """Gives the scheduler what can be given, in the order of the plan."""

    def __init__(
        self,
        folder: StudyFolder,
        machine: Machine,
        queue: Queue,
        jobs: Carriers,
        ends: Mapping[str, NodeOutcome],
        say: Say,
        *,
        again: bool,
    ) -> None:
        self._root, self._plan, self._digest = folder.root, folder.plan, folder.digest
        self._machine, self._queue, self._say = machine, queue, say
        self._again = again
        self._jobs, self._ends = jobs, ends
        self.submitted: dict[str, str] = {}

    def all(self) -> str:
        """Submit; why it was stopped before the last one, ``""`` when it was not.

        After an answer that leaves open whether a job was accepted the others wait: theirs may be as uncertain.
        """
        doubt = ""
        with Interruption() as interruption:
            for step in self._plan.steps:
                interruption.check()
                after = self._after(step)
                if after is None:
                    continue
                if doubt:
                    return doubt
                answer = self._submit(step, after, interruption)
                if answer.refusal in ("full", "not reached"):
                    return f"the scheduler takes no more jobs now: {answer.said}"
                if answer.refusal is None and not answer.job:
                    doubt = f"no more is submitted in this look: it is uncertain what became of {step.name}"
        return ""

    def _after(self, step: Step) -> tuple[str, ...] | None:
        """Ids of the jobs that the step's job has to wait for; None when it is not to be submitted now."""
        record, end = self._jobs.records.get(step.name), self._ends[step.name]
        if end.state == "finished" or (record is not None and not record.lets_another):
            return None
        if end.state in ("running", "uncertain", "refused", "cancelled"):
            return None
        if record is not None and record.stage == "refused" and refusal_of(record.why) == "wrong" and not self._again:
            return None  # as it is it is refused again
        carrier = self._jobs.job(step.name)
        if carrier is not None and not carrier.lets_another:
            return None
        before = [str(need.step) for need in step.needs if self._ends[str(need.step)].state != "finished"]
        jobs = [job for name in before if (job := self._jobs.job(name)) is not None]
        if len(jobs) < len(before) or any(job.stage != "submitted" or not job.is_of(self._root) for job in jobs):
            return None
        return tuple(dict.fromkeys(job.job for job in jobs))

    def _submit(self, step: Step, after: Sequence[str], interruption: Interruption) -> Answer:
        """One job: what is meant is on the disk before the scheduler hears of it, what it answered afterwards."""
        for wait_s in (*WAITS_S, None):
            record = self._intend(step, after)
            try:
                answer = self._queue.submit(record)
            except CodeNotFoundError as error:
                write(self._root, moved(record, "refused", why=error.sentence))
                raise
            self._note(step, record, answer)
            if answer.refusal != "not reached" or wait_s is None:
                break
            self._say(f"the scheduler cannot be reached, {wait_s:.0f} s are waited: {answer.said}")
            interruption.wait(wait_s)
        return answer

    def _intend(self, step: Step, after: Sequence[str]) -> Submission:
        before = self._jobs.records.get(step.name)
        asked = {} if before is None else before.next_asked
        goes_on = "" if before is None else before.next_goes_on
        resources = self._plan.resources(step, self._machine, given=asked)
        root = self._root.resolve()
        command = (
            self._machine.python, "-m", "dftflow", "step", str(root), step.name,
            "--machine", self._machine.name, "--plan", self._digest,
            *(("--after", goes_on) if goes_on else ()),
            *(word for name, option in OPTIONS.items() if name in asked for word in (option, f"{asked[name]:.10g}")),
        )  # fmt: skip
        return intend(
            self._root,
            step.name,
            before=before,
            plan=self._digest,
            name=step.seed,
            cluster=self._queue.cluster,
            also=self._jobs.others(step.name),
            script=lambda folder: job_script(
                self._machine,
                resources,
                name=step.seed,
                folder=folder,
                command=command,
                log=folder / "job.log",
                after=tuple(after),
            ),
        )

    def _note(self, step: Step, record: Submission, answer: Answer) -> None:
        if answer.job:
            record = moved(record, "submitted", job=answer.job, cluster=answer.cluster or record.cluster)
            self.submitted[step.name] = answer.job
            self._say(f"{step.name}: job {answer.job}")
        elif answer.refusal is not None:
            record = moved(record, "refused", why=answer.said)
            self._say(f"{step.name} was refused: {answer.said}")
        else:
            self._say(f"{step.name}: whether it was submitted is uncertain: {answer.said}")
        self._jobs.records[step.name] = record
        if record.stage != "intended":
            write(self._root, record)
