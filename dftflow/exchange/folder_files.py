"""Which files of a study's folder are handed on, and which are not, with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dftflow.codes.licensed import first_bytes, why_not_handed_on
from dftflow.exchange.names import why_no_name
from dftflow.exchange.pickles import why_pickle
from dftflow.input_file import open_regular
from dftflow.jobs.by_hand import LEDGER_FILE, Ledger
from dftflow.jobs.journal import JOURNAL_FILE
from dftflow.jobs.lock import ENGINE_LOCK, STUDY_LOCK
from dftflow.jobs.step_state import STATE_FILE
from dftflow.jobs.store import PLACES, PLAN_FILE

__all__ = ["FolderFile", "LeftOut", "files_below", "files_of_step", "files_of_study"]

OWN = (PLAN_FILE, JOURNAL_FILE, LEDGER_FILE, "study.toml", "results.json", "report.html")
OWN_FOLDERS = ("structures", "figures", PLACES)
NOT_OF_RESULTS = (ENGINE_LOCK, STUDY_LOCK, STATE_FILE)
"""``state.json`` goes in as it is for everybody (`dftflow.jobs.step_state.portable_text`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFile:
    """A file that is handed on: its path below the folder, with ``/``, and whether it is a program to be started."""

    name: str
    is_program: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file that stays behind, and why."""

    name: str
    reason: str


def files_of_study(root: Path, *, noted: bool = True) -> Iterator[str]:
    """Paths of what stands in the folder of a study beside its steps, where it is there.

    Without `noted` those are left out that say where steps lie beside the plan.
    """
    written = (name for name in Ledger(root).names if "/" not in name)
    for name in sorted({*OWN, *written} - (set() if noted else {JOURNAL_FILE})):
        if (root / name).is_file() and not (root / name).is_symlink():
            yield name
    for folder in OWN_FOLDERS:
        if noted or folder != PLACES:
            yield from _plain_files(root, folder)


def files_below(
    root: Path, names: Iterator[str], *, most_bytes: int | None
) -> tuple[tuple[FolderFile, ...], tuple[LeftOut, ...]]:
    """`names` divided into what is handed on and what is left out.

    Parameters
    ----------
    most_bytes
        What is larger is left out; None for no limit.
    """
    kept, left = [], []
    for name in sorted(names):
        mode, reason = _looked_at(root / name, most_bytes)
        if reason:
            left.append(LeftOut(name=name, reason=reason))
        else:
            kept.append(FolderFile(name=name, is_program=bool(mode & stat.S_IXUSR)))
    return tuple(kept), tuple(left)


def files_of_step(root: Path, folder: str) -> Iterator[str]:
    """Paths of the files below the folder of a step, but for what belongs to this machine."""
    return (name for name in _plain_files(root, folder) if PurePosixPath(name).name not in NOT_OF_RESULTS)


def _looked_at(file: Path, most_bytes: int | None) -> tuple[int, str]:
    """Mode of a file, and why it is left out or ``""``."""
    try:
        with open_regular(file, links=False) as stream:
            found = os.fstat(stream.fileno())
            reason = why_not_handed_on(file.name, first_bytes(stream)) or why_pickle(file.name, stream)
    except OSError as error:
        return 0, error.strerror or str(error)
    if not reason and most_bytes is not None and found.st_size > most_bytes:
        reason = f"it has {found.st_size / 2**20:.0f} MiB, more than {most_bytes / 2**20:.0f}"
    return found.st_mode, reason or why_no_name(file.name)


def _plain_files(root: Path, folder: str) -> Iterator[str]:
    parts = PurePosixPath(folder).parts
    if any((root / Path(*parts[:length])).is_symlink() for length in range(1, len(parts) + 1)):
        return
    for place, folders, names in os.walk(root / folder):
        folders[:] = sorted(inner for inner in folders if not inner.startswith("."))
        for name in names:
            file = Path(place, name)
            if not name.startswith(".") and not file.is_symlink():
                yield file.relative_to(root).as_posix()
