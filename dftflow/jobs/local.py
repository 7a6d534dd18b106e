"""Jobs as processes on this machine: one plain folder each, named by the job's identity.

<out>/steps/<name>-<identity>/             deck files, engine output
<out>/steps/<name>-<identity>/state.json   waiting | running | finished | failed | refused
<out>/steps/<name>-<identity>/engine.lock  held by the engine

What lies in a folder is looked at in this order: whether an engine works there, whether the results are those that were
left there, whether they are whole. Only then is an engine started.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from dftflow.errors import DftflowError
from dftflow.jobs.executor import Running
from dftflow.jobs.job import Job, JobState, Limits, Node, NodeOutcome, Verdict
from dftflow.jobs.lock import EngineLock, engine_lock_is_held
from dftflow.jobs.machine import boot_id, host_name, job_id, processes_in
from dftflow.jobs.process import EngineProcess
from dftflow.jobs.staging import keep_beside, make_folder, write_deck
from dftflow.jobs.step_state import (
    STATE_FILE,
    StepState,
    finished,
    read_state,
    tampered,
    without_ended_job,
    write_state,
)

__all__ = ["IDENTITY_LENGTH", "Local", "at_work", "why_uncertain"]

IDENTITY_LENGTH = 10
PATIENCE_S = 2.0
"""How long it is looked for whoever holds the lock of a folder: an engine that ends just now is not seen any more."""


class _Spent(TypedDict):
    wall_time_s: float
    cpu_time_s: float | None


class Local:
    """Starts engine processes; takes over one that outlived the dftflow that started it.

    Parameters
    ----------
    root
        Folder of the run.
    limits
        Of each process.
    launcher
        What each engine is started with: ``("srun",)``, ``("mpirun", "-n", "4")``.
    threads
        Of each process of an engine.
    ended_jobs
        Jobs of the scheduler that have ended, and with them the engines that were started in them.
    """

    needs_finished = True

    def __init__(
        self,
        root: Path,
        limits: Limits | None = None,
        *,
        launcher: tuple[str, ...] = (),
        threads: int = 1,
        ended_jobs: Collection[str] = (),
    ) -> None:
        self._root = root
        self._limits = limits or Limits()
        self._launcher = launcher
        self._threads = threads
        self._ended_jobs = ended_jobs
        self._folders: dict[str, Path] = {}
        for path in sorted((root / "steps").glob("**/*-*"), reverse=True):
            tail = path.name.rpartition("-")[2]
            if len(tail) == IDENTITY_LENGTH and path.is_dir():
                self._folders[tail] = path

    def folder(self, node: Node, job: Job) -> Path:
        """The folder of this very calculation, whichever node it was made for first."""
        tail = job.identity[:IDENTITY_LENGTH]
        return self._folders.setdefault(tail, self._root / "steps" / f"{node.name}-{tail}")

    def carry_out(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        """Use what is finished, watch what runs, start the rest; leave alone what cannot be told."""
        make_folder(folder, self._root)
        until = time.monotonic() + PATIENCE_S
        while True:
            lock = EngineLock.take(folder)
            if lock is not None:
                try:
                    return self._unoccupied(node, job, folder, lock)
                finally:
                    lock.let_go()
            state = read_state(folder)
            process = EngineProcess.found(folder, state.pid, state.birth)
            if process is not None:
                return _LocalJob(node, folder, process, self._limits, state)
            if time.monotonic() > until:
                doubt = why_uncertain(folder, state, "an engine that cannot be seen from here holds the folder's lock")
                return _closed(node, folder, replace(state, failure=doubt), "uncertain")

    def _unoccupied(self, node: Node, job: Job, folder: Path, lock: EngineLock) -> Running | NodeOutcome:
        before = read_state(folder)
        state = without_ended_job(before, self._ended_jobs)
        if not lock.works and state.state == "running":
            process = EngineProcess.found(folder, state.pid, state.birth)
            if process is not None:
                return _LocalJob(node, folder, process, self._limits, state)
        changed = tampered(folder, state, (*job.files, *job.beside))
        renewed = keep_beside(folder, job)
        verdict = node.judge(folder)
        whole = verdict.state == "finished"
        if whole and changed:  # what was damaged beyond use is calculated again
            return _closed(node, folder, replace(state, failure=changed), "refused")
        if whole:
            reused = state.state == "finished"
            if not reused or not state.files or renewed:
                state = finished(folder, **(_spent(state) if reused else _spent_unseen(before, verdict)))
                write_state(folder, state)
            return _closed(node, folder, state, "finished", reused=reused)
        doubt = _doubt(folder, state, lock)
        if doubt:
            return _closed(node, folder, replace(state, failure=doubt), "uncertain")
        write_deck(folder, job)
        return self._start(node, job, folder, lock, before)

    def _start(self, node: Node, job: Job, folder: Path, lock: EngineLock, before: StepState) -> Running | NodeOutcome:
        spent = _spent(before)
        if before.state == "running":
            spent["cpu_time_s"] = None  # of an attempt whose end nobody saw
        state = StepState(state="running", host=host_name(), boot=boot_id(), job=job_id(), **spent)
        write_state(folder, state)
        try:
            process = EngineProcess.start((*self._launcher, *job.argv), folder, lock, threads=self._threads)
        except DftflowError as error:
            state = StepState(state="failed", failure=str(error), **spent)
            write_state(folder, state)
            return _closed(node, folder, state, "failed")
        write_state(folder, replace(state, pid=process.pid, birth=process.birth))
        return _LocalJob(node, folder, process, self._limits, state)


class _LocalJob:
    """A process of `Local`, and the folder that it works in."""

    def __init__(self, node: Node, folder: Path, process: EngineProcess, limits: Limits, before: StepState) -> None:
        self.folder = folder
        self._node = node
        self._process = process
        self._limits = limits
        self._before = before

    @property
    def descriptor(self) -> int | None:
        """Of the process."""
        return self._process.descriptor

    @property
    def elapsed_s(self) -> float:
        """Wall time of this attempt and of those before."""
        return self._before.wall_time_s + self._process.wall_time_s

    def _cpu_time_s(self, told_s: float | None) -> float | None:
        """Processor time of this attempt, which the results may tell where it was not seen, and of those before."""
        used_s = told_s if self._process.cpu_time_s is None else self._process.cpu_time_s
        return _sum(_spent(self._before)["cpu_time_s"], used_s)

    def outcome(self) -> NodeOutcome | None:
        """None while the process runs; then what the node's judge says: results that are whole count, however the
        process ended behind them.
        """
        if self._process.running(self._limits):
            return None
        self._process.let_go()
        verdict = self._node.judge(self.folder)
        cpu_time_s = self._cpu_time_s(verdict.cpu_time_s)
        if verdict.state == "finished":
            state = finished(self.folder, wall_time_s=self.elapsed_s, cpu_time_s=cpu_time_s)
        else:
            ended = self._process.failure
            state = StepState(
                state="refused" if verdict.state == "refused" and not ended else "failed",
                wall_time_s=self.elapsed_s,
                cpu_time_s=cpu_time_s,
                failure=_why(ended, self._process.exit_code, verdict),
                log_tail=verdict.log_tail,
            )
        write_state(self.folder, state)
        return _closed(self._node, self.folder, state, state.state)

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> str:
        """End the process, and let the folder wait for the next call; what runs on all the same, ``""`` for nothing."""
        elapsed_s = self.elapsed_s
        if self._process.stop(hurry):
            self._process.let_go()
            spent = StepState(state="waiting", wall_time_s=elapsed_s, cpu_time_s=self._cpu_time_s(None))
            write_state(self.folder, spent)
            return ""
        return f"process {self._process.pid} of {self._node.name} could not be ended, and runs on in {self.folder}"


def at_work(folder: Path, state: StepState) -> JobState | None:
    """Whether an engine works in the folder of a step: ``running``, ``uncertain``, or None for nobody."""
    if engine_lock_is_held(folder):
        return "running"
    if state.state != "running":
        return None
    if state.host and state.host != host_name():
        return "uncertain"
    if state.boot == boot_id() and EngineProcess.found(folder, state.pid, state.birth) is not None:
        return "running"
    return None


def why_uncertain(folder: Path, state: StepState, doubt: str = "") -> str:
    """Why it cannot be told whether an engine works in a folder, and what a person does about it."""
    doubt = doubt or f"an engine was started here on {state.host}, which cannot be seen from {host_name()}"
    who = f"process {state.pid}" if state.pid else "an engine"
    place = f" on {state.host}" if state.host else ""
    return f"{doubt}: see whether {who} still runs{place}; when it does not, remove {folder / STATE_FILE} and run again"


def _doubt(folder: Path, state: StepState, lock: EngineLock) -> str:
    """Why an engine may be at work that holds no lock; ``""`` when none is."""
    if state.state != "running":
        return ""
    if state.host and state.host != host_name():
        return why_uncertain(folder, state)
    if lock.works or (state.boot and state.boot != boot_id()):
        return ""
    if state.pid is None:
        others = processes_in(folder)
        if others:
            return why_uncertain(folder, state, f"an engine was about to start, and process {others[0]} works here")
    return ""


def _spent(before: StepState) -> _Spent:
    """Time of the attempts so far: none at all, where there was none."""
    attempted = before.wall_time_s or before.state == "running"
    return {"wall_time_s": before.wall_time_s, "cpu_time_s": before.cpu_time_s if attempted else 0.0}


def _spent_unseen(before: StepState, told: Verdict) -> _Spent:
    """The same when the last attempt ended while no dftflow watched: of it the results tell."""
    if before.wall_time_s and before.state != "running":  # it was counted
        return _spent(before)
    cpu_time_s = _sum(_spent(before)["cpu_time_s"], told.cpu_time_s)
    return {"wall_time_s": before.wall_time_s + (told.wall_time_s or 0.0), "cpu_time_s": cpu_time_s}


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _why(ended: str, exit_code: int | None, verdict: Verdict) -> str:
    """Why there are no results: the limit or the signal, else what the results say, with what was printed last."""
    reason = ended or verdict.failure or "the process has left no results"
    code = f"exit code {exit_code}" if exit_code and exit_code > 0 else ""
    return f"{reason} ({code})" if code and not ended else reason


def _closed(node: Node, folder: Path, state: StepState, end: JobState, *, reused: bool = False) -> NodeOutcome:
    return NodeOutcome(
        name=node.name,
        title=node.title,
        state=end,
        folder=folder,
        failure=state.failure,
        log_tail=state.log_tail,
        wall_time_s=state.wall_time_s,
        cpu_time_s=state.cpu_time_s,
        reused=reused,
    )
