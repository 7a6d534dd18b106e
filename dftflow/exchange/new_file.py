"""A file that a study is handed on in: a new one, whole or not at all, and at no place of dftflow's own."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from dftflow.errors import InputError
from dftflow.input_file import shortened
from dftflow.jobs.shared_store import home_of
from dftflow.jobs.store import existing_plan, storage_errors
from dftflow.studies.schema import TAKEN_NAMES

__all__ = ["new_file", "refuse_own_place", "refuse_taken"]

_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems say that have no second names of a file."""


@contextmanager
def new_file(file: Path) -> Iterator[Path]:
    """A place beside `file` to write to, whose content is put at `file` when all was written.

    Raises
    ------
    InputError
        Something is there already, before or after it was written.
    StoreError
        It cannot be written.
    """
    refuse_taken(file)
    beside = file.with_name(f".{secrets.token_hex(8)}{file.suffix[:50]}")
    try:
        with storage_errors(file):
            yield beside
            _put(beside, file)
    finally:
        with suppress(OSError):
            beside.unlink()


def refuse_taken(file: Path) -> None:
    """Make sure that nothing is at `file`, not even a link to nowhere; raises `InputError`."""
    if os.path.lexists(file):
        raise InputError(
            "there is something at this place already",
            reason="an export replaces no file, as it may be anybody's",
            fix="give another name, or remove it first",
            where=shortened(file),
        )


def refuse_own_place(file: Path, root: Path) -> None:
    """Make sure that `file` is at no place of dftflow's own: in the folder of a study, or of a step of it.

    Raises
    ------
    InputError
        It is, or `root` holds no study.
    StoreError
        The plan of the study cannot be read, or the store of its steps is not there.
    """
    plan = existing_plan(root)
    home = home_of(root, plan).root
    steps = {PurePosixPath(step.folder).parts[0] for step in plan.steps if step.folder}
    if _first_below(file, root).lower() in TAKEN_NAMES or _first_below(file, home) in steps:
        raise InputError(
            "dftflow itself writes to this place",
            fix="name a file beside the folder of the study",
            where=shortened(file),
        )


def _first_below(file: Path, folder: Path) -> str:
    """The first part of the path of `file` below `folder`; ``""`` where it lies elsewhere."""
    place = file.parent.resolve() / file.name
    return place.relative_to(folder.resolve()).parts[0] if place.is_relative_to(folder.resolve()) else ""


def _put(beside: Path, file: Path) -> None:
    """Give what was written its name, in one step that fails when something has it."""
    try:
        os.link(beside, file)
    except FileExistsError:
        refuse_taken(file)
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        refuse_taken(file)
        beside.replace(file)
