"""What a person does about single steps of a run: cancels them, or lets one be run again, with other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from dftflow.errors import InputError, StoreError, Undecided
from dftflow.jobs.cancelled import is_cancelled, mark_cancelled, unmark_cancelled
from dftflow.jobs.cluster.decisions import let_another
from dftflow.jobs.cluster.listing import Listing
from dftflow.jobs.cluster.queue import Queue
from dftflow.jobs.cluster.submission import Submission, last_attempt, open_attempts, settled, write
from dftflow.jobs.local import at_work
from dftflow.jobs.lock import EngineLock, is_locked_elsewhere, locked
from dftflow.jobs.machine import host_name
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.process import EngineProcess
from dftflow.jobs.step_state import read_state, write_state
from dftflow.jobs.store import existing_plan
from dftflow.jobs.tries import put_aside
from dftflow.model.reasons import listed
from dftflow.model.step import Step
from dftflow.named_command import dftflow_line
from dftflow.studies.built_file import BUILT_FILE
from dftflow.studies.carriers import group_of
from dftflow.studies.machine_of_run import has_machine, machine_of
from dftflow.studies.overrides import Setting, checked_settings, overridden
from dftflow.studies.step_end import end_on_disk
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

__all__ = ["CancelledStep", "RetriedStep", "cancel_steps", "retry_steps", "retry_uncertain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledStep:
    """A step that is not carried out any more; `doubt` is why its engine may run on, ``""`` when it does not.

    `shared_with`: steps that nobody has cancelled and that are the same calculation, which goes on for them.
    """

    name: str
    was: str
    doubt: str = ""
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedStep:
    """A step that is to be run again: how it stood, the settings of its own, and where what it left was put.

    `by_queue`: its run was given to a scheduler, which the next look gives the step to.
    """

    name: str
    was: str
    settings: Mapping[str, Setting]
    kept_in: str = ""
    by_queue: bool = False


class _Jobs:
    """The jobs of a run, as its scheduler tells of them now: it is asked once, when the first of them counts."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def _machine(self) -> Machine | None:
        machine = machine_of(self._root)
        return None if machine is None or machine.scheduler == "none" else machine

    @cached_property
    def _queue(self) -> Queue:
        assert self._machine is not None
        return Queue.of(self._machine)

    @cached_property
    def _open(self) -> tuple[Submission, ...]:
        return open_attempts(self._root)

    @cached_property
    def _listing(self) -> Listing:
        return self._queue.listing(self._open, now=True)

    def ask(self) -> None:
        """Ask the scheduler now, where there is a job whose end is not known."""
        if self._open and self._machine is not None:
            _ = self._listing

    def end(self, record: Submission) -> str:
        """Ask the scheduler to end a job, and with it its engine; why that may run on, ``""`` when it does not."""
        job = f"job {record.job}" if record.job else "a job"
        if not record.is_of(self._root):
            return f"{job} is of the run in {record.folder}, and is left alone"
        if self._machine is None:
            return "it cannot be told whether a job of it is there"
        said = self._queue.cancel(record, self._listing)
        return f"{job}: {said}" if said else ""

    def settle(self, name: str) -> Submission | None:
        """The last submission of a step, after the queue was asked once more, before a person's word counts.

        Raises
        ------
        Undecided
            When it does not answer.
        """
        record = last_attempt(self._root, name)
        if record is None or not record.is_open or not record.is_of(self._root) or self._machine is None:
            return record
        if self._listing.silence:
            raise Undecided(
                f"whether a job of {name} is there cannot be asked",
                reason=self._listing.silence,
                fix="call this again when the scheduler answers",
            )
        now = settled(record, self._listing, lost_after_s=self._machine.lost_after_s)
        if now != record:
            write(self._root, now)
        return now


# --- cancel -----------------------------------------------------------------------------------------------------


