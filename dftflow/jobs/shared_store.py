"""A store: a folder in which the steps of several studies lie, each calculation once.

<store>/store.json          that it is one; nothing else is read or written as one
<store>/lock                held by all who work with it, and alone by whoever removes something
<store>/users/<id>.json     where the run of a study lies that uses it: one writer a file
<store>/turns/<identity>    held by the dftflow that carries out that calculation
<store>/steps/<identity>/   the folder of a step

A run and its store know each other: the plan has the place of the store and an id, the store a file of that id. A plan
alone says nothing, so that one which a stranger made reads nothing of anybody's store.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dftflow.errors import StoreError
from dftflow.jobs.lock import held_alone, held_together
from dftflow.jobs.store import PlanFile, PlannedStep, read_plan, storage_errors, write_atomically
from dftflow.stored_file import plain_json, read_stored

__all__ = [
    "SHARED_LENGTH",
    "StepHome",
    "StoreUse",
    "home_of",
    "others_steps",
    "step_places",
    "use_of",
]

MARKER = "store.json"
SCHEMA = "dftflow-store/1"
USERS = "users"
TURNS = "turns"
LOCK = "lock"
SHARED_LENGTH = 16
"""Letters of an identity in the name of a folder that studies share: of a million, two agree once in 40 million."""
_ANOTHER_STORE = "write another `store` into the study"
_SHARED_PLACE = re.compile(rf"steps/[0-9a-f]{{{SHARED_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class StepHome:
    """The folder that a run's steps lie in, below ``steps``: that of the run, or a store."""

    root: Path
    is_shared: bool = False

    @property
    def holds_steps(self) -> bool:
        """Whether anything may lie there that a run finds which was not planned yet: in a store with steps."""
        return self.is_shared and _is_store(self.root) and next(step_places(self.root), None) is not None

    def shared_folder(self, identity: str) -> Path:
        """Where a calculation lies in a store, whoever asks for it."""
        return self.root / "steps" / identity[:SHARED_LENGTH]

    def turn_file(self, folder: Path) -> Path:
        """What is held by whoever carries out the calculation of a folder of the store."""
        return self.root / TURNS / folder.name

    def held(self) -> AbstractContextManager[None]:
        """Hold a store while it is worked with, together with others; raises `StoreError` where one removes from it."""
        return held_together(self.root / LOCK) if self.is_shared else nullcontext()

    def held_alone(self) -> AbstractContextManager[None]:
        """Hold a store to remove something; raises `StoreError` where others work with it."""
        return held_alone(self.root / LOCK) if self.is_shared else nullcontext()

    def names_own(self, step: PlannedStep) -> bool:
        """Whether the folder of a step is named as one that was made for this very calculation."""
        if self.is_shared:
            return _SHARED_PLACE.fullmatch(step.folder) is not None
        return step.folder.startswith(f"steps/{step.name}-")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUse:
    """That a run uses a store.

    Attributes
    ----------
    place
        Of the store as the plan names it: absolute, or seen from the folder of the run.
    user
        Id of the run among those that use it.
    """

    root: Path
    place: str
    user: str

    @property
    def store(self) -> Path:
        """The folder of the store, without links on the way."""
        return Path(os.path.realpath(os.path.join(os.path.realpath(self.root), self.place)))

    def begin(self) -> None:
        """Make the store where there is none, and write down that this run uses it.

        Raises
        ------
        StoreError
            When its place has something else in it, or cannot be written.
        """
        if not _is_store(self.store):
            with storage_errors(self.store, elsewhere=_ANOTHER_STORE):
                self.store.mkdir(parents=True, exist_ok=True)
                others = sorted(name for name in os.listdir(self.store) if not name.startswith("."))
                if others and not _is_store(self.store):
                    raise _no_store(self.store, f"it holds {', '.join(others[:3])}, and no {MARKER}")
                write_atomically(self.store / MARKER, json.dumps({"schema": SCHEMA}))
        content = {"folder": self._folder_seen_from_store()}
        if _user(self.store, self.user) != content:
            with storage_errors(self.store, elsewhere=_ANOTHER_STORE):
                file = self.store / USERS / f"{self.user}.json"
                write_atomically(file, json.dumps(content, ensure_ascii=False), root=self.store)

    def _folder_seen_from_store(self) -> str:
        root = os.path.realpath(self.root)
        return root if os.path.isabs(self.place) else os.path.relpath(root, self.store)

    def is_known(self) -> bool:
        """Whether the store is there, and has a file of this run."""
        return _is_store(self.store) and _user(self.store, self.user) is not None

    def is_of_another(self) -> bool:
        """Whether it is the use of another folder that is still there: this one is a copy."""
        place = (_user(self.store, self.user) or {}).get("folder")
        if not isinstance(place, str) or not place:
            return False
        other = self.store / place
        return not _is_same(other, self.root) and _plan_of_user(other, self.user) is not None


