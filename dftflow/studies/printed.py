"""What a step of a run prints: its log that was written to last, what the process itself said, and its job before."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import InputError
from dftflow.input_file import is_regular
from dftflow.jobs.cluster.submission import LOG_FILE, last_attempt
from dftflow.jobs.local import at_work
from dftflow.jobs.lock import ENGINE_LOCK
from dftflow.jobs.process import OUTPUT_FILES
from dftflow.jobs.shared_store import home_of
from dftflow.jobs.step_state import STATE_FILE, read_state
from dftflow.jobs.store import existing_plan

__all__ = ["Printed", "follow", "printed_of"]

NO_LOGS = (".json", ".jsonl", ".xml", ".npz", ".sh", ".py", ".in")
ALWAYS = (*OUTPUT_FILES, LOG_FILE)
"""Shown beside the engine's own log, where there is something in them."""
MOST_BYTES = 1 << 20
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """The last lines of one file of a step, and where they end in it, in bytes."""

    file: Path
    lines: tuple[str, ...]
    end: int


def printed_of(root: Path, name: str, *, lines: int) -> tuple[Printed, ...]:
    """The last lines of what the process said and of the log that was written to last; ``()`` before the step ran.

    Raises
    ------
    InputError
        When there is no run in `root`, or no such step.
    """
    logs = _logs(_folder(root, name), _job_log(root, name))
    last = [log for log in logs if log.name not in ALWAYS][-1:]
    shown = [log for log in logs if log in last or (log.name in ALWAYS and log.stat().st_size)]
    return tuple(_printed(log, lines) for log in shown)


def follow(root: Path, name: str, after: Sequence[Printed] = ()) -> Iterator[str]:
    """What is added to the logs behind `after`, as it comes, until no engine works in the step's folder."""
    folder, beside = _folder(root, name), _job_log(root, name)
    sizes = {log: log.stat().st_size for log in _logs(folder, beside)} | {one.file: one.end for one in after}
    works = True
    while works:
        works = at_work(folder, read_state(folder)) is not None
        for log in _logs(folder, beside):
            with suppress(FileNotFoundError), log.open("rb") as stream:  # an attempt may be put aside meanwhile
                begin, size = sizes.get(log, 0), stream.seek(0, 2)
                sizes[log] = size
                if size > begin:
                    stream.seek(max(begin, size - MOST_BYTES))
                    yield stream.read(MOST_BYTES).decode("utf-8", errors="replace")
        if works:
            time.sleep(LOOK_EVERY_S)


def _folder(root: Path, name: str) -> Path:
    file = existing_plan(root)
    steps = {step.name: step for step in file.steps}
    if name not in steps:
        raise InputError(f"there is no step {name!r}", where=str(root), fix=f"its steps are {', '.join(steps)}")
    place = steps[name].folder
    return home_of(root, file).root / place if place else root / name


def _job_log(root: Path, name: str) -> tuple[Path, ...]:
    """What the last job of a step prints; ``()`` where it has none in this run."""
    job = last_attempt(root, name)
    return (job.log,) if job is not None and job.is_of(root) else ()


def _logs(folder: Path, beside: Sequence[Path]) -> list[Path]:
    """Files of text that grow, in the step's folder and `beside` it; the one that was written to last at the end."""
    inside = list(folder.iterdir()) if folder.is_dir() else []
    files = [file for file in (*beside, *inside) if is_regular(file) and _is_log(file)]
    return sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name))


def _is_log(file: Path) -> bool:
    if file.name in (STATE_FILE, ENGINE_LOCK) or file.suffix in NO_LOGS:
        return False
    with file.open("rb") as stream:
        return b"\0" not in stream.read(1024)


def _printed(file: Path, lines: int) -> Printed:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - MOST_BYTES))
        text = stream.read(MOST_BYTES).decode("utf-8", errors="replace")
        return Printed(file=file, lines=tuple(text.splitlines()[-lines:]), end=stream.tell())
