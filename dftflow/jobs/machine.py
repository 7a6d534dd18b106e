"""This machine, and the processes on it, told apart by what no clock can change.

A process is known by its id and its birth. On Linux the birth is counted in clock ticks since the machine was started
(field 22 of ``/proc/<pid>/stat``, proc(5)), which a step of the wall clock does not touch; psutil's creation time is
derived from the wall clock, and serves elsewhere.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

__all__ = ["age_s", "birth_of", "boot_id", "holders_of", "host_name", "job_id", "processes_in"]

JOB_IDS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID")
SGE_JOB_ID = "JOB_ID"
"""Also a name that others use: it counts beside ``SGE_ROOT`` alone."""


def job_id() -> str:
    """Id of the scheduler's job that this process belongs to, without PBS's server; ``""`` outside of one."""
    names = (*JOB_IDS, SGE_JOB_ID) if "SGE_ROOT" in os.environ else JOB_IDS
    return next((os.environ[name].partition(".")[0] for name in names if os.environ.get(name)), "")


def host_name() -> str:
    """Name of this machine."""
    return socket.gethostname()


@cache
def boot_id() -> str:
    """What tells this start of the machine from its earlier ones; ``""`` where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def birth_of(pid: int) -> float | None:
    """When a process began, in a measure that is the same for as long as it lives; None when there is none.

    A process that has ended and waits to be noticed by its parent has no birth.
    """
    if sys.platform == "linux":
        return _birth_ticks(pid)
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def age_s(pid: int) -> float:
    """For how many seconds a process has been there; 0 when it is not."""
    if sys.platform == "linux":
        ticks = _birth_ticks(pid)
        since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        return 0.0 if ticks is None else max(0.0, since_boot_s - ticks / os.sysconf("SC_CLK_TCK"))
    try:
        return max(0.0, time.time() - psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _birth_ticks(pid: int) -> float | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else float(fields[19])


def processes_in(folder: Path) -> tuple[int, ...]:
    """Processes whose working folder this is, oldest first; only those of this user are seen, and not this one."""
    return _those(lambda process: os.path.samefile(process.cwd(), folder))


def holders_of(file: Path) -> tuple[int, ...]:
    """Processes that hold `file` open, oldest first; only those of this user are seen, and not this one."""
    return _those(lambda process: any(os.path.samefile(opened.path, file) for opened in process.open_files()))


def _those(is_one: Callable[[psutil.Process], bool]) -> tuple[int, ...]:
    found = []
    for process in psutil.process_iter():
        birth = None
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and is_one(process):
                birth = birth_of(process.pid)
        if birth is not None:
            found.append((birth, process.pid))
    return tuple(pid for _, pid in sorted(found))
