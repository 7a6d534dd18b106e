"""One engine process, seen by a dftflow that did not start it, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from dftflow.errors import CodeNotFoundError
from dftflow.jobs import machine, process
from dftflow.jobs.lock import ENGINE_LOCK, EngineLock, engine_lock_is_held
from dftflow.jobs.process import EngineProcess
from dftflow.jobs.resources import Resources

WAITS = "import time; time.sleep(600)"
SAYS_DONE = "open('done', 'w').close()"
ENDS_WHEN_ASKED = "import os, time\nwhile not os.path.exists('x.EXIT'): time.sleep(0.02)\nopen('kept', 'w').close()"
IGNORES_ALL = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('ready', 'w').close(); {WAITS}"


class Start(Protocol):
    def __call__(self, text: str, *, stop_file: str = "") -> EngineProcess: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a Python text as an engine in ``tmp_path/run``."""
    folder, started = tmp_path / "run", []
    folder.mkdir()

    def begin(text: str, *, stop_file: str = "") -> EngineProcess:
        lock = EngineLock.take(folder)
        assert lock is not None
        started.append(EngineProcess.start((sys.executable, "-c", text), folder, lock, stop_file=stop_file))
        lock.let_go()
        return started[-1]

    yield begin
    for engine in started:
        engine.stop()


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_a_process_is_found_where_it_runs(start: Start, tmp_path: Path) -> None:
    engine = start(WAITS)
    found = EngineProcess.found(tmp_path / "run", engine.pid, engine.birth)
    assert found is not None and found.pid == engine.pid
    os.rename(tmp_path / "run", tmp_path / "moved")
    assert EngineProcess.found(tmp_path / "moved", engine.pid, engine.birth) is not None


def test_an_engine_whose_id_was_never_noted_is_found_by_its_lock(start: Start, tmp_path: Path) -> None:
    engine = start(WAITS)
    found = EngineProcess.found(tmp_path / "run", None, None)
    assert found is not None and (found.pid, found.birth) == (engine.pid, engine.birth)


def test_a_copy_of_the_folder_does_not_take_the_process_of_the_first(start: Start, tmp_path: Path) -> None:
    engine = start(WAITS)
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert EngineProcess.found(tmp_path / "copy", engine.pid, engine.birth) is None
    assert EngineProcess.found(tmp_path / "nowhere", engine.pid, engine.birth) is None


def test_a_process_id_that_was_given_again_is_another_process(start: Start, tmp_path: Path) -> None:
    engine = start(WAITS)
    engine.stop()
    (tmp_path / "other").mkdir()
    later = subprocess.Popen((sys.executable, "-c", WAITS), cwd=tmp_path / "run")
    try:
        assert EngineProcess.found(tmp_path / "run", later.pid, engine.birth - 1) is None
        assert EngineProcess.found(tmp_path / "run", engine.pid, engine.birth) is None
    finally:
        later.kill()
        later.wait()


