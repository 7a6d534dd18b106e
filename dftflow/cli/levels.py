"""``dftflow levels``: the levels of slabs below the vacuum, planned by dftflow or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.output import tell
from dftflow.cli.place import Place
from dftflow.cli.table import columns_or

if TYPE_CHECKING:
    from dftflow.api.levels import Levels

__all__ = ["command"]


@click.command()
@click.option("--slab", "slabs", multiple=True, required=True, type=Place(), help="A slab; may be repeated.")
@click.option("--bulk", type=Place(), help="The crystal, with potential and eigenvalues of one run.")
@click.option("--period", "period_ang", type=float, help="Averaging window, Å, where the surface cannot be told.")
@click.option("--cite", is_flag=True, help="Print a methods paragraph and BibTeX of what was used.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, with every digit.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
def command(slabs: tuple[Path, ...], bulk: Path | None, period_ang: float | None, cite: bool, form: str | None) -> None:
    """Work function, ionisation potential and electron affinity of both faces of each SLAB.

    A slab and the crystal are each a folder with one calculation, or one of its files. The crystal's band edges are
    lined up through the slab's middle, if `dftflow compare` finds that the two may be subtracted; the slab's own edges
    and its work function stand beside them. Which plane and termination a slab is, is told from its calculated geometry
    and that of the crystal. The exit code is 7 when a line-up that was asked for does not follow, else 6 when a file or
    a part of the results was refused, else 9 when the files do not tell whether crystal and slab may be subtracted.
    """
    from dftflow.api.calculation import Calculations, read
    from dftflow.api.levels import levels

    crystal = None if bulk is None else read(bulk)
    calculations = [read(slab) for slab in slabs]
    given = Calculations([*([] if crystal is None else [crystal]), *calculations])
    found = levels(calculations, bulk=crystal, period_ang=period_ang)
    if cite:
        uses = ("line-up", "symmetry") if any(slab.is_lined_up for slab in found.slabs) else ()
        methods = given.cite(uses=uses)
        click.echo(json.dumps(methods.to_dict(), indent=1) if form == "json" else methods.whole().rstrip())
    elif form == "json":
        click.echo(json.dumps(found.to_dict(), indent=1))
    elif form == "csv":
        click.echo(found.to_csv(), nl=False)
    else:
        click.echo(found.table(columns_or()))
    for line in given.refused:
        tell(f"note: not used: {line}")
    code = _exit_code(found, refused=bool(given.refused))
    if code:
        raise click.exceptions.Exit(code)


def _exit_code(found: Levels, *, refused: bool) -> int:
    """What is missing, the gravest first; for each slab that was not lined up, the rows that forbid it."""
    from dftflow.errors import AnalysisError, ParseError, Undecided

    missing = [slab for slab in found.slabs if not slab.faces or (found.bulk is not None and not slab.is_lined_up)]
    for slab in missing:
        for row in () if slab.comparison is None else slab.comparison.rows:
            if row.verdict == "differs":
                tell(f"{slab.name}: {row.quantity}: {row.first} | {row.second}: {row.consequence}")
    if missing:
        return AnalysisError.exit_code
    if refused:
        return ParseError.exit_code
    unknown = (slab.comparison is not None and slab.comparison.verdict == "unknown" for slab in found.slabs)
    return Undecided.exit_code if any(unknown) else 0
