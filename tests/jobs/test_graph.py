"""A graph of jobs: in which order, how many at once, and what becomes of those that need one that failed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from dftflow.errors import StudyError
from dftflow.jobs import graph
from dftflow.jobs.graph import NodeView, Room, run_graph
from dftflow.jobs.job import Job, Node, NodeOutcome, Verdict
from dftflow.model.attempt import Attempt


def node(name: str, *needs: str, identity: str = "", prepare: Callable[[], Job] | None = None) -> Node:
    job = Job(identity=identity or name, files={}, argv=())
    return Node(
        name=name,
        title="",
        needs=needs,
        prepare=prepare or (lambda: job),
        judge=lambda folder: Verdict(state="finished"),
        doing=lambda folder: "at work",
    )


@dataclass
class Piped:
    """A job that ends when `end` is called: a pipe tells it, or with `silent` nothing does."""

    node: Node
    folder: Path
    silent: bool
    asked: int = 0
    tries: tuple[Attempt, ...] = ()
    elapsed_s: float = 0.0
    state: str = ""
    stopped: bool = False
    waits: bool = False
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    @property
    def descriptor(self) -> int | None:
        return None if self.silent else self.pipe[0]

    def end(self, state: str = "finished") -> None:
        self.state = state
        os.write(self.pipe[1], b"!")

    def outcome(self) -> NodeOutcome | None:
        self.asked += 1
        return self.how() if self.state else None

    def how(self) -> NodeOutcome:
        name, state = self.node.name, self.state
        return NodeOutcome(name=name, title="", state=state, folder=self.folder)  # type: ignore[arg-type]

    def stop(self, hurry: Callable[[], bool]) -> str:
        self.stopped = True
        return f"{self.node.name} runs on"


class Here:
    """Starts jobs, and calls `then` with all that run whenever one was started."""

    needs_finished = True

    def __init__(
        self, then: Callable[[list[Piped]], None] | None = None, *, silent: bool = False, states: Mapping[str, str] = {}
    ) -> None:
        self.started: list[Piped] = []
        self._then, self._silent, self._states = then, silent, states

    def folder(self, node: Node, job: Job) -> Path:
        return Path(job.identity)

    def carry_out(self, node: Node, job: Job, folder: Path) -> Piped | NodeOutcome:
        begun = Piped(node, folder, self._silent)
        self.started.append(begun)
        if self._then is None:
            begun.state = self._states.get(node.name, "finished")
            return begun.how()
        self._then(self.running)
        return begun

    @property
    def running(self) -> list[Piped]:
        return [job for job in self.started if not job.state]

    @property
    def names(self) -> list[str]:
        return [job.node.name for job in self.started]


def all_end(running: list[Piped]) -> None:
    for job in running:
        job.end()


def test_the_longest_way_to_an_end_begins_first_where_several_run_at_once() -> None:
    """Two workers: 3 and 1 + 2 first, then 2; in the order given, 2 would have begun first, and 3 ended alone."""
    nodes = [
        replace(node("short"), cost=2.0),
        replace(node("first"), cost=1.0),
        replace(node("second", "first"), cost=2.1),
        replace(node("long"), cost=3.0),
    ]
    executor = Here()
    run_graph(nodes, executor, room=Room(workers=2))
    assert executor.names == ["first", "long", "second", "short"]
    executor = Here()
    run_graph(nodes, executor, room=Room(workers=1))
    assert executor.names == ["short", "first", "second", "long"], "one after the other, as the plan has them"


def test_ready_nodes_start_in_their_order_and_never_more_than_there_are_workers() -> None:
    most = 0

    def look(running: list[Piped]) -> None:
        nonlocal most
        most = max(most, len(running))
        if len(running) == 2:
            running[1].end()  # the later one

    executor = Here(look)
    nodes = [node("a"), node("b"), node("c"), replace(node("b2", "b"), cost=0.0), node("d")]
    threading.Timer(0.4, lambda: all_end(executor.running)).start()
    ends = run_graph(nodes, executor, room=Room(workers=2))
    assert most == 2
    assert executor.names == ["a", "b", "c", "d", "b2"], "of equal ones the first, the shortest last"
    assert {end.state for end in ends.values()} == {"finished"}


class AtTurn(Piped):
    """Carried out by another as long as `other_lives`; asked after that it starts here."""

    other_lives = True

    def outcome(self) -> NodeOutcome | None:
        if self.waits and not self.other_lives:
            self.waits = False
            return None
        return super().outcome()


class AfterAnother(Here):
    """Its job `a` is another's first."""

    def carry_out(self, node: Node, job: Job, folder: Path) -> Piped | NodeOutcome:
        if node.name != "a":
            return super().carry_out(node, job, folder)
        self.first = AtTurn(node, folder, silent=False, waits=True)
        return self.first


