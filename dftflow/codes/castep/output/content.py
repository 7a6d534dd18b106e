"""A whole file, as bytes or as lines."""

from __future__ import annotations

from pathlib import Path

from dftflow.errors import ParseError
from dftflow.input_file import read_regular

__all__ = ["latin_lines", "whole_content"]


def whole_content(file: Path) -> bytes:
    """Bytes of `file`; raises `ParseError` when it cannot be read."""
    try:
        return read_regular(file)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error


def latin_lines(file: Path) -> list[str]:
    """The lines of `file`, every byte a character; the last is what stands behind the last line end, mostly nothing.

    Raises
    ------
    ParseError
        The file cannot be read.
    """
    return [line.rstrip("\r") for line in whole_content(file).decode("latin-1").split("\n")]
