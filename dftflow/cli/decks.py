"""``dftflow decks``: the input files of every step, and how to run them elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("study")
@click.option("--code", help="DFT code, instead of the one the study names: castep, espresso, gpaw, vasp.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option("--preset", help="study, quick, converged, or one of the study's; the study's own unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(study: str, code: str | None, out: Path, preset: str | None, as_json: bool) -> None:
    """Write the decks of every step of STUDY into OUT, with a run sheet, a shell and a Slurm script.

    A step whose forerunner has left its result in OUT is written from that result; the others are written from the
    unrelaxed structure and say so. Call it again as results come in; the scripts do.
    """
    from dftflow.studies.decks import write_decks
    from dftflow.studies.reader import load_study

    written = write_decks(load_study(study, preset, code=code), out)
    if as_json:
        click.echo(json.dumps([deck.as_dict() for deck in written.decks], indent=1))
        return
    for deck in written.decks:
        click.echo(f"{deck.folder}/  {', '.join(deck.files)}" + (f"  ({deck.note})" if deck.note else ""))
    for note, names in written.cautions.items():
        click.echo(f"! {note} ({', '.join(names)})")
    click.echo(f"read {written.sheet} first")
