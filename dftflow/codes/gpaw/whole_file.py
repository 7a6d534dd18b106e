"""Files in the folder of a deck that a reader never sees half of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["replace_whole"]


def replace_whole(name: str, write: Callable[[Path], object]) -> None:
    """What `write` leaves in the file that it is given takes the place of the file of this name, by renaming."""
    temporary = Path(f".{name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    write(temporary)
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(name)
