"""``dftflow cancel``: ends steps of a run, and begins no others."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from dftflow.cli.completion import Steps
from dftflow.cli.place import Place

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.argument("steps", type=Steps(), nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, steps: tuple[str, ...], as_json: bool) -> None:
    """End the STEPS of the run in FOLDER that run, and begin none of them until `dftflow retry`; all unless named.

    What has finished stays. A calculation that other steps share, which are not cancelled, goes on for them. The exit
    code is 9 when an engine runs on, or cannot be seen from here and may.
    """
    from dftflow.errors import Undecided
    from dftflow.model.reasons import listed
    from dftflow.studies.again import cancel_steps

    done = cancel_steps(folder, steps)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in done], indent=1))
    else:
        for one in done:
            shared = f", and is carried out for {listed(one.shared_with)}" if one.shared_with else ""
            click.echo(f"cancelled {one.name}, which was {one.was.replace('_', ' ')}{shared}")
        if not done:
            click.echo("nothing to cancel")
    doubts = [f"{one.name}: {one.doubt}" for one in done if one.doubt]
    if doubts:
        raise Undecided("not every engine is known to have ended", reason="; ".join(doubts))
