"""``dftflow diffraction``: powder patterns of crystals, and what lines measured peaks and planes may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Crystals
from dftflow.cli.output import tell
from dftflow.cli.place import OutFile, Place
from dftflow.cli.table import text_table
from dftflow.model.bounds import (
    CRYSTALLITE_NM,
    INSTRUMENT_DEG,
    LEAST_INTENSITY,
    TOLERANCE_DEG,
    TWO_THETA_DEG,
    WAVELENGTH_NM,
    WEIGHT,
)

if TYPE_CHECKING:
    from dftflow.model.diffraction import Diffraction, MarkerRow, Reading

__all__ = ["command"]

ANGLE = Within(TWO_THETA_DEG)
MOST_LINES = 4
"""That are named of a measured peak, the strongest first."""


class _Weight(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """``NAME=SHARE``."""

    name = "NAME=SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Name and share; fails for a text without both."""
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).rpartition("=")
        if not name:
            self.fail(f"{value!r} is not NAME=SHARE, such as CsPbBr3_Pnma=0.7.", param, ctx)
        return name, float(Within(WEIGHT).convert(text, param, ctx))


@click.command()
@click.argument("crystals", type=Crystals(), nargs=-1, required=True, metavar="CRYSTAL...")
@click.option(
    "--wavelength-nm", type=Within(WAVELENGTH_NM), default=0.15405, show_default="0.15405, Cu Kα1", help="Radiation."
)
@click.option("--range", "range_deg", type=ANGLE, nargs=2, default=(10.0, 50.0), metavar="LOW HIGH", show_default=True,
              help="2θ in degrees.")  # fmt: skip
@click.option("--size-nm", type=Within(CRYSTALLITE_NM), default=20.0, show_default=True, help="Of the crystallites.")
@click.option("--instrument-deg", type=Within(INSTRUMENT_DEG), default=0.0, show_default=True, help="Width (FWHM) of a "
              "sharp line.")  # fmt: skip
@click.option("--weight", "weights", type=_Weight(), multiple=True, help="Share of the mass: draws the mixture, too.")
@click.option("--marker", "markers", type=ANGLE, multiple=True, help="Which crystals have a line at this angle?")
@click.option("--marker-tolerance-deg", type=Within(TOLERANCE_DEG), default=0.3, show_default=True, help="Of a marker.")
@click.option("--spacing", "spacings", multiple=True, metavar="NM", help="Distance of planes: 0.581, or 0.581+-0.002.")
@click.option("--measured", type=Place(), help="A measured pattern: a text file of two columns.")
@click.option("--peak-tolerance-deg", type=Within(TOLERANCE_DEG), default=0.2, show_default=True, help="Of a peak.")
@click.option("--least", type=Within(LEAST_INTENSITY), default=1.0, show_default=True, help="Relative intensity, in "
              "percent, that counts as a line of a marker or a peak.")  # fmt: skip
@click.option("--size", metavar="SIZE", help="Of the figure: column (3.3 in), page (6.7 in), or WxH in inches: 5x4.")
@click.option("--out", type=OutFile(), help="Write the figure (svg, pdf, png) or its numbers (csv).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    crystals: tuple[str, ...],
    weights: tuple[tuple[str, float], ...],
    least: float,
    size: str | None,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the powder lines of each CRYSTAL: a shipped name, a file, or a database's id.

    \b
      dftflow diffraction CsPbBr3_Pnma Cs4PbBr6_R-3c --marker 15
      dftflow diffraction CsPbBr3_Pnma CsPbBr3_mono --spacing 0.581
      dftflow diffraction CsPbBr3_Pnma --measured xrd.xy --out xrd.pdf

    Planes are named in the crystal's own cell; of hexagonal axes by four indices.
    """
    from dftflow.api.diffraction import diffraction

    names = [name for name, _ in weights]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise click.BadParameter(f"{twice} has two shares.", param_hint="--weight")
    diffracted = diffraction(*crystals, weights=dict(weights), least_intensity=least, **options)
    written = None if out is None else diffracted.save(out, size=size)
    if as_json:
        click.echo(json.dumps(diffracted.to_dict(), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        click.echo("\n\n".join(_pages(diffracted.found)))
    if written is not None:
        tell(f"written: {written}")


def _pages(found: Diffraction) -> Iterator[str]:
    """The tables: lines of each crystal, then markers, readings and measured peaks."""
    for one in found.crystals:
        lines = one.between(*found.request.range_deg)
        rows = [
            (line.name, f" {line.two_theta_deg:.2f}", f" {line.d_ang:.4f}", f" {line.intensity:.1f}")
            for line in lines
            if line.intensity >= found.request.least_intensity
        ]
        weaker = len(lines) - len(rows)
        head = f"{one.crystal}, planes of {one.setting}, cell {one.cell}"
        more = f"\nand {weaker} weaker than {found.request.least_intensity:g} %" if weaker else ""
        yield f"{head}\n{text_table(('planes', '2θ (deg)', 'd (Å)', 'intensity'), rows)}{more}"
    if found.markers:
        yield _markers(found)
    for reading in found.request.readings:
        yield _spacings(found, reading)
    if found.measured is not None:
        yield _peaks(found)


def _spacings(found: Diffraction, reading: Reading) -> str:
    rows = [
        (
            row.crystal,
            row.line.name,
            f" {row.line.d_ang:.4f}",
            f" {row.off_ang:+.4f}",
            f" {row.off_percent:+.2f}",
            f" {row.in_errors:.1f}",
            "yes" if row.agrees else "no",
        )
        for row in found.spacings
        if row.reading == reading
    ]
    header = ("crystal", "planes", "d (Å)", "off (Å)", "off (%)", "errors off", "within errors")
    table = [text_table(header, rows)] if rows else []
    return "\n".join([f"planes {reading} apart", *table, found.verdict(reading)])


def _markers(found: Diffraction) -> str:
    request = found.request
    rows = [(f" {row.marker_deg:g}", row.crystal, *_marker(row)) for row in found.markers]
    table = text_table(("marker", "crystal", "line there", "below", "above"), rows)
    return (
        f"{table}\nwithin {request.marker_tolerance_deg:g} degrees, of at least {request.least_intensity:g} % intensity"
    )


def _marker(row: MarkerRow) -> tuple[str, str, str]:
    there, below, above = (
        "none" if line is None else f"{line.name} {line.two_theta_deg:.2f} ({line.intensity:.0f} %)"
        for line in (row.line, row.below, row.above)
    )
    return there, below, above


def _few(lines: list[str]) -> str:
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "; ".join([*lines[:MOST_LINES], *more])


def _peaks(found: Diffraction) -> str:
    rows = []
    for row in found.peaks:
        lines = [f"{name} {line.name} {line.two_theta_deg:.2f} ({line.intensity:.0f} %)" for name, line in row.lines]
        rows.append((f" {row.peak.two_theta_deg:.2f}", f" {row.peak.height:.1f}", _few(lines) or "unassigned"))
    if not rows:
        return "the measured pattern has no peaks in this range"
    table = text_table(("measured (deg)", "height", "lines"), rows)
    return f"{table}\nwithin {found.request.peak_tolerance_deg:g} degrees"
