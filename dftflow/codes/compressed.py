"""Files as people store them: plain, or compressed by gzip, bzip2 or xz under the same name with an ending.

A compressed file is expanded, piece by piece, into a temporary one, because what reads it goes back and forth in it and
asks for its size. How much may come out of it is bounded, for a few kilobytes can hold any number of gigabytes.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from dftflow.errors import ParseError

__all__ = ["expanded", "head_of", "lying", "lying_at", "plain_name"]

MAX_EXPANDED_BYTES = 1 << 33
PIECE_BYTES = 1 << 20
_OPENERS: dict[str, Callable[[Path, str], object]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)


def plain_name(file: Path) -> str:
    """Name of `file` without the ending of a compression."""
    return file.stem if file.suffix in _OPENERS else file.name


def lying_at(file: Path) -> Path | None:
    """`file`, or the same compressed; None when there is neither. A link to nowhere counts."""
    return next((found for found in (file, *_compressed(file)) if os.path.lexists(found)), None)


def _compressed(file: Path) -> tuple[Path, ...]:
    return tuple(file.with_name(file.name + ending) for ending in _OPENERS)


def head_of(file: Path, n_bytes: int) -> bytes:
    """The first `n_bytes` of `file`, expanded; ``b""`` of one that cannot be read."""
    try:
        with _open(file) as stream:
            return stream.read(n_bytes)
    except DAMAGE:
        return b""


@contextmanager
def expanded(file: Path) -> Iterator[Path]:
    """A file with the content of `file`, in plain: itself, or a temporary one of its name without the ending.

    Raises
    ------
    ParseError
        It is damaged or cut short, or holds more than `MAX_EXPANDED_BYTES`.
    """
    if file.suffix not in _OPENERS:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="dftflow-") as folder:
        plain = Path(folder) / plain_name(file)
        _expand(file, plain)
        yield plain


@contextmanager
def lying(file: Path) -> Iterator[Path]:
    """`file` in plain, whether it lies there plain or compressed; raises `ParseError` as `expanded` does."""
    with expanded(lying_at(file) or file) as plain:
        yield plain


def _open(file: Path) -> BinaryIO:
    opener = _OPENERS.get(file.suffix, open)
    return cast(BinaryIO, opener(file, "rb"))


def _expand(file: Path, plain: Path) -> None:
    n_bytes = 0
    with plain.open("wb") as target:
        for piece in _pieces(file):
            n_bytes += len(piece)
            if n_bytes > MAX_EXPANDED_BYTES:
                raise ParseError(
                    f"the file expands to more than {MAX_EXPANDED_BYTES >> 30} GiB",
                    fix="expand it by hand, and give the plain file",
                    where=str(file),
                )
            target.write(piece)


def _pieces(file: Path) -> Iterator[bytes]:
    try:
        with _open(file) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ParseError("the compressed file is damaged or cut short", reason=reason, where=str(file)) from error
