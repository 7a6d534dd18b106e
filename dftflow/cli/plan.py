"""``dftflow plan``: the steps of a study before anything runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from dftflow.cli.completion import Codes, Presets, Studies
from dftflow.cli.output import tell
from dftflow.cli.place import OutFolder
from dftflow.cli.table import text_table

__all__ = ["command"]


@click.command()
@click.argument("study", type=Studies())
@click.option(
    "--preset", type=Presets(), help="study, quick, converged, or one of the study's; the study's own unless given."
)
@click.option("--code", type=Codes(), help="DFT code, instead of the one the study names.")
@click.option("--out", type=OutFolder(), help="Folder of the run.  [default: runs/STUDY-PRESET]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(study: str, preset: str | None, code: str | None, out: Path | None, as_json: bool) -> None:
    """Print the steps of STUDY: what each needs, whether its result is there already, and the cost expected.

    The cost is in seconds of GPAW on one core, good to a factor of a few; nothing is written and nothing is run.
    """
    from dftflow.api.study import plan

    found = plan(study, out, preset=preset, code=code, say=tell)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found], indent=1))
        return
    header = ("step", "state", " atoms", "k-points", " cost", "needs")
    table = [
        (
            row.name,
            row.state.replace("_", " "),
            f" {row.atoms}",
            row.grid,
            "" if row.same_as else f" {row.cost_s:.0f} s",
            f"same as {row.same_as}" if row.same_as else ", ".join(row.needs),
        )
        for row in found
    ]
    click.echo(text_table(header, table))
    n_there, n_shared = len(found) - len(found.left), sum(bool(row.same_as) for row in found)
    shared = f"; {n_shared} are the same calculation as another step" if n_shared else ""
    click.echo(f"{n_there} of {len(found)} steps are there{shared}; {found.cost_left_s:.0f} s are left")
