"""A run on disk: one plain folder a step, named by the hash of what went in; every change of state is a rename.

<out>/plan.json                          the nodes of the graph, in order
<out>/lock                               held while a run works in <out>
<out>/steps/<name>-<digest>/             deck files, engine output
<out>/steps/<name>-<digest>/state.json   waiting | running | finished | failed
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.run.job import Job, JobState

__all__ = ["RunStore", "StepState", "storage_errors", "write_atomically"]

DIGEST_LENGTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """Content of ``state.json``.

    Attributes
    ----------
    state
        As in the folder's life.
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


class RunStore:
    """The folder of one run.

    Parameters
    ----------
    root
        Created when it does not exist.

    Raises
    ------
    StoreError
        When it cannot be created or written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        with storage_errors(root):
            (root / "steps").mkdir(parents=True, exist_ok=True)

    @classmethod
    def existing(cls, root: Path) -> RunStore:
        """The store of a run that was started before; raises `StoreError` when there is none, and creates nothing."""
        if not (root / "plan.json").is_file():
            raise StoreError(
                "this folder holds no run", where=str(root), fix="give the folder that `dftflow run` wrote to"
            )
        return cls(root)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run against a second `dftflow run` in the same folder."""
        with storage_errors(self.root / "lock"), open(self.root / "lock", "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    "another dftflow works in this folder",
                    where=str(self.root),
                    fix="wait for it (`dftflow status` shows where it is), or give another --out",
                ) from None
            yield

    def folder(self, name: str, job: Job) -> Path:
        """Folder of step `name` with exactly this input."""
        return self.root / "steps" / f"{name}-{job.digest[:DIGEST_LENGTH]}"

    def stage(self, name: str, job: Job) -> Path:
        """Write the job's files, if they are not there yet; the folder."""
        folder = self.folder(name, job)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for file, text in {**job.files, **job.beside}.items():
                if not (folder / file).exists():
                    write_atomically(folder / file, text)
        return folder

    def read_state(self, folder: Path) -> StepState:
        """State of a folder; ``waiting`` when there is none, or only a damaged one."""
        try:
            return StepState(**json.loads((folder / "state.json").read_text()))
        except (OSError, ValueError, TypeError):
            return StepState(state="waiting")

    def write_state(self, folder: Path, state: StepState) -> None:
        """Replace the state of a folder."""
        with storage_errors(folder):
            write_atomically(folder / "state.json", json.dumps(asdict(state), indent=1))

    def write_plan(self, plan: list[dict[str, object]]) -> None:
        """Replace ``plan.json``."""
        with storage_errors(self.root):
            write_atomically(self.root / "plan.json", json.dumps(plan, indent=1))

    def read_plan(self) -> list[dict[str, str]]:
        """The nodes of the run: name, title and (once staged) folder."""
        file = self.root / "plan.json"
        try:
            plan: list[dict[str, str]] = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise StoreError("the run's plan cannot be read", reason=str(error), where=str(file)) from error
        return plan


def write_atomically(file: Path, text: str) -> None:
    """Write `text` beside `file`, then rename: a reader sees the old or the new text, never half of one."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(temporary, "w") as handle:
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
