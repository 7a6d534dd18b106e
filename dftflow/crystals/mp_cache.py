"""Answers of the Materials Project kept on disk, one JSON file a question.

A file holds the entry and the sha256 of it, so that a damaged file is noticed and asked for again. The API key is no
part of an entry.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["DamagedEntry", "default_cache_dir", "entry_path", "read_entry", "sha256_of", "write_entry"]

SCHEMA = 1


class DamagedEntry(Exception):
    """A file is there, but is not what was written; the message says how that shows."""


def default_cache_dir() -> Path:
    """``$XDG_CACHE_HOME/dftflow/materials-project``, by default below ``~/.cache``."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "dftflow" / "materials-project"


def sha256_of(value: Any) -> str:
    """sha256 of the canonical JSON of `value`: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def entry_path(cache_dir: Path, query: str, endpoint: str) -> Path:
    """File of the answer to `query` from `endpoint`."""
    question = sha256_of([SCHEMA, query, endpoint])
    return cache_dir / f"{query.replace(':', '-')}-{question[:12]}.json"


def read_entry(path: Path) -> dict[str, Any] | None:
    """The entry in `path`, None when there is no such file.

    Raises
    ------
    DamagedEntry
        When the file cannot be read, is no entry, or does not have the sha256 that it names.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DamagedEntry(error.strerror or str(error)) from error
    try:
        stored = json.loads(content)
        entry, digest = stored["entry"], stored["sha256"]
        if sha256_of(entry) == digest and isinstance(entry, dict):
            return entry
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedEntry("it is no complete entry") from error
    raise DamagedEntry("its sha256 does not agree with its content")


def write_entry(path: Path, entry: dict[str, Any]) -> None:
    """Write `entry` to `path` in one step: another process sees the old file or the new one.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"sha256": sha256_of(entry), "entry": entry}, indent=1)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
