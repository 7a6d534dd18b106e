"""What of a run nobody needs any more: results of earlier plans, and what engines left for themselves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.jobs.local import at_work
from dftflow.jobs.lock import EngineLock, locked
from dftflow.jobs.seals import Seal
from dftflow.jobs.shared_store import others_steps, step_places
from dftflow.jobs.step_state import is_intact, read_state, write_state
from dftflow.jobs.store import storage_errors
from dftflow.jobs.tries import TRIES
from dftflow.studies.standing import Standing, standing_of, step_of
from dftflow.studies.study_folder import StudyFolder

__all__ = ["Removable", "remove", "what_can_go"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removable:
    """A file or a folder, why nobody needs it, its size, and the folder of the finished step that it is of."""

    path: Path
    why: str
    size_bytes: int
    step: Path | None = None


def what_can_go(root: Path) -> tuple[Removable, ...]:
    """What can be removed of the run in `root` and changes no number.

    Folders of results that no step of the plan has, and of steps that have finished the failed attempts and what their
    engine left to go on from (`Code.scratch`). Nothing that was made for a step which has not finished now: it may be
    what it comes to again. Nothing that lies elsewhere, and nothing where an engine works. In a store, what no study
    has that uses it, and of steps what this study alone has.

    Raises
    ------
    InputError, StoreError
        When there is no run in `root`, its plan cannot be read, or another run that uses its store is not found.
    """
    folder = StudyFolder.existing(root)
    if folder.layout != "run":
        raise StoreError(
            "this folder holds decks and no run", where=str(root), fix="what lies there is yours to remove"
        )
    others = frozenset() if folder.use is None else others_steps(folder.use)
    return (*_earlier(folder, others), *_scratch(folder, others))


def remove(root: Path, found: tuple[Removable, ...]) -> None:
    """Remove what `what_can_go` found; a finished step stays finished.

    Raises
    ------
    StoreError
        When a dftflow works in `root` or in its store, or something cannot be removed.
    """
    with locked(root), StudyFolder.existing(root).home.held_alone(), storage_errors(root):
        now = {one.path for one in what_can_go(root)}  # another study may use some of it since
        for one in (one for one in found if one.path in now):
            if one.step is None:
                shutil.rmtree(one.path)
            else:
                _remove_from(one.step, one.path)


def _earlier(folder: StudyFolder, others: frozenset[str]) -> Iterator[Removable]:
    home, why = folder.home, "of no study any more" if folder.home.is_shared else "of an earlier plan"
    standing = standing_of(folder.root)
    for place in _unused(folder, standing, others) if home.is_shared else standing.earlier:
        if _lies_below(home.root, place) and at_work(place, read_state(place)) is None:
            yield Removable(path=place, why=why, size_bytes=_size(place))


def _unused(folder: StudyFolder, standing: Standing, others: frozenset[str]) -> Iterator[Path]:
    open_names = {end.name for end in standing.ends if end.state != "finished"}
    own = {folder.folder_of(step) for step in folder.plan.steps}
    own |= {folder.earlier_folder_of(step) for step in folder.plan.steps if step.name in open_names}
    places = (folder.home.root / place for place in step_places(folder.home.root) if place not in others)
    return (place for place in places if place not in own and step_of(place) not in open_names)


def _scratch(folder: StudyFolder, others: frozenset[str]) -> Iterator[Removable]:
    seen = {folder.home.root / place for place in others}
    for step in folder.plan.steps:
        place = folder.folder_of(step)
        if place is None or place in seen or not _lies_below(folder.home.root, place):
            continue
        seen.add(place)
        if not is_intact(place, read_state(place)):
            continue
        if (place / TRIES).is_dir():
            yield Removable(path=place / TRIES, why="failed attempts", size_bytes=_size(place / TRIES), step=place)
        for file in sorted(place.rglob("*")):
            name = file.relative_to(place).as_posix()
            if name.startswith(f"{TRIES}/"):
                continue
            if file.is_file() and any(fnmatchcase(name, pattern) for pattern in folder.plan.code.scratch):
                yield Removable(path=file, why="for the engine alone", size_bytes=_size(file), step=place)


def _lies_below(root: Path, place: Path) -> bool:
    """Whether it lies there, and not behind a link."""
    return os.path.realpath(place) == os.path.join(os.path.realpath(root), os.path.relpath(place, root))


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return sum(file.lstat().st_size for file in files)


def _remove_from(place: Path, path: Path) -> None:
    """Take a file or folder out of a finished step, and its seals with it."""
    lock = EngineLock.take(place)
    if lock is None:
        return
    try:
        state, name = read_state(place), path.relative_to(place).as_posix()
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        write_state(place, replace(state, files=_without(state.files, name)))
    finally:
        lock.let_go()


def _without(seals: Mapping[str, Seal], name: str) -> dict[str, Seal]:
    return {file: seal for file, seal in seals.items() if file != name and not file.startswith(f"{name}/")}
