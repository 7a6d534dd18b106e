"""``dftflow report``: derive and write the results of a study again, without running anything."""

from __future__ import annotations

from pathlib import Path

import click

from dftflow.cli.output import tell
from dftflow.cli.place import Place

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
def command(folder: Path, as_json: bool) -> None:
    """Write the figures, report.html and results.json of the run or the decks in FOLDER again.

    Nothing outside FOLDER is needed. The exit code is 5 when a step has no results that can be used.
    """
    from dftflow.cli.outcome import print_outcome
    from dftflow.studies.execution import outcome_of_folder

    outcome = outcome_of_folder(folder, say=tell)
    print_outcome(outcome, folder, as_json=as_json, again="run what is missing, and report again")
