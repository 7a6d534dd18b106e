"""Runs a study here, reads what was run before or elsewhere, and gives its outcome: one flow, whoever calculates."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dftflow.errors import CalculationError, CodeNotFoundError, InputError, MachineError
from dftflow.jobs.already_there import AlreadyThere
from dftflow.jobs.executor import Executor
from dftflow.jobs.graph import NodeView, Observer, Room, run_graph
from dftflow.jobs.harmless import harmless
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.local import Local
from dftflow.jobs.lock import locked
from dftflow.jobs.machine_profile import Machine, load_machine
from dftflow.jobs.store import read_plan
from dftflow.model.outcome import StudyOutcome
from dftflow.studies.outcome import study_outcome
from dftflow.studies.paced import Say, paced
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import Study, default_folder
from dftflow.studies.remedied import MOST_TRIES
from dftflow.studies.step_end import end_on_disk
from dftflow.studies.stored_plan import plan_for
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

__all__ = ["collect_study", "outcome_of_folder", "run_study"]

CLOCK_EVERY_S = 10.0


def run_study(
    study: Study,
    out: Path | None = None,
    *,
    workers: int | None = None,
    machine: Machine | None = None,
    given: Mapping[str, float] | None = None,
    executor: Executor | None = None,
    most_tries: int = MOST_TRIES,
    observer: Observer = lambda views: None,
    say: Say = lambda line: None,
) -> StudyOutcome:
    """Run every step of a study that is not finished yet, and derive what the study asks for.

    Parameters
    ----------
    study
        From `load_study`.
    out
        Folder of the run; `default_folder` unless given. What is finished there is used, not run again.
    workers
        Steps at once; as many as the machine has cores unless given. Together they never use more cores than it has.
    machine
        That it is run on; what `load_machine` finds unless given.
    given
        What one step may use, over what machine and study say: by the names of `dftflow.jobs.resources.Resources`,
        such as ``{"time_s": 3600.0}``.
    executor
        What carries the steps out, instead of processes on this machine; it has limits of its own.
    most_tries
        How often a step that failed in a known way is tried again by another way to the same result
        (`dftflow.codes.remedy`); 0 for never.
    observer
        Called a few times a second with the state of all steps.
    say
        Called with a line for each step that is calculated again although results of it lie there.

    Returns
    -------
    StudyOutcome
        Also when steps failed: what does not depend on them is there, and the failures are named.

    Raises
    ------
    InputError, SourceError
        When a crystal, a plane or a deck cannot be made; before anything runs.
    CodeNotFoundError
        When the code cannot run on this machine.
    StoreError
        When the folder cannot be written, is in use, or belongs to another study, preset or code.
    """
    tell = harmless(say)
    root = out or default_folder(study)
    machine = machine or load_machine()
    plan = plan_for(study, read_plan(root), say=tell)
    work = Work(plan, machine=machine, given=given, say=tell, most_tries=most_tries)
    _refuse_unable(work, machine, executor, tell)
    with locked(root):
        folder = work.folder = _begun(plan, root, tell)
        carries_out = executor or Local(root, folder.home)
        with folder.home.held():
            ends = _carried_out(work, folder, carries_out, _room(machine, workers), harmless(observer))
        folder.write_whole()
    return _outcome(work, ends, wall_time_s=folder.wall_time_s)


def _begun(plan: Plan, root: Path, say: Say) -> StudyFolder:
    """The folder of the run with its plan; `say` is told what of it lies elsewhere, and what is not dftflow's."""
    folder = StudyFolder.create(plan, root, "run")
    if folder.home.is_shared:
        say(f"the steps lie in the store {folder.home.root}")
    for name in folder.kept:
        say(f"{name} in {root} is not dftflow's, and was left as it is")
    return folder


def _room(machine: Machine, workers: int | None) -> Room:
    return Room(workers=workers or machine.cores or 1, cores=machine.cores, memory_mib=machine.memory_mib)


def _carried_out(
    work: Work, folder: StudyFolder, executor: Executor, room: Room, observer: Observer
) -> Mapping[str, NodeOutcome]:
    """How each step ended; the time that it took is in the plan."""
    clock = _WallClock(folder, observer)
    nodes = [work.node(step, work.job_here, cost=work.cost(step)) for step in work.plan.steps]
    ends = run_graph(nodes, executor, room=room, record=folder.record, observer=clock)
    clock.write()
    return ends


