"""The lines that a program printed, one by one, so that a file of any size costs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from dftflow.codes.espresso.limits import LONGEST_LINE

__all__ = ["whole_lines"]


def whole_lines(stream: BinaryIO) -> Iterator[str]:
    """The lines without their ends; of one that was cut no number is whole, so that the file ends before it.

    NUL bytes, which a full disk leaves, become stars, as where a number did not fit its column.
    """
    while (raw := stream.readline(LONGEST_LINE)).endswith(b"\n") or len(raw) == LONGEST_LINE:
        yield raw.decode("latin-1").rstrip("\r\n").replace("\0", "*")
