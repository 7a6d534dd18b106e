"""Walks the records of a Fortran unformatted file, big-endian as CASTEP writes them, and checks that they are whole.

Each record lies between two four-byte lengths. ``scipy.io.FortranFile`` reads such files, but trusts the first length
before it has seen the second; a damaged one then asks for gigabytes or ends in an error without a place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from dftflow.errors import ParseError

__all__ = ["record_places"]

MARKER = struct.Struct(">i")


def record_places(file: Path, data: bytes) -> Iterator[tuple[int, int]]:
    """Start and length, in bytes, of every record of `data`.

    Raises
    ------
    ParseError
        A length before a record is not that behind it, or the file ends within a record.
    """
    at = 0
    while at < len(data):
        length = _marker(file, data, at)
        if length < 0 or _marker(file, data, at + MARKER.size + length) != length:
            raise _damaged(file, at)
        yield at + MARKER.size, length
        at += 2 * MARKER.size + length


def _marker(file: Path, data: bytes, at: int) -> int:
    if at + MARKER.size > len(data):
        raise _damaged(file, at)
    found: int = MARKER.unpack_from(data, at)[0]
    return found


def _damaged(file: Path, at: int) -> ParseError:
    return ParseError(
        f"the Fortran record at byte {at} is not whole",
        reason="the file is cut short or damaged, or is no big-endian Fortran file",
        where=str(file),
    )
