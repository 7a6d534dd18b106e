"""``dftflow retry``: lets a step be run again, with other settings if need be."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from dftflow.cli.completion import Steps
from dftflow.cli.place import Place
from dftflow.errors import InputError
from dftflow.named_command import dftflow_line

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.argument("step", type=Steps())
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Another setting, for this step alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, step: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Let STEP of the run in FOLDER be run again: one that failed, was refused, cancelled or is uncertain.

    Of an uncertain one you say by this that nothing runs any more. A setting (max_scf_cycles, smearing_ev, cutoff_ev,
    force_tol_ev_per_ang ...) makes it another calculation: it is kept in the plan and stands beside the step's numbers.
    Nothing that has finished is lost.
    """
    from dftflow.studies.again import retry_step

    done = retry_step(folder, step, dict(_pair(text) for text in pairs))
    if as_json:
        click.echo(json.dumps(asdict(done), indent=1))
        return
    settings = "".join(f", with {name} = {value:g}" for name, value in done.settings.items())
    click.echo(f"{step}, which was {done.was.replace('_', ' ')}, waits{settings}")
    if done.kept_in:
        click.echo(f"what it had left lies in {done.kept_in} of its folder")
    if done.by_queue:
        click.echo(f"{dftflow_line('advance', folder)} gives it to the queue")
    else:
        click.echo(f"{dftflow_line('step', folder, step)} runs it now; the next `dftflow run` of the study does too")


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise InputError(f"--set {text!r} is no setting", fix="write NAME=VALUE, e.g. --set max_scf_cycles=300")
    return name.strip(), value.strip()
