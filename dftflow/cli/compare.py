"""``dftflow compare``: whether two calculations may be subtracted, line by line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dftflow.model.comparison import Comparison
    from dftflow.model.results import Results

__all__ = ["command"]


@click.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(first: Path, second: Path, as_json: bool) -> None:
    """Say whether the energies of FIRST and SECOND may be subtracted at all.

    Each is a folder with one calculation, or one of its files. The exit code is 7 when they must not be.
    """
    from dftflow.analysis.comparability import compare
    from dftflow.errors import AnalysisError

    comparison = compare(_results_at(first), _results_at(second))
    if as_json:
        document = {
            "first": str(first),
            "second": str(second),
            "verdict": comparison.verdict,
            "sentence": comparison.sentence,
            "rows": [asdict(row) for row in comparison.rows],
        }
        click.echo(json.dumps(document, indent=1))
    else:
        click.echo(_table(comparison))
    if comparison.verdict == "differs":
        # the table has said it: an error on top would only repeat it
        raise click.exceptions.Exit(AnalysisError.exit_code)


def _results_at(place: Path) -> Results:
    from dftflow.codes.finding import find_calculations
    from dftflow.codes.registry import load_code
    from dftflow.errors import ParseError

    found = find_calculations(place)
    if len(found) != 1:
        places = ", ".join(str(calculation.folder / calculation.seed) for calculation in found)
        raise ParseError(
            f"there are {len(found)} calculations here: {places}" if found else "there is no calculation here",
            where=str(place),
            fix="name a file of the one that is meant" if found else "",
        )
    reading = load_code(found[0].code).read(found[0])
    refused = [file.error for file in reading.files if file.error is not None]
    if reading.results is None:
        raise next(iter(refused), ParseError("the calculation has left no output", where=str(place)))
    for error in refused:
        click.echo(f"note: not used: {error}", err=True)
    return reading.results


def _table(comparison: Comparison) -> str:
    rows = [(row.quantity, row.verdict) for row in comparison.rows]
    name, verdict = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = []
    for row in comparison.rows:
        values = row.first if row.first == row.second else f"{row.first}  |  {row.second}"
        lines.append(f"{row.quantity:<{name}}  {row.verdict:<{verdict}}  {values}")
        if row.consequence:
            lines.append(f"{'':<{name}}  {'':<{verdict}}  -> {row.consequence}")
    return "\n".join([*lines, "", comparison.sentence])
