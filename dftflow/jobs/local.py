"""Jobs as processes on this machine: one plain folder each, named by the job's identity.

<out>/steps/<name>-<identity>/             deck files, engine output
<out>/steps/<name>-<identity>/state.json   waiting | running | finished | failed | refused
<out>/steps/<name>-<identity>/engine.lock  held by the engine

What lies in a folder is looked at in this order: whether an engine works there, whether the results are those that were
left there, whether they are whole. Only then is an engine started.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from dftflow.errors import DftflowError
from dftflow.jobs.at_turn import AtTurn
from dftflow.jobs.cancelled import is_cancelled, is_given_up, why_cancelled
from dftflow.jobs.executor import Running
from dftflow.jobs.job import Job, JobState, Node, NodeOutcome, Verdict
from dftflow.jobs.lock import EngineLock, engine_lock_is_held
from dftflow.jobs.machine import boot_id, host_name, job_id, processes_in
from dftflow.jobs.process import EngineProcess
from dftflow.jobs.resources import TOLD_EARLY_S
from dftflow.jobs.shared_store import StepHome
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
from dftflow.jobs.tries import another_attempt
from dftflow.model.attempt import Attempt
from dftflow.model.cause import cause_words

__all__ = ["IDENTITY_LENGTH", "Local", "at_work", "end_by_folder", "why_uncertain"]

IDENTITY_LENGTH = 10
PATIENCE_S = 2.0
"""How long it is looked for whoever holds the lock of a folder: an engine that ends just now is not seen any more."""
KEPT_S = 15.0
"""Of the time that a job has left when it is told: for signals, and for what is written then."""


class _Spent(TypedDict):
    wall_time_s: float
    cpu_time_s: float | None
    tries: tuple[Attempt, ...]


class Local:
    """Starts engine processes; takes over one that outlived the dftflow that started it.

    Parameters
    ----------
    root
        Folder of the run.
    home
        Where the folders of its steps lie; in `root` unless given.
    ended_jobs
        Jobs of the scheduler that have ended, and with them the engines that were started in them.
    """

    needs_finished = True

    def __init__(self, root: Path, home: StepHome | None = None, *, ended_jobs: Container[str] = ()) -> None:
        self._root = root
        self._home = home or StepHome(root)
        self._ended_jobs = ended_jobs
        self._tried: set[Path] = set()
        self._folders: dict[str, Path] = {}
        if self._home.is_shared:
            return
        for path in sorted((self._home.root / "steps").glob("**/*-*"), reverse=True):
            tail = path.name.rpartition("-")[2]
            if len(tail) == IDENTITY_LENGTH and path.is_dir():
                self._folders[tail] = path

    def folder(self, node: Node, job: Job) -> Path:
        """The folder of this very calculation, whichever node it was made for first."""
        if self._home.is_shared:
            return self._home.shared_folder(job.identity)
        tail = job.identity[:IDENTITY_LENGTH]
        return self._folders.setdefault(tail, self._home.root / "steps" / f"{node.name}-{tail}")

    def carry_out(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        """Use what is finished, watch what runs, start the rest; leave alone what cannot be told.

        What another dftflow carries out in a store is waited for.
        """
        make_folder(folder, self._home.root)
        if not self._home.is_shared:
            return self._taken_up(node, job, folder)
        waiting = AtTurn(self._root, node, job, folder, self._home.turn_file(folder), self._taken_up)
        return waiting.outcome() or waiting

    def _taken_up(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        until = time.monotonic() + PATIENCE_S
        while True:
            lock = EngineLock.take(folder)
            if lock is not None:
                try:
                    return self._unoccupied(node, job, folder, lock)
                finally:
                    lock.let_go()
            state = read_state(folder)
            process = EngineProcess.found(folder, state.pid, state.birth, stop_file=job.stop_file)
            if process is not None:
                return self._watched(node, job, folder, process, state)
            if time.monotonic() > until:
                doubt = why_uncertain(folder, state, "an engine that cannot be seen from here holds the folder's lock")
                return _closed(node, folder, replace(state, failure=doubt), "uncertain")

    def _unoccupied(self, node: Node, job: Job, folder: Path, lock: EngineLock) -> Running | NodeOutcome:
        before = read_state(folder)
        state = without_ended_job(before, self._ended_jobs)
        if not lock.works and state.state == "running":
            process = EngineProcess.found(folder, state.pid, state.birth, stop_file=job.stop_file)
            if process is not None:
                return self._watched(node, job, folder, process, state)
        job = node.resumed(folder, job) if state.tries else job
        renewed = keep_beside(folder, job)
        verdict = node.judge(folder)
        end = end_by_folder(self._root, node, job, folder, state, verdict)
        if end is not None and end.state == "finished" and (not end.reused or not state.files or renewed):
            state = finished(folder, **(_spent(state) if end.reused else _spent_unseen(before, verdict)))
            write_state(folder, state)
            return _closed(node, folder, state, "finished", reused=end.reused)
        if end is not None:
            return end
        if folder in self._tried and before.state in ("failed", "refused"):  # for another node, and would end so again
            return _without_results(self._root, node, folder, before)
        doubt = _doubt(folder, state, lock)
        if doubt:
            return _closed(node, folder, replace(state, failure=doubt), "uncertain")
        again = node.after_job(folder, state.tries) if node.after else None
        if again is not None:
            ended = replace(before, cause=node.after, failure=f"{cause_words(node.after)}: its job was ended")
            job, before = again.job, replace(before, tries=another_attempt(folder, again, ended).tries)
        write_deck(folder, job)
        return self._start(node, job, folder, lock, before)

    def _start(self, node: Node, job: Job, folder: Path, lock: EngineLock, before: StepState) -> Running | NodeOutcome:
        process, state = _started(node, job, folder, lock, before)
        if process is None:
            self._tried.add(folder)
            return _closed(node, folder, state, "failed")
        return self._watched(node, job, folder, process, state)

    def _watched(self, node: Node, job: Job, folder: Path, process: EngineProcess, state: StepState) -> Running:
        self._tried.add(folder)
        return _LocalJob(self._root, node, job, folder, process, state)


def _started(
    node: Node, job: Job, folder: Path, lock: EngineLock, before: StepState
) -> tuple[EngineProcess | None, StepState]:
    """The engine of a job whose deck lies there, and the state of its folder; None where it cannot be started."""
    spent = _spent(before)
    if before.state == "running":
        spent["cpu_time_s"] = None  # of an attempt whose end nobody saw
    state = StepState(state="running", host=host_name(), boot=boot_id(), job=job_id(), **spent)
    write_state(folder, state)
    try:
        threads = node.resources.threads
        process = EngineProcess.start(job.argv, folder, lock, threads=threads, stop_file=job.stop_file)
    except DftflowError as error:
        state = StepState(state="failed", failure=str(error), cause="not_started", **spent)
        write_state(folder, state)
        return None, state
    state = replace(state, pid=process.pid, birth=process.birth)
    write_state(folder, state)
    return process, state


class _LocalJob:
    """A process of `Local`, and the folder that it works in."""

    waits = False

    def __init__(
        self, root: Path, node: Node, job: Job, folder: Path, process: EngineProcess, before: StepState
    ) -> None:
        self._root = root
        self.folder = folder
        self._node = node
        self._job = job
        self._process = process
        self._before = before

    @property
    def descriptor(self) -> int | None:
        """Of the process."""
        return self._process.descriptor

    @property
    def elapsed_s(self) -> float:
        """Wall time of this attempt and of those before."""
        return self._before.wall_time_s + self._process.wall_time_s

    @property
    def tries(self) -> tuple[Attempt, ...]:
        """Attempts that failed before this one."""
        return self._before.tries

    def _cpu_time_s(self, told_s: float | None) -> float | None:
        """Processor time of this attempt, which the results may tell where it was not seen, and of those before."""
        used_s = told_s if self._process.cpu_time_s is None else self._process.cpu_time_s
        return _sum(_spent(self._before)["cpu_time_s"], used_s)

    def outcome(self) -> NodeOutcome | None:
        """None while the process runs, and when another attempt has begun; then what the node's judge says: results
        that are whole count, however the process ended behind them.
        """
        if self._process.running(self._node.resources) and not self._is_ended_by_hand():
            return None
        self._process.let_go()
        verdict = self._node.judge(self.folder)
        cpu_time_s = self._cpu_time_s(verdict.cpu_time_s)
        if verdict.state == "finished":
            state = finished(self.folder, wall_time_s=self.elapsed_s, cpu_time_s=cpu_time_s, tries=self.tries)
        elif self._is_given_up():
            return self._ended_by_hand(cpu_time_s)
        else:
            ended = self._process.failure
            state = StepState(
                state="refused" if verdict.state == "refused" and not ended else "failed",
                job=self._before.job,
                wall_time_s=self.elapsed_s,
                cpu_time_s=cpu_time_s,
                failure=_why(ended, self._process.exit_code, verdict),
                cause=self._process.cause or verdict.cause,
                log_tail=verdict.log_tail,
                tries=self.tries,
            )
            if state.state == "failed" and self._tries_again(state):
                return None
        write_state(self.folder, state)
        if state.state == "finished":
            return _closed(self._node, self.folder, state, "finished")
        return _without_results(self._root, self._node, self.folder, state)

    def _is_given_up(self) -> bool:
        return is_given_up(self._root, self._node.name, self._node.sharers)

    def _is_ended_by_hand(self) -> bool:
        return self._is_given_up() and self._process.stop()

    def _ended_by_hand(self, cpu_time_s: float | None) -> NodeOutcome:
        state = StepState(state="waiting", wall_time_s=self.elapsed_s, cpu_time_s=cpu_time_s, tries=self.tries)
        write_state(self.folder, state)
        return _cancelled(self._root, self._node, self.folder, state)

    def _tries_again(self, failed: StepState) -> bool:
        """Whether another attempt has begun: the files of the failed one are put aside, and its remedy is noted."""
        again = self._node.again(self.folder, failed.cause, failed.tries)
        lock = None if again is None else EngineLock.take(self.folder)
        if again is None or lock is None:
            return False
        try:
            waits = another_attempt(self.folder, again, failed)
            write_deck(self.folder, again.job)
            process, self._before = _started(self._node, again.job, self.folder, lock, waits)
        finally:
            lock.let_go()
        if process is None:
            return False
        self._job, self._process = again.job, process
        return True

    def _is_told(self) -> bool:
        """Whether this may be what a scheduler tells a job before the end of its time."""
        asked = self._node.resources
        if not self._before.job or asked.time_s is None or is_cancelled(self._root, self._node.name):
            return False
        return self._process.wall_time_s > asked.time_s - asked.told_s - TOLD_EARLY_S

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> str:
        """End the process, and let the folder wait for the next call; what runs on all the same, ``""`` for nothing.

        In a job whose time is nearly over, an engine that can be asked has time to end. One that is ended otherwise
        (`scancel`) is killed soon.
        """
        elapsed_s = self.elapsed_s
        asked_s = self._node.resources.told_s - KEPT_S if self._is_told() else 0.0
        if self._process.stop(hurry, asked_s=asked_s):
            self._process.let_go()
            spent = StepState(
                state="waiting",
                job=self._before.job,
                wall_time_s=elapsed_s,
                cpu_time_s=self._cpu_time_s(None),
                tries=self.tries,
            )
            write_state(self.folder, spent)
            return ""
        return f"process {self._process.pid} of {self._node.name} could not be ended, and runs on in {self.folder}"


def end_by_folder(
    root: Path, node: Node, job: Job, folder: Path, state: StepState, verdict: Verdict
) -> NodeOutcome | None:
    """How a node ends by what lies in its folder, where no engine works; None where one is to be started.

    Parameters
    ----------
    root
        Of the run.
    job
        Its files are dftflow's: what a person changes in them the judge tells.
    state, verdict
        What is noted in the folder, and what the node's judge says of it.
    """
    if verdict.state == "finished":
        changed = tampered(folder, state, (*job.files, *job.beside))
        if changed:  # what was damaged beyond use is calculated again
            return _closed(node, folder, replace(state, failure=changed), "refused")
        return _closed(node, folder, state, "finished", reused=state.state == "finished")
    return _cancelled(root, node, folder, state) if is_given_up(root, node.name, node.sharers) else None


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
    """The attempts so far and their time: none at all, where there was none."""
    attempted = before.wall_time_s or before.state == "running"
    cpu_time_s = before.cpu_time_s if attempted else 0.0
    return {"wall_time_s": before.wall_time_s, "cpu_time_s": cpu_time_s, "tries": before.tries}


def _spent_unseen(before: StepState, told: Verdict) -> _Spent:
    """The same when the last attempt ended while no dftflow watched: of it the results tell."""
    if before.wall_time_s and before.state != "running":  # it was counted
        return _spent(before)
    cpu_time_s = _sum(_spent(before)["cpu_time_s"], told.cpu_time_s)
    wall_time_s = before.wall_time_s + (told.wall_time_s or 0.0)
    return {"wall_time_s": wall_time_s, "cpu_time_s": cpu_time_s, "tries": before.tries}


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _why(ended: str, exit_code: int | None, verdict: Verdict) -> str:
    """Why there are no results: the limit or the signal, else what the results say, with what was printed last."""
    reason = ended or verdict.failure or "the process has left no results"
    code = f"exit code {exit_code}" if exit_code and exit_code > 0 else ""
    return f"{reason} ({code})" if code and not ended else reason


def _without_results(root: Path, node: Node, folder: Path, state: StepState) -> NodeOutcome:
    """How a node ends whose calculation has failed or was refused, maybe for others that share it."""
    if is_cancelled(root, node.name):
        return _cancelled(root, node, folder, state)
    return _closed(node, folder, state, state.state)


def _cancelled(root: Path, node: Node, folder: Path, state: StepState) -> NodeOutcome:
    return _closed(node, folder, replace(state, failure=why_cancelled(root, node.name)), "cancelled")


def _closed(node: Node, folder: Path, state: StepState, end: JobState, *, reused: bool = False) -> NodeOutcome:
    return NodeOutcome(
        name=node.name,
        title=node.title,
        state=end,
        folder=folder,
        failure=state.failure,
        cause=state.cause,
        tries=state.tries,
        log_tail=state.log_tail,
        wall_time_s=state.wall_time_s,
        cpu_time_s=state.cpu_time_s,
        reused=reused,
    )
