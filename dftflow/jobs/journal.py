"""What became of a plan since ``plan.json`` was written: a line for each change, added at the end of ``plan.jsonl``.

A plan of a thousand materials is many megabytes, and a place is noted for every step: written as a whole each time, the
plan would cost more than the calculations of a small study. So changes are added here, and whoever writes the plan
anew puts them in and removes the journal, as every run does before its first line. Each line is JSON with ``plan``, the
id of the plan it belongs to; a line of another plan, which a kill between these two left behind, says nothing.

A line outlives dftflow, and need not outlive the machine: a run finds its steps by their identity, whatever stands
here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dftflow.stored_file import plain_json, read_stored

__all__ = ["JOURNAL_FILE", "add_to_journal", "journal_of", "remove_journal"]

JOURNAL_FILE = "plan.jsonl"


def add_to_journal(root: Path, plan_id: str, change: Mapping[str, Any]) -> None:
    """Add a line.

    Raises
    ------
    OSError
        When it cannot be written, or a link stands in its place.
    """
    line = json.dumps({"plan": plan_id, **change}, ensure_ascii=False)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with open(os.open(root / JOURNAL_FILE, flags, 0o666), "ab") as handle:
        handle.write(f"{line}\n".encode())


def journal_of(root: Path, plan_id: str) -> Iterator[Mapping[str, Any]]:
    """The changes of that plan, oldest first; the beginning of a line that was not written to its end is none.

    Raises
    ------
    ValueError
        When it cannot be read, or a whole line is no JSON object.
    """
    try:
        text = read_stored(root / JOURNAL_FILE).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        change = _change(line, number)
        if change.pop("plan", None) == plan_id:
            yield change


def _change(line: str, number: int) -> dict[str, Any]:
    try:
        found = plain_json(line)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"line {number} is no change")
    return found


def remove_journal(root: Path) -> None:
    """Remove it, when there is one."""
    (root / JOURNAL_FILE).unlink(missing_ok=True)
