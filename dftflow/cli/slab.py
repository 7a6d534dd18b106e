"""``dftflow slab``: the terminations of a plane, and the one to calculate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Crystals
from dftflow.cli.place import OutFile
from dftflow.cli.plane_option import MillerIndices, PlaneCommand
from dftflow.cli.structure import OUT_FORMATS, write_structure
from dftflow.cli.substitution import Substitution, substitution_options
from dftflow.cli.table import text_table
from dftflow.model.bounds import THICKNESS_ANG, VACUUM_ANG

if TYPE_CHECKING:
    from dftflow.api.slabs import Slabs

__all__ = ["command"]


@click.command(cls=PlaneCommand)
@click.argument("source", type=Crystals())
@click.option("--miller", type=MillerIndices(), required=True, help="0 1 1; of hexagonal axes 1 -2 1 0 too.")
@click.option("--setting", help="The cell setting that they belong to: Pnma, cubic, …; given: SOURCE's cell.")
@substitution_options
@click.option("--thickness", type=Within(THICKNESS_ANG), default=10.0, show_default=True, help="At least, Å.")
@click.option("--vacuum", type=Within(VACUUM_ANG), default=15.0, show_default=True, help="Å.")
@click.option("--termination", default="auto", show_default=True, help="The one to write.")
@click.option("--out", type=OutFile(), help=f"Write the chosen slab: {OUT_FORMATS}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    source: str,
    miller: tuple[int, ...],
    setting: str | None,
    substitution: Substitution | None,
    thickness: float,
    vacuum: float,
    termination: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """List the terminations of a plane of SOURCE, with what speaks against each."""
    from dftflow.api.slabs import slabs as slabs_of
    from dftflow.api.structures import as_structure

    structure = (
        as_structure(source) if substitution is None else substitution.of(substitution.crystal(source).structure)
    )
    slabs = slabs_of(structure, miller, setting=setting, min_thickness_ang=thickness, vacuum_ang=vacuum)
    if out is not None:
        write_structure(slabs.choose(termination, allow_refused=termination != "auto").structure, out)
    click.echo(json.dumps(slabs.to_dict(), indent=1) if as_json else _table(slabs))


def _table(slabs: Slabs) -> str:
    from dftflow.model.miller import miller_text
    from dftflow.model.surface import GIVEN

    plane = slabs.plane
    names = [f"{miller_text(indices)} {name}" for name, indices in plane.equivalents if name != GIVEN]
    cell = f"{miller_text(plane.miller_cell)} of the given cell"
    header = ("termination", "atoms", "charge", "symm.", "polar", "stoich.", "Å²", "Å", "refused because")
    rows = [
        (
            slab.termination,
            f" {len(slab.structure)}",
            f" {slab.formal_charge:+}",
            f" {_yes(slab.symmetric)}",
            f" {_yes(slab.polar)}",
            f" {_yes(slab.stoichiometric)}",
            f" {slab.area_ang2:.1f}",
            f" {slab.thickness_ang:.1f}",
            slab.refused,
        )
        for slab in slabs
    ]
    return "\n".join([" = ".join(dict.fromkeys([f"{plane}", cell, *names])), text_table(header, rows)])


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
