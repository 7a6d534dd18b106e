"""``dftflow structure``: the shipped crystals, and any crystal looked at or changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dftflow.cli.completion import Crystals
from dftflow.cli.output import tell
from dftflow.cli.place import OutFile
from dftflow.cli.substitution import Substitution, substitution_options
from dftflow.cli.table import text_table

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from dftflow.crystals.crystal import Crystal

__all__ = ["OUT_FORMATS", "command", "write_structure"]

MOST_SWEPT = 12
"""Of orderings that a line of a study is shown with."""
OUT_FORMATS = ".cif, POSCAR, .vasp, .cell, .extxyz, .in (pw.x), .json"


@click.command()
@click.argument("source", type=Crystals(), required=False)
@substitution_options
@click.option("--orderings", is_flag=True, help="List the orderings of the mixture that is asked for.")
@click.option("--orientations", is_flag=True, help="List the ways to turn the molecule that is put in.")
@click.option("--out", type=OutFile(), help=f"Write the crystal: {OUT_FORMATS}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    source: str | None,
    substitution: Substitution | None,
    orderings: bool,
    orientations: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Show a crystal: SOURCE is a shipped name, a file, or a database's id. Without it, list what is shipped."""
    from dftflow.crystals.shipped import load_shipped, shipped_names
    from dftflow.crystals.sources import load_crystal

    if source is None:
        if substitution is not None or out is not None or orderings or orientations:
            raise click.UsageError("--substitute and --out need a SOURCE", click.get_current_context())
        rows = [_row(load_shipped(name)) for name in shipped_names()]
        click.echo(json.dumps(rows, indent=1) if as_json else _listing(rows))
        return
    crystal = load_crystal(source, base_dir=Path.cwd()) if substitution is None else substitution.crystal(source)
    structure = crystal.structure
    if orderings or orientations:
        listed = _orderings if orderings else _orientations
        click.echo(listed(structure, _needed(substitution), as_json=as_json))
        return
    if substitution is not None:
        structure = substitution.of(structure)
    if out is not None:
        write_structure(structure, out)
    facts = _facts(crystal, structure)
    click.echo(json.dumps(facts, indent=1) if as_json else _page(facts))


def _needed(substitution: Substitution | None) -> Substitution:
    if substitution is None:
        what = "--orderings and --orientations belong to --substitute, which is not given"
        raise click.UsageError(what, click.get_current_context())
    return substitution


def _orientations(structure: Structure, substitution: Substitution, *, as_json: bool) -> str:
    from dftflow.crystals.molecules import Molecule
    from dftflow.crystals.orientation import FAMILIES
    from dftflow.crystals.oriented_crystals import distinct_orientations

    molecules = [one.by for one in substitution.replacements(structure) if isinstance(one.by, Molecule)]
    if len(molecules) != 1:
        raise click.UsageError("--orientations lists those of one molecule", click.get_current_context())
    found = [(family, *one) for family in FAMILIES for one in distinct_orientations(structure, molecules[0], family)]
    if as_json:
        return json.dumps([{"family": family, "orientation": name, "ways": n} for family, name, n in found], indent=1)
    names = ", ".join(f'"{name}"' for _, name, _ in found)
    return "\n".join(
        [
            text_table(("long axis", "orientation", "ways"), [(family, name, f" {n}") for family, name, n in found]),
            f"in a study: [sweep] orientation = [{names}]",
        ]
    )


def _orderings(structure: Structure, substitution: Substitution, *, as_json: bool) -> str:
    from dftflow.crystals.substitution import orderings_of

    every = orderings_of(structure, substitution.replacements(structure), supercell=substitution.supercell)
    if as_json:
        return json.dumps([ordering.as_dict() for ordering in every], indent=1)
    header = ("ordering", "arrangements", "pairs off by")
    rows = [(f"{one.number}", f" {one.degeneracy}", f" {one.correlation_error:.3f}") for one in every]
    arrangements = every[0].arrangements
    numbers = ", ".join(str(one.number) for one in every[:MOST_SWEPT]) + (", ..." if len(every) > MOST_SWEPT else "")
    return "\n".join(
        [
            text_table(header, rows),
            f"{len(every)} orderings of {arrangements} arrangements; pairs are off the random ones from 0 to 1",
            f"in a study: ordering = 1 for the first, or [sweep] ordering = [{numbers}] for all",
        ]
    )


def _row(crystal: Crystal) -> dict[str, Any]:
    from dftflow.crystals.ions import formula_of

    lattice = crystal.structure.lattice
    return {
        "name": crystal.name,
        "formula": formula_of(crystal.structure),
        "space_group": crystal.space_group,
        "lattice_ang": [round(length, 4) for length in lattice.abc],
        "confidence": crystal.confidence,
        "reference": crystal.reference,
    }


def _listing(rows: list[dict[str, Any]]) -> str:
    header = ("name", "formula", "space group", "a, b, c (Å)", "source")
    return text_table(
        header,
        [
            (
                row["name"],
                row["formula"],
                row["space_group"],
                "  ".join(f"{length:.4f}" for length in row["lattice_ang"]),
                row["reference"],
            )
            for row in rows
        ],
    )


def _facts(crystal: Crystal, structure: Structure) -> dict[str, Any]:
    from dftflow.crystals.ions import formula_of
    from dftflow.crystals.substitution import notes_of, substitution_text
    from dftflow.crystals.symmetry import space_group

    group = space_group(structure)
    a, b, c = structure.lattice.abc
    alpha, beta, gamma = structure.lattice.angles
    return {
        "name": crystal.name,
        "formula": formula_of(structure),
        "atoms": len(structure),
        "space_group": f"{group.symbol} ({group.number})",
        "a_ang": round(a, 5), "b_ang": round(b, 5), "c_ang": round(c, 5),
        "alpha_deg": round(alpha, 4), "beta_deg": round(beta, 4), "gamma_deg": round(gamma, 4),
        "volume_ang3": round(structure.volume, 3),
        "density_g_per_cm3": round(float(structure.density), 4),
        "source": crystal.source,
        "substitution": substitution_text(structure),
        "reference": crystal.reference,
        "confidence": crystal.confidence,
        "sha256": crystal.sha256,
        "warnings": [*crystal.warnings, *notes_of(structure)],
    }  # fmt: skip


def _page(facts: dict[str, Any]) -> str:
    lines = [f"{key:<18} {value}" for key, value in facts.items() if key != "warnings"]
    return "\n".join(lines + [f"note               {text}" for text in facts["warnings"]])


def write_structure(structure: Structure, out: Path) -> None:
    """Write a crystal in the format of the file's name, and tell what is not in it."""
    from dftflow.crystals.structure_writer import structure_text
    from dftflow.jobs.output_place import write_output

    written = structure_text(structure, out.name)
    write_output(out, written.text)
    for line in written.lost:
        tell(f"! {out.name}: {line}")
