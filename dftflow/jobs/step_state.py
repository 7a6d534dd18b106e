"""``state.json`` in the folder of a step that runs on this machine: how it stands, and who works on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Container, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from dftflow.jobs.job import JobState
from dftflow.jobs.lock import ENGINE_LOCK
from dftflow.jobs.seals import Seal, changed_files, copied_seal, seal_files
from dftflow.jobs.store import below, storage_errors, write_atomically
from dftflow.model.attempt import Attempt
from dftflow.stored_file import read_stored_as

__all__ = [
    "STATE_FILE",
    "StepState",
    "finished",
    "is_intact",
    "portable_text",
    "read_state",
    "settle_copy",
    "tampered",
    "without_ended_job",
    "write_state",
]

STATE_FILE = "state.json"
LARGEST_BYTES = 50 * 2**20
NOT_SEALED = (STATE_FILE, ENGINE_LOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """Content of ``state.json``.

    Attributes
    ----------
    state
        ``waiting``, ``running``, ``finished``, ``failed`` or ``refused``.
    host, boot
        The machine that the engine was started on, and which of its starts; before the engine itself is.
    pid, birth
        Of the engine's process (see `dftflow.jobs.machine`); None from before it was started until it is known.
    job
        Id of the scheduler's job that it was started in, of a failed or interrupted attempt too; ``""`` outside of one.
    wall_time_s
        Summed over interrupted attempts.
    cause
        Of a failure, see `dftflow.model.cause`.
    tries
        Attempts that failed before the last one.
    cpu_time_s
        Processor time, user and system, of the engine and of all processes that it waited for, summed likewise; None
        where that of any attempt is not known.
    files
        Path in the folder -> what the file was when the step had finished.
    """

    state: JobState
    host: str = ""
    boot: str = ""
    pid: int | None = None
    birth: float | None = None
    job: str = ""
    wall_time_s: float = 0.0
    cpu_time_s: float | None = None
    failure: str = ""
    cause: str = ""
    log_tail: str = ""
    tries: tuple[Attempt, ...] = ()
    files: Mapping[str, Seal] = field(default_factory=dict)


def read_state(folder: Path) -> StepState:
    """State of a folder; ``waiting`` when there is none, or only a damaged one."""
    try:
        state = read_stored_as(_model(), folder / STATE_FILE, most_bytes=LARGEST_BYTES)
        for name in state.files:
            below(folder, name)
        return state
    except (OSError, ValueError):  # pydantic's among them
        return StepState(state="waiting")


def write_state(folder: Path, state: StepState) -> None:
    """Replace the state of a folder; how a step ended is on the disk when this returns.

    That an engine runs outlives every process, and need not outlive the machine that it runs on: `boot` tells.
    """
    with storage_errors(folder):
        write_atomically(folder / STATE_FILE, _text(state), durable=state.state != "running")


def _text(state: StepState) -> str:
    return json.dumps({field.name: getattr(state, field.name) for field in fields(state)}, default=asdict)


def without_ended_job(state: StepState, ended_jobs: Container[str]) -> StepState:
    """`state`, in which nobody works any more when the job that the engine was started in has ended."""
    over = state.state == "running" and state.job in ended_jobs
    return replace(state, state="waiting", host="", boot="", pid=None, birth=None, job="") if over else state


def finished(
    folder: Path, *, wall_time_s: float, cpu_time_s: float | None, tries: tuple[Attempt, ...] = ()
) -> StepState:
    """The state of a step that has just finished: every file that it has left is sealed."""
    with storage_errors(folder):
        files = seal_files(folder, without=NOT_SEALED)
    return StepState(state="finished", wall_time_s=wall_time_s, cpu_time_s=cpu_time_s, files=files, tries=tries)


def portable_text(state: StepState) -> str:
    """``state.json`` as it is handed on: without the machine, and without times of inodes, which are of a disk."""
    files = {name: replace(seal, inode_ns=0) for name, seal in state.files.items()}
    return _text(replace(state, host="", boot="", pid=None, birth=None, job="", files=files))


def settle_copy(folder: Path, digests: Mapping[str, str]) -> None:
    """After the files of a step were copied: give them the times that they had, and note those of the copies.

    Parameters
    ----------
    digests
        Path in the folder -> SHA-256 of its content as copied. A file with another content than it was sealed with
        stays what it is: changed.
    """
    state = read_state(folder)
    whole = {name: seal for name, seal in state.files.items() if digests.get(name) == seal.sha256}
    if not whole:
        return
    with storage_errors(folder):
        seals = {name: copied_seal(folder / name, seal) for name, seal in whole.items()}
    write_state(folder, replace(state, files={**state.files, **seals}))


def is_intact(folder: Path, state: StepState) -> bool:
    """Whether the step had finished, and all that it left is there as it was."""
    if state.state != "finished" or not state.files or changed_files(folder, state.files):
        return False
    return all((folder / name).exists() for name in state.files)


def tampered(folder: Path, state: StepState, own: Collection[str]) -> str:
    """What was changed of the results of a step that had finished, for a person; ``""`` for nothing.

    Parameters
    ----------
    own
        Files that dftflow writes, and that a person may change: what is to be said of those the gate says.
    """
    names = [name for name in changed_files(folder, state.files) if name not in own]
    if not names:
        return ""
    was = "is not as it was" if len(names) == 1 else "are not as they were"
    return (
        f"{', '.join(names)} {was} when the calculation had finished; what cannot be read any more a run calculates "
        f"again, what can be read is used by nobody: move {folder} away then"
    )


@cache
def _model() -> TypeAdapter[StepState]:
    return TypeAdapter(StepState)
