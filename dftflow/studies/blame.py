"""Which entry of a study an error is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dftflow.errors import InputError
from dftflow.studies.reader import Study

__all__ = ["blamed"]


@contextmanager
def blamed(study: Study, what: str, *place: object) -> Iterator[None]:
    """Within it, an `InputError` says what of the study it is about, and where that stands unless it says so itself.

    The line is looked for only when there is an error, for that reads the whole study.

    Parameters
    ----------
    what
        ``"material A, slab 2"``; ``""`` where the error says it.
    place
        Keys that lead to its entry, for `Study.where`.
    """
    try:
        yield
    except InputError as error:
        error.summary = f"{what}: {error.summary}" if what else error.summary
        if error.where in ("", str(study.file)):
            error.where = study.where(*place)
        raise
