"""``dftflow plan``: the steps of a study before anything runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.completion import Codes, Presets, Studies
from dftflow.cli.output import tell
from dftflow.cli.place import FutureFolder
from dftflow.cli.table import text_table

if TYPE_CHECKING:
    from dftflow.studies.preview import PreviewedStep

__all__ = ["command"]

MOST_SHOWN = 40
MOST_NAMED = 4


@click.command()
@click.argument("study", type=Studies())
@click.option(
    "--preset", type=Presets(), help="study, quick, converged, or one of the study's; the study's own unless given."
)
@click.option("--code", type=Codes(), help="DFT code, instead of the one the study names.")
@click.option("--out", type=FutureFolder(), help="Folder of the run.  [default: runs/STUDY-PRESET]")
@click.option("--steps", "all_steps", is_flag=True, help="Every step, also where there are many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(study: str, preset: str | None, code: str | None, out: Path | None, all_steps: bool, as_json: bool) -> None:
    """Print the steps of STUDY: what each needs, whether its result is there already, and the cost expected.

    The cost is in seconds of GPAW on one core, good to a factor of a few; nothing is written and nothing is run.
    Of more than 40 steps the sums are shown, by what is calculated.
    """
    from dftflow.api.study import plan
    from dftflow.model.cautions import by_caution
    from dftflow.model.reasons import listed

    found = plan(study, out, preset=preset, code=code, say=tell)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found], indent=1))
        return
    click.echo(_every_step(found) if all_steps or len(found) <= MOST_SHOWN else _sums(found))
    n_there, n_shared = len(found) - len(found.left), sum(bool(row.same_as) for row in found)
    shared = f"; {n_shared} are the same calculation as another step" if n_shared else ""
    n_stored = sum(row.in_store for row in found)
    stored = f" ({n_stored} in the store)" if n_stored else ""
    for caution, names in by_caution((row.name, row.cautions) for row in found).items():
        click.echo(f"! {caution} ({listed(names, MOST_NAMED)})")
    click.echo(f"{n_there} of {len(found)} steps are there{stored}{shared}; {found.cost_left_s:.0f} s are left")


def _every_step(steps: Sequence[PreviewedStep]) -> str:
    header = ("step", "state", " atoms", "k-points", " cost", "needs")
    rows = [
        (
            step.name,
            "already in the store" if step.in_store else step.state.replace("_", " "),
            f" {step.atoms}",
            step.grid,
            "" if step.same_as else f" {step.cost_s:.0f} s",
            f"same as {step.same_as}" if step.same_as else ", ".join(step.needs),
        )
        for step in steps
    ]
    return text_table(header, rows)


def _sums(steps: Sequence[PreviewedStep]) -> str:
    """A line for each kind of calculation and state; `--steps` shows every step."""
    from dftflow.studies.sums import by_kind

    header = ("about", "calculated", "state", " steps", " same as others", " cost")
    rows = [
        (
            group.kind,
            group.task,
            group.state.replace("_", " "),
            f" {group.count}",
            f" {group.shared}" if group.shared else "",
            f" {group.cost_s:.0f} s",
        )
        for group in by_kind(steps)
    ]
    return f"{text_table(header, rows)}\n--steps shows every step"
