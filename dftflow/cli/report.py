"""``dftflow report``: derive and write the results of a run again, without running anything."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
def command(folder: Path, as_json: bool) -> None:
    """Write the figures, report.html and results.json of the run in FOLDER again."""
    from dftflow.report.write import write_outcome
    from dftflow.studies.execution import outcome_of_run

    written = write_outcome(outcome_of_run(folder), folder)
    click.echo(json.dumps(json.loads(written.results_json.read_text()), indent=1) if as_json else written.summary)
