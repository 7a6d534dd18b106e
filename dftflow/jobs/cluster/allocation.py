"""Many small steps inside one job of a cluster: each a task of executorlib, which spreads them over the job's nodes.

A task runs ``dftflow step`` in a process of its own: it cuts the deck, judges and writes the state on its node, as a
job does that has a step to itself. What becomes of it is read from the disk; nothing of executorlib's is kept.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from dftflow.errors import CodeNotFoundError, MachineError, Undecided
from dftflow.jobs.executor import Running
from dftflow.jobs.job import Job, Node, NodeOutcome, Verdict
from dftflow.jobs.local import IDENTITY_LENGTH, end_by_folder, why_uncertain
from dftflow.jobs.machine import job_id
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.shared_store import StepHome
from dftflow.jobs.step_state import StepState, read_state
from dftflow.model.attempt import Attempt

__all__ = ["InAllocation", "TaskExecutor", "executor_of_job"]


class TaskExecutor(Protocol):
    """What is used of an executor of executorlib."""

    def submit(self, function: Callable[..., Any], /, *given: Any, resource_dict: dict[str, Any]) -> Future[Any]: ...


def executor_of_job(cores: int) -> TaskExecutor:
    """The executor of executorlib for the job that this process is in: over its nodes with Flux and Slurm, else on one.

    Raises
    ------
    MachineError
        When this is no job of a scheduler.
    CodeNotFoundError
        When executorlib is not installed.
    """
    if not job_id():
        raise MachineError(
            'engine = "executorlib" is for a job of a scheduler, and this is none',
            fix="start one (salloc, or a script for sbatch) and give the same command in it",
        )
    try:
        from executorlib import FluxJobExecutor, SingleNodeExecutor, SlurmJobExecutor
    except ModuleNotFoundError as error:
        from dftflow.installer import install_line  # with the metadata of packages

        raise CodeNotFoundError(
            f"the package {error.name}, for many steps in one job, is not installed",
            fix=install_line("dftflow[allocation]"),
        ) from None
    kinds = {"FLUX_URI": FluxJobExecutor, "SLURM_JOB_ID": SlurmJobExecutor}
    kind = next((kind for name, kind in kinds.items() if os.environ.get(name)), SingleNodeExecutor)
    made: TaskExecutor = kind(max_cores=cores)
    return made


class InAllocation:
    """Gives every step to an executor of executorlib.

    Parameters
    ----------
    root
        Folder of the run.
    home
        Where the folders of its steps lie.
    machine
        That the steps are told to be run on.
    tasks
        Where they are carried out.
    """

    needs_finished = True

    def __init__(self, root: Path, home: StepHome, machine: Machine, tasks: TaskExecutor) -> None:
        self._root = root
        self._home = home
        self._machine = machine
        self._tasks = tasks

    def folder(self, node: Node, job: Job) -> Path:
        """As the step itself names it, or finds it."""
        if self._home.is_shared:
            return self._home.shared_folder(job.identity)
        tail = job.identity[:IDENTITY_LENGTH]
        there = next((self._home.root / "steps").glob(f"**/*-{tail}"), None)
        return there or self._home.root / "steps" / f"{node.name}-{tail}"

    def carry_out(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        """Use what is finished, leave alone what was changed since or is cancelled; give the rest to a task."""
        state = read_state(folder)
        end = end_by_folder(self._root, node, job, folder, state, node.judge(folder))
        if end is not None and (end.state != "finished" or end.reused):
            return end
        root = str(self._root.resolve())
        argv = (self._machine.python, "-m", "dftflow", "step", root, node.name, "--machine", self._machine.name)
        may = {"cores": 1, "threads_per_core": node.resources.threads}
        return _Task(self._root, node, job, folder, self._tasks.submit(subprocess.call, argv, resource_dict=may))


class _Task:
    """A step that an executor has."""

    descriptor = None
    waits = False
    tries: tuple[Attempt, ...] = ()

    def __init__(self, root: Path, node: Node, job: Job, folder: Path, future: Future[Any]) -> None:
        self.folder = folder
        self._root = root
        self._node, self._job = node, job
        self._future = future
        self._begun = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Since it was given to the executor."""
        return time.monotonic() - self._begun

    def outcome(self) -> NodeOutcome | None:
        """What its folder says once the task has ended."""
        if not self._future.done():
            return None
        state, verdict = read_state(self.folder), self._node.judge(self.folder)
        end = end_by_folder(self._root, self._node, self._job, self.folder, state, verdict)
        return self._unfinished(state, verdict) if end is None else replace(end, reused=False)

    def _unfinished(self, state: StepState, verdict: Verdict) -> NodeOutcome:
        """Why there are no results: the step has said so, in its folder or by its exit code, or the task broke off."""
        end = NodeOutcome.judged(self._node, self.folder, verdict, tries=state.tries)
        if state.state in ("failed", "refused"):
            return replace(
                end,
                state=state.state,
                failure=state.failure or end.failure,
                cause=state.cause or end.cause,
                log_tail=state.log_tail or end.log_tail,
                wall_time_s=state.wall_time_s or None,
                cpu_time_s=state.cpu_time_s,
            )
        broken = None if self._future.cancelled() else self._future.exception()
        if broken is None and not self._future.cancelled() and self._future.result() == Undecided.exit_code:
            return replace(end, state="uncertain", failure=why_uncertain(self.folder, state, "its task could not tell"))
        return replace(end, state="failed", failure=str(broken or "") or end.failure)

    def stop(self, hurry: Callable[[], bool]) -> str:
        """Take it back where it has not begun; what has begun ends with the job."""
        return "" if self._future.cancel() or self._future.done() else f"{self._node.name} runs on until its job ends"
