"""Faults at every moment of a run: nothing that finished is lost, nothing runs twice, and the words are a person's."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dftflow.errors import StoreError
from dftflow.jobs.graph import run_graph
from dftflow.jobs.job import Job, Node, NodeOutcome, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.lock import locked
from dftflow.jobs.machine import birth_of, boot_id, host_name
from dftflow.jobs.step_state import StepState, read_state, write_state

ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the folder is read-only",
    errno.EIO: "the file system refuses",
}
MOMENTS = {"what is kept beside": ("kept", 1), "the deck": ("job.py", 1), "before the start": ("state.json", 1),
           "after the start": ("state.json", 2), "at the end": ("state.json", 3)}  # fmt: skip
"""Name of a file of the second step, and which time it is written."""


def node(root: Path, name: str, needs: tuple[str, ...] = ()) -> Node:
    """A step that notes in ``<root>/../ran`` that it ran."""
    script = f"open({str(root.parent / 'ran')!r}, 'a').write('{name}\\n'); open('done', 'w').write('yes')"
    identity = hashlib.sha256(name.encode()).hexdigest()
    job = Job(identity=identity, files={"job.py": script}, argv=(sys.executable, "job.py"), beside={"kept": "built"})
    return Node(name=name, title=name, needs=needs, prepare=lambda: job, judge=judge, doing=lambda folder: "")


def judge(folder: Path) -> Verdict:
    if (folder / "done").exists():
        return Verdict(state="finished")
    return Verdict(state="failed", failure="left no result")


def run(root: Path) -> dict[str, NodeOutcome]:
    nodes = [node(root, "a"), node(root, "b", ("a",)), node(root, "c", ("b",))]
    return dict(run_graph(nodes, Local(root)))


def ran(root: Path) -> list[str]:
    log = root.parent / "ran"
    return log.read_text().split() if log.exists() else []


def folder_of(root: Path, name: str) -> Path:
    return root / "steps" / f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def comes_to_its_end(root: Path) -> None:
    """The fault is gone: the same command goes on, and every step has run once, whatever happened before."""
    ends = run(root)
    assert {name: end.state for name, end in ends.items()} == dict.fromkeys("abc", "finished")
    assert sorted(ran(root)) == ["a", "b", "c"]
    assert run(root) and sorted(ran(root)) == ["a", "b", "c"]


class FailingWrites:
    """Refuses one write of one file, as the system would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, number: int, code: int) -> None:
        self.armed, self._left, self._open = True, number, os.open

        def refusing(path: object, flags: int, *rest: object, **options: object) -> int:
            if self.armed and str(path).startswith(f".{name}.") and self._is_in(folder, options.get("dir_fd")):
                self._left -= 1
                if self._left == 0:
                    raise OSError(code, os.strerror(code), path)
            return self._open(path, flags, *rest, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", refusing)

    @staticmethod
    def _is_in(folder: Path, descriptor: object) -> bool:
        return folder.is_dir() and os.path.samestat(os.fstat(int(str(descriptor))), folder.stat())


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("code", ERRORS, ids=[errno.errorcode[code] for code in ERRORS])
def test_a_write_that_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, moment: str) -> None:
    root = tmp_path / "run"
    name, number = MOMENTS[moment]
    system = FailingWrites(monkeypatch, folder_of(root, "b"), name, number, code)
    with pytest.raises(StoreError, match=ERRORS[code]) as refusal:
        run(root)
    assert refusal.value.exit_code == 8 and refusal.value.fix
    assert read_state(folder_of(root, "a")).state == "finished"
    assert not folder_of(root, "c").exists(), "nothing goes on as if it had been written"
    system.armed = False
    comes_to_its_end(root)


# --- file systems ------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts file systems of a few KiB, where this may be done; the same errors are refused by hand above."""
    places: list[Path] = []

    def mount(options: str, *, again: bool = False) -> Path:
        place = tmp_path / "disk"
        place.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"remount,{options}" if again else options, "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")
        places.append(place)
        return place

    yield mount
    if places:
        subprocess.run(["umount", "-l", str(places[0])], check=True)


def fill(place: Path) -> Path:
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


