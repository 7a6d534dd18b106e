"""ULM, the container of ``.gpw`` files, read with every size checked against the file before memory is asked for.

Format: https://ase-lib.org/ase/io/ulm.html. What lies in it is read by `ase.io.ulm`; GPAW itself is not needed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dftflow.errors import ParseError

__all__ = ["HEAD_BYTES", "MAGIC", "is_ulm", "read_ulm"]

HEAD_BYTES = 48
MAGIC = (b"- of Ulm", b"AFFormat")
_VERSIONS = (1, 2, 3)
_MOST_ITEMS = 1_000_000
_KINDS = "biufc"


def is_ulm(head: bytes, tag: str) -> bool:
    """Whether a file with the first bytes `head` is a ULM file of `tag`, in letters of any size."""
    return head[:8] in MAGIC and head[8:24].strip().decode("latin-1").lower() == tag


def read_ulm(file: Path, tag: str, wanted: Callable[[str], bool]) -> dict[str, Any]:
    """Content of the first item as nested dicts; an array whose dotted name is not `wanted` is None.

    Raises
    ------
    ParseError
        It is no ULM file of `tag`, is cut short, or holds what cannot be decoded.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        if not is_ulm(head, tag):
            raise ParseError(f"this is no {tag} file", reason="its first bytes are not those of one", where=str(file))
        try:
            _check_header(head, size, lambda at: (stream.seek(at), stream.read(8))[1])
            return _read(file, size, wanted)
        except ParseError:
            raise
        except Exception as error:  # ase.io decodes what it finds, and fails in as many ways as there are damages
            reason = f"{type(error).__name__}: {error}"[:200]
            raise ParseError("the file is damaged or cut short", reason=reason, where=str(file)) from error


def _check_header(head: bytes, size: int, eight_bytes_at: Callable[[int], bytes]) -> None:
    """Raise ValueError when the header promises more than the file holds."""
    version, n_items, table_at = struct.unpack("<3q", head[24:])
    if version not in _VERSIONS:
        raise ValueError(f"version {version} of the format is not known")
    if not 1 <= n_items <= _MOST_ITEMS:
        raise ValueError(f"it holds {n_items} items: it was not written to its end" if not n_items else "no number")
    if not HEAD_BYTES <= table_at <= size - 8 * n_items:
        raise ValueError("the table of its items lies outside")
    (item_at,) = struct.unpack("<q", eight_bytes_at(table_at))
    if not HEAD_BYTES <= item_at <= size - 8:
        raise ValueError("its item lies outside")
    (n_bytes,) = struct.unpack("<q", eight_bytes_at(item_at))
    if not 0 < n_bytes <= size - item_at - 8:
        raise ValueError("the description of its arrays reaches beyond its end")


def _read(file: Path, size: int, wanted: Callable[[str], bool]) -> dict[str, Any]:
    from ase.io.ulm import Reader

    with Reader(file) as reader:
        return _tree(reader, "", size, wanted)


def _tree(reader: Any, prefix: str, size: int, wanted: Callable[[str], bool]) -> dict[str, Any]:
    from ase.io.ulm import NDArrayReader, Reader

    found: dict[str, Any] = {}
    for name in tuple(reader.keys()):
        try:
            value = reader.proxy(name)
        except AssertionError:  # no array
            value = reader.get(name)
        if isinstance(value, Reader):
            value = _tree(value, f"{prefix}{name}.", size, wanted)
        elif isinstance(value, NDArrayReader):
            value = _array(value, size) if wanted(f"{prefix}{name}") else None
        found[name] = value
    return found


def _array(reader: Any, size: int) -> NDArray[Any]:
    """The array, after its size was compared with that of the file."""
    n_bytes = reader.dtype.itemsize
    for length in reader.shape:
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise ValueError(f"an array has the shape {reader.shape}")
        n_bytes *= length
    if reader.dtype.kind not in _KINDS or not isinstance(reader.offset, int):
        raise ValueError(f"an array is of the type {reader.dtype}")
    if not HEAD_BYTES <= reader.offset <= size - n_bytes:
        raise ValueError("an array lies outside")
    return np.asarray(reader.read())
