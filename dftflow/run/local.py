"""Runs a graph of jobs on this machine: as many processes at once as asked, nothing finished twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dftflow.errors import DftflowError, StoreError
from dftflow.run.job import Limits, Node, NodeOutcome
from dftflow.run.process import EngineProcess
from dftflow.run.store import RunStore, StepState

__all__ = ["NodeView", "Observer", "run_graph"]

POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One node as an observer sees it while the graph runs."""

    name: str
    title: str
    state: str
    doing: str
    elapsed_s: float
    cost: float
    reused: bool


Observer = Callable[[Sequence[NodeView]], None]


@dataclass(slots=True)
class _Running:
    node: Node
    folder: Path
    process: EngineProcess
    earlier_s: float


class _Graph:
    """The state of one call of `run_graph`."""

    def __init__(self, nodes: Sequence[Node], store: RunStore, workers: int, limits: Limits) -> None:
        self.nodes = nodes
        self.store = store
        self.workers = workers
        self.limits = limits
        self.done: dict[str, NodeOutcome] = {}
        self.running: dict[str, _Running] = {}

    def step(self) -> None:
        """Collect what ended, start what can be started."""
        for job in list(self.running.values()):
            if not job.process.running(self.limits):
                self._collect(job)
        for node in self.nodes:
            if node.name in self.done or node.name in self.running:
                continue
            ends = [self.done.get(name) for name in node.needs]
            if any(end is not None and end.state != "finished" for end in ends):
                self._skip(node)
            elif all(end is not None for end in ends) and len(self.running) < self.workers:
                self._begin(node)

    def finished(self) -> bool:
        return len(self.done) == len(self.nodes)

    def stop(self) -> None:
        for job in self.running.values():
            job.process.stop()
            elapsed = job.earlier_s + job.process.wall_time_s
            self.store.write_state(job.folder, StepState(state="waiting", wall_time_s=elapsed))
        self.running.clear()

    def views(self) -> list[NodeView]:
        return [self._view(node) for node in self.nodes]

    def write_plan(self) -> None:
        plan: list[dict[str, object]] = []
        for node in self.nodes:
            folder = self._folder(node.name)
            place = str(folder.relative_to(self.store.root)) if folder is not None else ""
            end = self.done.get(node.name)
            plan.append({"name": node.name, "title": node.title, "needs": list(node.needs), "folder": place,
                         "not_run": end.failure if end is not None and folder is None else ""})  # fmt: skip
        self.store.write_plan(plan)

    def _folder(self, name: str) -> Path | None:
        if name in self.running:
            return self.running[name].folder
        return self.done[name].folder if name in self.done else None

    def _begin(self, node: Node) -> None:
        try:
            job = node.prepare({name: self._finished_folder(name) for name in node.needs})
        except StoreError:
            raise
        except DftflowError as error:
            self.done[node.name] = NodeOutcome(
                name=node.name, title=node.title, state="failed", folder=None, failure=str(error)
            )
            return
        folder = self.store.stage(node.name, job)
        state = self.store.read_state(folder)
        process = None
        if state.state == "running" and state.pid is not None and state.process_started is not None:
            process = EngineProcess.take_over(state.pid, state.process_started)
        if process is None and state.state in ("running", "finished") and node.judge(folder).ok:
            # "running" without a process: the engine finished after the dftflow that started it was killed
            self._close(node, folder, replace(state, state="finished"), reused=state.state == "finished")
            return
        if process is None:
            try:
                process = EngineProcess.start(job.argv, folder)
            except DftflowError as error:
                self._close(node, folder, StepState(state="failed", failure=str(error)))
                return
        self.store.write_state(
            folder,
            StepState(
                state="running",
                pid=process.pid,
                process_started=process.process_started,
                wall_time_s=state.wall_time_s,
            ),
        )
        self.running[node.name] = _Running(node, folder, process, state.wall_time_s)

    def _collect(self, job: _Running) -> None:
        del self.running[job.node.name]
        verdict = job.node.judge(job.folder)
        failure = job.process.failure or verdict.failure
        state = StepState(
            state="finished" if verdict.ok and not job.process.failure else "failed",
            wall_time_s=job.earlier_s + job.process.wall_time_s,
            failure=failure,
            log_tail=verdict.log_tail if failure else "",
        )
        self._close(job.node, job.folder, state)

    def _close(self, node: Node, folder: Path, state: StepState, *, reused: bool = False) -> None:
        if not reused:
            self.store.write_state(folder, replace(state, pid=None, process_started=None))
        self.done[node.name] = NodeOutcome(
            name=node.name,
            title=node.title,
            state=state.state,
            folder=folder,
            failure=state.failure,
            log_tail=state.log_tail,
            wall_time_s=state.wall_time_s,
            reused=reused,
        )

    def _finished_folder(self, name: str) -> Path:
        folder = self.done[name].folder
        assert folder is not None, "a finished node has a folder"
        return folder

    def _skip(self, node: Node) -> None:
        broken = [name for name in node.needs if name in self.done and self.done[name].state != "finished"]
        self.done[node.name] = NodeOutcome(
            name=node.name,
            title=node.title,
            state="not_run",
            folder=None,
            failure=f"not run, because {' and '.join(broken)} did not finish",
        )

    def _view(self, node: Node) -> NodeView:
        if node.name in self.done:
            end = self.done[node.name]
            return NodeView(name=node.name, title=node.title, state=end.state, doing=end.failure.split("\n")[0],
                            elapsed_s=end.wall_time_s or 0.0, cost=node.cost, reused=end.reused)  # fmt: skip
        if node.name in self.running:
            job = self.running[node.name]
            return NodeView(name=node.name, title=node.title, state="running", doing=node.doing(job.folder),
                            elapsed_s=job.process.wall_time_s, cost=node.cost, reused=False)  # fmt: skip
        return NodeView(name=node.name, title=node.title, state="waiting", doing="", elapsed_s=0.0, cost=node.cost,
                        reused=False)  # fmt: skip


def run_graph(
    nodes: Sequence[Node],
    store: RunStore,
    *,
    workers: int,
    limits: Limits | None = None,
    observer: Observer = lambda views: None,
) -> Mapping[str, NodeOutcome]:
    """Run every node whose needs finish; the others end as ``not_run``.

    A node whose folder says ``finished`` is not run again. A process that outlived an earlier dftflow is taken over.
    On an interrupt all processes are stopped, their folders are left so that the next call goes on, and the
    interrupt is raised again.

    Parameters
    ----------
    nodes
        In an order in which needs come first.
    store
        Where the folders lie.
    workers
        Processes at once.
    limits
        Of each process.
    observer
        Called a few times a second with the state of all nodes.

    Raises
    ------
    StoreError
        When the run's folder cannot be written, or another dftflow works in it.
    """
    graph = _Graph(nodes, store, workers, limits or Limits())
    with store.locked():
        try:
            finished_before = -1
            while not graph.finished():
                graph.step()
                if len(graph.done) + len(graph.running) != finished_before:
                    graph.write_plan()
                    finished_before = len(graph.done) + len(graph.running)
                observer(graph.views())
                if not graph.finished():
                    time.sleep(POLL_S)
            graph.write_plan()
        except BaseException:
            graph.stop()
            raise
    return graph.done
