"""``dftflow status``: where a run is."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Where the run in FOLDER is, step by step."""
    from dftflow.codes.registry import load_code
    from dftflow.run.record import recorded_outcomes
    from dftflow.run.store import RunStore
    from dftflow.studies.execution import read_run

    store = RunStore.existing(folder)
    code = load_code(read_run(folder).code)
    rows = []
    for end in recorded_outcomes(store).values():
        running = end.state == "running" and end.folder is not None
        doing = code.progress(end.folder).doing if running and end.folder is not None else end.failure.split("\n")[0]
        rows.append({"name": end.name, "state": end.state, "wall_time_s": end.wall_time_s, "note": doing})
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "steps": rows}, indent=1))
        return
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        took = f"{row['wall_time_s']:7.0f} s" if row["wall_time_s"] else " " * 9
        click.echo(f"{row['state']!s:>8}  {row['name']!s:<{width}}  {took}  {row['note']}".rstrip())
