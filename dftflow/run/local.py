"""Jobs as processes on this machine: one plain folder each, named by the job's identity.

<out>/steps/<name>-<identity>/             deck files, engine output
<out>/steps/<name>-<identity>/state.json   waiting | running | finished | failed | refused
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dftflow.errors import DftflowError
from dftflow.run.executor import Running
from dftflow.run.job import Job, Limits, Node, NodeOutcome
from dftflow.run.process import EngineProcess
from dftflow.run.store import StepState, read_state, stage, write_state

__all__ = ["IDENTITY_LENGTH", "Local"]

IDENTITY_LENGTH = 10


class Local:
    """Starts engine processes; takes over one that outlived the dftflow that started it.

    Parameters
    ----------
    root
        Folder of the run.
    limits
        Of each process.
    """

    needs_finished = True

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self._root = root
        self._limits = limits or Limits()

    def folder(self, node: Node, job: Job) -> Path:
        """The folder of this very calculation, whichever node it was made for first."""
        tail = job.identity[:IDENTITY_LENGTH]
        there = sorted(path for path in (self._root / "steps").glob(f"**/*-{tail}") if path.is_dir())
        return there[0] if there else self._root / "steps" / f"{node.name}-{tail}"

    def carry_out(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        """Use what is finished, watch what runs, start the rest."""
        stage(folder, job)
        state = read_state(folder)
        process = None
        if state.state == "running" and state.pid is not None and state.process_started is not None:
            process = EngineProcess.take_over(state.pid, state.process_started, folder)
        if process is None and state.state in ("running", "finished") and node.judge(folder).state == "finished":
            # "running" without a process: the engine finished after the dftflow that started it was killed
            return _closed(node, folder, replace(state, state="finished"), reused=state.state == "finished")
        if process is None:
            try:
                process = EngineProcess.start(job.argv, folder)
            except DftflowError as error:
                return _closed(node, folder, StepState(state="failed", failure=str(error)))
        started = StepState(
            state="running", pid=process.pid, process_started=process.process_started, wall_time_s=state.wall_time_s
        )
        write_state(folder, started)
        return _LocalJob(node, folder, process, self._limits, state.wall_time_s)


class _LocalJob:
    """A process of `Local`, and the folder that it works in."""

    def __init__(self, node: Node, folder: Path, process: EngineProcess, limits: Limits, earlier_s: float) -> None:
        self.folder = folder
        self._node = node
        self._process = process
        self._limits = limits
        self._earlier_s = earlier_s

    @property
    def elapsed_s(self) -> float:
        """Wall time of this attempt and of those before."""
        return self._earlier_s + self._process.wall_time_s

    def outcome(self) -> NodeOutcome | None:
        """None while the process runs; then what the node's judge says, unless a limit ended it."""
        if self._process.running(self._limits):
            return None
        verdict = self._node.judge(self.folder)
        failure = self._process.failure or verdict.failure
        if verdict.state == "finished" and not failure:
            return _closed(self._node, self.folder, StepState(state="finished", wall_time_s=self.elapsed_s))
        state = StepState(
            state="refused" if verdict.state == "refused" and not self._process.failure else "failed",
            wall_time_s=self.elapsed_s,
            failure=failure or "the process has left no results",
            log_tail=verdict.log_tail,
        )
        return _closed(self._node, self.folder, state)

    def stop(self) -> None:
        """End the process; the folder waits for the next call."""
        self._process.stop()
        write_state(self.folder, StepState(state="waiting", wall_time_s=self.elapsed_s))


def _closed(node: Node, folder: Path, state: StepState, *, reused: bool = False) -> NodeOutcome:
    if not reused:
        write_state(folder, replace(state, pid=None, process_started=None))
    return NodeOutcome(
        name=node.name,
        title=node.title,
        state=state.state,
        folder=folder,
        failure=state.failure,
        log_tail=state.log_tail,
        wall_time_s=state.wall_time_s,
        reused=reused,
    )
