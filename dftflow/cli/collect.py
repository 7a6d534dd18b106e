"""``dftflow collect``: the report of a study whose calculations were run elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("study")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--code", help="DFT code that ran them, instead of the one the study names.")
@click.option("--preset", default="paper", show_default=True, help="The preset that the decks were written with.")
@click.option(
    "--at",
    "placed",
    metavar="STEP=DIR",
    multiple=True,
    help="Results of one step that lie elsewhere: CsPbBr3/bulk-bands=DIR. Can be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
def command(study: str, folder: Path, code: str | None, preset: str, placed: tuple[str, ...], as_json: bool) -> None:
    """Read the results of STUDY below FOLDER, where `dftflow decks` wrote its decks, and derive what it asks for.

    Figures, report.html and results.json go into FOLDER. Steps without results are named, and what does not depend on
    them is derived all the same.
    """
    from dftflow.errors import InputError
    from dftflow.report.write import write_outcome
    from dftflow.studies.collect import collect_study
    from dftflow.studies.reader import load_study

    places = {}
    for entry in placed:
        step, equals, place = entry.partition("=")
        if not equals:
            raise InputError(f"--at {entry!r} names no folder", fix="write --at STEP=DIR")
        places[step] = Path(place)
    outcome = collect_study(load_study(study, preset, code=code), folder, places=places)
    written = write_outcome(outcome, folder)
    click.echo(json.dumps(json.loads(written.results_json.read_text()), indent=1) if as_json else written.summary)