def test_what_waits_for_another_takes_no_room_and_starts_where_there_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "ASK_EVERY_S", 0.01)
    monkeypatch.setattr(graph, "SHOW_EVERY_S", 0.0)
    seen: list[str] = []

    def look(running: list[Piped]) -> None:
        if len(executor.started) == 1:
            executor.first.other_lives = False  # no room for it before this job has ended
            threading.Timer(0.2, lambda: all_end(running)).start()
        else:
            assert executor.first.state == "finished", "it comes before what was not begun"
            all_end(running)

    def watch(views: Sequence[NodeView]) -> None:
        states = {view.name: view.state for view in views}
        seen.append(f"{states['a']} {states['b']}")
        assert Counter(states.values())["running"] <= 1
        if states["a"] == "running" and not executor.first.state:
            executor.first.end()

    executor = AfterAnother(look)
    ends = run_graph([node("a"), node("b"), node("c")], executor, room=Room(workers=1), observer=watch)
    assert {end.state for end in ends.values()} == {"finished"} and executor.names == ["b", "c"]
    assert seen.index("waiting running") < seen.index("running finished") < seen.index("finished finished")


def test_an_end_that_is_told_is_noted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "ASK_EVERY_S", 60.0)
    executor = Here(all_end)
    nodes = [node(str(number), *([str(number - 1)] if number else [])) for number in range(200)]
    ends = run_graph(nodes, executor)
    assert len(ends) == 200
    assert {job.asked for job in executor.started} == {1}


def test_an_end_that_nothing_tells_is_asked_for() -> None:
    executor = Here(all_end, silent=True)
    assert run_graph([node("a"), node("b", "a")], executor)["b"].state == "finished"


def test_a_descriptor_that_has_spoken_too_early_is_not_listened_to_again() -> None:
    executor = Here(lambda running: os.write(running[0].pipe[1], b"?") and None)
    threading.Timer(0.6, lambda: all_end(executor.running)).start()
    run_graph([node("a")], executor)
    assert executor.started[0].asked <= 6  # and not as often as a processor can


@pytest.mark.parametrize("state", ["failed", "refused", "uncertain"])
def test_what_needs_one_that_did_not_finish_is_not_run_and_names_it(state: str) -> None:
    notes: dict[str, str] = {}
    executor = Here(states={"a": state})
    nodes = [node("a"), node("b", "a"), node("c", "b", "a"), node("d", "free", "b"), node("free"), node("e", "free")]
    ends = run_graph(nodes, executor, record=lambda name, folder, why: notes.update({name: why}))
    assert executor.names == ["a", "free", "e"]
    assert [ends[name].state for name in "bcd"] == ["not_run"] * 3
    assert notes["b"] == "not run, because a did not finish"
    assert notes["d"] == "not run, because b did not finish"
    assert "a" in notes["c"]
    assert notes["e"] == ""


def test_where_nothing_has_to_have_finished_everything_is_carried_out() -> None:
    executor = Here(states={"a": "not_run"})
    executor.needs_finished = False
    ends = run_graph([node("a"), node("b", "a")], executor)
    assert [end.state for end in ends.values()] == ["not_run", "finished"]


def test_a_job_that_cannot_be_made_fails_its_node_alone() -> None:
    def broken() -> Job:
        raise StudyError("no such slab")

    ends = run_graph([node("a", prepare=broken), node("b", "a"), node("c")], Here())
    assert [(end.name, end.state) for end in ends.values()] == [("a", "failed"), ("b", "not_run"), ("c", "finished")]
    assert "no such slab" in ends["a"].failure


def test_the_same_calculation_is_started_once_while_it_runs() -> None:
    executor = Here(lambda running: None)
    seen: list[tuple[str, ...]] = []

    def end_all() -> None:
        seen.append(tuple(executor.names))
        executor._then = all_end
        all_end(executor.running)

    threading.Timer(0.3, end_all).start()
    prepared: list[str] = []
    job = Job(identity="same", files={}, argv=())
    twin = node("twin", prepare=lambda: prepared.append("twin") or job)  # type: ignore[func-returns-value]
    ends = run_graph([node("one", identity="same"), twin, node("other")], executor, room=Room(workers=3))
    assert seen == [("one", "other")]
    assert executor.names == ["one", "other", "twin"]
    assert prepared == ["twin"]
    assert ends["twin"].folder == ends["one"].folder


def test_an_interrupt_ends_the_wait_at_once_and_stops_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "ASK_EVERY_S", 60.0)
    executor = Here(lambda running: None)
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as raised:
        run_graph([node("a"), node("b", "a")], executor)
    assert time.monotonic() - began < 30
    assert executor.started[0].stopped
    assert raised.value.__notes__ == ["a runs on"]
    assert executor.names == ["a"]


def test_an_observer_sees_every_node_while_it_waits_runs_and_at_its_end() -> None:
    seen: list[dict[str, str]] = []
    executor = Here(lambda running: None)

    def show(views: Sequence[NodeView]) -> None:
        seen.append({view.name: view.state for view in views})
        all_end(executor.running)

    run_graph([node("a"), node("b", "a")], executor, observer=show)
    assert seen[0] == {"a": "running", "b": "waiting"}
    assert seen[-1] == {"a": "finished", "b": "finished"}


def test_a_slow_observer_takes_a_tenth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = 100.0, []

    def show(views: Sequence[NodeView]) -> None:
        nonlocal now
        calls.append(now)
        now += 2.0

    monkeypatch.setattr(graph.time, "monotonic", lambda: now)
    display = graph._Display(cast("graph._Graph", SimpleNamespace(views=list)), show)
    for _ in range(400):
        display()
        now += 0.1
    gaps = [later - earlier for earlier, later in pairwise(calls)]
    assert len(calls) == 3
    assert min(gaps) >= 20.0
    display(at_last=True)
    assert len(calls) == 4
