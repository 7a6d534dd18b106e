"""Which steps of a run a person has cancelled: an empty file ``cancelled/<step>`` each, until they are to be run again.

A mark is made and taken away by the commands alone; whoever carries steps out looks for it before an engine is started,
and while one runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from dftflow.jobs.store import below, storage_errors, write_atomically
from dftflow.named_command import dftflow_line

__all__ = ["CANCELLED", "is_cancelled", "is_given_up", "mark_cancelled", "unmark_cancelled", "why_cancelled"]

CANCELLED = "cancelled"


def is_cancelled(root: Path, step: str) -> bool:
    """Whether the step of that run is not to be carried out."""
    return _mark(root, step).is_file()


def is_given_up(root: Path, step: str, sharers: Callable[[], Iterable[str]]) -> bool:
    """Whether its calculation is not to be carried out: it is cancelled, and so is every step that shares it."""
    return is_cancelled(root, step) and all(is_cancelled(root, other) for other in sharers())


def mark_cancelled(root: Path, step: str) -> None:
    """Note it; raises `StoreError` when it cannot be written."""
    with storage_errors(root):
        write_atomically(_mark(root, step), "", root=root)


def unmark_cancelled(root: Path, step: str) -> None:
    """Forget it."""
    with storage_errors(root), suppress(FileNotFoundError):
        _mark(root, step).unlink()


def why_cancelled(root: Path, step: str) -> str:
    """What is said of a step that is."""
    return f"cancelled; {dftflow_line('retry', root, step)} lets it run again"


def _mark(root: Path, step: str) -> Path:
    return below(root / CANCELLED, step)
