"""``dftflow collect``: the report of a study whose calculations were run elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from dftflow.cli.completion import Codes, Folders, Presets, StepPlaces
from dftflow.cli.output import tell

__all__ = ["command"]


@click.command()
@click.argument("places", type=Folders(), metavar="[STUDY] FOLDER", nargs=-1, required=True)
@click.option(
    "--code", type=Codes(), help="With STUDY: the DFT code that ran them, instead of the one the study names."
)
@click.option("--preset", type=Presets(), help="With STUDY: the preset that they follow; the study's own unless given.")
@click.option(
    "--at",
    "placed",
    type=StepPlaces(),
    metavar="STEP=DIR",
    multiple=True,
    help="Results of one step that lie elsewhere: CsPbBr3/bulk-bands=DIR. Can be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
def command(
    places: tuple[str, ...], code: str | None, preset: str | None, placed: tuple[str, ...], as_json: bool
) -> None:
    """Read the results in FOLDER, and derive what the study asks for.

    A FOLDER of `dftflow decks` or `dftflow run` knows its study, preset and code. Any other folder needs STUDY, and
    holds the results of each step in FOLDER/<step>. Figures, report.html and results.json go into FOLDER. Steps without
    results are named, and what does not depend on them is derived all the same. The exit code is 5 when a step is
    missing, failed, or is not of this study.
    """
    from dftflow.cli.outcome import print_outcome
    from dftflow.errors import InputError
    from dftflow.input_file import named_place
    from dftflow.studies.execution import collect_study, outcome_of_folder
    from dftflow.studies.reader import load_study

    elsewhere = _places(placed)
    if len(places) > 2:
        raise InputError("collect takes a study and a folder", fix="write dftflow collect [STUDY] FOLDER")
    folder = named_place(places[-1])
    if len(places) == 2:
        outcome = collect_study(
            load_study(places[0], preset, code=code, folder=folder), folder, places=elsewhere, say=tell
        )
    elif code is not None or preset is not None:
        raise InputError("a folder of decks knows its preset and code", fix="leave --preset and --code out")
    else:
        outcome = outcome_of_folder(folder, places=elsewhere, say=tell)
    print_outcome(outcome, folder, as_json=as_json, again="run them and collect again, or name their folder with --at")


def _places(placed: Sequence[str]) -> dict[str, Path]:
    from dftflow.errors import InputError
    from dftflow.input_file import named_place

    places: dict[str, Path] = {}
    for entry in placed:
        step, _, place = entry.partition("=")
        if not step or not place:
            raise InputError(f"--at {entry!r} does not name a step and a folder", fix="write --at STEP=DIR")
        if step in places:
            raise InputError(f"--at names {step!r} twice", fix="give each step one folder")
        places[step] = named_place(place)
    return places