def cancel_steps(root: Path, names: Sequence[str] = ()) -> tuple[CancelledStep, ...]:
    """Cancel the steps of these names, or all that have not ended: engines that run here are ended, the rest not begun.

    A dftflow that works in the folder goes on with what does not depend on them. What has finished stays.

    Raises
    ------
    InputError, StoreError
        When there is no run in `root`, or it cannot be written.
    StudyError
        When there is no such step.
    """
    folder = _run_in(root)
    steps = [folder.plan.step(name) for name in names] or list(folder.plan.steps)
    work, jobs = Work(folder.plan, folder), _Jobs(root)
    stand = [(step, end_on_disk(work, step).state) for step in steps]
    to_end = [(step, state) for step, state in stand if _can_be_cancelled(folder, step, state, by_name=bool(names))]
    jobs.ask()  # a job whose step is marked ends itself, and many queues list none that has ended
    for step, _ in to_end:  # all, before an engine that some of them share is ended
        mark_cancelled(folder.root, step.name)
    groups = {step.name: tuple(group_of(work, step.name)) if names else (step.name,) for step, _ in to_end}
    found = [_cancelled(folder, jobs, step, state, groups[step.name]) for step, state in to_end]
    return (*found, *(() if names else _left_by_earlier_plans(folder, jobs)))


def _left_by_earlier_plans(folder: StudyFolder, jobs: _Jobs) -> Iterator[CancelledStep]:
    """The jobs of steps that the plan does not have any more, which are asked to end."""
    known = {step.name for step in folder.plan.steps}
    for record in open_attempts(folder.root):
        if record.step not in known:
            yield CancelledStep(name=record.step, was="of an earlier plan", doubt=jobs.end(record))


def _can_be_cancelled(folder: StudyFolder, step: Step, state: str, *, by_name: bool) -> bool:
    record = last_attempt(folder.root, step.name)
    has_job = record is not None and record.is_open and record.is_of(folder.root)  # it can be asked to end again
    if state == "finished" or (is_cancelled(folder.root, step.name) and not has_job):
        return False
    return has_job or by_name or state in ("running", "queued", "waiting", "not_run", "uncertain")


def _cancelled(folder: StudyFolder, jobs: _Jobs, step: Step, state: str, group: tuple[str, ...]) -> CancelledStep:
    """The end of a step that is marked as cancelled; `group`: itself, and those that are the same calculation."""
    root, place = folder.root, folder.folder_of(step)
    shared_with = tuple(name for name in group if not is_cancelled(root, name))
    cancelled = CancelledStep(name=step.name, was=state, shared_with=shared_with)
    given = [record for name in group if (record := last_attempt(root, name)) is not None and record.is_open]
    if given and shared_with:
        told = " and ".join(f"job {record.job}" if record.job else "a job" for record in given)
        return replace(cancelled, doubt=f"{told} is left for {listed(shared_with)}, the same calculation")
    if given:
        return replace(cancelled, doubt="; ".join(filter(None, map(jobs.end, given))))
    if place is None:
        return cancelled
    if shared_with:
        return replace(cancelled, doubt=_left_to_others(place, shared_with))
    doubt = _left_to_the_store(root, place) if folder.home.is_shared else _ended(place)
    return replace(cancelled, doubt=doubt)


def _left_to_others(place: Path, names: tuple[str, ...]) -> str:
    """Why an engine runs on that other steps of the run want."""
    if at_work(place, read_state(place)) is None:
        return ""
    return f"it runs on for {listed(names)}, the same calculation"


def _left_to_the_store(root: Path, place: Path) -> str:
    """Why an engine in a store may run on: another study may wait for it. The run that carries it out ends it."""
    if at_work(place, read_state(place)) is None or is_locked_elsewhere(root):
        return ""
    return "it is calculated in the store, maybe for another study, and runs on"


def _ended(place: Path) -> str:
    """End the engine of a step; why it may run on, ``""`` when none does."""
    state = read_state(place)
    if at_work(place, state) is None:
        return ""
    process = EngineProcess.found(place, state.pid, state.birth)
    if process is None:
        if at_work(place, read_state(place)) is None:  # it has ended meanwhile, as its own dftflow sees to
            return ""
        where = f" on {state.host}" if state.host and state.host != host_name() else ""
        return f"its engine{where} cannot be seen from here, and may run on"
    try:
        return "" if process.stop() else f"process {process.pid} could not be ended, and runs on"
    finally:
        process.let_go()


# --- retry ------------------------------------------------------------------------------------------------------


