"""``dftflow align``: band offsets and the diagram, from numbers, results and folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dftflow.cli.bounded import Within
from dftflow.cli.output import tell
from dftflow.cli.place import OutFile
from dftflow.cli.table import columns_or
from dftflow.model.bounds import TOLERANCE_EV

if TYPE_CHECKING:
    from dftflow.api.alignment import Fill
    from dftflow.model.alignment import ReferenceLevel

__all__ = ["command"]

NO_TERMINAL = 100


class _Level(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """``NAME=EV`` relative to vacuum, or ``NAME=V SHE``; the number stands behind the last equals sign."""

    name = "NAME=EV"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float, str]:
        """Name, number and scale."""
        name, _, rest = str(value).rpartition("=")
        number, _, scale = rest.strip().partition(" ")
        try:
            energy = float(number)
        except ValueError:
            self.fail(f"{value!r} is not NAME=EV, such as 'H+/H2=-4.44' or 'O2/H2O=1.23 SHE'.", param, ctx)
        if not name.strip() or scale.strip() not in ("", "SHE", "NHE") or not abs(energy) <= 100:
            self.fail(f"{value!r} is not NAME=EV, such as 'H+/H2=-4.44' or 'O2/H2O=1.23 SHE'.", param, ctx)
        return name.strip(), energy, scale.strip() or "vacuum"


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--out", multiple=True, type=OutFile(), help="Picture (svg, pdf, png), offsets (csv), levels (toml), all (json)."
)
@click.option("--tolerance", type=Within(TOLERANCE_EV), default=0.1, show_default=True, help="Least offset, eV.")
@click.option("--order", metavar="A,B,...", default="", help="Materials from left to right; the others follow.")
@click.option("--level", "levels", multiple=True, type=_Level(), help="Redox couple, electrode; NAME=1.23 SHE too.")
@click.option("--size", metavar="SIZE", help="column (3.3 in), page (6.7 in), or WxH in inches: 5x4.")
@click.option(
    "--fill", type=click.Choice(["flat", "gradient"]), default="flat", show_default=True, help="Of the bands."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    sources: tuple[str, ...],
    out: tuple[Path, ...],
    tolerance: float,
    order: str,
    levels: tuple[tuple[str, float, str], ...],
    size: str | None,
    fill: Fill,
    as_json: bool,
) -> None:
    """Align the bands of all materials in SOURCE...: print the offsets of each against each, and draw them (--out).

    \b
    A SOURCE is
      levels.toml, .yaml, .csv   name, IP and EA (or VBM and CBM, or one and the gap), ±, surface, reference
      results.json               of a study, or its folder
      NAME=FOLDER                a slab's results, of any code: the slab's own bands
      NAME=BULK+SLAB             the crystal's bands, lined up through the slab

    \b
      dftflow align levels.toml --out alignment.pdf
      dftflow align run/ FAPbBr3=bulk+slab ups.csv --out alignment.svg --level "H+/H2=0 SHE"

    Offsets quoted in a table ([[offsets]]) are compared with those of the levels. The exit code is 6 when a file or a
    part of results was refused.
    """
    from dftflow.api.alignment import align
    from dftflow.errors import ParseError

    _refuse_look_of_nothing(out, size, fill)
    asked = [name.strip() for name in order.split(",") if name.strip()]
    found = align(*sources, tolerance_ev=tolerance, order=asked, levels=[_reference(*level) for level in levels])
    written = [found.save(file, size=size, fill=fill) for file in out]
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(found.text(columns_or(NO_TERMINAL)))
    for line in found.notes:
        tell(f"note: {line}")
    for line in found.refused:
        tell(f"note: not used: {line}")
    for file in written:
        tell(f"written: {file}")
    if found.refused:
        raise click.exceptions.Exit(ParseError.exit_code)


def _refuse_look_of_nothing(out: tuple[Path, ...], size: str | None, fill: Fill) -> None:
    """A size or a filling that no picture would have."""
    from dftflow.errors import InputError
    from dftflow.figures.look import FORMATS

    if any(file.suffix.lower().removeprefix(".") in FORMATS for file in out):
        return
    for name, given in (("size", size is not None), ("fill", fill != "flat")):
        if given:
            raise InputError(f"--{name} is of a picture, and none is written", fix="add --out alignment.pdf")


def _reference(name: str, value: float, scale: str) -> ReferenceLevel:
    from dftflow.quoted.level_table import reference_level

    return reference_level(name, value, scale, "")
