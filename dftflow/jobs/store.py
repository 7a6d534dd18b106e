"""What lies on disk: a run's plan; it is replaced by one rename.

<folder>/plan.json          study, preset, code, crystals; every step with its folder
<folder>/plan.jsonl         what became of it since it was written                    (journal.py)
<folder>/places/<step>.json where a step lies that was carried out alone, maybe on another machine
<folder>/lock               held while a dftflow works in <folder>                    (lock.py)
<step folder>/state.json    how a step stands that runs on this machine               (step_state.py)
<step folder>/engine.lock   held while its engine runs                                (lock.py)
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from dftflow.errors import InputError, StoreError
from dftflow.jobs.journal import JOURNAL_FILE, add_to_journal, journal_of, remove_journal
from dftflow.stored_file import plain_json, read_stored

__all__ = [
    "PLACES",
    "PLAN_FILE",
    "PlanFile",
    "PlannedStep",
    "below",
    "existing_plan",
    "has_place",
    "leads_outside",
    "note_in_plan",
    "noted_beside",
    "plan_text",
    "read_plan",
    "is_temporary",
    "storage_errors",
    "unreadable_plan",
    "write_atomically",
    "write_place",
    "write_plan",
]

PLAN_FILE = "plan.json"
SCHEMA = "dftflow-plan/1"
PLACES = "places"
MOST_LETTERS = 1000
TEMPORARY_BYTES = 8
_WRITABLE = "make it writable for you, copy it to a place that is"
_USER = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step in ``plan.json``.

    Attributes
    ----------
    folder
        Of the step, below the plan's own; ``""`` until there is one.
    failure
        Why it has none.
    earlier
        Where it lay before, in this plan or an earlier one of this folder.
    overrides
        Settings of this step alone; nobody's business here.
    content
        The step itself, as plain data; nobody's business here.
    """

    name: str
    title: str
    folder: str = ""
    failure: str = ""
    earlier: str = ""
    overrides: Mapping[str, int | float] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    def placed(self, folder: str, failure: str = "") -> PlannedStep:
        """It lies there now; nowhere where that is ``""``, and where it lay last is not forgotten."""
        earlier = self.earlier if folder else self.folder or self.earlier
        return replace(self, folder=folder, failure=failure, earlier=earlier)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """Content of ``plan.json``, with what its journal says.

    Attributes
    ----------
    id
        Of this plan among those that were in its folder.
    store, user
        Where the steps lie instead of in its folder, and the id of the run there (shared_store.py); ``""`` for none.
    header
        What the steps follow from, as plain data; nobody's business here.
    wall_time_s
        Summed over all calls that worked in the folder; None where none of them timed itself.
    """

    header: Mapping[str, Any]
    steps: tuple[PlannedStep, ...]
    wall_time_s: float | None = None
    id: str = ""
    store: str = ""
    user: str = ""


# --- the plan ---------------------------------------------------------------------------------------------------


def write_plan(root: Path, plan: PlanFile) -> None:
    """Replace the plan of `root`, which is created when it does not exist."""
    with storage_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(root / PLAN_FILE, plan_text(plan))
        remove_journal(root)


def plan_text(plan: PlanFile) -> str:
    """What ``plan.json`` holds: JSON with a line for the header, and one for each step."""
    about: dict[str, Any] = {"schema": SCHEMA, "id": plan.id, "wall_time_s": plan.wall_time_s}
    if plan.store:
        about |= {"store": plan.store, "user": plan.user}
    about["header"] = plan.header
    names = tuple(field.name for field in fields(PlannedStep))
    steps = ({name: getattr(step, name) for name in names} for step in plan.steps)
    lines = ",\n".join(json.dumps(step, ensure_ascii=False) for step in steps)
    return f'{json.dumps(about, ensure_ascii=False)[:-1]},\n"steps": [\n{lines}\n]}}\n'


def note_in_plan(root: Path, plan_id: str, **change: str | float | None) -> None:
    """Note what became of a step (``step``, ``folder``, ``failure``), or of the whole (``wall_time_s``)."""
    with storage_errors(root):
        add_to_journal(root, plan_id, change)


def read_plan(root: Path) -> PlanFile | None:
    """The plan of `root` as it stands; None when there is none.

    Raises
    ------
    StoreError
        When it is damaged, names a folder that does not lie in `root`, or was written by a version of dftflow that kept
        it in another way.
    """
    file = root / PLAN_FILE
    try:
        written = read_stored(file)
        plan = _checked_plan(root, plain_json(written.decode("utf-8")))
        noted = _with_places(root, _with_journal(root, plan))
        if read_stored(file) != written:  # replaced in between, and its journal with it
            return read_plan(root)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable_plan(root, error.strerror or str(error)) from error
    except ValueError as error:
        raise unreadable_plan(root, str(error)) from error
    return noted


