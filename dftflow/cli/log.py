"""``dftflow log``: what a step prints."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Steps
from dftflow.cli.place import Place
from dftflow.model.bounds import LOG_LINES

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.argument("step", type=Steps())
@click.option("--lines", type=Within(LOG_LINES, int), default=20, show_default=True, help="Lines of each file.")
@click.option("--follow", "follows", is_flag=True, help="Go on as long as the step runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, step: str, lines: int, follows: bool, as_json: bool) -> None:
    """The last lines of what STEP of the run or the decks in FOLDER prints."""
    from dftflow.errors import InputError
    from dftflow.studies.printed import follow, printed_of

    if follows and as_json:
        raise InputError("--json is one document, and --follow has no end", fix="leave one of them out")
    found = printed_of(folder, step, lines=lines)
    if as_json:
        click.echo(json.dumps([{"file": str(one.file), "lines": list(one.lines)} for one in found], indent=1))
        return
    for one in found:
        click.echo("\n".join((f"==> {one.file} <==", *one.lines)))
    if not found:
        click.echo(f"{step} has printed nothing yet", err=True)
    for text in follow(folder, step, found) if follows else ():
        click.echo(text, nl=False)
