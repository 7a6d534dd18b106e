"""``dftflow collect``: the report of a study whose calculations were run elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("study")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--code", help="DFT code that ran them, instead of the one the study names.")
@click.option("--preset", help="The preset that the decks were written with; the study's own unless given.")
@click.option(
    "--at",
    "placed",
    metavar="STEP=DIR",
    multiple=True,
    help="Results of one step that lie elsewhere: CsPbBr3/bulk-bands=DIR. Can be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
def command(
    study: str, folder: Path, code: str | None, preset: str | None, placed: tuple[str, ...], as_json: bool
) -> None:
    """Read the results of STUDY below FOLDER, where `dftflow decks` wrote its decks, and derive what it asks for.

    Figures, report.html and results.json go into FOLDER. Steps without results are named, and what does not depend on
    them is derived all the same. The exit code is 5 when a step is missing, failed, or is not of this study.
    """
    from dftflow.errors import CalculationError
    from dftflow.report.write import write_outcome
    from dftflow.studies.collect import collect_study
    from dftflow.studies.reader import load_study

    places = _places(placed)
    outcome = collect_study(load_study(study, preset, code=code), folder, places=places)
    _refuse_to_overwrite(folder)
    written = write_outcome(outcome, folder)
    click.echo(json.dumps(json.loads(written.results_json.read_text()), indent=1) if as_json else written.summary)
    missing = [step for step in outcome.steps if step.state != "finished"]
    if missing:
        raise CalculationError(
            f"{len(missing)} of {len(outcome.steps)} steps have no results that can be used",
            reason="\n       ".join(f"{step.name}: {' '.join(step.failure.split())}" for step in missing),
            fix=f"the report says more ({written.report}); run them and collect again, or name their folder with --at",
        )


def _places(placed: Sequence[str]) -> dict[str, Path]:
    from dftflow.errors import InputError

    places: dict[str, Path] = {}
    for entry in placed:
        step, _, place = entry.partition("=")
        if not step or not place:
            raise InputError(f"--at {entry!r} does not name a step and a folder", fix="write --at STEP=DIR")
        if step in places:
            raise InputError(f"--at names {step!r} twice", fix="give each step one folder")
        places[step] = Path(place)
    return places


def _refuse_to_overwrite(folder: Path) -> None:
    """An engine's own results.json, or anybody's, must not give way to the report's."""
    from dftflow.errors import StoreError

    file = folder / "results.json"
    if file.exists() and b'"dftflow-results/' not in file.read_bytes()[:1000]:
        raise StoreError(
            "the report would overwrite a file that is not dftflow's",
            where=str(file),
            fix="give a folder above those of the calculations, or name their folders with --at",
        )
