"""Sources of light beside the gaps that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import spread_apart, wrapped
from dftflow.figures.look import PAGE_IN, Look
from dftflow.model.absorption import Absorption, KnownGap
from dftflow.model.records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["photons_drawing"]

_HEIGHT_IN, _TOP_EV, _TINT, _HALF, _FONT_PT = 3.4, 0.6, 0.25, 0.36, 6.5
_LETTERS_AN_INCH = 16.0
"""Of the figure, less what stands beside the axes."""
_LINE_IN, _BESIDE = 0.125, 0.015
_CALCULATED = "calculated"
_ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def photons_drawing(rows: Sequence[Absorption], look: Look) -> Drawing:
    """Each gap as the strip of energies above it, and the photons of each source, alone and two together, as lines."""
    gaps = list(dict.fromkeys(row.gap for row in rows))
    photons = sorted({row.wavelength_nm: row.photon_ev for row in rows}.items(), key=lambda item: item[1])

    def build() -> Figure:
        figure = Figure(figsize=look.size_in(PAGE_IN, _HEIGHT_IN), layout="constrained")
        _draw(figure, gaps, photons, look)
        return figure

    return Drawing(
        name="photons",
        title="Light and gaps",
        caption=(
            "Gaps of each material, calculated (open) and measured (filled), with how far they may be off; above a gap "
            "light is taken up. Lines: energy of one photon (full) and of two together (dashed) of each source."
        ),
        build=build,
        data=lambda: _data(rows),
        shows=(tuple(rows), look),
    )


def _draw(figure: Figure, gaps: Sequence[KnownGap], photons: Sequence[tuple[float, float]], look: Look) -> None:
    ax = figure.subplots()
    colors = look.colors_of(list(dict.fromkeys(gap.of for gap in gaps)))
    top = max([gap.gap_ev + gap.reach_ev for gap in gaps] + [energy for _, energy in photons]) + _TOP_EV
    for place, gap in enumerate(gaps):
        _draw_gap(ax, place, gap, top, colors[gap.of])
    ax.set_xlim(-0.5, len(gaps) - 0.5)
    ax.set_ylim(0, top)
    _draw_photons(ax, photons, room_ev=top * _LINE_IN / figure.get_figheight())
    letters = int(figure.get_figwidth() * _LETTERS_AN_INCH / len(gaps))
    names = [f"{wrapped(look.label(gap.of), letters)}\n{wrapped(gap.said, letters, shown=str)}" for gap in gaps]
    ax.set_xticks(range(len(gaps)), names, fontsize=_FONT_PT)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("Energy (eV)")
    ax.spines[["top", "right"]].set_visible(False)


def _draw_gap(ax: Axes, place: int, gap: KnownGap, top: float, color: str) -> None:
    """The energies above a gap, open where it is calculated, with how far it may be off and its number below that."""
    calculated = gap.said == _CALCULATED
    ax.bar(
        place, top - gap.gap_ev, 2 * _HALF, bottom=gap.gap_ev, color="none" if calculated else color,
        alpha=1 if calculated else _TINT, edgecolor=color, linewidth=0.8,
    )  # fmt: skip
    ax.errorbar(place, gap.gap_ev, yerr=gap.reach_ev, color="0.25", linewidth=0.8, capsize=2)
    low = gap.gap_ev - gap.reach_ev - 0.06
    ax.text(place, low, f"{gap.gap_ev:.2f}", ha="center", va="top", fontsize=_FONT_PT, bbox=_ON_WHITE)


def _draw_photons(ax: Axes, photons: Sequence[tuple[float, float]], *, room_ev: float) -> None:
    """One photon of each source as a full line, two as a broken one; their names beside the axes, none over another."""
    top, end = ax.get_ylim()[1], ax.get_xlim()[1]
    one = [(energy, f"{wavelength:g} nm, {energy:.2f} eV", "solid", "0.0") for wavelength, energy in photons]
    two = [(2 * energy, f"2 × {wavelength:g} nm", (0, (4, 3)), "0.35") for wavelength, energy in photons]
    lines = [*one, *(line for line in two if line[0] < top)]
    places = spread_apart([energy for energy, *_ in lines], room_ev, (0, top))
    beside = end + _BESIDE * (end + 0.5)
    for (energy, name, style, color), place in zip(lines, places, strict=True):
        ax.axhline(energy, color="0.35", linewidth=0.6, linestyle=style, zorder=0)
        ax.plot([end, beside], [energy, place], color="0.6", linewidth=0.4, clip_on=False)
        ax.text(beside, place, f" {name}", va="center", fontsize=_FONT_PT, color=color, clip_on=False)


def _data(rows: Sequence[Absorption]) -> Records:
    columns = ("material", "gap", "gap_ev", "reach_ev", "wavelength_nm", "photon_ev", "uptake", "source")
    return Records(
        columns=columns,
        rows=tuple(
            (
                *(row.gap.of, row.gap.said, row.gap.gap_ev, row.gap.reach_ev),
                *(row.wavelength_nm, row.photon_ev, row.uptake, row.gap.source),
            )
            for row in rows
        ),
    )
