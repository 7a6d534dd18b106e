"""The files of a job in its folder, as they are to be before its engine starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.jobs.job import Job
from dftflow.jobs.store import storage_errors, write_atomically
from dftflow.stored_file import read_stored

__all__ = ["is_kept", "keep_beside", "make_folder", "write_deck"]

CHANGED = ".changed"
"""Ending of a file that lay where a file of a deck belongs, and was another one."""


def make_folder(folder: Path, root: Path) -> None:
    """Make the folder of a step below that of its run.

    Raises
    ------
    StoreError
        When it leads out of the run, by a symbolic link or otherwise.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    real, inside = os.path.realpath(folder), os.path.realpath(root)
    if os.path.commonpath([real, inside]) != inside:
        raise StoreError(
            "the folder of a step leads out of the run",
            reason=f"it is {real}",
            where=str(folder),
            fix="put a folder in its place: nothing is written through it",
        )


def keep_beside(folder: Path, job: Job) -> bool:
    """Bring what is kept beside the deck up to date, on the disk; whether anything was written."""
    changed = {name: text for name, text in job.beside.items() if _differs(folder / name, text)}
    _write(folder, changed, durable=True)
    return bool(changed)


def is_kept(folder: Path, job: Job) -> bool:
    """Whether what is kept beside the deck lies there as it is to be."""
    return not any(_differs(folder / name, text) for name, text in job.beside.items())


def write_deck(folder: Path, job: Job) -> None:
    """Write the deck, so that what is run is what was asked for; a file that lay there and was another one is kept.

    It is looked at, and written again where it differs, before every start: it need not outlive the machine.
    """
    wrong = {name: text for name, text in job.files.items() if _differs(folder / name, text)}
    with storage_errors(folder):
        for name in wrong:
            if os.path.lexists(folder / name):
                (folder / name).replace(folder / f"{name}{CHANGED}")
    _write(folder, wrong, durable=False)


def _write(folder: Path, files: Mapping[str, str], *, durable: bool) -> None:
    with storage_errors(folder):
        for name, text in files.items():
            write_atomically(folder / name, text, durable=durable)


def _differs(file: Path, text: str) -> bool:
    try:
        return read_stored(file) != text.encode()
    except OSError:  # not there, or something that was not written here
        return True
