"""Gap and lattice of a mixture over its composition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import mathtext
from dftflow.figures.look import COLUMN_IN, Look
from dftflow.model.alloy import Alloy, Bowing
from dftflow.model.records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["alloy_drawing"]

_HEIGHT_IN, _COLOR, _LINE = 4.0, "#0072B2", "0.55"
_MANY = 60
"""Of points along a curve."""


def alloy_drawing(alloy: Alloy, look: Look) -> Drawing:
    """Gap above, edge of a cube of a formula unit below, each with the line between its ends, the gap with its fit."""
    name, title = f"alloy-{re.sub(r'[^A-Za-z0-9]+', '-', alloy.name).strip('-')}", f"Mixing in {alloy.name}"
    if alloy.missing is not None:
        return Drawing(name=name, title=title, caption="", build=None, missing=alloy.missing.reason, of=alloy.name)

    def build() -> Figure:
        figure = Figure(figsize=look.size_in(COLUMN_IN, _HEIGHT_IN), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        _draw(figure, upper, lower, alloy, look)
        return figure

    return Drawing(
        name=name,
        title=title,
        caption=_caption(alloy),
        build=build,
        data=lambda: _data(alloy),
        shows=(alloy, look),
        of=alloy.name,
    )


def _caption(alloy: Alloy) -> str:
    if alloy.gap is None:
        return ""
    return (
        f"Band gap and edge of a cube of one formula unit of {alloy.name} over the fraction of the sites that are "
        "taken. Small: each ordering or orientation; large: their mean, with its standard deviation. Dashed: the line "
        f"between the ends (Vegard); full: with a bowing of {alloy.gap.bowing:.3f} eV, least squares."
    )


def _draw(figure: Figure, upper: Axes, lower: Axes, alloy: Alloy, look: Look) -> None:
    assert alloy.gap is not None and alloy.length is not None, "without a fit there is no figure"
    along = np.linspace(0, 1, _MANY)
    upper.plot(along, [alloy.gap.curve(x) for x in along], color=_COLOR, label=_bowing_text(alloy.gap))
    for ax, fit, values, means, spreads in (
        (upper, alloy.gap, "gaps_ev", "gap_ev", "gap_spread_ev"),
        (lower, alloy.length, "lengths_ang", "length_ang", "length_spread_ang"),
    ):
        ends = "line between the ends" if ax is upper else None
        ax.plot([0, 1], [fit.first, fit.last], color=_LINE, linestyle=(0, (4, 3)), linewidth=0.8, label=ends, zorder=0)
        for at in alloy.points:
            single = getattr(at, values)
            if len(single) > 1:
                ax.plot([at.fraction] * len(single), single, ".", color=_COLOR, alpha=0.4, markersize=3.5, mew=0)
            ax.errorbar(
                at.fraction, getattr(at, means), yerr=getattr(at, spreads), fmt="o", color=_COLOR, markersize=4.5,
                linewidth=0.8,
            )  # fmt: skip
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.05)
    upper.set_ylabel("Band gap (eV)")
    lower.set_ylabel("Edge of a cube of\na formula unit (Å)")
    lower.set_xlabel(f"Fraction in {mathtext(look.label(alloy.name))}")
    figure.legend(loc="outside upper center", ncols=2)


def _bowing_text(gap: Bowing) -> str:
    return f"bowing {gap.bowing:.3f} eV".replace("-", "\N{MINUS SIGN}")


def _data(alloy: Alloy) -> Records:
    assert alloy.gap is not None and alloy.length is not None, "without a fit there is no figure"
    columns = (
        "fraction", "pictures", "gap_ev", "gap_spread_ev", "line_ev", "fit_ev", "length_ang", "length_spread_ang",
        "vegard_ang", "volume_per_formula_unit_ang3",
    )  # fmt: skip
    rows = [
        (
            at.fraction, len(at.gaps_ev), at.gap_ev, at.gap_spread_ev, alloy.gap.line(at.fraction),
            alloy.gap.curve(at.fraction), at.length_ang, at.length_spread_ang, alloy.length.line(at.fraction),
            at.length_ang**3,
        )
        for at in alloy.points
    ]  # fmt: skip
    return Records(columns=columns, rows=tuple(rows))
