"""Engines that were killed: by the kernel, for want of memory, or by somebody; and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dftflow
from dftflow.jobs import process
from dftflow.jobs.graph import run_graph
from dftflow.jobs.job import Job, Node, NodeOutcome, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.oom_kills import OomKills, oom_kills

V1 = "9:name=systemd:/\n4:cpu,memory:{0}\n0::/\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
EVENTS = "low 0\nhigh 0\nmax 7\noom 2\noom_kill 5\noom_group_kill 0\n"


@pytest.mark.parametrize(
    ("told", "files", "expected"),
    [
        ("0::/user.slice/a\n", {"user.slice/a/memory.events": EVENTS}, OomKills(count=5, of="of its control group")),
        (V1.format("/job"), {"memory/job/memory.oom_control": CONTROL}, OomKills(count=3, of="of its control group")),
        # as of a container that is told the path which its host has
        (V1.format("/docker/f"), {"memory/memory.oom_control": CONTROL}, OomKills(count=3, of="of its control group")),
        ("0::/\n", {}, OomKills(count=2, of="on this machine")),
        # a kernel before 4.13, which does not count them by group
        (V1.format("/"), {"memory/memory.oom_control": "under_oom 0\n"}, OomKills(count=2, of="on this machine")),
    ],
)  # fmt: skip
def test_where_the_kernel_tells_it(told: str, files: dict[str, str], expected: OomKills, tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(told)
    (tmp_path / "proc/vmstat").write_text("nr_free_pages 7\noom_kill 2\ndrop_pagecache 0\n")
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    assert oom_kills(proc=tmp_path / "proc", groups=tmp_path / "groups") == expected


def test_where_nothing_tells_it(tmp_path: Path) -> None:
    assert oom_kills(proc=tmp_path, groups=tmp_path) is None


def test_counts_of_two_places_are_not_compared() -> None:
    one, two = OomKills(count=1, of="here"), OomKills(count=2, of="here")
    assert two.since(one) and not two.since(two) and not one.since(two) and not two.since(None)
    assert not two.since(OomKills(count=1, of="there"))


def judge(folder: Path) -> Verdict:
    done = (folder / "done").exists()
    return Verdict(state="finished") if done else Verdict(state="failed", failure="cut short", cause="truncated")


def run(root: Path, *argv: str) -> NodeOutcome:
    node = Node(
        name="n",
        title="",
        needs=(),
        prepare=lambda: Job(identity="a" * 64, files={}, argv=argv),
        judge=judge,
        doing=lambda folder: "",
    )
    return run_graph([node], Local(root))["n"]


KILLS_ITSELF = "import os, signal; {0}os.kill(os.getpid(), signal.SIGKILL)"
ITSELF = (sys.executable, "-c", KILLS_ITSELF.format(""))
FROM_A_SCRIPT = ("bash", "-ec", '"$0" -c "$1"; echo never', sys.executable, KILLS_ITSELF.format(""))


@pytest.mark.parametrize("argv", [ITSELF, FROM_A_SCRIPT], ids=["the engine", "a program that its script has started"])
@pytest.mark.parametrize(
    ("counts", "cause", "words"),
    [
        ([OomKills(count=4, of="here"), OomKills(count=5, of="here")], "out_of_memory", "from 4 to 5"),
        ([OomKills(count=4, of="here")] * 2, "killed", "the kernel has killed nothing here for want of memory"),
        ([None, None], "killed", "cannot be told here"),
    ],
)
def test_it_is_called_what_it_is(
    argv: tuple[str, ...],
    counts: list[OomKills | None],
    cause: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Out of memory only where the kernel's count has grown meanwhile, and only as what is likely."""
    waits = iter(counts)
    monkeypatch.setattr(process, "oom_kills", lambda: next(waits))
    end = run(tmp_path, *argv)
    assert (end.state, end.cause) == ("failed", cause)
    assert words in end.failure and "SIGKILL" in end.failure
    assert ("likely" in end.failure) == (cause == "out_of_memory")


def test_results_that_are_whole_count_all_the_same(tmp_path: Path) -> None:
    assert run(tmp_path, sys.executable, "-c", KILLS_ITSELF.format("open('done', 'w'); ")).state == "finished"


def test_another_exit_code_is_no_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that gave up says why itself, whatever the kernel has killed meanwhile."""
    waits = iter([OomKills(count=4, of="here"), OomKills(count=5, of="here")])
    monkeypatch.setattr(process, "oom_kills", lambda: next(waits))
    end = run(tmp_path, "bash", "-c", "exit 3")
    assert (end.cause, end.failure) == ("truncated", "cut short (exit code 3)")


# --- the kernel itself --------------------------------------------------------------------------------------------

GROUPS = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}
LIMIT = 300 << 20
IN_A_GROUP = """\
import json, os, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
from test_oom_kills import run
end = run(Path(sys.argv[3]), sys.executable, "-c", "x = bytearray(600 << 20); print(len(x))")
print(json.dumps([end.cause, end.failure]))
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group whose processes may hold 300 MiB."""
    for above, limit in GROUPS.items():
        place = above / f"dftflow-test-{os.getpid()}"
        try:
            place.mkdir()
        except OSError:
            continue
        try:
            (place / limit).write_text(str(LIMIT))
            yield place
            return
        except OSError:
            continue
        finally:
            place.rmdir()
    pytest.skip("no control group with a limit can be made here")


def test_an_engine_that_the_kernel_has_killed(group: Path, tmp_path: Path) -> None:
    """More than its control group may hold, in a dftflow that is in that group too."""
    done = subprocess.run(
        [sys.executable, "-c", IN_A_GROUP, str(group), str(Path(__file__).parent), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(dftflow.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    cause, failure = json.loads(done.stdout.splitlines()[-1])
    assert cause == "out_of_memory"
    assert "killed by SIGKILL, likely by the kernel for want of memory" in failure and "from 0 to 1" in failure