def retry_steps(root: Path, names: Sequence[str], settings: Mapping[str, str] | None = None) -> tuple[RetriedStep, ...]:
    """Let steps be run again that failed, were refused or cancelled, or of which nobody knows whether they run.

    With `settings` each is another calculation, with a folder of its own: also a finished one may get some, and its
    results stay where they are. Of an uncertain step the caller says by this that nothing runs.

    Raises
    ------
    InputError
        When there is no run in `root`; a step has finished and no setting is new, or runs; a setting is none. Those
        before it wait then.
    StudyError
        When there is no such step.
    StoreError
        When a dftflow works in `root`, or it cannot be written.
    Undecided
        When the scheduler does not answer whether a job is there, or an engine holds the folder of a step.
    """
    asked = checked_settings(settings or {})
    existing_plan(root)  # a lock makes its folder
    with locked(root):
        folder, jobs = _run_in(root), _Jobs(root)
        steps = [folder.plan.step(name) for name in names]
        return tuple(_retried(folder, jobs, step, asked) for step in steps)


def retry_uncertain(root: Path) -> tuple[RetriedStep, ...]:
    """Let every step be submitted again of whose submission nobody knows what became: its job is in no queue.

    The caller says by this that none of them is there; those that the queue lists now are left to it. It raises what
    `retry_steps` raises.
    """
    existing_plan(root)
    with locked(root):
        folder, jobs = _run_in(root), _Jobs(root)
        found = ((step, jobs.settle(step.name)) for step in folder.plan.steps)
        unknown = [step for step, record in found if record is not None and record.stage in ("intended", "lost")]
        return tuple(_retried(folder, jobs, step, {}) for step in unknown)


def _retried(folder: StudyFolder, jobs: _Jobs, step: Step, asked: Mapping[str, Setting]) -> RetriedStep:
    root, name, work = folder.root, step.name, Work(folder.plan, folder)
    state = end_on_disk(work, step).state
    new = {**folder.plan.overrides.get(name, {}), **asked}
    changes = new != folder.plan.overrides.get(name, {})
    _refuse_retry(folder, step, state, changes=changes)
    if changes:
        _refuse_while_others_run(folder, step)
    overridden(Work(folder.plan).built(step), new)
    for other in (name,) if changes else group_of(work, name):
        jobs.settle(other)
        let_another(root, other)
    place = folder.folder_of(step)
    kept_in = "" if place is None or state == "finished" else _set_free(place, aside=state == "refused")
    unmark_cancelled(root, name)
    folder.override(name, new)
    return RetriedStep(name=name, was=state, settings=new, kept_in=kept_in, by_queue=has_machine(root))


def _refuse_retry(folder: StudyFolder, step: Step, state: str, *, changes: bool) -> None:
    if state == "running":
        raise InputError(f"{step.name} runs", fix=f"{dftflow_line('cancel', folder.root, step.name)} ends it")
    if state == "finished" and not changes:
        raise InputError(
            f"{step.name} has finished",
            reason="the same calculation would give the same results",
            fix="give what is to be another with --set, e.g. --set max_scf_cycles=300",
        )


def _refuse_while_others_run(folder: StudyFolder, step: Step) -> None:
    """What is made from the step as it was would end after it, and nobody would ask for it any more."""
    work = Work(folder.plan, folder)
    for other in folder.plan.made_from(step.name):
        if end_on_disk(work, other).state == "running":
            raise InputError(
                f"{other.name} runs, from what {step.name} ended with before",
                fix=f"wait for its end, or {dftflow_line('cancel', folder.root, other.name)}",
            )


def _set_free(place: Path, *, aside: bool) -> str:
    """Let the folder of a step wait; where what lay in it was put, ``""`` where it stays for the next attempt."""
    lock = EngineLock.take(place)
    if lock is None:
        raise Undecided(
            "an engine holds the folder of this step",
            where=str(place),
            fix="end it, on the machine where it runs, and call this again",
        )
    try:
        before = read_state(place)
        kept_in = put_aside(place, stay=(BUILT_FILE,)) if aside else ""
        spent = replace(before, state="waiting", failure="", cause="", log_tail="", host="", boot="", job="")
        write_state(place, replace(spent, pid=None, birth=None, tries=(), files={}))
    finally:
        lock.let_go()
    return kept_in


def _run_in(root: Path) -> StudyFolder:
    folder = StudyFolder.existing(root)
    if folder.layout != "run":
        raise StoreError(
            "this folder holds decks and no run",
            where=str(root),
            fix="its RUN.md says how they are run, and run again",
        )
    return folder
