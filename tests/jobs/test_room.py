"""How much runs at once: steps of several ranks and threads never use more cores or memory than there are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dftflow.jobs.graph import Room, run_graph
from dftflow.jobs.job import Job, Node, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.resources import Resources

RANKS = """\
import os, subprocess, sys, time
if len(sys.argv) > 1:
    start = time.monotonic()
    time.sleep(0.15)
    span = f"{{start}} {{time.monotonic()}} {{os.environ['OMP_NUM_THREADS']}}"
    open(f"{log}/{name}-{{sys.argv[1]}}", "w").write(span)
else:
    for rank in [subprocess.Popen([sys.executable, __file__, str(rank)]) for rank in range({ranks})]:
        rank.wait()
    open("done", "w").close()
"""
"""A program of several processes, each of which says when it ran, and with how many threads."""


def step(log: Path, name: str, ranks: int, threads: int, memory_mib: float = 0.0) -> Node:
    script = RANKS.format(log=log, name=name, ranks=ranks)
    job = Job(identity=f"{int(name):010d}", files={"job.py": script}, argv=(sys.executable, "job.py"))
    return Node(
        name=name,
        title=name,
        needs=(),
        prepare=lambda: job,
        judge=lambda folder: Verdict(state="finished" if (folder / "done").exists() else "failed"),
        doing=lambda folder: "",
        resources=Resources(ranks=ranks, threads=threads),
        memory_mib=memory_mib,
    )


def most_at_once(log: Path) -> float:
    """The largest number of threads that ran at one time, by what the processes themselves wrote down."""
    spans = [tuple(map(float, file.read_text().split())) for file in log.iterdir()]
    return max(sum(n for start, end, n in spans if start <= at < end) for at, _, _ in spans)


SIZES = [(1, 1), (2, 1), (1, 3), (1, 1), (2, 2), (1, 1), (1, 2), (3, 1), (1, 1)]


@pytest.mark.parametrize("cores", [1, 4])
def test_no_more_threads_run_than_there_are_cores(tmp_path: Path, cores: int) -> None:
    log = tmp_path / "log"
    log.mkdir()
    sizes = [size for size in SIZES if size[0] * size[1] <= cores]
    nodes = [step(log, str(number), *size) for number, size in enumerate(sizes)]
    ends = run_graph(nodes, Local(tmp_path / "run"), room=Room(workers=9, cores=cores))
    assert {end.state for end in ends.values()} == {"finished"}
    assert len(list(log.iterdir())) == sum(ranks for ranks, _ in sizes), "every process of every step ran"
    assert most_at_once(log) <= cores
    assert cores == 1 or most_at_once(log) > 2, "and what fits does run at once"


def test_a_step_larger_than_the_room_runs_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    nodes = [step(log, "1", 1, 1), step(log, "2", 3, 1), step(log, "3", 1, 1)]
    run_graph(nodes, Local(tmp_path / "run"), room=Room(workers=9, cores=2))
    assert most_at_once(log) == 3


def node(memory_mib: float, cores: int = 1) -> Node:
    return step(Path(), "1", cores, 1, memory_mib)


@pytest.mark.parametrize(
    ("room", "beside", "more", "holds"),
    [
        (Room(workers=2, memory_mib=1000), [node(600)], node(300), True),
        (Room(workers=2, memory_mib=1000), [node(600)], node(500), False),
        (Room(workers=2, memory_mib=1000), [], node(5000), True),
        (Room(workers=2, memory_mib=None), [node(600)], node(5000), True),
        (Room(workers=2), [node(1), node(1)], node(1), False),
        (Room(workers=9, cores=4), [node(1, 2)], node(1, 2), True),
        (Room(workers=9, cores=4), [node(1, 2)], node(1, 3), False),
    ],
)
def test_what_starts_beside_others(room: Room, beside: Sequence[Node], more: Node, holds: bool) -> None:
    assert room.holds(more, beside) is holds
