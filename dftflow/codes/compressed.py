"""Files as people store them: plain, or compressed by gzip, bzip2 or xz under the same name with an ending.

A compressed file is expanded, piece by piece, into a temporary one, because what reads it goes back and forth in it and
asks for its size. How much may come out of it is bounded, for a few kilobytes can hold any number of gigabytes; so is
the memory that its dictionary asks for. What is no regular file (a named pipe, a device) does not count as lying there.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from dftflow.errors import ParseError
from dftflow.input_file import NotAFile, open_regular, special_kind

__all__ = [
    "MAX_DICTIONARY_BYTES",
    "expanded",
    "head_of",
    "lying",
    "lying_at",
    "pieces_of",
    "plain_file",
    "plain_name",
    "special_at",
]

MAX_EXPANDED_BYTES = 1 << 33
FREE_BYTES = 1 << 27
"""So much may come out of any compressed file."""
MAX_RATIO = 200
"""Of what comes out beyond `FREE_BYTES` to what went in. Outputs of these codes shrink to between a half and a
fiftieth; a thousand bytes of zeros take one byte in gzip, and less in the others."""
MAX_DICTIONARY_BYTES = 1 << 28
"""Memory that the decoder of an .xz may take; ``xz -9`` asks for 65 MiB, and a file can ask for 4 GiB."""
PIECE_BYTES = 1 << 20
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)


def plain_name(file: Path) -> str:
    """Name of `file` without the ending of a compression."""
    return file.stem if file.suffix in _OPENERS else file.name


def plain_file(file: Path) -> Path:
    """`file` without the ending of a compression."""
    return file.with_name(plain_name(file))


def lying_at(file: Path) -> Path | None:
    """`file`, or the same compressed; None when there is neither. A link to nowhere counts, a named pipe does not."""
    places = (file, *_compressed(file))
    return next((found for found in places if os.path.lexists(found) and not special_kind(found)), None)


def special_at(file: Path) -> tuple[Path, str] | None:
    """What is neither file nor folder and has the name of `file`, or of the same compressed; and what it is."""
    found = ((place, special_kind(place)) for place in (file, *_compressed(file)))
    return next(((place, kind) for place, kind in found if kind), None)


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
        It is damaged or cut short, or more comes out of it than a file of these codes can hold.
        It is no regular file, or a sparse one.
    """
    if file.suffix not in _OPENERS:
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            _refuse_what_is_no_file(file)
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="dftflow-") as folder:
        plain = Path(folder) / plain_name(file)
        _expand(file, plain)
        yield plain


def _refuse_what_is_no_file(file: Path) -> None:
    try:
        open_regular(file).close()
    except (NotAFile, IsADirectoryError) as error:
        raise ParseError("the file cannot be read", reason=str(error.strerror), where=str(file)) from None


@contextmanager
def lying(file: Path) -> Iterator[Path]:
    """`file` in plain, whether it lies there plain or compressed; raises `ParseError` as `expanded` does."""
    with expanded(lying_at(file) or file) as plain:
        yield plain


def pieces_of(file: Path) -> Iterator[bytes]:
    """What `file` holds, expanded, piece by piece.

    Raises
    ------
    OSError
        It cannot be opened.
    ParseError
        It is damaged or cut short, or more comes out of it than a file of these codes can hold.
    """
    n_bytes = 0
    with open_regular(file) as packed:
        allowed = min(MAX_EXPANDED_BYTES, FREE_BYTES + MAX_RATIO * os.fstat(packed.fileno()).st_size)
        for piece in _expanding(file, packed):
            n_bytes += len(piece)
            if file.suffix in _OPENERS and n_bytes > allowed:
                raise ParseError(
                    f"the file expands to more than {allowed / (1 << 20):.3g} MiB",
                    reason="a file of a calculation does not shrink so much",
                    fix="expand it by hand, and give the plain file",
                    where=str(file),
                )
            yield piece


@contextmanager
def _open(file: Path) -> Iterator[BinaryIO]:
    with open_regular(file) as packed:
        opener = _OPENERS.get(file.suffix)
        yield packed if opener is None else cast(BinaryIO, opener(packed))


class _BoundedXz(io.RawIOBase):
    """The content of an .xz, of one stream or several; unlike `lzma.open`, with a bound on the memory it takes."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._decoder: lzma.LZMADecompressor | None = None
        self._unused = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            given = self._given()
            if self._decoder is None:
                if not given:
                    return 0
                self._decoder = lzma.LZMADecompressor(memlimit=MAX_DICTIONARY_BYTES)
            elif not given and self._decoder.needs_input:
                raise EOFError("it ends before its end-of-stream marker")
            piece = self._decoder.decompress(given, len(buffer))
            if self._decoder.eof:
                self._unused = self._decoder.unused_data.lstrip(b"\0")  # streams are padded with NULs
                self._decoder = None
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)

    def _given(self) -> bytes:
        """More of the packed file, where the decoder needs more."""
        if self._decoder is not None and not self._decoder.needs_input:
            return b""
        given, self._unused = self._unused, b""
        while not given and (piece := self._packed.read(PIECE_BYTES)):
            given = piece if self._decoder is not None else piece.lstrip(b"\0")
        return given


def _open_xz(packed: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_BoundedXz(packed), PIECE_BYTES)


_OPENERS: dict[str, Callable[[BinaryIO], object]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": _open_xz}


def _expand(file: Path, plain: Path) -> None:
    with plain.open("wb") as target:
        for piece in pieces_of(file):
            target.write(piece)


def _expanding(file: Path, packed: BinaryIO) -> Iterator[bytes]:
    opener = _OPENERS.get(file.suffix)
    try:
        stream = packed if opener is None else cast(BinaryIO, opener(packed))
        while piece := stream.read(PIECE_BYTES):
            yield piece
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ParseError("the compressed file is damaged or cut short", reason=reason, where=str(file)) from error
