"""Carries out one step of a run's folder on the machine where it is called: what a job of a scheduler does on its node.

Many steps of one folder run so at the same time, on many machines. So nothing here holds the folder, and nothing writes
what another step's call writes: where the step lies is noted in a file of its own. Two calls for one calculation are
told apart by the engine's lock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dftflow.errors import CalculationError, StoreError
from dftflow.jobs.cluster.submission import EndedJobs, last_attempt
from dftflow.jobs.graph import Observer, Recorder, run_graph
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.local import Local
from dftflow.jobs.lock import engine_lock_is_held
from dftflow.jobs.machine_profile import Machine, load_machine
from dftflow.model.step import Step
from dftflow.named_command import dftflow_line
from dftflow.studies.at_the_queue import LATE_S
from dftflow.studies.carriers import has_job
from dftflow.studies.standing import with_needs
from dftflow.studies.step_end import end_on_disk
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

__all__ = ["run_step"]

LOOK_EVERY_S = 2.0


def run_step(
    root: Path,
    name: str,
    *,
    machine: Machine | None = None,
    plan: str = "",
    after: str = "",
    given: Mapping[str, float] | None = None,
    observer: Observer = lambda views: None,
) -> NodeOutcome:
    """Cut the deck of a step from what its forerunners ended with, run its engine here, and judge what it leaves.

    A step that has finished is left as it is. Where another process carries out the same calculation, on whichever
    machine, its end is waited for.

    Parameters
    ----------
    root
        Folder of a run.
    name
        ``"CsPbBr3/bulk-relax"``.
    machine
        That the step is run on: it says what the step may use, and how its engine is started. The one that counts
        where none is named unless given.
    plan
        Digest of the plan that the step is meant of (`StudyFolder.digest`); ``""`` for that which the folder holds.
    after
        Cause by which the last job of the step ended: ``"out_of_time"`` goes on from what that left.
    given
        What the step may use, over what machine and study say: by the names of `dftflow.jobs.resources.Resources`.
    observer
        Called a few times a second with the state of the step.

    Raises
    ------
    InputError, StoreError
        When the folder holds no run, or another plan than `plan`; it cannot be read or written.
    StudyError
        When there is no such step.
    CalculationError
        When a step that it needs has not finished.
    """
    work = _ready(root, name, plan, machine, given or {})
    folder, step = work.folder, work.plan.step(name)
    assert folder is not None
    node = replace(work.node(step, work.job_here, after=after), needs=())
    while True:
        local = Local(root, folder.home, ended_jobs=EndedJobs(root))
        with folder.home.held():
            end = run_graph([node], local, record=_recorder(work, step), observer=observer)[name]
        if end.state != "uncertain" or end.folder is None or not engine_lock_is_held(end.folder):
            return end
        time.sleep(LOOK_EVERY_S)


def _ready(root: Path, name: str, plan: str, machine: Machine | None, given: Mapping[str, float]) -> Work:
    """The work on a plan, in which all that the step needs is known.

    What another job has left is waited for a while: on a file system between machines it may be seen late.
    """
    until = time.monotonic() + LATE_S
    while True:
        folder = StudyFolder.existing(root)
        _refuse_another(folder, plan)
        step = folder.plan.step(name)
        work = Work(folder.plan, folder, machine=machine or load_machine(), given=given)
        try:
            _refuse_unready(work, step)
            return work
        except CalculationError:
            if time.monotonic() > until or not any(has_job(work, root, str(need.step)) for need in step.needs):
                raise
        time.sleep(LOOK_EVERY_S)


def _recorder(work: Work, step: Step) -> Recorder:
    """Notes where a step lies, for those too that its job carries out as well."""
    folder = work.folder
    assert folder is not None
    job = last_attempt(folder.root, step.name)

    def record(name: str, place: Path | None, failure: str) -> None:
        folder.record_apart(name, place, failure)
        for other in () if place is None or job is None else job.also:
            if folder.folder_of(work.plan.step(other)) is None:
                folder.record_apart(other, place, "")

    return record


def _refuse_another(folder: StudyFolder, plan: str) -> None:
    if folder.layout != "run":
        raise StoreError(
            "this folder holds decks and no run",
            where=str(folder.root),
            fix="its RUN.md says how they are run; give a folder that `dftflow run` wrote to",
        )
    if plan and plan != folder.digest:
        raise StoreError(
            "the study of this folder is not the one any more that this step was to be run of",
            where=str(folder.root),
            fix="`dftflow run` with the study as it is now",
        )


def _refuse_unready(work: Work, step: Step) -> None:
    """Ask the gate about what the step is built from; raise `CalculationError` where it has not all finished."""
    asked = with_needs(work.plan.steps, {str(need.step) for need in step.needs})
    ends = {other.name: end_on_disk(work, other) for other in work.plan.steps if other.id in asked}
    unready = [end for need in step.needs if (end := ends[str(need.step)]).state != "finished"]
    if unready:
        raise CalculationError(
            f"{step.name} cannot be run yet: it needs {' and '.join(end.name for end in unready)}",
            reason="; ".join(f"{end.name}: {end.failure or end.state.replace('_', ' ')}" for end in unready),
            fix=f"{dftflow_line('status', work.folder.root)} shows how each step stands" if work.folder else "",
        )
