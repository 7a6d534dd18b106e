"""``dftflow status``: where a study is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.place import Place
from dftflow.cli.table import text_table

if TYPE_CHECKING:
    from dftflow.jobs.job import NodeOutcome

__all__ = ["command"]

MOST_SHOWN = 40
MOST_RUNNING = 10


@click.command()
@click.argument("folder", type=Place())
@click.option("--steps", "all_steps", is_flag=True, help="Every step, also where there are many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, all_steps: bool, as_json: bool) -> None:
    """Where the run or the decks in FOLDER are, step by step. Nothing outside FOLDER is needed.

    Of more than 40 steps the sums are shown: how many stand how, and why those failed that did, each with an example.
    """
    from dftflow.studies.standing import standing_of
    from dftflow.studies.sums import by_cause, by_state

    found = standing_of(folder)
    ends, earlier = found.ends, found.earlier
    rows = [
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
    header = {"study": found.study, "preset": found.preset, "code": found.code}
    if as_json:
        sums = {"states": by_state(ends), "causes": [asdict(group) for group in by_cause(ends)]}
        document = {"folder": str(folder), **header, **sums, "steps": rows, "earlier": [str(path) for path in earlier]}
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(", ".join(f"{key} {value}" for key, value in header.items()))
    click.echo(_sums(ends) if len(ends) > MOST_SHOWN and not all_steps else _table(ends))
    for path in earlier[: len(earlier) if all_steps else MOST_SHOWN]:
        click.echo(f"of an earlier plan: {path}")


def _table(ends: Sequence[NodeOutcome]) -> str:
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


def _sums(ends: Sequence[NodeOutcome]) -> str:
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
