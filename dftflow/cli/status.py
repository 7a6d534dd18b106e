"""``dftflow status``: where a study is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from dftflow.cli.place import Place
from dftflow.cli.standing_table import plain_rows, standing_sums, standing_table

__all__ = ["command"]

MOST_SHOWN = 40


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
    header = {"study": found.study, "preset": found.preset, "code": found.code}
    if as_json:
        document = {
            "folder": str(folder),
            **header,
            "states": by_state(ends),
            "causes": [asdict(group) for group in by_cause(ends)],
            "steps": plain_rows(ends),
            "earlier": [str(path) for path in earlier],
        }
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(", ".join(f"{key} {value}" for key, value in header.items()))
    click.echo(standing_sums(ends) if len(ends) > MOST_SHOWN and not all_steps else standing_table(ends))
    for path in earlier[: len(earlier) if all_steps else MOST_SHOWN]:
        click.echo(f"of an earlier plan: {path}")
