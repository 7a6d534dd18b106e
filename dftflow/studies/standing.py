"""How the steps of a folder stand now. What has finished and is as it was left costs a look at its files alone."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.errors import StoreError
from dftflow.jobs.cancelled import is_cancelled, why_cancelled
from dftflow.jobs.cluster.submission import last_attempt
from dftflow.jobs.job import JobState, NodeOutcome
from dftflow.jobs.run_index import FinishedStep, RunIndex
from dftflow.jobs.shared_store import StepHome, home_of
from dftflow.jobs.step_state import StepState, is_intact, read_state
from dftflow.jobs.store import PlanFile, PlannedStep, existing_plan, unreadable_plan
from dftflow.model.attempt import Attempt
from dftflow.studies.at_the_queue import at_the_queue

if TYPE_CHECKING:
    from dftflow.model.step import Step, StepId

__all__ = ["Standing", "standing_of", "step_of", "with_needs"]

BUILT_FILE = "built.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A folder's study and how each of its steps stands.

    Attributes
    ----------
    earlier
        Folders of results that are no step's of the plan: of another text of the study, or another engine. Not what was
        made for a step that has not finished now; and none in a store, where they may be other studies'.
    """

    study: str
    preset: str
    code: str
    ends: tuple[NodeOutcome, ...]
    earlier: tuple[Path, ...]


def standing_of(root: Path) -> Standing:
    """Where the run or the decks in `root` are.

    Raises
    ------
    InputError
        When it holds no study.
    StoreError
        When its plan cannot be read.
    """
    index = RunIndex(root)
    outline = index.outline()
    file = outline or existing_plan(root)
    home = home_of(root, file)
    names = _names(root, file.header)
    is_run = file.header.get("layout") == "run"
    is_left = outline is not None  # as the last run left it, which asked the gate where each step lies
    settled = {step.name: _settled(root, home, step, index, is_left) if is_run else None for step in file.steps}
    open_names = [name for name, end in settled.items() if end is None]
    asked = _asked(root, open_names) if open_names else {}
    study, preset, code = names
    ends = tuple(settled[step.name] or asked[step.name] for step in file.steps)
    return Standing(
        study=study,
        preset=preset,
        code=code,
        ends=ends,
        earlier=_earlier(root, file, ends) if is_run and not home.is_shared else (),
    )


def _names(root: Path, header: Mapping[str, Any]) -> tuple[str, str, str]:
    """Of the study, the preset and the code."""
    try:
        study, preset, code = (header[table]["name"] for table in ("study", "preset", "code"))
    except (KeyError, TypeError) as error:
        raise unreadable_plan(root, f"its header is damaged: {error}") from error
    if not all(isinstance(name, str) for name in (study, preset, code)):
        raise unreadable_plan(root, "a name in its header is no text")
    return study, preset, code


def _settled(root: Path, home: StepHome, step: PlannedStep, index: RunIndex, is_left: bool) -> NodeOutcome | None:
    """How a step of a run stands, where its files say so without being read; None where they have to be."""
    if not step.folder:
        state: JobState = "not_run" if step.failure else "waiting"
        end = NodeOutcome(name=step.name, title=step.title, state=state, folder=None, failure=step.failure)
        if is_cancelled(root, step.name):
            end = replace(end, state="cancelled", failure=why_cancelled(root, step.name))
        record = last_attempt(root, step.name)
        return end if record is None else at_the_queue(end, record, root)
    if not is_left and not home.names_own(step):
        return None  # another step's: the gate tells whether it is the same calculation
    folder = home.root / step.folder
    known: FinishedStep | StepState | None = index.finished(home.root, step.folder)
    tries: tuple[Attempt, ...] = ()
    if known is None:
        recorded = read_state(folder)
        if realpath(folder) != f"{realpath(home.root)}/{step.folder}" or not is_intact(folder, recorded):
            return None
        known, tries = recorded, recorded.tries
    return NodeOutcome(
        name=step.name,
        title=step.title,
        state="finished",
        folder=folder,
        wall_time_s=known.wall_time_s or None,
        cpu_time_s=known.cpu_time_s,
        tries=tries,
    )


def _asked(root: Path, names: list[str]) -> Mapping[str, NodeOutcome]:
    """What the gate says of these steps; of those whose geometry they need it is asked before."""
    from dftflow.studies.step_end import end_on_disk
    from dftflow.studies.study_folder import StudyFolder
    from dftflow.studies.work import Work

    folder = StudyFolder.existing(root)
    work = Work(folder.plan, folder)
    wanted = with_needs(folder.plan.steps, set(names))
    return {step.name: end_on_disk(work, step) for step in folder.plan.steps if step.id in wanted}


def with_needs(steps: tuple[Step, ...], names: set[str]) -> set[StepId]:
    from dftflow.studies.builder import source_needs

    wanted: set[StepId] = set()
    for step in reversed(steps):
        if step.name in names or step.id in wanted:
            wanted |= {step.id, *source_needs(step)}
    return wanted


def step_of(place: Path) -> str:
    """Name of the step that was built there; ``""`` where that cannot be read."""
    from dftflow.studies.built_file import read_built

    try:
        record = read_built(place)
    except StoreError:
        return ""
    return "" if record is None else record.step


def _earlier(root: Path, file: PlanFile, ends: Collection[NodeOutcome]) -> tuple[Path, ...]:
    open_names = {end.name for end in ends if end.state != "finished"}
    mine = {step.folder for step in file.steps if step.folder}
    mine |= {step.earlier for step in file.steps if step.earlier and step.name in open_names}
    found = [root / place for place in sorted(_other_folders(root, mine))]
    linked = {realpath(root / place) for place in mine} if found else set()
    return tuple(path for path in found if realpath(path) not in linked and step_of(path) not in open_names)


def _other_folders(root: Path, mine: Collection[str]) -> Iterator[str]:
    """Folders below ``steps`` that hold what was built, without `mine`, into which nobody looks."""
    todo = ["steps"]
    while todo:
        place = todo.pop()
        try:
            with os.scandir(root / place) as entries:
                for entry in entries:
                    if entry.name == BUILT_FILE:
                        yield place
                    elif entry.is_dir(follow_symlinks=False) and f"{place}/{entry.name}" not in mine:
                        todo.append(f"{place}/{entry.name}")
        except OSError:
            continue
