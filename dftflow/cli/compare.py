"""``dftflow compare``: whether two calculations may be subtracted, line by line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.place import Place

if TYPE_CHECKING:
    from dftflow.gate.calculation import Sound
    from dftflow.model.comparison import Comparison

__all__ = ["command"]


@click.command()
@click.argument("first", type=Place())
@click.argument("second", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(first: Path, second: Path, as_json: bool) -> None:
    """Say whether the energies of FIRST and SECOND may be subtracted at all.

    Each is a folder with one calculation, or one of its files. The exit code is 7 when they must not be, else 6 when a
    file or a part of the results was refused, so that the verdict is by what is left, and 9 when the files do not tell.
    A calculation whose energy or geometry fails a check is not compared at all, with exit code 6.
    """
    from dftflow.analysis.comparability import compare
    from dftflow.errors import AnalysisError, ParseError, Undecided

    (one, not_of_one), (other, not_of_other) = _sound_at(first), _sound_at(second)
    judged, not_used = (one, other), list(dict.fromkeys([*not_of_one, *not_of_other]))
    comparison = compare(one.results, other.results)
    left = f" (by what is left: {'; '.join(not_used)} refused)" if not_used else ""
    sentence = f"{comparison.sentence}{left}"
    if as_json:
        document = {
            "first": str(first),
            "second": str(second),
            "verdict": comparison.verdict,
            "sentence": sentence,
            "rows": [asdict(row) for row in comparison.rows],
            "refused": [[asdict(refusal) for refusal in one.refused] for one in judged],
        }
        click.echo(json.dumps(document, indent=1))
    else:
        click.echo("\n".join([*_table(comparison), "", sentence]))
    # the table has said it: an error on top would only repeat it
    if comparison.verdict == "differs":
        raise click.exceptions.Exit(AnalysisError.exit_code)
    if not_used:
        raise click.exceptions.Exit(ParseError.exit_code)
    if comparison.verdict == "unknown":
        raise click.exceptions.Exit(Undecided.exit_code)


def _sound_at(place: Path) -> tuple[Sound, list[str]]:
    """What may be used of the calculation at `place`, and what was refused of it."""
    from dftflow.errors import ParseError
    from dftflow.gate.found import calculation_at

    found = calculation_at(place)
    _ = found.results  # raises where there are none
    judged = found.judged
    assert judged is not None, "there are results"
    refused = [file.error for file in found.refused_files if file.error is not None]
    for error in refused:
        click.echo(f"note: not used: {error}", err=True)
    for part in judged.refused_parts:
        if part in ("energy", "structure"):
            raise ParseError(f"the {part} was refused", reason=judged.why_without(part), where=str(place))
        click.echo(f"note: not used: {place}: {part}: {judged.why_without(part)}", err=True)
    files = [error.where or str(place) for error in refused]
    return judged, [*files, *(f"{place}: {part}" for part in judged.refused_parts)]


def _table(comparison: Comparison) -> list[str]:
    rows = [(row.quantity, row.verdict) for row in comparison.rows]
    name, verdict = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = []
    for row in comparison.rows:
        values = row.first if row.first == row.second else f"{row.first}  |  {row.second}"
        lines.append(f"{row.quantity:<{name}}  {row.verdict:<{verdict}}  {values}")
        if row.consequence:
            lines.append(f"{'':<{name}}  {'':<{verdict}}  -> {row.consequence}")
    return lines
