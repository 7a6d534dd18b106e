"""Where jobs are carried out: here (`local`), by a person (`by_hand`), or elsewhere before (`already_there`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dftflow.jobs.job import Job, Node, NodeOutcome
from dftflow.model.attempt import Attempt

__all__ = ["Executor", "Running"]


class Running(Protocol):
    """A job that goes on while the graph watches.

    Attributes
    ----------
    descriptor
        File descriptor that can be read from once the job has ended (a pidfd, the end of a pipe), so that it is asked
        for its outcome at once; None where there is none, and it is asked a few times a second.
    """

    folder: Path

    @property
    def descriptor(self) -> int | None: ...

    @property
    def waits(self) -> bool:
        """Whether nothing of it runs here, because another carries out the same calculation.

        It takes up no room then, and is asked for its outcome where there is room for it: it may start it.
        """
        ...

    @property
    def elapsed_s(self) -> float:
        """Wall time so far, earlier attempts included."""
        ...

    @property
    def tries(self) -> tuple[Attempt, ...]:
        """Attempts that failed before this one."""
        ...

    def outcome(self) -> NodeOutcome | None:
        """How it ended; None while it runs."""
        ...

    def stop(self, hurry: Callable[[], bool]) -> str:
        """End it, so that the next call of the graph starts it again; at once when `hurry` says so.

        Returns
        -------
        str
            What could not be ended and runs on; ``""`` for nothing.
        """
        ...


class Executor(Protocol):
    """A way to get jobs done.

    Attributes
    ----------
    needs_finished
        Whether a job can be made only when all that it needs has finished. Where not, every job is made at once, from
        what is there.
    """

    needs_finished: bool

    def folder(self, node: Node, job: Job) -> Path:
        """Where the job's files and results lie."""
        ...

    def carry_out(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        """Start the job, or say how it stands."""
        ...
