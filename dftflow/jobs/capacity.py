"""What this machine has for calculations: cores and memory, as far as this process may use them."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from pathlib import Path

import psutil

from dftflow.jobs.control_group import GROUPS, PROC, group_files

__all__ = ["cores_here", "memory_here_mib"]


def cores_here(*, proc: Path = PROC, groups: Path = GROUPS) -> int:
    """Cores that this process may run on: by its affinity, and by the share of their time that its group has."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shares = map(_share_of_time, group_files("cpu", "cpu.max", "cpu.cfs_quota_us", proc=proc, groups=groups))
    return min([found or 1, *(ceil(share) for share in shares if share is not None)])


def memory_here_mib(*, proc: Path = PROC, groups: Path = GROUPS) -> float:
    """Memory of this machine, or what its group may hold."""
    found = float(psutil.virtual_memory().total)
    for file in group_files("memory", "memory.max", "memory.limit_in_bytes", proc=proc, groups=groups):
        with suppress(OSError, ValueError):  # "max" is no number
            found = min(found, float(file.read_text("ascii")))
    return found / 2**20


def _share_of_time(file: Path) -> float | None:
    """Cores whose time a group may use; None for no limit."""
    with suppress(OSError, ValueError):
        quota, *period = file.read_text("ascii").split()
        if not period:
            period = file.with_name("cpu.cfs_period_us").read_text("ascii").split()
        if float(quota) > 0:  # version 2 says "max" for none, version 1 says -1
            return float(quota) / float(period[0])
    return None
