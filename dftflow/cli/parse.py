"""``dftflow parse``: what lies in folders of results, whichever code it is from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.output import tell
from dftflow.cli.place import Place
from dftflow.cli.table import columns_or

if TYPE_CHECKING:
    from dftflow.api.calculation import Calculation

__all__ = ["command"]

PAGES = 3
"""So many calculations are shown on pages of their own; more of them in a table."""

STATUSES = ("finished", "scf_not_converged", "geom_not_converged", "out_of_time", "truncated", "died", "unknown")
HOLDINGS = ("bands", "gap", "potential", "work-function")


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=Place())
@click.option("--code", help="Look for the calculations of this code only.")
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Show those that ended so; may be repeated.")
@click.option("--with", "holding", multiple=True, type=click.Choice(HOLDINGS), help="Show those that hold this.")
@click.option("--long", is_flag=True, help="A page for each, however many there are.")
@click.option("--cite", is_flag=True, help="Print a methods paragraph and BibTeX of what was used.")
@click.option("--csv", "form", flag_value="csv", help="Print the table as CSV, with every digit.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
def command(
    folders: tuple[Path, ...],
    code: str | None,
    status: tuple[str, ...],
    holding: tuple[str, ...],
    long: bool,
    cite: bool,
    form: str | None,
) -> None:
    """Find the calculations in each FOLDER and below, and print what they hold and what follows from it.

    Up to three are shown in full, more of them in a table as wide as the terminal. A file in the place of a folder
    stands for the calculation that it belongs to. A file that is incomplete, damaged or contradicts itself is refused
    by name, and costs no other file; so is a part of the results that fails a check, such as a potential of another
    cell than the log's. The exit code is 6 when anything was refused, of a calculation that is not shown too.
    """
    from dftflow.api.calculation import find
    from dftflow.errors import ParseError

    found = find(*folders, code=code)
    shown = found.where(statuses=status, holding=holding)
    in_pages = long or len(shown) <= PAGES
    if cite:
        methods = shown.cite()
        click.echo(json.dumps(methods.to_dict(), indent=1) if form == "json" else methods.whole().rstrip())
    elif form == "json":
        click.echo(json.dumps(shown.to_dict(), indent=1, allow_nan=False))
    elif form == "csv":
        click.echo(shown.to_csv(), nl=False)
    elif in_pages:
        click.echo("\n\n".join(one.page for one in shown), nl=bool(shown))
    else:
        click.echo(shown.table(columns_or()))
    for line in _notes(folders, found, len(shown)):
        tell(f"note: {line}")
    refused = [f"{one.place}: {text}" for one in found for text in one.refused]
    if refused:
        raise ParseError(_counted(found), reason="\n       ".join(refused))


def _notes(folders: Sequence[Path], found: Sequence[Calculation], n_shown: int) -> Iterable[str]:
    """What is not shown: by the options, or because it is no file and was not named with a calculation."""
    from dftflow.codes.finding import passed_over

    if n_shown < len(found):
        yield f"{n_shown} of {len(found)} calculations are shown"
    named = {file.file for one in found for file in one.files}
    strange = dict(entry for folder in folders for entry in passed_over(folder))
    yield from (f"passed over: {file}: it is {kind}, not a file" for file, kind in strange.items() if file not in named)


def _counted(found: Sequence[Calculation]) -> str:
    """How much was refused."""
    files = [file for one in found for file in one.files]
    n_files = sum(file.error is not None for file in files)
    n_parts = sum(len(one.refused) for one in found) - n_files
    counts = [f"{n_files} of {len(files)} files"] if n_files else []
    counts += [f"{n_parts} part{'' if n_parts == 1 else 's'} of the results"] if n_parts else []
    return f"{' and '.join(counts)} {'was' if n_files + n_parts == 1 else 'were'} refused"
