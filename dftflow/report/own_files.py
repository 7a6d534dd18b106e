"""Whose the report in a folder is: another one takes its place only when it is dftflow's."""

from __future__ import annotations

import errno
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.stored_file import read_stored

__all__ = ["RESULTS_MARK", "refuse_to_overwrite"]

RESULTS_MARK = b'"dftflow-results/'
"""Stands near the beginning of every ``results.json`` of dftflow."""

OWN_MARKS = {"results.json": RESULTS_MARK, "report.html": b'<meta name="generator" content="dftflow'}


def refuse_to_overwrite(folder: Path) -> None:
    """Make sure that a report in `folder` takes the place of an earlier one alone: its first file tells whose all are.

    Raises
    ------
    StoreError
        When an engine's own ``results.json`` lies there, or anybody's page or figures.
    """
    try:
        foreign = _foreign(folder)
    except OSError as error:
        raise StoreError("the folder cannot be read", reason=error.strerror or str(error), where=str(folder)) from error
    if foreign:
        raise StoreError(
            "the report would overwrite a file that is not dftflow's",
            where=str(foreign[0]),
            fix="move the file away, or give another folder (`collect` is told those of calculations with --at)",
        )


def _foreign(folder: Path) -> list[Path]:
    for name, mark in OWN_MARKS.items():
        try:
            head = read_stored(folder / name)[:1000]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if error.errno == errno.EACCES:
                raise
            return [folder / name]  # a link, a folder, a pipe
        return [] if mark in head or not head.strip() else [folder / name]
    return sorted((folder / "figures").glob("*.*"))
