"""An engine asked to end by itself: a file that it looks for, and then keeps what a later run goes on from."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["StopRequest"]


class StopRequest:
    """A file by which the engine of a folder is asked to end; without a name it cannot be asked.

    Parameters
    ----------
    folder
        That the engine works in.
    name
        Of the file; ``""`` for an engine that looks for none.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / name if name else None

    def make(self) -> bool:
        """Ask; whether that could be done."""
        if self._file is None:
            return False
        with suppress(OSError):
            os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
            return True
        return False

    def take_back(self) -> None:
        """Remove the file, which an engine that has seen it may have done."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
