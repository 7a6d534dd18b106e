"""``dftflow advance``: bring a folder of decks, or a run on a cluster, up to date with what lies there."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.completion import Steps
from dftflow.cli.place import Place

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.option("--step", type=Steps(), help="Decks: the step whose deck has to be ready, else the exit code is 5.")
@click.option("--watch", is_flag=True, help="A run on a cluster: look again every 30 s until nothing is waited for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, step: str | None, watch: bool, as_json: bool) -> None:
    """Bring FOLDER, of decks or of a run on a cluster, up to date with what lies in it.

    Decks: each is written anew from the best geometry there is; `run.sh` does it. FOLDER is one that `dftflow decks`
    wrote to, wherever it lies now. Steps with results are left alone, unless these are of a calculation that failed,
    and so are files that were changed by hand.

    A run on a cluster: the queue is asked once how the jobs stand, what can be submitted now is submitted, and when
    nothing more is waited for the report is written. No process has to live between two calls: cron may make them.
    """
    from dftflow.studies.machine_of_run import machine_of

    if machine_of(folder) is not None:
        _look(folder, step, watch=watch, as_json=as_json)
    else:
        _write_decks(folder, step, as_json=as_json)


def _look(folder: Path, step: str | None, *, watch: bool, as_json: bool) -> None:
    from dftflow.cli.look import end_with, watched
    from dftflow.cli.output import tell
    from dftflow.errors import InputError
    from dftflow.studies.tick import tick

    if step is not None:
        raise InputError("--step is of decks, and this folder holds a run", fix="leave it out")
    found = tick(folder, say=tell)
    if watch:
        found = watched(found, lambda: tick(folder, say=tell))
    end_with(found, folder, as_json=as_json)


def _write_decks(folder: Path, step: str | None, *, as_json: bool) -> None:
    from dftflow.cli.decks import print_decks, refuse_failures
    from dftflow.studies.decks import advance

    written = advance(folder, step)
    if as_json:
        click.echo(json.dumps([deck.as_dict() for deck in written.decks], indent=1))
    else:
        print_decks(written)
    if step is None:
        refuse_failures(written)
