"""How many processes the kernel has killed because memory was short: a count that an engine's end can be held against.

Of the control group that this process, and with it the engines that it starts, is in: ``oom_kill`` in ``memory.events``
(kernel documentation, admin-guide/cgroup-v2) or in ``memory.oom_control`` (admin-guide/cgroup-v1/memory). Where neither
is told, of the whole machine: ``oom_kill`` in ``/proc/vmstat``.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dftflow.jobs.control_group import GROUPS, PROC, group_files

__all__ = ["OomKills", "oom_kills"]

OF_GROUP, OF_MACHINE = "of its control group", "on this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class OomKills:
    """A count, and for a person what it is of."""

    count: int
    of: str

    def since(self, before: OomKills | None) -> bool:
        """Whether there were any since `before` was counted."""
        return before is not None and before.of == self.of and self.count > before.count


def oom_kills(*, proc: Path = PROC, groups: Path = GROUPS) -> OomKills | None:
    """The count now; None where nothing tells it."""
    for file in group_files("memory", "memory.events", "memory.oom_control", between=False, proc=proc, groups=groups):
        count = _count_in(file)
        if count is not None:
            return OomKills(count=count, of=OF_GROUP)
    count = _count_in(proc / "vmstat")
    return None if count is None else OomKills(count=count, of=OF_MACHINE)


def _count_in(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        for line in file.read_text("ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None
