"""Reads ``<seed>.NNNN.err``: why a CASTEP process gave up.

Plain text, one file a process: the message, and below ``Current trace stack:`` the routines it came from.
"""

from __future__ import annotations

from pathlib import Path

from dftflow.errors import ParseError

__all__ = ["read_errors"]

LARGEST_BYTES = 1_000_000


def read_errors(file: Path) -> str:
    """Text of `file` without blank lines, never empty; its first line is the message.

    Raises
    ------
    ParseError
        The file cannot be read, or is far too large for an error message.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    if len(data) > LARGEST_BYTES:
        raise ParseError("this is no CASTEP error file", reason="it is larger than 1 MB", where=str(file))
    lines = [line.decode("latin-1").rstrip() for line in data.splitlines() if line.strip()]
    return "\n".join(lines) or "the error file holds no message"
