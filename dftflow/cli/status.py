"""``dftflow status``: where a study is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.place import Place
from dftflow.cli.standing_table import plain_rows, standing_table

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Where the run or the decks in FOLDER are, step by step. Nothing outside FOLDER is needed."""
    from dftflow.studies.standing import standing_of

    found = standing_of(folder)
    ends, earlier = found.ends, found.earlier
    header = {"study": found.study, "preset": found.preset, "code": found.code}
    if as_json:
        document = {
            "folder": str(folder),
            **header,
            "steps": plain_rows(ends),
            "earlier": [str(path) for path in earlier],
        }
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(", ".join(f"{key} {value}" for key, value in header.items()))
    click.echo(standing_table(ends))
    for path in earlier:
        click.echo(f"of an earlier plan: {path}")
