"""Files that are either whole or not there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dftflow.errors import StoreError

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name and rename it to `path`; makes the folder.

    Raises
    ------
    StoreError
        When the folder is read-only, the disk full, or the path not a file's.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(
            f"{path.name} cannot be written",
            reason=error.strerror or str(error),
            fix="free some disk space, or choose a folder that you may write to",
            where=str(path),
        ) from error
