"""The control group that this process, and with it the engines that it starts, is in: where the kernel tells of it.

Kernel documentation, admin-guide/cgroup-v2 and admin-guide/cgroup-v1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["GROUPS", "PROC", "group_files"]

PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def group_files(
    controller: str, second: str, first: str, *, between: bool = True, proc: Path = PROC, groups: Path = GROUPS
) -> Iterator[Path]:
    """Where a number of the group may stand, its own before those of the groups that it lies in.

    In a container the path that is told may be one that only its host has: then the topmost is what it has.

    Parameters
    ----------
    controller
        ``"memory"``, ``"cpu"``.
    second, first
        Name of the file in version 2 and 1 of control groups.
    between
        Whether the groups between its own and the topmost count, which others share.
    """
    try:
        lines = (proc / "self" / "cgroup").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        own = PurePosixPath(path.strip("/"))
        places = (own, *own.parents) if between else (own, PurePosixPath())
        if number == "0":
            yield from (groups / place / second for place in places)
            yield from (groups / "unified" / place / second for place in places)
        elif controller in controllers.split(","):
            yield from (groups / controller / place / first for place in places)
