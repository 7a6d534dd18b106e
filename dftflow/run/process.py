"""One engine process: started in its own folder and session, watched, and ended when it breaks a limit.

psutil tells whether a process id still means the process that was started, which lets a restarted dftflow take over
an engine that outlived the one that started it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from dftflow.errors import CodeNotFoundError
from dftflow.run.job import Limits

__all__ = ["ONE_THREAD", "EngineProcess"]

GRACE_S = 5.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class EngineProcess:
    """A running engine, started here or taken over.

    Use `start` or `take_over`, not the constructor.
    """

    def __init__(self, process: psutil.Process, started_at: float, popen: subprocess.Popen[bytes] | None) -> None:
        self._process = process
        self._popen = popen
        self._started_at = started_at
        self.pid = process.pid
        self.process_started = process.create_time()
        self.failure = ""

    @classmethod
    def start(cls, argv: tuple[str, ...], folder: Path) -> EngineProcess:
        """Start `argv` in `folder`, one thread, output into ``stdout.log`` and ``stderr.log`` (appended).

        Raises
        ------
        CodeNotFoundError
            When there is no such program.
        """
        with open(folder / "stdout.log", "ab") as out, open(folder / "stderr.log", "ab") as err:
            try:
                popen = subprocess.Popen(
                    argv,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env=_environment(),
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise CodeNotFoundError(
                    f"there is no program {argv[0]!r} on this machine", fix="`dftflow doctor` shows what is missing"
                ) from None
        return cls(psutil.Process(popen.pid), time.monotonic(), popen)

    @classmethod
    def take_over(cls, pid: int, process_started: float, folder: Path) -> EngineProcess | None:
        """The process of an earlier dftflow, if it still runs, and in `folder`: that may be a copy of another's."""
        try:
            process = psutil.Process(pid)
            same = abs(process.create_time() - process_started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
            same = same and os.path.samefile(process.cwd(), folder)
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            return None
        if not same:
            return None
        return cls(process, time.monotonic() - (time.time() - process_started), None)

    @property
    def wall_time_s(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self._started_at

    def running(self, limits: Limits) -> bool:
        """Whether it still runs; ends it, and names the failure, when it breaks a limit."""
        if self._popen is not None and self._popen.poll() is not None:
            self._name_signal(self._popen.returncode)
            return False
        try:
            if self._process.status() == psutil.STATUS_ZOMBIE:
                return False
            memory_mib = self._process.memory_info().rss / 2**20
        except psutil.NoSuchProcess:
            return False
        if limits.time_s is not None and self.wall_time_s > limits.time_s:
            self.failure = f"out of time: more than {limits.time_s:.0f} s"
        elif limits.memory_mib is not None and memory_mib > limits.memory_mib:
            self.failure = f"out of memory: {memory_mib:.0f} MiB, and {limits.memory_mib:.0f} MiB were allowed"
        if self.failure:
            self.stop()
            return False
        return True

    def stop(self) -> None:
        """End the process and everything it started: politely, then not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + GRACE_S
            while time.monotonic() < deadline:
                if self._popen is not None and self._popen.poll() is not None:
                    return
                if not psutil.pid_exists(self.pid):
                    return
                time.sleep(0.05)

    def _name_signal(self, code: int) -> None:
        if code == -signal.SIGKILL and not self.failure:
            self.failure = "killed (signal 9): most often the system ran out of memory"
        elif code < 0 and not self.failure:
            self.failure = f"ended by signal {-code} ({signal.Signals(-code).name})"


def _environment() -> Mapping[str, str]:
    return {**os.environ, **ONE_THREAD}
