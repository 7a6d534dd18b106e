"""``dftflow export``: every number of a study in one table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.place import Place

if TYPE_CHECKING:
    from dftflow.model.quantity import Quantity

__all__ = ["command"]

COLUMNS = (
    "name",
    "subject",
    "method",
    "value",
    "unit",
    "lowest",
    "highest",
    "range holds",
    "origin",
    "remarks",
    "missing",
)


@click.command()
@click.argument("results", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of CSV.")
def command(results: Path, as_json: bool) -> None:
    """Print every quantity in RESULTS, a results.json or the folder that holds one, as CSV.

    A row has the value with its unit and range, what the range holds, the steps that it comes from and what has to be
    known of it, or the reason why there is none. Files of dftflow 0.1 are read too.
    """
    from dftflow.report.results_file import read_results

    quantities = read_results(results)
    if as_json:
        click.echo(json.dumps([quantity.as_dict() for quantity in quantities], indent=1, ensure_ascii=False))
        return
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(quantity) for quantity in quantities)
    click.echo(table.getvalue(), nl=False)


def _row(quantity: Quantity) -> list[object]:
    low, high = quantity.uncertainty or ("", "")
    return [
        quantity.name,
        quantity.subject,
        quantity.method,
        "" if quantity.value is None else quantity.value,
        quantity.unit,
        low,
        high,
        quantity.uncertainty_holds,
        "; ".join(quantity.origin),
        "; ".join(quantity.remarks),
        "" if quantity.missing is None else f"{quantity.missing.kind}: {quantity.missing.reason}",
    ]
