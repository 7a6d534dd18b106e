"""``dftflow status``: where a study is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.place import Place
from dftflow.cli.table import text_table

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
        document = {"folder": str(folder), **header, "steps": rows, "earlier": [str(path) for path in earlier]}
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(", ".join(f"{key} {value}" for key, value in header.items()))
    table = [
        (
            end.state.replace("_", " "),
            end.name,
            f" {end.wall_time_s:.0f} s" if end.wall_time_s else "",
            " ".join(end.failure.split()),
        )
        for end in ends
    ]
    click.echo(text_table(("state", "step", " took", "note"), table))
    for path in earlier:
        click.echo(f"of an earlier plan: {path}")
