"""What lies on disk: a run's plan; every change is one rename.

<folder>/plan.json          study, preset, code, crystals; every step with its folder
<folder>/lock               held while a dftflow works in <folder>                    (lock.py)
<step folder>/state.json    how a step stands that runs on this machine               (step_state.py)
<step folder>/engine.lock   held while its engine runs                                (lock.py)
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dftflow.errors import StoreError

__all__ = [
    "PLAN_FILE",
    "PlanFile",
    "PlannedStep",
    "read_plan",
    "storage_errors",
    "write_atomically",
    "write_plan",
]

PLAN_FILE = "plan.json"
SCHEMA = "dftflow-plan/1"


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
        content = json.loads(file.read_text("utf-8"))
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


# --- files ------------------------------------------------------------------------------------------------------


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
