"""``dftflow decks``: the input files of every step, and how to run them elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.asking_again import ask_again_option, refuse_without_new_folder
from dftflow.cli.completion import Codes, Presets, Studies
from dftflow.cli.output import tell
from dftflow.cli.place import OutFolder

if TYPE_CHECKING:
    from dftflow.studies.decks import WrittenDecks

__all__ = ["command", "print_decks", "refuse_failures"]


@click.command()
@click.argument("study", type=Studies())
@click.option(
    "--code",
    type=Codes(),
    help="DFT code, instead of the one the study names: castep, espresso, gpaw, vasp, or one that a package brings.",
)
@click.option("--out", type=OutFolder(), required=True, help="Folder to write to.")
@click.option(
    "--preset", type=Presets(), help="study, quick, converged, or one of the study's; the study's own unless given."
)
@ask_again_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(study: str, code: str | None, out: Path, preset: str | None, ask_again: bool, as_json: bool) -> None:
    """Write the decks of every step of STUDY into OUT, with a run sheet, a shell and a Slurm script.

    OUT needs nothing outside: copy it to where the code is, and run it there. A step whose forerunner has left its
    result in OUT is written from that result; the others are written from the unrelaxed structure and say so. The
    scripts call `dftflow advance` as results come in. Decks and scripts that were changed by hand are kept.
    """
    from dftflow.studies.decks import write_decks
    from dftflow.studies.reader import load_study

    if ask_again:
        refuse_without_new_folder(out)
    chosen = load_study(study, preset, code=code, folder=out, ask_again=ask_again)
    written = write_decks(chosen, out, say=tell)
    if as_json:
        click.echo(json.dumps([deck.as_dict() for deck in written.decks], indent=1))
    else:
        print_decks(written)
    refuse_failures(written)


def print_decks(written: WrittenDecks) -> None:
    """A line a deck, then what was kept, then what is to be known."""
    for deck in written.decks:
        note = deck.failure or "; ".join(part for part in (deck.note, *deck.remarks) if part)
        click.echo(f"{deck.folder}/  {', '.join(deck.files)}" + (f"  ({' '.join(note.split())})" if note else ""))
    kept = [*(f"{deck.folder}/{name}" for deck in written.decks for name in deck.kept), *written.kept]
    if kept:
        click.echo(f"kept as they are, changed by hand: {', '.join(kept)}")
    for deck in written.decks:
        for number, attempt in enumerate(deck.tries, start=1):
            click.echo(f"! {deck.name}, attempt {number}: {attempt}")
        for lack in deck.behind:
            click.echo(f"! what was kept in {deck.folder}/ is behind what is asked for now: {lack}")
    for note, names in written.cautions.items():
        click.echo(f"! {note} ({', '.join(names)})")
    click.echo(f"read {written.sheet} first")


def refuse_failures(written: WrittenDecks) -> None:
    """Raise `CalculationError` when a deck could not be written; the others are there."""
    from dftflow.errors import CalculationError

    failed = [deck for deck in written.decks if deck.failure]
    if failed:
        raise CalculationError(
            f"{len(failed)} of {len(written.decks)} decks could not be written",
            reason="\n       ".join(f"{deck.name}: {' '.join(deck.failure.split())}" for deck in failed),
            fix="the others are there, and can be run",
        )
