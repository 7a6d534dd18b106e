"""``dftflow slab``: the terminations of a plane, and the one to calculate."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Crystals
from dftflow.cli.place import OutFile
from dftflow.cli.plane_option import MillerIndices, PlaneCommand
from dftflow.cli.structure import OUT_FORMATS, write_structure
from dftflow.cli.substitution import Substitution, substitution_options
from dftflow.cli.table import terminal_width, text_table
from dftflow.errors import InputError
from dftflow.model.bounds import ION_CHARGE, THICKNESS_ANG, VACUUM_ANG
from dftflow.model.printable import shown

if TYPE_CHECKING:
    from dftflow.api.slabs import Slabs
    from dftflow.model.surface import SlabModel

__all__ = ["command"]

TYPES = "Type: Tasker's; I neutral planes, II charged ones without dipole, III polar (compensated: made neutral)."


@click.command(cls=PlaneCommand)
@click.argument("source", type=Crystals())
@click.option("--miller", type=MillerIndices(), required=True, help="0 1 1; of hexagonal axes 1 -2 1 0 too.")
@click.option("--setting", help="The cell setting that they belong to: Pnma, cubic, …; given: SOURCE's cell.")
@substitution_options
@click.option("--thickness", type=Within(THICKNESS_ANG), default=10.0, show_default=True, help="At least, Å.")
@click.option("--vacuum", type=Within(VACUUM_ANG), default=15.0, show_default=True, help="Å.")
@click.option("--charge", "charges", multiple=True, metavar="ION=CHARGE", help="Formal charge: Ti=4, CO3=-2; Fe=2,3,3.")
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
    charges: tuple[str, ...],
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
    slabs = slabs_of(
        structure,
        miller,
        setting=setting,
        min_thickness_ang=thickness,
        vacuum_ang=vacuum,
        charges=dict(map(_charge, charges)),
    )
    if out is not None:
        write_structure(slabs.choose(termination, allow_refused=termination != "auto").structure, out)
    click.echo(json.dumps(slabs.to_dict(), indent=1) if as_json else _table(slabs))


def _charge(text: str) -> tuple[str, int | list[int]]:
    name, _, value = text.partition("=")
    try:
        values = [int(one) for one in value.split(",")]
    except ValueError:
        values = []
    if not name.strip() or not values or not all(map(ION_CHARGE.holds, values)):
        raise InputError(
            f"--charge {shown(text)} is no charge",
            reason=f"it is an ion and a whole number, or one for each such ion, {ION_CHARGE}",
            fix="write it like --charge Ti=4 or --charge Fe=2,3,3",
        )
    return name.strip(), values[0] if len(values) == 1 else values


def _table(slabs: Slabs) -> str:
    from dftflow.model.miller import miller_text
    from dftflow.model.surface import GIVEN

    plane = slabs.plane
    names = [f"{miller_text(indices)} {name}" for name, indices in plane.equivalents if name != GIVEN]
    cell = f"{miller_text(plane.miller_cell)} of the given cell"
    header = ("termination", "atoms", "charge", "symm.", "polar", "type", "stoich.", "Å²", "Å", "refused because")
    rows = [
        (
            slab.termination,
            f" {len(slab.structure)}",
            f" {slab.formal_charge:+}",
            f" {_yes(slab.symmetric)}",
            f" {_polar(slab)}",
            f" {slab.tasker or '-'}",
            f" {_yes(slab.stoichiometric)}",
            f" {slab.area_ang2:.1f}",
            f" {slab.thickness_ang:.1f}",
            slab.refused,
        )
        for slab in slabs
    ]
    remarks = {f"{slab.termination}: {remark}." for slab in slabs if not slab.refused for remark in slab.remarks}
    return "\n".join(
        [
            " = ".join(dict.fromkeys([f"{plane}", cell, *names])),
            _wrapped(f"Formal charges: {slabs[0].charges}."),
            text_table(header, rows),
            _wrapped(TYPES),
            _wrapped(slabs.choice),
            *map(_wrapped, sorted(remarks)),
        ]
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, terminal_width(), subsequent_indent="  ", break_on_hyphens=False)


def _polar(slab: SlabModel) -> str:
    if slab.compensated:
        return "compensated"
    return _yes(slab.polar) if slab.tasker else "-"


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
