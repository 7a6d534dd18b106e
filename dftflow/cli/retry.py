"""``dftflow retry``: lets steps be run again, with other settings if need be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.completion import Steps
from dftflow.cli.place import Place
from dftflow.errors import InputError
from dftflow.named_command import dftflow_line

if TYPE_CHECKING:
    from dftflow.studies.again import RetriedStep

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.argument("steps", type=Steps(), nargs=-1)
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Another setting, for these steps alone.")
@click.option("--uncertain", is_flag=True, help="Every step whose job the queue does not know, instead of STEPS.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, steps: tuple[str, ...], pairs: tuple[str, ...], uncertain: bool, as_json: bool) -> None:
    """Let STEPS of the run in FOLDER be run again: such as failed, were refused, cancelled or are uncertain.

    Of uncertain ones you say by this that nothing runs any more. A setting (max_scf_cycles, smearing_ev, cutoff_ev,
    force_tol_ev_per_ang ...) makes it another calculation: it is kept in the plan and stands beside the step's numbers.
    Nothing that has finished is lost.
    """
    from dftflow.studies.again import retry_steps, retry_uncertain

    if uncertain == bool(steps) or (uncertain and pairs):
        raise InputError(
            "which steps are meant?", fix="name them, or give --uncertain alone, for all whose job no queue knows"
        )
    done = retry_uncertain(folder) if uncertain else retry_steps(folder, steps, dict(_pair(text) for text in pairs))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in done], indent=1))
    else:
        _print(folder, done)


def _print(folder: Path, done: Sequence[RetriedStep]) -> None:
    for one in done:
        settings = "".join(f", with {name} = {value:g}" for name, value in one.settings.items())
        click.echo(f"{one.name}, which was {one.was.replace('_', ' ')}, waits{settings}")
        if one.kept_in:
            click.echo(f"what it had left lies in {one.kept_in} of its folder")
    if not done:
        click.echo("there is none: the queue knows the job of each step that was submitted")
    elif done[0].by_queue:
        click.echo(f"{dftflow_line('advance', folder)} gives {'it' if len(done) == 1 else 'them'} to the queue")
    elif len(done) == 1:
        now = dftflow_line("step", folder, done[0].name)
        click.echo(f"{now} runs it now; the next `dftflow run` of the study does too")
    else:
        click.echo("the next `dftflow run` of the study runs them")


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise InputError(f"--set {text!r} is no setting", fix="write NAME=VALUE, e.g. --set max_scf_cycles=300")
    return name.strip(), value.strip()
