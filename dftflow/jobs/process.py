"""One engine process: started in its own folder and session, watched, and ended when it breaks a limit.

The engine holds the lock of its folder (`dftflow.jobs.lock`), so that whoever comes later knows that it is there; its
id and birth (`dftflow.jobs.machine`) tell which process it is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from dftflow.errors import CodeNotFoundError
from dftflow.jobs.environment import engine_environment
from dftflow.jobs.lock import ENGINE_LOCK, EngineLock, engine_lock_is_held
from dftflow.jobs.machine import age_s, birth_of, holders_of
from dftflow.jobs.oom_kills import OomKills, oom_kills
from dftflow.jobs.resources import Resources
from dftflow.jobs.stop_request import StopRequest

__all__ = ["OUTPUT_FILES", "EngineProcess"]

OUTPUT_FILES = ("stdout.log", "stderr.log")
GRACE_S = 5.0
ASKED_S = 60.0
"""Beyond its time, for an engine that was asked to end: pw.x looks once an SCF iteration."""
LOOK_EVERY_S = 2.0
"""How often it is looked at what an engine uses: a look costs about a millisecond."""

SHELL_SIGNAL = 128
"""A shell whose program was ended by a signal ends with this and its number (POSIX, Exit Status for Commands)."""
LAUNCHERS = frozenset(("srun", "aprun", "jsrun", "lrun", "flux", "ibrun", "blaunch"))
MPI_LAUNCHERS = frozenset(("mpirun", "mpiexec", "mpiexec.hydra", "mpiexec.slurm", "orterun", "prterun", "prun"))
BATCH_JOB = frozenset(("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"))


class EngineProcess:
    """A running engine, started here or found.

    Use `start` or `found`, not the constructor.

    Attributes
    ----------
    pid, birth
        See `dftflow.jobs.machine`.
    failure
        Why it was ended, or which signal ended it; ``""`` as long as neither is so.
    cause
        Of that failure, see `dftflow.model.cause`.
    exit_code
        As `subprocess.Popen.returncode`; None as long as it runs, and where it was found.
    cpu_time_s
        Processor time, user and system, of it and of all that it waited for; None as long as it runs, and where not all
        of that was seen from here.
    descriptor
        See `dftflow.jobs.executor.Running`; a pidfd, which tells the end of a found process as well as that of a child.
    """

    def __init__(
        self,
        folder: Path,
        pid: int,
        birth: float,
        popen: subprocess.Popen[bytes] | None,
        *,
        sees_all: bool = False,
        before: OomKills | None = None,
        stop_file: str = "",
    ) -> None:
        self._folder = folder
        self._popen = popen
        self._sees_all = sees_all
        self.pid = pid
        self.birth = birth
        self.failure = ""
        self.cause = ""
        self.cpu_time_s: float | None = None
        self._before = before
        self._request = StopRequest(folder, stop_file)
        self._asked_at: float | None = None
        self.descriptor = _pidfd(pid, None if popen else birth)
        self._started_at = time.monotonic() - age_s(pid)
        self._signs = _Signs(folder)
        self._looked_at = time.monotonic()

    @classmethod
    def start(
        cls, argv: tuple[str, ...], folder: Path, lock: EngineLock, *, threads: int = 1, stop_file: str = ""
    ) -> EngineProcess:
        """Start `argv` in `folder`, output into `OUTPUT_FILES` (appended); `lock` is the engine's then.

        Parameters
        ----------
        stop_file
            See `dftflow.jobs.job.Job`; one that an earlier call left is removed.

        Raises
        ------
        CodeNotFoundError
            When there is no such program, or it cannot be started.
        """
        StopRequest(folder, stop_file).take_back()
        before = oom_kills()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        out, err = (os.open(folder / name, flags, 0o666) for name in OUTPUT_FILES)
        try:
            popen = subprocess.Popen(
                argv,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=engine_environment(threads=threads),
                start_new_session=True,
                pass_fds=(lock.descriptor,),
            )
        except (OSError, ValueError) as error:
            why = "" if isinstance(error, FileNotFoundError) else str(error)
            raise CodeNotFoundError(
                f"the program {argv[0]!r} cannot be started on this machine" if why else
                f"there is no program {argv[0]!r} on this machine",
                reason=why,
                fix="`dftflow doctor` shows what is missing",
            ) from None  # fmt: skip
        finally:
            os.close(out)
            os.close(err)
        return cls(
            folder,
            popen.pid,
            birth_of(popen.pid) or 0.0,
            popen,
            sees_all=not _starts_elsewhere(argv),
            before=before,
            stop_file=stop_file,
        )

    @classmethod
    def found(cls, folder: Path, pid: int | None, birth: float | None, *, stop_file: str = "") -> EngineProcess | None:
        """The engine of `folder` that an earlier dftflow started, when it still runs and can be seen from here.

        Parameters
        ----------
        pid, birth
            Of the process that was noted; a later process of the same id has another birth, and one that works in
            another folder is the engine of that: this one may be its copy.
        stop_file
            See `dftflow.jobs.job.Job`.
        """
        if pid is not None and birth is not None and birth_of(pid) == birth and _works_in(pid, folder):
            return cls(folder, pid, birth, None, stop_file=stop_file)
        holders = holders_of(folder / ENGINE_LOCK) if engine_lock_is_held(folder) else ()
        alive = [(holder, born) for holder in holders if (born := birth_of(holder)) is not None]
        return cls(folder, *alive[0], None, stop_file=stop_file) if alive else None

    def let_go(self) -> None:
        """Close `descriptor`."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    @property
    def wall_time_s(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self._started_at

    @property
    def exit_code(self) -> int | None:
        return None if self._popen is None else self._popen.returncode

    def running(self, allowed: Resources) -> bool:
        """Whether it, or what it started, still runs; ends it, and names the failure, when it breaks a limit.

        One whose time is over is asked to end first, where it looks for that, and has `ASKED_S` seconds to do so.
        """
        if not self._is_there():
            self._request.take_back()
            return False
        now = time.monotonic()
        if self._asked_at is not None:
            if now - self._asked_at < ASKED_S and not self._excess(allowed)[0]:
                return True
            self.stop()
            return False
        if allowed.time_s is not None and self.wall_time_s > allowed.time_s:
            self.cause, self.failure = "out_of_time", f"out of time: more than {allowed.time_s:.0f} s"
            if self._request.make():
                self._asked_at = now
                return True
        elif now - self._looked_at > min(LOOK_EVERY_S, (allowed.stall_s or LOOK_EVERY_S) / 4):
            self._looked_at = now
            self.cause, self.failure = self._excess(allowed)
        if self.failure:
            self.stop()
            return False
        return True

    def stop(self, hurry: Callable[[], bool] = lambda: False, *, asked_s: float = 0.0) -> bool:
        """End the process and everything it started: politely, then not; whether all of it is gone.

        Parameters
        ----------
        hurry
            Asked all the time; True ends the politeness.
        asked_s
            How long it has to end by itself first, where it can be asked to.
        """
        if asked_s > 0 and self._any_left() and self._request.make():
            self._ends_within(asked_s, hurry)
        for number, tired in ((signal.SIGTERM, hurry), (signal.SIGKILL, lambda: False)):
            if not self._any_left():
                break
            self._send(number)
            self._ends_within(GRACE_S, tired)
        self._request.take_back()
        return not self._any_left()

    def _ends_within(self, time_s: float, tired: Callable[[], bool]) -> None:
        deadline = time.monotonic() + time_s
        while self._any_left() and time.monotonic() < deadline and not tired():
            time.sleep(0.02)

    def _is_there(self) -> bool:
        if self._popen is not None and self._ended(self._popen):
            self._name_signal(self._popen.returncode)
            if not engine_lock_is_held(self._folder):
                return False
            self.cpu_time_s = None  # what works on is nobody's child any more
            if self._popen.returncode != 0:  # what an engine that died has left behind finishes nothing
                self.stop()
                return False
            return True
        return self._any_left()

    def _any_left(self) -> bool:
        """Whether a process of the engine is there; one that waits to be noticed by its parent is not."""
        if self._popen is not None:
            self._ended(self._popen)
        return birth_of(self.pid) == self.birth or engine_lock_is_held(self._folder)

    def _ended(self, popen: subprocess.Popen[bytes]) -> bool:
        """Whether the process itself has ended; what it has used is told once, by the system call that buries it."""
        if popen.returncode is None:
            try:
                pid, status, usage = os.wait4(popen.pid, os.WNOHANG)
            except ChildProcessError:  # buried by somebody else
                popen.poll()
            else:
                if pid:
                    popen.returncode = os.waitstatus_to_exitcode(status)
                    self.cpu_time_s = usage.ru_utime + usage.ru_stime if self._sees_all else None
        return popen.returncode is not None

    def _send(self, number: signal.Signals) -> None:
        """To its group, and to what has left the group but holds the lock of the folder."""
        lock = self._folder / ENGINE_LOCK
        holders = holders_of(lock) if engine_lock_is_held(self._folder) else ()
        with suppress(ProcessLookupError, PermissionError):
            # a group without a living member may be that of a later process
            if birth_of(self.pid) == self.birth or self.pid in map(_group_of, holders):
                os.killpg(self.pid, number)
        for holder in holders:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(holder, number)

    def _excess(self, allowed: Resources) -> tuple[str, str]:
        """Which limit is broken by what it uses: cause and failure."""
        memory_mib, log_mib = _memory_mib(self.pid), self._signs.log_mib()
        if allowed.memory_mib is not None and memory_mib > allowed.memory_mib:
            return (
                "out_of_memory",
                f"out of memory: {memory_mib:.0f} MiB, and {allowed.memory_mib:.0f} MiB were allowed",
            )
        if allowed.log_mib is not None and log_mib > allowed.log_mib:
            return "printed_too_much", f"it printed {log_mib:.0f} MiB, and {allowed.log_mib:.0f} MiB were allowed"
        quiet_s = self._signs.quiet_s()
        if allowed.stall_s is not None and quiet_s > allowed.stall_s:
            return "stalled", f"stalled: no file of its folder has changed for {quiet_s:.0f} s"
        return "", ""

    def _name_signal(self, code: int) -> None:
        """Say which signal from elsewhere ended it, or, as shells tell it, the program that its script had started."""
        if self.failure:
            return
        if code in (-signal.SIGKILL, SHELL_SIGNAL + signal.SIGKILL):
            self.cause, self.failure = self._who_killed()
        elif code < 0:
            self.cause, self.failure = "killed", f"ended by signal {-code} ({signal.Signals(-code).name})"

    def _who_killed(self) -> tuple[str, str]:
        """Cause and failure of what SIGKILL has ended: who sent it nobody tells, but the kernel counts its own."""
        now, before = oom_kills(), self._before
        if now is None or before is None or now.of != before.of:
            return "killed", "killed by SIGKILL (signal 9); whether the memory was short cannot be told here"
        if not now.since(before):
            said = f"the kernel has killed nothing {now.of} for want of memory meanwhile"
            return "killed", f"killed by SIGKILL (signal 9), by somebody: {said}"
        counted = f"its count of what it killed {now.of} for that went from {before.count} to {now.count}"
        return "out_of_memory", f"killed by SIGKILL, likely by the kernel for want of memory: {counted}"


def _starts_elsewhere(argv: tuple[str, ...], variables: Mapping[str, str] = os.environ) -> bool:
    """Whether the program may start ranks that are no children of it: by the scheduler's daemons, on other machines."""
    program = os.path.basename(argv[0])
    return program in LAUNCHERS or (program in MPI_LAUNCHERS and not BATCH_JOB.isdisjoint(variables))


class _Signs:
    """The signs of life that an engine gives: its files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = self._files()
        self._since = time.monotonic()

    def quiet_s(self) -> float:
        """Seconds in which nothing has changed, as seen at these calls."""
        now = self._files()
        if now != self._last:
            self._last, self._since = now, time.monotonic()
        return time.monotonic() - self._since

    def log_mib(self) -> float:
        return sum(self._last.get(str(self._folder / name), (0, 0))[0] for name in OUTPUT_FILES) / 2**20

    def _files(self) -> dict[str, tuple[int, int]]:
        """Path -> size and time of the last change, of all files below the folder."""
        found = {}
        for place, _, names in os.walk(self._folder):
            for name in names:
                file = os.path.join(place, name)
                try:
                    about = os.lstat(file)
                except OSError:
                    continue
                found[file] = (about.st_size, about.st_mtime_ns)
        return found


def _pidfd(pid: int, birth: float | None) -> int | None:
    """A descriptor that can be read from once that process has ended; None where there is none.

    A child keeps its id until it is waited for; of another process `birth` tells whether it still is the one.
    """
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if birth is None or birth_of(pid) == birth:
        return descriptor
    os.close(descriptor)
    return None


def _memory_mib(pid: int) -> float:
    """Resident memory of a process and of all that it started, in MiB."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    total = 0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue
    return total / 2**20


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return os.path.samefile(psutil.Process(pid).cwd(), folder)
    except (psutil.Error, OSError):
        return False


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1
