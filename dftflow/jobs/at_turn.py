"""A calculation in a store, which one dftflow at a time carries out, whoever asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from dftflow.jobs.cancelled import is_given_up, why_cancelled
from dftflow.jobs.executor import Running
from dftflow.jobs.job import Job, Node, NodeOutcome
from dftflow.jobs.lock import Turn
from dftflow.jobs.staging import is_kept
from dftflow.jobs.step_state import read_state
from dftflow.model.attempt import Attempt

__all__ = ["AtTurn"]


class AtTurn:
    """A calculation that other studies ask for too, and that one dftflow at a time carries out.

    After others its job is made anew: what lies there then may be the results.
    """

    def __init__(
        self,
        root: Path,
        node: Node,
        job: Job,
        folder: Path,
        turn: Path,
        take_up: Callable[[Node, Job, Path], Running | NodeOutcome],
    ) -> None:
        self.folder = folder
        self._root, self._node, self._turn_file, self._take_up = root, node, turn, take_up
        self._job: Job | None = job
        self._turn: Turn | None = None
        self._running: Running | None = None
        self._begun = time.monotonic()

    @property
    def descriptor(self) -> int | None:
        """Of the process, once it is its turn."""
        return None if self._running is None else self._running.descriptor

    @property
    def waits(self) -> bool:
        """As long as it is another's turn."""
        return self._running is None

    @property
    def elapsed_s(self) -> float:
        """Time that it is waited for, then that of the job."""
        return time.monotonic() - self._begun if self._running is None else self._running.elapsed_s

    @property
    def tries(self) -> tuple[Attempt, ...]:
        """Attempts that failed before this one."""
        return () if self._running is None else self._running.tries

    def outcome(self) -> NodeOutcome | None:
        """None while another has its turn, or its own job runs."""
        if self._running is None:
            self._turn = Turn.take(self._turn_file)
            if self._turn is None:
                self._job = None
                return self._cancelled()
        try:
            end = self._now() if self._running is None else self._running.outcome()
        except BaseException:
            self._let_go()
            raise
        if end is not None:
            self._let_go()
        return end

    def _now(self) -> NodeOutcome | None:
        job = self._job
        if job is None or (read_state(self.folder).state == "finished" and not is_kept(self.folder, job)):
            job = self._node.prepare()
        begun = self._take_up(self._node, job, self.folder)
        if isinstance(begun, NodeOutcome):
            return begun
        self._running = begun
        return None

    def _cancelled(self) -> NodeOutcome | None:
        if not is_given_up(self._root, self._node.name, self._node.sharers):
            return None
        node, why = self._node, why_cancelled(self._root, self._node.name)
        return NodeOutcome(name=node.name, title=node.title, state="cancelled", folder=self.folder, failure=why)

    def _let_go(self) -> None:
        if self._turn is not None:
            self._turn.let_go()

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> str:
        """End the own job; what another carries out goes on."""
        left = "" if self._running is None else self._running.stop(hurry)
        self._let_go()
        return left