def _checked_plan(root: Path, content: Any) -> PlanFile:
    if isinstance(content, list):
        raise StoreError(
            "this is a run of dftflow 0.1, which this version does not go on with",
            where=str(root),
            fix="run its study in another folder; `dftflow parse FOLDER` reads the results of every step in it",
        )
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        layout = content.get("schema") if isinstance(content, dict) else content
        raise ValueError(f"its layout is {str(layout)[:60]!r}, not {SCHEMA!r}")
    plan = TypeAdapter(PlanFile).validate_python({key: value for key, value in content.items() if key != "schema"})
    if plan.store and not (_is_path(plan.store) and _USER.fullmatch(plan.user)):
        raise ValueError(f"{plan.store[:60]!r} is no place of a store, or the id of the run in it is none")
    named = Counter(step.name for step in plan.steps)
    for step in plan.steps:
        if named[step.name] > 1:
            raise ValueError(f"the step {step.name[:60]!r} stands there twice")
        for place in (step.name, step.folder, step.earlier):
            below(root, place)
    return plan


def _with_journal(root: Path, plan: PlanFile) -> PlanFile:
    try:
        return _with_changes(plan, journal_of(root, plan.id))
    except ValueError as error:
        raise StoreError(
            "what became of the steps of this folder cannot be read",
            reason=" ".join(str(error).split())[:300],
            where=str(root / JOURNAL_FILE),
            fix="remove it and run again: what has finished is found and kept",
        ) from error


