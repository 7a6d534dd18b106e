"""How steps stand, as a table and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dftflow.cli.table import text_table

if TYPE_CHECKING:
    from dftflow.jobs.job import NodeOutcome

__all__ = ["plain_rows", "standing_sums", "standing_table"]

MOST_RUNNING = 10


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


def standing_sums(ends: Sequence[NodeOutcome]) -> str:
    """How many steps stand how, what runs, and why there are no results where there are none."""
    from dftflow.studies.sums import by_cause, by_state

    counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in by_state(ends).items())
    running = [end for end in ends if end.state == "running"]
    lines = [f"{len(ends)} steps: {counts}"]
    lines += [f"running: {end.name}  {end.failure}".rstrip() for end in running[:MOST_RUNNING]]
    if len(running) > MOST_RUNNING:
        lines.append(f"running: and {len(running) - MOST_RUNNING} more")
    rows = [(group.state, f" {group.count}", group.why, group.example) for group in by_cause(ends)]
    if rows:
        lines.append(text_table(("state", " steps", "why", "for example"), rows))
    return "\n".join([*lines, "--steps shows every step"])
