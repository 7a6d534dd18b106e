"""What lies on disk: a run's plan and the state of each step; every change is one rename.

<folder>/plan.json          study, preset, code, crystals; every step with its folder
<folder>/lock               held while a dftflow works in <folder>
<step folder>/state.json    how a step stands that runs on this machine
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dftflow.errors import StoreError
from dftflow.input_file import read_regular_text
from dftflow.run.job import Job, JobState

__all__ = [
    "PLAN_FILE",
    "PlanFile",
    "PlannedStep",
    "StepState",
    "locked",
    "read_plan",
    "read_state",
    "stage",
    "storage_errors",
    "write_atomically",
    "write_plan",
    "write_state",
]

PLAN_FILE = "plan.json"
SCHEMA = "dftflow-plan/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """Content of ``state.json``.

    Attributes
    ----------
    state
        ``waiting``, ``running``, ``finished``, ``failed`` or ``refused``.
    pid, process_started
        Of the running process; the start time tells a reused process id apart.
    wall_time_s
        Summed over interrupted attempts.
    """

    state: JobState
    pid: int | None = None
    process_started: float | None = None
    wall_time_s: float = 0.0
    failure: str = ""
    log_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step in ``plan.json``.

    Attributes
    ----------
    folder
        Of the step, relative to the plan's own (absolute when it lies outside); ``""`` until there is one.
    failure
        Why it has none.
    earlier
        Where it lay in an earlier plan of this folder.
    content
        The step itself, as plain data; nobody's business here.
    """

    name: str
    title: str
    folder: str = ""
    failure: str = ""
    earlier: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """Content of ``plan.json``: one file, replaced as a whole.

    Attributes
    ----------
    header
        What the steps follow from, as plain data; nobody's business here.
    wall_time_s
        Summed over all calls that worked in the folder; None where none of them timed itself.
    """

    header: Mapping[str, Any]
    steps: tuple[PlannedStep, ...]
    wall_time_s: float | None = None


# --- the plan ---------------------------------------------------------------------------------------------------


def write_plan(root: Path, plan: PlanFile) -> None:
    """Replace the plan of `root`, which is created when it does not exist."""
    content = {"schema": SCHEMA, **asdict(plan)}
    with storage_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(root / PLAN_FILE, json.dumps(content, indent=1, ensure_ascii=False))


def read_plan(root: Path) -> PlanFile | None:
    """The plan of `root`; None when there is none.

    Raises
    ------
    StoreError
        When it is damaged, or was written by a version of dftflow that kept it in another way.
    """
    file = root / PLAN_FILE
    try:
        content = json.loads(read_regular_text(file))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError("the plan of this folder cannot be read", reason=str(error), where=str(file)) from error
    if isinstance(content, list):
        raise StoreError(
            "this is a run of dftflow 0.1, which this version does not go on with",
            where=str(root),
            fix="give another folder with --out; `dftflow parse FOLDER` reads the results of every step in it",
        )
    try:
        if content["schema"] != SCHEMA:
            raise ValueError(f"its layout is {content['schema']!r}, not {SCHEMA!r}")
        steps = tuple(PlannedStep(**step) for step in content["steps"])
        return PlanFile(header=content["header"], steps=steps, wall_time_s=content["wall_time_s"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            "the plan of this folder cannot be read", reason=f"{type(error).__name__}: {error}", where=str(file)
        ) from error


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold `root` against a second dftflow that would work in it."""
    with storage_errors(root / "lock"):
        root.mkdir(parents=True, exist_ok=True)
        with open(root / "lock", "a", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    "another dftflow works in this folder",
                    where=str(root),
                    fix="wait for it (`dftflow status` shows where it is), or give another --out",
                ) from None
            yield


# --- one step ---------------------------------------------------------------------------------------------------


def stage(folder: Path, job: Job) -> None:
    """Write the job's files, those that are not there yet, and what is kept beside them."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in job.beside.items():
            write_atomically(folder / file, text)
        for file, text in job.files.items():
            if not (folder / file).exists():
                write_atomically(folder / file, text)


def read_state(folder: Path) -> StepState:
    """State of a folder; ``waiting`` when there is none, or only a damaged one."""
    try:
        return StepState(**json.loads(read_regular_text(folder / "state.json")))
    except (OSError, ValueError, TypeError):
        return StepState(state="waiting")


def write_state(folder: Path, state: StepState) -> None:
    """Replace the state of a folder."""
    with storage_errors(folder):
        write_atomically(folder / "state.json", json.dumps(asdict(state), indent=1))


def write_atomically(file: Path, text: str) -> None:
    """Write `text` beside `file`, then rename: a reader sees the old or the new text, never half of one."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn what the file system says into a `StoreError` with advice."""
    advice = {
        errno.ENOSPC: ("the disk is full", "free some space and run again: what is finished is kept"),
        errno.EDQUOT: ("the disk quota is used up", "free some space and run again: what is finished is kept"),
        errno.EROFS: ("the folder is read-only", "give another folder with --out"),
        errno.EACCES: ("the folder may not be written to", "give another folder with --out, or change its rights"),
        errno.EPERM: ("the folder may not be written to", "give another folder with --out, or change its rights"),
        errno.ENOTDIR: ("a part of this path is a file, not a folder", "give another folder with --out"),
        errno.EEXIST: ("there is a file of this name", "give another folder with --out"),
    }
    try:
        yield
    except OSError as error:
        if error.errno not in advice:
            raise
        summary, fix = advice[error.errno]
        raise StoreError(summary, reason=str(error.strerror), where=str(error.filename or where), fix=fix) from error