def _refuse_unable(work: Work, machine: Machine, executor: Executor | None, say: Say) -> None:
    """Raise what `run_study` raises before anything is written: here it cannot run, or not with this machine."""
    if executor is None and machine.scheduler != "none":
        raise MachineError(
            f"{machine.name} has a scheduler, and steps are run here as processes",
            fix="name a machine without one, such as local",
            where=machine.where,
        )
    work.check_machine()
    work.check(decks=True, say=say)
    code = work.plan.code
    if executor is None and not code.runs_here:
        raise CodeNotFoundError(
            f"{code.name} cannot run on this machine",
            fix=f"{code.how_to_get_it}; or write its decks with `dftflow decks` and run them elsewhere",
        )


def outcome_of_folder(
    root: Path, *, places: Mapping[str, Path] | None = None, say: Say = lambda line: None
) -> StudyOutcome:
    """The outcome of the study that `root` holds, from what lies in it alone; nothing is run, and nothing is written.

    Parameters
    ----------
    root
        Of a run, or of decks.
    places
        Step name -> folder of its results, for those that lie elsewhere.
    say
        Told how far it is, when there are many steps.

    Raises
    ------
    StoreError
        When its study is of another version of dftflow, or cannot be read.
    StudyError, InputError
        When it holds no study; `places` names a step that the study does not have, or a folder that is none.
    """
    folder = StudyFolder.existing(root)
    elsewhere = _checked(places or {}, folder.plan)
    work = Work(folder.plan, folder)
    steps = paced(folder.plan.steps, "steps read", harmless(say))
    ends = {step.name: end_on_disk(work, step, elsewhere.get(step.name)) for step in steps}
    return _outcome(work, ends, wall_time_s=folder.wall_time_s)


def collect_study(
    study: Study, root: Path, *, places: Mapping[str, Path] | None = None, say: Say = lambda line: None
) -> StudyOutcome:
    """The outcome of `study` from results that lie below `root`; nothing is run, nothing is written.

    A calculation of another crystal or another surface is refused; one with another cutoff, functional, grid or
    geometry is used, and the outcome says so.

    Parameters
    ----------
    study
        From `load_study`, with the code that ran the calculations.
    root
        The results of each step lie in ``root/<step>``; in a folder of dftflow's own, where its plan says.
    places
        Step name -> folder of its results, for those that lie elsewhere.
    say
        As for `outcome_of_folder`.

    Raises
    ------
    StoreError
        The folder holds the plan of another study, preset or code, or of another text of the study.
    StudyError, InputError
        As `outcome_of_folder`; there is no such folder, or a crystal or a slab of the study cannot be made.
    CalculationError
        When no step has left anything.
    """
    if not root.is_dir():
        raise InputError("there is no such folder", where=str(root), fix="give the folder that holds the results")
    plan = plan_study(study, say=harmless(say))
    if read_plan(root) is not None:
        StudyFolder.existing(root).refuse_another(plan)
        return outcome_of_folder(root, places=places, say=say)
    work = Work(plan)
    work.check(decks=False, say=harmless(say))
    executor = AlreadyThere(root, _checked(places or {}, plan))
    ends = run_graph([work.node(step, work.job_of_others) for step in plan.steps], executor)
    if all(end.state == "not_run" for end in ends.values()):
        raise CalculationError(
            f"there are no results of {plan.code.name} for any step of the study",
            where=str(root),
            fix="give the folder that `dftflow decks` wrote to, or --at; and the code that ran them (--code)",
        )
    return _outcome(work, ends)


def _checked(places: Mapping[str, Path], plan: Plan) -> dict[str, Path]:
    for name, place in places.items():
        plan.step(name)
        if not place.is_dir():
            raise InputError(f"there is no such folder for the step {name}", where=str(place))
    return dict(places)


def _outcome(work: Work, ends: Mapping[str, NodeOutcome], *, wall_time_s: float | None = None) -> StudyOutcome:
    steps = tuple(work.step_outcome(step, ends[step.name]) for step in work.plan.steps)
    planned_with = None if work.folder is None else work.folder.made_with
    return study_outcome(work.plan, work.admissions, steps, planned_with=planned_with, wall_time_s=wall_time_s)


class _WallClock:
    """An observer that keeps the run's wall time in its plan, summed over all calls, killed ones included."""

    def __init__(self, folder: StudyFolder, observer: Observer) -> None:
        self._folder = folder
        self._observer = observer
        self._written = time.monotonic()

    def __call__(self, views: Sequence[NodeView]) -> None:
        self._observer(views)
        if time.monotonic() - self._written > CLOCK_EVERY_S:
            self.write()

    def write(self) -> None:
        """Write down the time since the last call."""
        now = time.monotonic()
        self._folder.add_wall_time(now - self._written)
        self._written = now
