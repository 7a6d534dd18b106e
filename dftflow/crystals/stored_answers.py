"""Answers of databases kept on disk, one JSON file a question.

A file holds the answer and the sha256 of it, so that a damaged file is noticed. No API key is part of an answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dftflow.crystals.crystal import Crystal
from dftflow.crystals.symmetry import SpaceGroup
from dftflow.crystals.web import DATA_ERRORS
from dftflow.stored_file import read_stored_json

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "DamagedAnswer",
    "answer_of",
    "answer_path",
    "cache_folder",
    "crystal_of_answer",
    "default_cache_dir",
    "is_whole",
    "keep",
    "kept",
    "kept_or_asked",
]

SCHEMA = 1
Found = TypeVar("Found")


class DamagedAnswer(Exception):
    """A file is there, but is not what was written; the message says how that shows."""


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/dftflow``, by default below ``~/.cache``."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "dftflow"


def default_cache_dir() -> Path:
    """Of the Materials Project."""
    return cache_folder() / "materials-project"


def answer_of(query: str, endpoint: str, version: str, *, of: Any, **content: Any) -> dict[str, Any]:
    """An answer with its origin: `content`, and the sha256 of what it is `of`."""
    return {
        "query": query,
        "endpoint": endpoint,
        "retrieved": datetime.now(UTC).date().isoformat(),
        "database_version": version,
        "sha256": _sha256_of(of),
        **content,
    }


def crystal_of_answer(
    answer: Mapping[str, Any],
    structure: Structure,
    group: SpaceGroup,
    *,
    name: str,
    version: str,
    warnings: Iterable[str],
) -> Crystal:
    """The `structure` of an answer, which names database, version and day; its `version` as a reference has it."""
    return Crystal(
        name=name,
        structure=structure,
        source=str(answer["query"]),
        reference=f"{name}, {version}, retrieved {answer['retrieved']}",
        sha256=str(answer["sha256"]),
        space_group=group.symbol,
        space_group_number=group.number,
        confidence="database",
        warnings=tuple(warnings),
    )


def _sha256_of(value: Any) -> str:
    """sha256 of the canonical JSON of `value`: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def answer_path(folder: Path, query: str, endpoint: str, name: str = "") -> Path:
    """File of the answer to `query` from `endpoint`; `name` is what it is called where the query is no file's name."""
    question = _sha256_of([SCHEMA, query, endpoint])
    return folder / f"{name or query.replace(':', '-')}-{question[:12]}.json"


def kept(path: Path) -> dict[str, Any] | None:
    """The answer in `path`, None when there is no such file.

    Raises
    ------
    DamagedAnswer
        When the file cannot be read, is no answer, or does not have the sha256 that it names.
    """
    try:
        stored = read_stored_json(path)
        entry, digest = stored["entry"], stored["sha256"]
        if _sha256_of(entry) == digest and isinstance(entry, dict):
            return entry
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DamagedAnswer(error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedAnswer("it is no complete entry") from error
    raise DamagedAnswer("its sha256 does not agree with its content")


def keep(path: Path, entry: dict[str, Any]) -> None:
    """Write `entry` to `path` in one step: another process sees the old file or the new one.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"sha256": _sha256_of(entry), "entry": entry}, indent=1)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def is_whole(path: Path, read: Callable[[dict[str, Any], list[str]], object]) -> bool:
    """Whether there is an answer that can be read."""
    try:
        entry = kept(path)
        return entry is not None and read(entry, []) is not None
    except (DamagedAnswer, *DATA_ERRORS):
        return False


def kept_or_asked(
    path: Path,
    *,
    read: Callable[[dict[str, Any], list[str]], Found],
    ask: Callable[[], dict[str, Any]],
    refresh: bool,
) -> Found:
    """What an answer says: that on disk, else one that is asked for and kept.

    Parameters
    ----------
    path
        Its file.
    read
        What an answer says, of which the lines given are to be told; raises one of `DATA_ERRORS` for what is none.
    ask
        The answer of today.
    refresh
        Ask although there is one on disk.
    """
    remarks: list[str] = []
    if not refresh:
        try:
            entry = kept(path)
            if entry is not None:
                version, date = entry["database_version"], entry["retrieved"]
                return read(entry, [f"taken from the cache: database version {version}, retrieved {date}"])
        except (DamagedAnswer, *DATA_ERRORS) as error:
            remarks.append(f"the answer in {path} was damaged ({error}) and has been asked for again")
    entry = ask()
    found = read(entry, remarks)
    try:
        keep(path, entry)
    except OSError as error:
        remark = f"the answer could not be kept in {path.parent}: {error.strerror or error}"
        return read(entry, [*remarks, remark])
    return found