def test_a_step_of_the_clock_changes_no_birth(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = start(WAITS)
    now = time.time
    for step_s in (2.0, -3600.0):
        monkeypatch.setattr(time, "time", lambda step_s=step_s: now() + step_s)
        monkeypatch.setattr(psutil, "boot_time", lambda: 1.0)
        assert machine.birth_of(engine.pid) == engine.birth
        assert 0 <= machine.age_s(engine.pid) < 60


def test_the_lock_is_held_from_before_the_engine_exists_to_its_end(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert not engine_lock_is_held(folder)
    lock = EngineLock.take(folder)
    assert lock is not None and lock.works and engine_lock_is_held(folder)
    lock.let_go()
    engine = start(WAITS)
    assert engine_lock_is_held(folder) and EngineLock.take(folder) is None
    os.kill(engine.pid, signal.SIGKILL)
    wait_for(lambda: not engine_lock_is_held(folder))


def test_what_an_engine_has_started_holds_the_lock_and_is_ended_with_it(start: Start, tmp_path: Path) -> None:
    child = f"import os, time; open('child', 'w').write(str(os.getpid())); {WAITS}"
    engine = start(
        "import os, subprocess, sys\n"
        "descriptor = next(int(fd) for fd in os.listdir('/proc/self/fd')\n"
        "                  if os.path.exists(f'/proc/self/fd/{fd}')\n"
        f"                  and os.readlink(f'/proc/self/fd/{{fd}}').endswith({ENGINE_LOCK!r}))\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}], pass_fds=[descriptor], start_new_session=True)\n"
        f"{WAITS}"
    )
    file = tmp_path / "run" / "child"
    wait_for(lambda: file.exists() and file.read_text())
    pid = int(file.read_text())
    os.kill(engine.pid, signal.SIGKILL)
    wait_for(lambda: machine.birth_of(engine.pid) is None)
    assert engine_lock_is_held(tmp_path / "run")
    orphan = EngineProcess.found(tmp_path / "run", engine.pid, engine.birth)
    assert orphan is not None and orphan.pid == pid
    assert engine.running(Resources()) is False
    wait_for(lambda: machine.birth_of(pid) is None and not engine_lock_is_held(tmp_path / "run"))


def test_an_engine_that_ignores_the_signal_to_end_is_ended(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 120.0)
    engine = start(IGNORES_ALL)
    wait_for((tmp_path / "run" / "ready").exists)
    began = time.monotonic()
    assert engine.stop(hurry=lambda: True)
    assert time.monotonic() - began < 60 and machine.birth_of(engine.pid) is None


def test_an_engine_whose_time_is_over_keeps_what_a_later_run_goes_on_from(start: Start, tmp_path: Path) -> None:
    """It has no signal: the file alone ends it, and is removed then."""
    (tmp_path / "run" / "x.EXIT").touch()  # of an earlier call, which would end it at once
    engine = start(ENDS_WHEN_ASKED, stop_file="x.EXIT")
    time.sleep(0.2)
    assert engine.running(Resources()), "what an earlier call left was taken back"
    wait_for(lambda: not engine.running(Resources(time_s=0.3)))
    assert engine.failure.startswith("out of time") and engine.cause == "out_of_time" and engine.exit_code == 0
    assert (tmp_path / "run" / "kept").exists() and not (tmp_path / "run" / "x.EXIT").exists()


def test_an_engine_that_does_not_look_for_its_file_is_ended_all_the_same(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ASKED_S", 0.3)
    monkeypatch.setattr(process, "GRACE_S", 0.3)
    engine = start(IGNORES_ALL, stop_file="x.EXIT")
    wait_for((tmp_path / "run" / "ready").exists)
    wait_for(lambda: not engine.running(Resources(time_s=0.1)))
    assert engine.cause == "out_of_time" and machine.birth_of(engine.pid) is None
    assert not (tmp_path / "run" / "x.EXIT").exists()


def test_who_stops_an_engine_can_let_it_end_by_itself(start: Start, tmp_path: Path) -> None:
    engine = start(ENDS_WHEN_ASKED, stop_file="x.EXIT")
    assert engine.stop(asked_s=20) and (tmp_path / "run" / "kept").exists()
    hurried = start(ENDS_WHEN_ASKED.replace("kept", "kept-too"), stop_file="")
    assert hurried.stop(asked_s=20) and not (tmp_path / "run" / "kept-too").exists(), "it cannot be asked"


def test_a_process_that_is_gone_is_not_signalled(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = start("pass")
    wait_for(lambda: not engine.running(Resources()))

    def signalled(*given: object) -> None:
        raise AssertionError(given)

    monkeypatch.setattr(os, "killpg", signalled)
    monkeypatch.setattr(os, "kill", signalled)
    assert engine.stop()


@pytest.mark.parametrize(
    ("text", "allowed", "said"),
    [
        (WAITS, Resources(stall_s=0.4), "stalled: no file of its folder has changed for"),
        (
            f"print('x' * 3_000_000, flush=True); {WAITS}",
            Resources(log_mib=2),
            "it printed 3 MiB, and 2 MiB were allowed",
        ),
        (f"x = bytearray(300 * 2**20); {WAITS}", Resources(memory_mib=200), "out of memory"),
        (
            "import subprocess, sys\n"
            f"subprocess.Popen([sys.executable, '-c', 'x = bytearray(300 * 2**20); {WAITS}']).wait()",
            Resources(memory_mib=200),
            "out of memory",
        ),
        (WAITS, Resources(time_s=0.3), "out of time"),
    ],
)
def test_an_engine_that_breaks_a_limit_is_ended_and_named(
    start: Start, text: str, allowed: Resources, said: str
) -> None:
    engine = start(text)
    wait_for(lambda: not engine.running(allowed))
    assert engine.failure.startswith(said) and machine.birth_of(engine.pid) is None


def test_an_engine_that_writes_a_file_now_and_then_is_not_stalled(start: Start) -> None:
    engine = start("import time\nfor n in range(40):\n    open('log', 'a').write('x')\n    time.sleep(0.1)")
    wait_for(lambda: not engine.running(Resources(stall_s=3.0)))  # less than it runs, more than a busy machine sleeps
    assert engine.failure == "" and engine.exit_code == 0


def test_output_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stdout.log").symlink_to(tmp_path / "mine")
    lock = EngineLock.take(tmp_path / "run")
    assert lock is not None
    with pytest.raises(OSError, match="symbolic"):
        EngineProcess.start((sys.executable, "-c", "print('gone')"), tmp_path / "run", lock)
    lock.let_go()
    assert (tmp_path / "mine").read_text() == "kept"


@pytest.mark.parametrize("argv", [("no-such-program",), ("/",), ("a\0b",)])
def test_a_program_that_cannot_be_started_is_named(tmp_path: Path, argv: tuple[str, ...]) -> None:
    lock = EngineLock.take(tmp_path)
    assert lock is not None
    with pytest.raises(CodeNotFoundError):
        EngineProcess.start(argv, tmp_path, lock)
    lock.let_go()
    assert not engine_lock_is_held(tmp_path)


BURNS = "import time\nwhile time.process_time() < {s}: pass\n"
SAYS_WHAT_IT_USED = "import os; open('used', 'w').write(str(sum(os.times()[:4])))"


def test_processor_time_is_that_of_the_engine_and_of_what_it_waited_for(start: Start, tmp_path: Path) -> None:
    child = f"subprocess.run([sys.executable, '-c', {BURNS.format(s=0.6)!r}], check=True)"
    engine = start(f"import subprocess, sys\n{child}\n{BURNS.format(s=0.3)}{SAYS_WHAT_IT_USED}")
    assert engine.cpu_time_s is None
    wait_for(lambda: not engine.running(Resources()))
    by_itself = float((tmp_path / "run" / "used").read_text())
    assert by_itself > 0.86 and engine.exit_code == 0
    assert engine.cpu_time_s is not None and by_itself - 0.02 <= engine.cpu_time_s < by_itself + 0.3


def test_processor_time_is_known_of_an_engine_that_is_ended(start: Start, tmp_path: Path) -> None:
    engine = start(f"{BURNS.format(s=0.3)}open('ready', 'w')\n{WAITS}")
    wait_for((tmp_path / "run" / "ready").exists)
    assert engine.stop() and engine.cpu_time_s is not None and 0.29 < engine.cpu_time_s < 5


def test_processor_time_is_not_told_where_it_was_not_seen(start: Start, tmp_path: Path) -> None:
    engine = start(f"import os\nif os.fork() == 0:\n    time = __import__('time'); time.sleep(0.5)\n    {SAYS_DONE}")
    wait_for(lambda: not engine.running(Resources()))
    assert (tmp_path / "run" / "done").exists() and engine.exit_code == 0 and engine.cpu_time_s is None


@pytest.mark.parametrize(
    ("argv", "variables", "elsewhere"),
    [
        (("srun", "pw.x"), {}, True),
        (("/usr/bin/mpirun", "-n", "2", "pw.x"), {}, False),
        (("/usr/bin/mpirun", "-n", "2", "pw.x"), {"SLURM_JOB_ID": "7"}, True),
        (("pw.x",), {"SLURM_JOB_ID": "7"}, False),
    ],
)
def test_ranks_that_a_scheduler_starts_are_no_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], variables: dict[str, str], elsewhere: bool
) -> None:
    for name in ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    program = tmp_path / "bin" / Path(argv[0]).name
    program.parent.mkdir()
    program.symlink_to("/bin/true")
    lock = EngineLock.take(tmp_path)
    assert lock is not None
    engine = EngineProcess.start((str(program), *argv[1:]), tmp_path, lock)
    lock.let_go()
    wait_for(lambda: not engine.running(Resources()))
    assert (engine.cpu_time_s is None) == elsewhere
