"""Carries out a graph of jobs with one executor: nothing that is finished is done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import DftflowError, StoreError
from dftflow.jobs.executor import Executor, Running
from dftflow.jobs.harmless import harmless
from dftflow.jobs.interruption import Interruption
from dftflow.jobs.job import Job, Node, NodeOutcome
from dftflow.model.attempt import Attempt

__all__ = ["NodeView", "Observer", "Recorder", "run_graph"]

POLL_S = 0.25
ASK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One node as an observer sees it while the graph runs; `tries` are the attempts that failed before the last."""

    name: str
    title: str
    state: str
    doing: str
    elapsed_s: float
    cost: float
    reused: bool
    cause: str = ""
    tries: tuple[Attempt, ...] = ()


Observer = Callable[[Sequence[NodeView]], None]
Recorder = Callable[[str, Path | None, str], None]
"""Called with a node's name, its folder (None when it has none) and why it has none, before anything starts there."""


class _Graph:
    """The state of one call of `run_graph`."""

    def __init__(self, nodes: Sequence[Node], executor: Executor, workers: int, record: Recorder) -> None:
        self.nodes = nodes
        self.executor = executor
        self.workers = workers
        self.record = record
        self.done: dict[str, NodeOutcome] = {}
        self.running: dict[str, Running] = {}
        self.jobs: dict[str, Job] = {}
        self._doing: dict[str, tuple[float, str]] = {}

    def tick(self, interruption: Interruption) -> None:
        """Collect what ended, start what can be started."""
        for name, job in list(self.running.items()):
            end = job.outcome()
            if end is not None:
                del self.running[name]
                self.done[name] = end
        for node in self.nodes:
            if node.name not in self.done and node.name not in self.running:
                interruption.check()
                self._try(node)

    def _try(self, node: Node) -> None:
        ends = [self.done.get(name) for name in node.needs]
        if self.executor.needs_finished and any(end is not None and end.state != "finished" for end in ends):
            self._skip(node)
        elif all(end is not None for end in ends) and len(self.running) < self.workers:
            self._begin(node)

    def _begin(self, node: Node) -> None:
        try:
            job = self.jobs.get(node.name) or node.prepare()
        except StoreError:
            raise
        except DftflowError as error:
            self._close_without_folder(node, "failed", str(error))
            return
        self.jobs[node.name] = job
        folder = self.executor.folder(node, job)
        if folder in (running.folder for running in self.running.values()):
            return  # the same calculation runs for another node: this one takes its results
        self.record(node.name, folder, "")
        begun = self.executor.carry_out(node, job, folder)
        if isinstance(begun, NodeOutcome):
            self.done[node.name] = begun
        else:
            self.running[node.name] = begun

    def _skip(self, node: Node) -> None:
        broken = [name for name in node.needs if name in self.done and self.done[name].state != "finished"]
        self._close_without_folder(node, "not_run", f"not run, because {' and '.join(broken)} did not finish")

    def _close_without_folder(self, node: Node, state: str, failure: str) -> None:
        self.record(node.name, None, failure)
        self.done[node.name] = NodeOutcome(
            name=node.name,
            title=node.title,
            state="failed" if state == "failed" else "not_run",
            folder=None,
            failure=failure,
        )

    def stop(self, hurry: Callable[[], bool]) -> list[str]:
        """End all that runs; what could not be ended."""
        left = [said for said in [job.stop(hurry) for job in self.running.values()] if said]
        self.running.clear()
        return left

    def views(self) -> list[NodeView]:
        return [self._view(node) for node in self.nodes]

    def _view(self, node: Node) -> NodeView:
        state, doing, elapsed_s, reused, cause = "waiting", "", 0.0, False, ""
        tries: tuple[Attempt, ...] = ()
        if node.name in self.done:
            end = self.done[node.name]
            state, doing, elapsed_s, reused = end.state, end.failure.split("\n")[0], end.wall_time_s or 0.0, end.reused
            cause, tries = end.cause, end.tries
        elif node.name in self.running:
            job = self.running[node.name]
            state, doing, elapsed_s = "running", self._now_doing(node, job.folder), job.elapsed_s
            tries = job.tries
        return NodeView(
            name=node.name, title=node.title, state=state, doing=doing, elapsed_s=elapsed_s, cost=node.cost,
            reused=reused, cause=cause, tries=tries,
        )  # fmt: skip

    def _now_doing(self, node: Node, folder: Path) -> str:
        """What a job does; asked only now and then, because the answer may take the reading of a long log."""
        asked, doing = self._doing.get(node.name, (-ASK_EVERY_S, ""))
        now = time.monotonic()
        if now - asked > ASK_EVERY_S:
            doing = node.doing(folder)
            self._doing[node.name] = (now, doing)
        return doing


def run_graph(
    nodes: Sequence[Node],
    executor: Executor,
    *,
    workers: int = 1,
    record: Recorder = lambda name, folder, why: None,
    observer: Observer = lambda views: None,
) -> Mapping[str, NodeOutcome]:
    """Carry out every node that can be; how each ended, by name.

    On an interrupt (`dftflow.jobs.interruption`) all that runs is stopped so that the next call goes on, and
    `KeyboardInterrupt` is raised; its notes name what could not be stopped.

    Parameters
    ----------
    nodes
        In an order in which needs come first.
    executor
        Where they are carried out.
    workers
        Jobs that run at once.
    record
        Told where each node's folder is before anything starts in it, and why one has none.
    observer
        Called a few times a second with the state of all nodes; an error in it ends the display and nothing else.

    Raises
    ------
    StoreError
        When a folder cannot be written.
    """
    graph = _Graph(nodes, executor, workers, record)
    show = harmless(lambda: observer(graph.views()))
    with Interruption() as interruption:
        try:
            while len(graph.done) < len(nodes):
                graph.tick(interruption)
                show()
                if graph.running:
                    time.sleep(POLL_S)
                interruption.check()
        except BaseException as error:
            left = graph.stop(interruption.again)
            for line in left:
                error.add_note(line)
            raise
    return graph.done
