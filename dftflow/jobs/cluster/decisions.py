"""What a person decides of a submission that dftflow does not decide by itself."""

from __future__ import annotations

from pathlib import Path

from dftflow.errors import InputError
from dftflow.jobs.cluster.submission import last_attempt, moved, write
from dftflow.named_command import dftflow_line

__all__ = ["let_another"]


def let_another(root: Path, step: str) -> None:
    """Let a step be submitted again, whose last job ended; of an uncertain or lost one the caller says that it is none.

    The caller holds the run's lock.

    Raises
    ------
    InputError
        When its job has not ended, for all that is known.
    """
    record = last_attempt(root, step)
    if record is None or record.lets_another:
        return
    if record.stage == "submitted" and not record.is_of(root):  # it is nothing to this run, and nobody here ends it
        record = moved(record, "lost")
    if record.stage == "submitted":
        asked, seen = dftflow_line("cancel", root, step), dftflow_line("advance", root)
        raise InputError(
            f"job {record.job} of {step} has not ended, for all that is known",
            fix=f"{asked} asks for its end, and {seen} sees that it has come",
        )
    if record.stage == "intended":
        write(root, moved(record, "refused", why="a person said that there is none"))
    else:
        write(root, moved(record, "released", why="a person asks for it"))
