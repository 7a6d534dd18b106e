"""``dftflow advance``: bring the decks in a folder up to date with the results that lie there."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.completion import Steps
from dftflow.cli.place import Place

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.option("--step", type=Steps(), help="The step whose deck has to be ready: the exit code is 5 when it is not.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, step: str | None, as_json: bool) -> None:
    """Write the decks in FOLDER anew, each from the best geometry there is; `run.sh` does it.

    FOLDER is one that `dftflow decks` wrote to, wherever it lies now. Steps with results are left alone, unless these
    are of a calculation that failed, and so are files that were changed by hand.
    """
    from dftflow.cli.decks import print_decks, refuse_failures
    from dftflow.studies.decks import advance

    written = advance(folder, step)
    if as_json:
        click.echo(json.dumps([deck.as_dict() for deck in written.decks], indent=1))
    else:
        print_decks(written)
    if step is None:
        refuse_failures(written)
