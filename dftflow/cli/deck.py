"""``dftflow deck``: the input files of one calculation, without a study."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Codes, Crystals
from dftflow.cli.place import OutFolder
from dftflow.model.bounds import BANDS, CUTOFF_EV, GRID_NUMBER, GRID_SPACING, PATH_SPACING, SMEARING_EV
from dftflow.model.dispersion import Dispersion

if TYPE_CHECKING:
    from dftflow.api.deck import CalculationDeck, WrittenFiles

__all__ = ["command"]

MOMENT_HELP = "Starting moment in Bohr magnetons: Ni=2, or Ni=2,-2 for each atom. Can be given again."
AXES: dict[str, Any] = {"a": 0, "b": 1, "c": 2, "none": None, "auto": "auto"}


@click.command()
@click.argument("structure", type=Crystals())
@click.option("--code", type=Codes(), required=True, help="castep, espresso, gpaw, vasp, or one that a package brings.")
@click.option("--task", type=click.Choice(["relax", "bands", "potential"]), required=True, help="What is calculated.")
@click.option("--cutoff", type=Within(CUTOFF_EV), help="Of the wave functions, eV.  [default: what the potentials ask]")
@click.option("--grid", type=Within(GRID_NUMBER, int), nargs=3, help="k-points along each reciprocal lattice vector.")
@click.option("--spacing", type=Within(GRID_SPACING), help="Or their largest distance, 1/Å, 2π included.")
@click.option("--gamma/--no-gamma", default=None, help="Whether the grid holds Γ.  [default: in a hexagonal cell]")
@click.option("--xc", default="PBE", show_default=True, help="Functional.")
@click.option("--smearing", type=Within(SMEARING_EV), default=0.1, show_default=True, help="eV.")
@click.option("--moment", "moments", metavar="ELEMENT=MOMENT", multiple=True, help=MOMENT_HELP)
@click.option("--no-spin", is_flag=True, help="Without spin polarisation, whatever the elements.")
@click.option(
    "--hubbard", metavar="ELEMENT:SHELL=U", multiple=True, help="Effective U, eV: Ni:d=6. Can be given again."
)
@click.option("--dispersion", type=click.Choice(get_args(Dispersion)), default="none", show_default=True)
@click.option("--soc", is_flag=True, help="Self-consistent spin-orbit coupling.")
@click.option("--empty-bands", type=Within(BANDS, int), help="Above the highest occupied one.")
@click.option("--path-spacing", type=Within(PATH_SPACING), default=0.05, show_default=True, help="Of the path, 1/Å.")
@click.option(
    "--cell",
    type=click.Choice(["fixed", "isotropic", "lengths", "all"]),
    help="What a relaxation may change.  [default: all; of a slab fixed]",
)
@click.option(
    "--slab",
    type=click.Choice(list(AXES)),
    default="auto",
    show_default=True,
    help="The lattice vector along a slab's normal; none: a crystal.",
)
@click.option("--seed", help="Stem of the files.  [default: formula and task]")
@click.option(
    "--option",
    "options",
    metavar="KEY=VALUE",
    multiple=True,
    help="Of the code, as in [codes.NAME] of a study: keywords=materials-studio. Can be given again.",
)
@click.option("--out", type=OutFolder(), help="Folder to write to.  [default: the seed]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    structure: str,
    code: str,
    task: Any,
    cutoff: float | None,
    grid: Any,
    spacing: float | None,
    gamma: bool | None,
    xc: str,
    smearing: float,
    moments: tuple[str, ...],
    no_spin: bool,
    hubbard: tuple[str, ...],
    dispersion: Any,
    soc: bool,
    empty_bands: int | None,
    path_spacing: float,
    cell: Any,
    slab: str,
    seed: str | None,
    options: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Write the deck of one calculation of STRUCTURE: a shipped name, a file, or the id of a database's entry.

    What is not named is chosen, and said with the reason. Files that were changed by hand are kept.
    """
    from dftflow.api.deck import deck

    made = deck(
        structure,
        code=code,
        task=task,
        cutoff_ev=cutoff,
        grid=grid,
        kpoint_spacing_per_ang=spacing,
        gamma=gamma,
        xc=xc,
        smearing_ev=smearing,
        moments=_moments(moments, no_spin),
        hubbard_u_ev=_hubbard(hubbard),
        dispersion=dispersion,
        spin_orbit=soc,
        empty_bands=empty_bands,
        cell=cell,
        path_spacing_per_ang=path_spacing,
        slab_axis=AXES[slab],
        seed=seed,
        options=dict(_option(text) for text in options),
    )
    written = made.write(out or made.deck.seed)
    click.echo(json.dumps(_document(made, written), indent=1, ensure_ascii=False) if as_json else _page(made, written))


def _moments(given: Sequence[str], no_spin: bool) -> dict[str, float | list[float]] | None:
    """None where nothing is said."""
    from dftflow.errors import InputError

    if no_spin and given:
        raise InputError("--no-spin and --moment contradict each other", fix="leave one out")
    found: dict[str, float | list[float]] = {}
    for text in given:
        element, _, words = text.partition("=")
        values = [_number("--moment", text, word) for word in words.split(",")]
        found[element] = values[0] if len(values) == 1 else values
    return found if given or no_spin else None


def _hubbard(given: Sequence[str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for text in given:
        name, _, word = text.partition("=")
        element, _, shell = name.partition(":")
        found.setdefault(element, {})[shell] = _number("--hubbard", text, word)
    return found


def _number(option: str, text: str, word: str) -> float:
    from dftflow.errors import InputError

    try:
        return float(word)
    except ValueError:
        example = "Ni=2 or Ni=2,-2" if option == "--moment" else "Ni:d=6"
        raise InputError(f"{option} {text!r} holds no number", fix=f"write {option} {example}") from None


def _option(text: str) -> tuple[str, object]:
    """A key and its value as TOML has it; what is no TOML is a text."""
    from dftflow.errors import InputError

    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InputError(f"--option {text!r} is no key with a value", fix="write --option KEY=VALUE")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return key, value


def _document(made: CalculationDeck, written: WrittenFiles) -> dict[str, Any]:
    return {
        "folder": str(written.folder),
        "seed": made.deck.seed,
        "files": list(written.files),
        "kept": list(written.kept),
        "chosen": [{"name": one.name, "value": one.value, "why": one.why} for one in made.chosen],
        "notes": list(made.deck.notes),
        "cautions": list(made.deck.cautions),
        "command": list(made.command),
    }


def _page(made: CalculationDeck, written: WrittenFiles) -> str:
    lines = [f"{written.folder}/  {', '.join(written.files)}"]
    if written.kept:
        lines.append(f"kept as they are, changed by hand: {', '.join(written.kept)}")
    lines += [f"chosen: {one}" for one in made.chosen]
    lines += [f"! {note}" for note in (*made.deck.notes, *made.deck.cautions)]
    return "\n".join(lines)
