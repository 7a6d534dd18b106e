"""What is in a file, as one number: the MD5 of its content, kept as long as the file does not change."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from dftflow.codes.compressed import pieces_of
from dftflow.errors import ParseError

__all__ = ["NOT_KNOWN_HERE", "file_md5"]

NOT_KNOWN_HERE: Final = "not known here"
"""What a fingerprint says of something that this machine does not have."""


def file_md5(file: Path) -> str:
    """``"md5 <hex>"`` of what `file` holds, or `NOT_KNOWN_HERE` when it cannot be read.

    A file whose name ends in ``.gz`` is unpacked: the number is the one that GPAW prints as the ``id`` of a data set.
    """
    try:
        stat = file.stat()
        return f"md5 {_md5(file.resolve(), stat.st_mtime_ns, stat.st_size)}"
    except (OSError, ParseError):
        return NOT_KNOWN_HERE


@lru_cache(maxsize=1024)
def _md5(file: Path, _changed_ns: int, _size_bytes: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces_of(file):
        digest.update(piece)
    return digest.hexdigest()
