"""How long the list of entries of a zip file is, before a library holds it in memory as a whole."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

__all__ = ["directory_bytes"]

_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_BYTES, _END_64_BYTES = 22, 56


def directory_bytes(stream: BinaryIO) -> int:
    """Size of the central directory, as the end of the file gives it (PKWARE's APPNOTE 4.3.14 and 4.3.16)."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(size - (1 << 16) - 100, 0))
    tail = stream.read()
    at = len(tail) - _END_BYTES  # zipfile looks there first
    if tail[at : at + 4] != _END or tail[-2:] != b"\0\0":
        at = tail.rfind(_END)
    if at < 0:
        return 0
    (n_bytes,) = struct.unpack_from("<L", tail, at + 12)
    if tail[at - 20 : at - 16] != _LOCATOR_64:
        return int(n_bytes)
    (place,) = struct.unpack_from("<Q", tail, at - 12)
    stream.seek(min(place, size))
    records = (stream.read(_END_64_BYTES), tail[max(at - 20 - _END_64_BYTES, 0) : at - 20])  # zipfile takes the other
    return max((int(struct.unpack_from("<Q", one, 40)[0]) for one in records if one[:4] == _END_64), default=0)
