"""The last lines of what a program printed, read from the end: a log may be of any size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["LOG_LINES", "TAIL_BYTES", "last_lines", "tail_of"]

LOG_LINES = 12
TAIL_BYTES = 65_536
LONGEST_LINE = 500


def last_lines(file: Path, lines: int | None = LOG_LINES) -> list[str]:
    """The last lines of `file`, of its last `TAIL_BYTES` at most; ``[]`` where there is no such plain file.

    Parameters
    ----------
    lines
        How many; None for all.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        about = os.fstat(descriptor)
        begin = max(0, about.st_size - TAIL_BYTES)
        content = os.pread(descriptor, TAIL_BYTES, begin) if stat.S_ISREG(about.st_mode) else b""
    finally:
        os.close(descriptor)
    text = content.decode("utf-8", errors="replace").splitlines()
    return text if lines is None else [line[:LONGEST_LINE] for line in text[-lines:]]


def tail_of(folder: Path, names: Iterable[str]) -> str:
    """The last lines of each of these files of a folder."""
    return "\n".join(line for name in names for line in last_lines(folder / name))
