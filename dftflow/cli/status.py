"""``dftflow status``: where a study is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.place import Place

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Where the run or the decks in FOLDER are, step by step. Nothing outside FOLDER is needed."""
    from dftflow.studies.standing import standing_of

    found = standing_of(folder)
    ends, earlier = found.ends, found.earlier
    rows = [
        {
            "name": end.name,
            "state": end.state,
            "wall_time_s": end.wall_time_s,
            "note": " ".join(end.failure.split()),
            "folder": "" if end.folder is None else str(end.folder),
        }
        for end in ends
    ]
    header = {"study": found.study, "preset": found.preset, "code": found.code}
    if as_json:
        document = {"folder": str(folder), **header, "steps": rows, "earlier": [str(path) for path in earlier]}
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(", ".join(f"{key} {value}" for key, value in header.items()))
    width = max((len(end.name) for end in ends), default=0)
    for end, row in zip(ends, rows, strict=True):
        took = f"{end.wall_time_s:7.0f} s" if end.wall_time_s else " " * 9
        click.echo(f"{end.state.replace('_', ' '):>8}  {end.name:<{width}}  {took}  {row['note']}".rstrip())
    for path in earlier:
        click.echo(f"of an earlier plan: {path}")