def _with_changes(plan: PlanFile, changes: Iterable[Mapping[str, Any]]) -> PlanFile:
    """`plan` after `changes`, each of a step that it has."""
    steps = {step.name: step for step in plan.steps}
    wall_time_s = plan.wall_time_s
    for found in TypeAdapter(list[_Change]).validate_python(list(changes)):
        below(Path(), found.folder)
        if found.wall_time_s is not None:
            wall_time_s = found.wall_time_s
        elif found.step in steps:
            steps[found.step] = steps[found.step].placed(found.folder, found.failure)
    return replace(plan, steps=tuple(steps.values()), wall_time_s=wall_time_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    step: str = ""
    folder: str = ""
    failure: str = ""
    wall_time_s: float | None = None


def write_place(root: Path, plan_id: str, *, step: str, folder: str, failure: str) -> None:
    """Note where a step lies in a file of its own, which one process writes: no other machine adds to it."""
    content = {"plan": plan_id, "step": step, "folder": folder, "failure": failure}
    with storage_errors(root):
        write_atomically(_place_file(root, step), json.dumps(content, ensure_ascii=False), root=root)


def has_place(root: Path, step: str) -> bool:
    """Whether there is such a file: then it says where the step lies."""
    return _place_file(root, step).is_file()


def _place_file(root: Path, step: str) -> Path:
    return root / PLACES / f"{step}.json"


def _with_places(root: Path, plan: PlanFile) -> PlanFile:
    if not (root / PLACES).is_dir():
        return plan
    return _with_changes(plan, [change for step in plan.steps if (change := _place(root, plan.id, step.name))])


def _place(root: Path, plan_id: str, step: str) -> dict[str, Any]:
    """What the step's own file says; nothing when there is none, or it is of another plan."""
    file = _place_file(root, step)
    try:
        place = plain_json(read_stored(file).decode("utf-8"))
        if not isinstance(place, dict) or place.pop("step", None) != step:
            raise ValueError("it is not of this step")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(
            f"where {step} lies cannot be read",
            reason=" ".join(str(error).split())[:300],
            where=str(file),
            fix="remove it and run again: what has finished is found and kept",
        ) from error
    return {**place, "step": step} if place.pop("plan", None) == plan_id else {}


def noted_beside(root: Path) -> bool:
    """Whether anything is noted of the plan of `root` beside it, in its journal or in files of single steps."""
    return (root / JOURNAL_FILE).exists() or (root / PLACES).exists()


def existing_plan(root: Path) -> PlanFile:
    """As `read_plan`; raises `InputError` too, when there is none."""
    plan = read_plan(root)
    if plan is None:
        raise InputError(
            "this folder holds no study" if root.is_dir() else "there is no such folder",
            where=str(root),
            fix="give the folder that `dftflow run` or `dftflow decks` wrote to",
        )
    return plan


def unreadable_plan(root: Path, why: str) -> StoreError:
    """What is said of a plan that cannot be read."""
    return StoreError(
        "the plan of this folder cannot be read",
        reason=" ".join(why.split())[:300],
        where=str(root / PLAN_FILE),
        fix="move it away, and give the study to this folder again: `dftflow run STUDY --out FOLDER`, or "
        "`dftflow decks` where that wrote it, finds what has finished; `dftflow parse FOLDER` reads the results of "
        "each step without it",
    )


def below(root: Path, place: str) -> Path:
    """The path `place`, as a file stores it, below `root`.

    Raises
    ------
    ValueError
        When it is absolute, leads out of `root`, or is no path.
    """
    parts = place.split("/")
    if place and (not _is_path(place) or not {"", ".", ".."}.isdisjoint(parts)):
        raise ValueError(f"{place[:60]!r} is no path below the folder")
    return root / place


def _is_path(place: str) -> bool:
    return len(place) <= MOST_LETTERS and place.isprintable()


def leads_outside(root: Path, folder: Path) -> bool:
    """Whether a link on the way to `folder`, which lies below `root` by its name, leads out of it."""
    try:
        return not folder.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return True


# --- files ------------------------------------------------------------------------------------------------------


def write_atomically(
    file: Path, content: str | bytes, *, root: Path | None = None, mode: int = 0o666, durable: bool = True
) -> None:
    """Write `content` beside `file`, then rename: a reader sees the old or the new content, never half of one.

    Parameters
    ----------
    root
        Folder that must not be left on the way to `file`: folders below it are made, and links in it are not followed.
        That of the file unless given. It is made when it is not there, and may be a link itself.
    mode
        Rights of the file, of which the umask takes its part.
    durable
        Whether the content is on the disk when this returns, whatever becomes of the machine then. Not asked for where
        the file says nothing once the machine has gone down: that an engine runs on it, or what is to be run.

    Raises
    ------
    OSError
        When it cannot be written; `ELOOP` or `ENOTDIR` when a link or a file stands in the place of a folder.
    """
    place = root or file.parent
    place.mkdir(parents=True, exist_ok=True)
    folder = _opened_folder(place, file.parent.relative_to(place).parts)
    temporary = f".{file.name[:200]}.{secrets.token_hex(TEMPORARY_BYTES)}"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, mode, dir_fd=folder), "wb") as handle:
            handle.write(content.encode() if isinstance(content, str) else content)
            if durable:
                handle.flush()
                os.fsync(handle.fileno())
        os.replace(temporary, file.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        error.filename, error.filename2 = str(file), None
        raise
    finally:
        os.close(folder)


def is_temporary(name: str) -> bool:
    """Whether a file is called as those that `write_atomically` renames when they are whole."""
    end = name.rpartition(".")[2]
    return name.startswith(".") and len(end) == 2 * TEMPORARY_BYTES and not end.strip("0123456789abcdef")


def _opened_folder(root: Path, parts: tuple[str, ...]) -> int:
    """Descriptor of the folder `parts` below `root`, which are made; a link among them is not followed."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    here, number = root, os.open(root, flags)
    for part in parts:
        here, above = here / part, number
        try:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=above)
            number = os.open(part, flags | os.O_NOFOLLOW, dir_fd=above)
        except OSError as error:
            is_link = error.errno == errno.ENOTDIR and here.is_symlink()
            why = errno.ELOOP if is_link else error.errno or 0
            raise OSError(why, os.strerror(why), str(here)) from None
        finally:
            os.close(above)
    return number


@contextmanager
def storage_errors(where: Path, *, elsewhere: str = "name another place") -> Iterator[None]:
    """Turn what the file system says into a `StoreError` with advice; `elsewhere` is how another place is named."""
    advice = {
        errno.ENOSPC: ("the disk is full", "free some space and run again: what is finished is kept"),
        errno.EDQUOT: ("the disk quota is used up", "free some space and run again: what is finished is kept"),
        errno.EROFS: ("the folder is read-only", f"copy it to a place that is writable for you, or {elsewhere}"),
        errno.EACCES: ("the folder may not be written to", f"{_WRITABLE}, or {elsewhere}"),
        errno.EPERM: ("the folder may not be written to", f"{_WRITABLE}, or {elsewhere}"),
        errno.ENOTDIR: ("a part of this path is a file, not a folder", f"move it away, or {elsewhere}"),
        errno.EEXIST: ("there is a file of this name", f"move it away, or {elsewhere}"),
        errno.ELOOP: (
            "a link in this folder leads elsewhere",
            "put a folder in its place: nothing is written through it",
        ),
        errno.EISDIR: ("a folder has the name of a file", f"move it away, or {elsewhere}"),
        errno.ENAMETOOLONG: ("a name is too long for this file system", "shorten it"),
    }
    try:
        yield
    except OSError as error:
        other = ("the file system refuses this folder or a file in it", f"{_WRITABLE}, or {elsewhere}")
        summary, fix = advice.get(error.errno or 0, other)
        raise StoreError(summary, reason=str(error.strerror), where=str(error.filename or where), fix=fix) from error
