"""``dftflow export``: every number of a study in one table."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.place import Place

__all__ = ["command"]


@click.command()
@click.argument("results", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of CSV.")
def command(results: Path, as_json: bool) -> None:
    """Print every quantity in RESULTS, a results.json or the folder that holds one, as CSV.

    A row has the value with its unit and range, what the range holds, the steps that it comes from and what has to be
    known of it, or the reason why there is none. Files of dftflow 0.1 are read too.
    """
    from dftflow.api.quantities import quantities

    found = quantities(results)
    click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if as_json else found.to_csv(), nl=as_json)
