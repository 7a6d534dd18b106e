"""What this machine has for calculations: cores and memory, as far as this process may use them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["cores_here", "memory_here_mib"]

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""What a container may hold, of both versions of control groups (kernel documentation, admin-guide/cgroup-v2)."""


def cores_here() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def memory_here_mib() -> float:
    """Memory of this machine, or of the container that this is."""
    found = float(psutil.virtual_memory().total)
    for file in _LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            found = min(found, float(file.read_text("ascii")))
    return found / 2**20
