"""Which files run what they hold when somebody opens them: pickles, by name and by content, and what has one in it.

An array of NumPy whose type is ``object`` is a pickle behind a header
(https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html); ``.npz`` and the files of PyTorch are zips
with arrays and pickles in them. Of a compressed file the beginning is looked at.
"""

from __future__ import annotations

import ast
import lzma
import os
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from dftflow.codes.licensed import expanded, first_bytes
from dftflow.exchange.zip_directory import directory_bytes

__all__ = ["why_pickle"]

PICKLE = "a pickle, which runs what it holds when it is opened"
HOLDS_ONE = "a zip file that holds a pickle, which runs what it holds when it is opened"
NOT_LOOKED_INTO = "a zip file that is not looked into, as {}: it may hold a pickle"
_ENDINGS = (".pkl", ".pickle", ".pck", ".joblib", ".dill", ".cloudpickle")
_NEWEST = 5
_LEAST_OPCODES = 3
"""Of a pickle: protocol, an object, stop."""
_ARRAY = b"\x93NUMPY"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MOST_ENTRIES = 1000
_DIRECTORY_BYTES = 4 << 20
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def why_pickle(name: str, stream: BinaryIO) -> str:
    """Why a file may run what it holds, by its name and content; ``""`` when it does not.

    A pickle of protocol 2 or newer begins with the byte 0x80 and its protocol, and ends with a full stop, behind which
    anything may stand (https://docs.python.org/3/library/pickletools.html): what goes on as one is one.
    Older ones are texts, known by name alone. Nothing in dftflow reads one: whoever opened it would run it.

    Parameters
    ----------
    stream
        The file, for reading from any place.
    """
    stream.seek(0)
    head = first_bytes(stream)
    stream.seek(max(stream.seek(0, os.SEEK_END) - 1, 0))
    if _is_pickle(name, head, stream.read(1)):
        return PICKLE
    return _why_zip(stream) if head.startswith(_ZIP) else ""


def _is_pickle(name: str, head: bytes, end: bytes) -> bool:
    if not {*PurePosixPath(name.casefold()).suffixes}.isdisjoint(_ENDINGS):
        return True
    inside = expanded(head)
    return _begins_as_one(head, end) or _begins_as_one(inside) or _has_objects(inside)


def _begins_as_one(head: bytes, end: bytes = b"") -> bool:
    begins = len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= _NEWEST
    return begins and (end == b"." or _goes_on(head))


def _goes_on(head: bytes) -> bool:
    """Whether more operations of a pickle follow on its protocol."""
    found = 0
    with suppress(ValueError):  # it is cut off, or none
        for _ in pickletools.genops(head):
            found += 1
            if found == _LEAST_OPCODES:
                break
    return found == _LEAST_OPCODES


# --- arrays of NumPy --------------------------------------------------------------------------------------------


def _has_objects(head: bytes) -> bool:
    """Whether it is an array whose elements are objects of Python, or one whose header does not tell."""
    if not head.startswith(_ARRAY):
        return False
    width = 2 if head[6:7] == b"\x01" else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    text = head[8 + width : 8 + width + length]
    try:
        return len(text) < length or _is_of_objects(ast.literal_eval(text.decode("utf-8").strip())["descr"])
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        return True


def _is_of_objects(kind: Any) -> bool:
    """Whether a type of elements is that of objects: ``"|O"``, or a field of it, as ``("name", "|O", shape)``."""
    if isinstance(kind, str):
        return kind.lstrip("|<>=").startswith(("O", "object"))
    if isinstance(kind, list):
        return any(_is_of_objects(field[1]) for field in kind)
    return bool(_is_of_objects(kind[0]))


# --- what a zip holds -------------------------------------------------------------------------------------------


def _why_zip(stream: BinaryIO) -> str:
    """Why a zip file may run what it holds; ``""`` too for one that is damaged, of which nobody reads an entry."""
    with suppress(zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        if directory_bytes(stream) > _DIRECTORY_BYTES:
            return NOT_LOOKED_INTO.format("its list of entries is too long")
        with zipfile.ZipFile(stream) as archive:
            return next(_reasons(archive), "")
    return ""


def _reasons(archive: zipfile.ZipFile) -> Iterator[str]:
    entries = archive.infolist()
    if len(entries) > _MOST_ENTRIES:
        yield NOT_LOOKED_INTO.format(f"it has more than {_MOST_ENTRIES} entries")
    for entry in entries:
        if entry.compress_type not in _PACKED or entry.flag_bits & 0x1:
            yield NOT_LOOKED_INTO.format("it is packed in a way of its own")
        elif _is_pickle(entry.filename, _head(archive, entry), b""):
            yield HOLDS_ONE


def _head(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The first bytes of an entry, as many as can be read."""
    with (
        suppress(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError),
        archive.open(entry) as content,
    ):
        return first_bytes(content)
    return b""