def use_of(root: Path, plan: PlanFile) -> StoreUse | None:
    """The store that a plan names; None where its steps lie in its own folder."""
    return StoreUse(root=root, place=plan.store, user=plan.user) if plan.store else None


def home_of(root: Path, plan: PlanFile) -> StepHome:
    """Where the folders of a plan's steps lie.

    Raises
    ------
    StoreError
        When the plan names a store that is not there, or does not know this run.
    """
    use = use_of(root, plan)
    if use is None:
        return StepHome(root)
    if not use.is_known():
        there = _is_store(use.store)
        raise StoreError(
            "the steps of this run lie in a store that does not know it" if there
            else "the store in which the steps of this run lie is not there",
            reason="the run was not made here" if there else "the run or the store was moved without the other",
            where=str(use.store),
            fix=f"move both together, so that the store is {use.place} from here; or `dftflow run STUDY --out {root}`",
        )  # fmt: skip
    return StepHome(use.store, is_shared=True)


def others_steps(use: StoreUse) -> frozenset[str]:
    """Folders of steps, below the store, that the plans of other runs name.

    Raises
    ------
    StoreError
        When one of the runs is not found: then nobody knows what it needs.
    """
    used: set[str] = set()
    for user in _users(use.store):
        if user == use.user:
            continue
        place = (_user(use.store, user) or {}).get("folder")
        plan = _plan_of_user(use.store / place, user) if isinstance(place, str) and place else None
        if plan is None:
            file = use.store / USERS / f"{user}.json"
            raise StoreError(
                "a run that uses this store is not found, and nobody knows what it needs",
                reason=f"it lay in {place}" if isinstance(place, str) else "",
                where=str(file),
                fix=f"run its study once where it lies now; or `rm {file}` when the run is gone",
            )
        used |= {folder for step in plan.steps for folder in (step.folder, step.earlier) if folder}
    return frozenset(used)


def step_places(store: Path) -> Iterator[str]:
    """Folders of steps in a store, below it."""
    try:
        with os.scandir(store / "steps") as entries:
            places = [f"steps/{entry.name}" for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    yield from (place for place in sorted(places) if _SHARED_PLACE.fullmatch(place))


def _is_store(place: Path) -> bool:
    try:
        content = plain_json(read_stored(place / MARKER).decode("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("schema") == SCHEMA


def _no_store(place: Path, why: str) -> StoreError:
    return StoreError(
        "this folder is no store",
        reason=why,
        where=str(place),
        fix="write into the study, as `store`, a folder that is empty or not there yet",
    )


def _users(store: Path) -> list[str]:
    try:
        return sorted(name.removesuffix(".json") for name in os.listdir(store / USERS) if name.endswith(".json"))
    except OSError:
        return []


def _user(store: Path, user: str) -> dict[str, Any] | None:
    try:
        content = plain_json(read_stored(store / USERS / f"{user}.json").decode("utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _plan_of_user(root: Path, user: str) -> PlanFile | None:
    try:
        plan = read_plan(root)
    except StoreError:
        return None
    return plan if plan is not None and plan.user == user else None


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
