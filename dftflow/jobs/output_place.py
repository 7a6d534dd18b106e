"""Where a person wants a result: a file or a folder that is to be written.

A place that cannot be written is refused before anything is calculated for it, and is a `StoreError` wherever it is
found out.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.input_file import named_place, shortened
from dftflow.jobs.store import storage_errors, write_atomically

__all__ = ["future_folder", "output_file", "output_folder", "write_output"]


def output_file(name: str | Path) -> Path:
    """A file that can be written, whether there is one by this name or not.

    Raises
    ------
    StoreError
        A folder has this name, its folder is not there or may not be written to, or no file can be called so.
    """
    place = named_place(name, error=StoreError)
    if place.is_dir():
        raise _impossible(name, "a folder has this name", "name a file in it")
    folder = place.parent
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "is not there"
        raise _impossible(name, f"{shortened(folder)} {what}", "name a file in a folder that is there")
    _refuse_unwritable(name, folder)
    return place


def output_folder(name: str | Path) -> Path:
    """A folder that can be written to, or made.

    Raises
    ------
    StoreError
        A file has its name or stands in its way, or the folder that it is to be made in may not be written to.
    """
    place = future_folder(name)
    _refuse_unwritable(name, _above(place))
    return place


def future_folder(name: str | Path) -> Path:
    """A folder that is there, or could be by this name, whoever may write to it; raises `StoreError`."""
    place = named_place(name, error=StoreError)
    above = _above(place)
    if not above.is_dir():
        raise _impossible(name, f"{shortened(above)} is no folder", "give another folder")
    return place


def _above(place: Path) -> Path:
    """What is there on the way to a place."""
    return next((path for path in (place, *place.parents) if os.path.lexists(path)), Path())


def write_output(file: Path, content: str | bytes) -> None:
    """Write what a person asked for, whole or not at all; raises `StoreError` when it cannot be written."""
    with storage_errors(file):
        write_atomically(file, content)


def _refuse_unwritable(name: str | Path, folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _impossible(name, os.strerror(errno.EACCES), "give another place, or change its rights")


def _impossible(name: str | Path, reason: str, fix: str) -> StoreError:
    return StoreError(f"nothing can be written to {shortened(name)}", reason=reason, fix=fix)
