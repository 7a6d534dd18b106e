"""Carries out a graph of jobs with one executor: nothing that is finished is done again.

A node is ready once all that it needs has ended, which is counted and never searched for; and the graph sleeps until a
job ends, a signal comes, or it is time to ask the jobs whose end nobody tells. So a graph costs what its nodes cost.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from pathlib import Path

from dftflow.errors import DftflowError, StoreError
from dftflow.jobs.executor import Executor, Running
from dftflow.jobs.harmless import harmless
from dftflow.jobs.interruption import Interruption
from dftflow.jobs.job import Job, Node, NodeOutcome
from dftflow.model.attempt import Attempt

__all__ = ["NodeView", "Observer", "Recorder", "Room", "run_graph"]

ASK_EVERY_S = 0.25
"""How often every job that runs is asked how it is: for limits, and for an end that no descriptor tells."""
SHOW_EVERY_S = 0.25
DOING_EVERY_S = 1.0


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


def _in_turn(nodes: Sequence[Node], workers: int) -> list[Node]:
    """The order in which ready nodes begin: as given for one worker, else by the expected effort up to the end of what
    needs them, longest first, so that no long one is left to run alone.

    It is list scheduling by critical paths (T. C. Hu, Oper. Res. 9, 841, 1961, 10.1287/opre.9.6.841).
    """
    if workers == 1:
        return list(nodes)
    own = {node.name: node.cost for node in nodes}
    left = dict(own)
    for node in reversed(nodes):  # each stands behind all that it needs
        for need in node.needs:
            left[need] = max(left[need], own[need] + left[node.name])
    return sorted(nodes, key=lambda node: -left[node.name])


class _Queue:
    """The nodes that wait: ready ones in their order, the others by how many of their needs have not ended."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._places = {node.name: place for place, node in enumerate(nodes)}
        self._missing = [len(set(node.needs)) for node in nodes]
        self._waiting: dict[str, list[int]] = {}
        for place, node in enumerate(nodes):
            for need in set(node.needs):
                self._waiting.setdefault(need, []).append(place)
        self._ready = [place for place, missing in enumerate(self._missing) if not missing]  # in order: a heap

    def pop(self) -> Node | None:
        """The first that is ready, which waits no more; None when there is none."""
        return self._nodes[heappop(self._ready)] if self._ready else None

    def push(self, node: Node) -> None:
        """It waits on, and nothing is missing."""
        heappush(self._ready, self._places[node.name])

    def ended(self, name: str) -> Iterator[Node]:
        """Those that need `name`, which has ended; what misses nothing any more is ready."""
        for place in self._waiting.pop(name, ()):
            self._missing[place] -= 1
            if not self._missing[place]:
                heappush(self._ready, place)
            yield self._nodes[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What there is for all that runs at once; None for no bound.

    Attributes
    ----------
    workers
        Jobs.
    cores, memory_mib
        That they use, as each node says.
    """

    workers: int = 1
    cores: int | None = None
    memory_mib: float | None = None

    def holds(self, node: Node, beside: Sequence[Node]) -> bool:
        """Whether `node` can start beside others; alone it always can."""
        if not beside:
            return True
        together = (*beside, node)
        cores, memory_mib = sum(one.resources.cores for one in together), sum(one.memory_mib for one in together)
        return (
            len(together) <= self.workers
            and (self.cores is None or cores <= self.cores)
            and (self.memory_mib is None or memory_mib <= self.memory_mib)
        )


class _Graph:
    """The state of one call of `run_graph`."""

    def __init__(self, nodes: Sequence[Node], executor: Executor, room: Room, record: Recorder) -> None:
        self.executor = executor
        self.room = room
        self.record = record
        self.done: dict[str, NodeOutcome] = {}
        self.running: dict[str, Running] = {}
        self._nodes = {node.name: node for node in nodes}
        self._queue = _Queue(_in_turn(nodes, room.workers))
        self._jobs: dict[str, Job] = {}
        self._same: dict[Path, list[Node]] = {}
        self._views = {node.name: _view_of_waiting(node) for node in nodes}
        self._doing: dict[str, tuple[float, str]] = {}
        self._heard: dict[str, int] = {}
        self._all_asked = time.monotonic()

    def start(self, interruption: Interruption, show: Callable[[], None]) -> None:
        """Start what can be started: first what has waited for others, then in the order of `_in_turn`.

        One that has no room yet is not overtaken.
        """
        for name in self._waiting():
            if self.room.holds(self._nodes[name], self._at_work()):
                self._ask(name)
        while len(at_work := self._at_work()) < self.room.workers and (node := self._queue.pop()) is not None:
            interruption.check()
            if not self.room.holds(node, at_work):
                self._queue.push(node)
                return
            if node.name not in self.done:
                self._begin(node)
                show()

    def _at_work(self) -> list[Node]:
        """The nodes that take up room."""
        return [self._nodes[name] for name, job in self.running.items() if not job.waits]

    def _waiting(self) -> list[str]:
        """Those that were begun and take up none yet: each may start something when it is asked."""
        return [name for name, job in self.running.items() if job.waits]

    def wait(self, interruption: Interruption) -> None:
        """Sleep until a job ends, a signal comes, or it is time to ask all jobs; note the ends."""
        told = self._told(interruption)
        if time.monotonic() >= self._all_asked + ASK_EVERY_S:
            self._all_asked, told = time.monotonic(), [name for name, job in self.running.items() if not job.waits]
        for name in told:
            self._ask(name)

    def _told(self, interruption: Interruption) -> list[str]:
        """The jobs whose descriptor says that they have ended; each attempt's is listened to until it has said so."""
        listening, watched = select.poll(), {}
        listening.register(interruption.descriptor, select.POLLIN)
        for name, job in self.running.items():
            if self._heard.get(name) != len(job.tries) and (descriptor := job.descriptor) is not None:
                listening.register(descriptor, select.POLLIN)
                watched[descriptor] = name
        left_s = max(0.0, self._all_asked + ASK_EVERY_S - time.monotonic())
        told = [descriptor for descriptor, _ in listening.poll(left_s * 1000)]
        if interruption.descriptor in told:
            interruption.heard()
        names = [watched[descriptor] for descriptor in told if descriptor in watched]
        self._heard.update({name: len(self.running[name].tries) for name in names})
        return names

    def _ask(self, name: str) -> None:
        job = self.running[name]
        end = job.outcome()
        if end is None:
            return
        del self.running[name]
        self._heard.pop(name, None)
        self._doing.pop(name, None)
        self._end(end)
        for node in self._same.pop(job.folder, ()):
            self._queue.push(node)

    def _begin(self, node: Node) -> None:
        try:
            job = self._jobs.pop(node.name, None) or node.prepare()
        except StoreError:
            raise
        except DftflowError as error:
            self._close_without_folder(node, str(error))
            return
        folder = self.executor.folder(node, job)
        if any(folder == running.folder for running in self.running.values()):
            self._jobs[node.name] = job  # the same calculation runs for another node: this one takes its results
            self._same.setdefault(folder, []).append(node)
            return
        self.record(node.name, folder, "")
        begun = self.executor.carry_out(node, job, folder)
        if isinstance(begun, NodeOutcome):
            self._end(begun)
        else:
            self.running[node.name] = begun

    def _end(self, end: NodeOutcome) -> None:
        """Note how a node ended; where it did not finish, and others have to, those that need it are not run."""
        ends = [self._noted(end)]
        while ends:
            end = ends.pop()
            for node in self._queue.ended(end.name):
                if self.executor.needs_finished and end.state != "finished" and node.name not in self.done:
                    ends.append(self._noted(self._not_run(node)))

    def _noted(self, end: NodeOutcome) -> NodeOutcome:
        self.done[end.name] = end
        self._views[end.name] = _view_of_end(self._nodes[end.name], end)
        return end

    def _not_run(self, node: Node) -> NodeOutcome:
        broken = [name for name in node.needs if name in self.done and self.done[name].state != "finished"]
        failure = f"not run, because {' and '.join(broken)} did not finish"
        self.record(node.name, None, failure)
        return NodeOutcome(name=node.name, title=node.title, state="not_run", folder=None, failure=failure)

    def _close_without_folder(self, node: Node, failure: str) -> None:
        self.record(node.name, None, failure)
        self._end(NodeOutcome(name=node.name, title=node.title, state="failed", folder=None, failure=failure))

    def stop(self, hurry: Callable[[], bool]) -> list[str]:
        """End all that runs; what could not be ended."""
        left = [said for said in [job.stop(hurry) for job in self.running.values()] if said]
        self.running.clear()
        return left

    def views(self) -> list[NodeView]:
        """All nodes as they are now."""
        for name, job in self.running.items():
            doing = self._now_doing(self._nodes[name], job.folder)
            view = replace(self._views[name], elapsed_s=job.elapsed_s, tries=job.tries)
            if job.waits:
                self._views[name] = replace(view, state="waiting", doing=f"another run calculates it: {doing}")
            else:
                self._views[name] = replace(view, state="running", doing=doing)
        return list(self._views.values())

    def _now_doing(self, node: Node, folder: Path) -> str:
        """What a job does; asked only now and then, because the answer may take the reading of a long log."""
        asked, doing = self._doing.get(node.name, (-DOING_EVERY_S, ""))
        now = time.monotonic()
        if now - asked > DOING_EVERY_S:
            doing = node.doing(folder)
            self._doing[node.name] = (now, doing)
        return doing


def _view_of_waiting(node: Node) -> NodeView:
    return NodeView(
        name=node.name, title=node.title, state="waiting", doing="", elapsed_s=0.0, cost=node.cost, reused=False
    )


def _view_of_end(node: Node, end: NodeOutcome) -> NodeView:
    return NodeView(
        name=node.name,
        title=node.title,
        state=end.state,
        doing=end.failure.partition("\n")[0],
        elapsed_s=end.wall_time_s or 0.0,
        cost=node.cost,
        reused=end.reused,
        cause=end.cause,
        tries=end.tries,
    )


class _Display:
    """Shows the nodes to an observer a few times a second, and never for more than a tenth of the time."""

    def __init__(self, graph: _Graph, observer: Observer) -> None:
        self._show = harmless(lambda: observer(graph.views()))
        self._next = 0.0

    def __call__(self, *, at_last: bool = False) -> None:
        began = time.monotonic()
        if began >= self._next or at_last:
            self._show()
            now = time.monotonic()
            self._next = now + max(SHOW_EVERY_S, 9 * (now - began))


def run_graph(
    nodes: Sequence[Node],
    executor: Executor,
    *,
    room: Room = Room(),
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
    room
        What all that runs at once may use together.
    record
        Told where each node's folder is before anything starts in it, and why one has none.
    observer
        Called a few times a second with the state of all nodes; an error in it ends the display and nothing else.

    Raises
    ------
    StoreError
        When a folder cannot be written.
    """
    graph = _Graph(nodes, executor, room, record)
    show = _Display(graph, observer)
    with Interruption() as interruption:
        try:
            graph.start(interruption, show)
            while graph.running:
                graph.wait(interruption)
                show()
                interruption.check()
                graph.start(interruption, show)
            show(at_last=True)
        except BaseException as error:
            left = graph.stop(interruption.again)
            for line in left:
                error.add_note(line)
            raise
    return graph.done
