"""How steps stand, as a table and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dftflow.cli.table import text_table

if TYPE_CHECKING:
    from dftflow.jobs.job import NodeOutcome

__all__ = ["plain_rows", "standing_table"]


def plain_rows(ends: Sequence[NodeOutcome]) -> list[dict[str, Any]]:
    """A line for each step."""
    return [
        {
            "name": end.name,
            "state": end.state,
            "wall_time_s": end.wall_time_s,
            "cause": end.cause,
            "tries": len(end.tries),
            "cpu_time_s": end.cpu_time_s,
            "note": " ".join(end.failure.split()),
            "folder": "" if end.folder is None else str(end.folder),
        }
        for end in ends
    ]


def standing_table(ends: Sequence[NodeOutcome]) -> str:
    """For a person."""
    rows = [
        (
            end.state.replace("_", " "),
            end.name,
            f" {end.wall_time_s:.0f} s" if end.wall_time_s else "",
            " ".join(end.failure.split()),
        )
        for end in ends
    ]
    return text_table(("state", "step", " took", "note"), rows)
