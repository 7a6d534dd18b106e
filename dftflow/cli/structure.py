"""``dftflow structure``: the shipped crystals, and any crystal looked at or changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Crystals
from dftflow.cli.output import tell
from dftflow.cli.place import OutFile
from dftflow.cli.table import text_table
from dftflow.model.bounds import PSEUDOCUBIC_ANG, REPEATS, SEED

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from dftflow.crystals.crystal import Crystal

__all__ = ["OUT_FORMATS", "command", "refuse_without_substitute", "write_structure"]

OUT_FORMATS = ".cif, POSCAR, .vasp, .cell, .extxyz, .in (pw.x), .json"


@click.command()
@click.argument("source", type=Crystals(), required=False)
@click.option(
    "--substitute", "swap", metavar="SITE=ION", help="Replace every SITE by a molecule: Cs=FA, Cs=MA, Cs=ion.xyz."
)
@click.option("--orientation", default="100", show_default=True, help='Of the molecule: "100", "100/001", "random".')
@click.option("--seed", type=Within(SEED, int), help="For a random orientation.")
@click.option("--supercell", type=Within(REPEATS, int), nargs=3, default=(1, 1, 1), help="Three whole numbers.")
@click.option("--pseudocubic", type=Within(PSEUDOCUBIC_ANG), help="Scale the host to this pseudocubic length, Å.")
@click.option("--out", type=OutFile(), help=f"Write the crystal: {OUT_FORMATS}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    source: str | None,
    swap: str | None,
    orientation: str,
    seed: int | None,
    supercell: tuple[int, int, int],
    pseudocubic: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Show a crystal: SOURCE is a shipped name, a file, or a Materials Project id. Without it, list what is shipped."""
    from dftflow.crystals.shipped import load_shipped, shipped_names
    from dftflow.crystals.sources import load_crystal
    from dftflow.crystals.substitution import substitute

    if swap is None:
        refuse_without_substitute("orientation", "seed", "supercell", "pseudocubic")
    if source is None:
        if swap is not None or out is not None:
            raise click.UsageError("--substitute and --out need a SOURCE", click.get_current_context())
        rows = [_row(load_shipped(name)) for name in shipped_names()]
        click.echo(json.dumps(rows, indent=1) if as_json else _listing(rows))
        return
    crystal = load_crystal(source, base_dir=Path.cwd())
    structure = crystal.structure
    if swap is not None:
        site, _, ion = swap.partition("=")
        structure = substitute(
            structure,
            site=site,
            by=ion,
            orientation=orientation,
            seed=seed,
            supercell=supercell,
            pseudocubic_ang=pseudocubic,
        )
    if out is not None:
        write_structure(structure, out)
    facts = _facts(crystal, structure)
    click.echo(json.dumps(facts, indent=1) if as_json else _page(facts))


def refuse_without_substitute(*names: str) -> None:
    """Raise `click.UsageError` for options of a substitution that were given to a command without one."""
    context = click.get_current_context()
    given = [f"--{name}" for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        verb = "belongs" if len(given) == 1 else "belong"
        raise click.UsageError(f"{' and '.join(given)} {verb} to --substitute, which is not given", context)


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
