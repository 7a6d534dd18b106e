"""``dftflow compare``: whether two calculations may be subtracted, or two codes agree, line by line."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.output import tell
from dftflow.cli.place import Place
from dftflow.cli.table import columns_or

__all__ = ["command"]


@click.command()
@click.argument("first", type=Place())
@click.argument("second", type=Place())
@click.option("--codes", is_flag=True, help="The same was calculated through two codes: do they agree?")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(first: Path, second: Path, codes: bool, as_json: bool) -> None:
    """Say whether the energies of FIRST and SECOND may be subtracted at all.

    Each is a folder with one calculation, or one of its files. With --codes they are of two codes, and what they gave
    is compared quantity by quantity, each with its tolerance. The exit code is 7 when they must not be subtracted, or
    differ, else 6 when a file or a part of the results was refused, so that the verdict is by what is left, and 9 when
    the files do not tell. A calculation whose energy or geometry fails a check is not compared, with exit code 6.
    """
    from dftflow.api.calculation import Calculations, read
    from dftflow.api.comparison import compare
    from dftflow.errors import AnalysisError, ParseError, Undecided

    calculations = Calculations([read(place) for place in (first, second)])
    for line in calculations.refused:
        tell(f"note: not used: {line}")
    compared = compare(*calculations, codes=codes)
    if as_json:
        click.echo(json.dumps(compared.to_dict(), indent=1))
    else:
        click.echo(compared.table(columns_or()))
    # the table has said it: an error on top would only repeat it
    if compared.verdict == "differs":
        raise click.exceptions.Exit(AnalysisError.exit_code)
    if compared.refused:
        raise click.exceptions.Exit(ParseError.exit_code)
    if compared.verdict == "unknown":
        raise click.exceptions.Exit(Undecided.exit_code)
