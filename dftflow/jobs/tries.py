"""An attempt that failed is noted before the next one begins, and its files are put into ``tries/1``, ``tries/2`` …"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from dftflow.jobs.job import Again
from dftflow.jobs.lock import ENGINE_LOCK
from dftflow.jobs.staging import keep_beside
from dftflow.jobs.step_state import STATE_FILE, StepState, write_state
from dftflow.jobs.store import storage_errors
from dftflow.model.attempt import Attempt

__all__ = ["TRIES", "another_attempt", "places_of_attempts", "put_aside"]

TRIES = "tries"
MOST_COPIED_BYTES = 8 << 20


def another_attempt(folder: Path, again: Again, ended: StepState) -> StepState:
    """Put aside what the last attempt left, and note how the next one differs: the state that the folder has then."""
    attempt = Attempt(
        cause=ended.cause,
        failure=ended.failure,
        remedy=again.remedy,
        words=again.words,
        values=again.values,
        wall_time_s=ended.wall_time_s,
        folder=put_aside(folder, stay=(*again.job.beside, *again.stay), start_from=again.start_from),
    )
    keep_beside(folder, again.job)
    waits = StepState(
        state="waiting", wall_time_s=ended.wall_time_s, cpu_time_s=ended.cpu_time_s, tries=(*ended.tries, attempt)
    )
    write_state(folder, waits)
    return waits


def put_aside(folder: Path, *, stay: Collection[str] = (), start_from: Iterable[str] = ()) -> str:
    """Move the plain files of a step's folder below it; the place they have now, seen from the folder.

    Killed in the middle, it leaves every file in one place or the other, and a next call begins a place of its own.

    Parameters
    ----------
    stay
        Names of files that are not the attempt's.
    start_from
        Patterns of names: what the next attempt goes on from stays, and is copied where it is small.

    Raises
    ------
    StoreError
        When it cannot be written.
    """
    patterns = tuple(start_from)
    with storage_errors(folder):
        place = _next_place(folder)
        for file in sorted(folder.iterdir()):
            if file.name in (STATE_FILE, ENGINE_LOCK, *stay) or file.is_symlink() or not file.is_file():
                continue
            if not any(fnmatchcase(file.name, pattern) for pattern in patterns):
                os.replace(file, place / file.name)
            elif file.stat().st_size <= MOST_COPIED_BYTES:
                shutil.copy2(file, place / file.name)
    return f"{TRIES}/{place.name}"


def places_of_attempts(folder: Path) -> list[Path]:
    """Where the attempts of a step lie that were put aside, oldest first; whatever else is there is none."""
    return sorted(
        (place for place in (folder / TRIES).glob("*") if place.name.isdecimal() and place.is_dir()),
        key=lambda place: int(place.name),
    )


def _next_place(folder: Path) -> Path:
    above = folder / TRIES
    above.mkdir(exist_ok=True)
    earlier = places_of_attempts(folder)
    place = above / str(int(earlier[-1].name) + 1 if earlier else 1)
    place.mkdir()
    return place