def test_a_disk_that_is_full_in_the_middle(small_disk: Callable[..., Path]) -> None:
    root = small_disk("size=256k") / "run"
    first = [node(root, "a")]
    assert run_graph(first, Local(root))["a"].state == "finished"
    (root.parent / "ran").write_text("a\n" + "\n" * 4000)  # its block is there already
    ballast = fill(root.parent)
    with pytest.raises(StoreError, match="the disk is full"):
        run(root)
    assert read_state(folder_of(root, "a")).state == "finished"
    ballast.unlink()
    comes_to_its_end(root)


def test_a_file_system_that_becomes_read_only(small_disk: Callable[..., Path]) -> None:
    root = small_disk("size=1m") / "run"
    assert run_graph([node(root, "a")], Local(root))["a"].state == "finished"
    small_disk("ro,size=1m", again=True)
    with pytest.raises(StoreError, match="read-only") as refusal:
        run(root)
    assert refusal.value.exit_code == 8
    small_disk("rw,size=1m", again=True)
    comes_to_its_end(root)


# --- processes and clocks -----------------------------------------------------------------------------------------


def _reused_pid() -> StepState:
    """The id of a process that lives and is another's: this one."""
    return StepState(state="running", host=host_name(), boot=boot_id(), pid=os.getpid(), birth=1.0)


def _own_pid_elsewhere() -> StepState:
    """The engine's id and birth are those of a living process that works in another folder, as after a copy."""
    return replace(_reused_pid(), birth=birth_of(os.getpid()))


def _earlier_boot() -> StepState:
    return replace(_reused_pid(), boot="of another start of this machine", birth=birth_of(os.getpid()))


def _future() -> StepState:
    """A birth that lies ahead: the clock was set back since."""
    return replace(_reused_pid(), birth=4e9)


def _never_started() -> StepState:
    return StepState(state="running", host=host_name(), boot=boot_id())


@pytest.mark.parametrize("left", [_reused_pid, _own_pid_elsewhere, _earlier_boot, _future, _never_started])
@pytest.mark.parametrize("done", [False, True], ids=["without results", "with results"])
def test_what_a_dead_driver_noted_is_told_from_what_lives(
    tmp_path: Path, left: Callable[[], StepState], done: bool
) -> None:
    root = tmp_path / "run"
    folder = folder_of(root, "b")
    folder.mkdir(parents=True)
    write_state(folder, left())
    if done:
        (folder / "done").write_text("yes")
        (tmp_path / "ran").write_text("b\n")
    comes_to_its_end(root)


def test_an_orphan_is_taken_over_and_not_started_again(tmp_path: Path) -> None:
    """Its driver is gone: the engine holds the lock of its folder, and its end is seen all the same."""
    root = tmp_path / "run"
    slow = node(root, "b")
    script = f"import time; time.sleep(1.5); {slow.prepare().files['job.py']}"
    job = replace(slow.prepare(), files={"job.py": script})
    driver = (
        f"import os, sys; sys.path[:0] = [r'{Path(__file__).parent}']\n"
        "from pathlib import Path; from dataclasses import replace; from test_faults import node, Local\n"
        f"root = Path(r'{root}'); one = node(root, 'b'); job = replace(one.prepare(), files={{'job.py': {script!r}}})\n"
        "Local(root).carry_out(one, job, Local(root).folder(one, job)); os._exit(9)\n"
    )
    assert subprocess.run((sys.executable, "-c", driver), cwd=tmp_path).returncode == 9
    assert read_state(folder_of(root, "b")).state == "running"
    ends = run_graph([replace(slow, prepare=lambda: job)], Local(root))
    assert ends["b"].state == "finished" and ran(root) == ["b"]


def test_a_second_driver_is_refused_before_it_writes(tmp_path: Path) -> None:
    root = tmp_path / "run"
    with locked(root):
        before = sorted(root.rglob("*"))
        with pytest.raises(StoreError, match="another dftflow works in this folder") as refusal, locked(root):
            pytest.fail("two hold it")
        assert refusal.value.exit_code == 8 and sorted(root.rglob("*")) == before
