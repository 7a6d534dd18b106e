"""Sources of light beside the gaps that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import mathtext
from dftflow.figures.look import PAGE_IN, Look
from dftflow.model.absorption import Absorption, KnownGap
from dftflow.model.records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["photons_drawing"]

_HEIGHT_IN, _TOP_EV, _TINT, _HALF = 3.4, 0.6, 0.25, 0.36
_CALCULATED = "calculated"
_ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def photons_drawing(rows: Sequence[Absorption], look: Look) -> Drawing:
    """Each gap as the strip of energies above it, and the photons of each source, alone and two together, as lines."""
    gaps = list(dict.fromkeys(row.gap for row in rows))
    photons = sorted({row.wavelength_nm: row.photon_ev for row in rows}.items(), key=lambda item: item[1])

    def build() -> Figure:
        figure = Figure(figsize=look.size_in(PAGE_IN, _HEIGHT_IN), layout="constrained")
        _draw(figure.subplots(), gaps, photons, look)
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


def _draw(ax: Axes, gaps: Sequence[KnownGap], photons: Sequence[tuple[float, float]], look: Look) -> None:
    colors = look.colors_of(list(dict.fromkeys(gap.of for gap in gaps)))
    top = max([gap.gap_ev + gap.reach_ev for gap in gaps] + [energy for _, energy in photons]) + _TOP_EV
    for place, gap in enumerate(gaps):
        calculated, color = gap.said == _CALCULATED, colors[gap.of]
        ax.bar(
            place, top - gap.gap_ev, 2 * _HALF, bottom=gap.gap_ev, color="none" if calculated else color,
            alpha=1 if calculated else _TINT, edgecolor=color, linewidth=0.8,
        )  # fmt: skip
        ax.errorbar(place, gap.gap_ev, yerr=gap.reach_ev, color="0.25", linewidth=0.8, capsize=2)
        ax.text(
            place,
            gap.gap_ev - gap.reach_ev - 0.06,
            f"{gap.gap_ev:.2f}",
            ha="center",
            va="top",
            fontsize=6.5,
            bbox=_ON_WHITE,
        )
    end = len(gaps) - 0.5
    for wavelength, energy in photons:
        ax.axhline(energy, color="0.35", linewidth=0.7, zorder=0)
        ax.text(end + 0.06, energy, f"{wavelength:g} nm, {energy:.2f} eV", va="center", fontsize=6.5, clip_on=False)
        if 2 * energy < top:
            ax.axhline(2 * energy, color="0.35", linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
            ax.text(
                end + 0.06, 2 * energy, f"2 × {wavelength:g} nm", va="center", fontsize=6.5, color="0.35", clip_on=False
            )
    names = [f"{mathtext(look.label(gap.of))}\n{gap.said}" for gap in gaps]
    ax.set_xticks(range(len(gaps)), names, fontsize=6.5)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, end)
    ax.set_ylim(0, top)
    ax.set_ylabel("Energy (eV)")
    ax.spines[["top", "right"]].set_visible(False)


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
