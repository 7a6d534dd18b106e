"""Band structures: the bands of one calculation on axes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rcParams
from matplotlib.font_manager import FontProperties

from dftflow.figures.kpath import PathAxis
from dftflow.figures.labels import kpoint_name
from dftflow.model.levels import BandEdges

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SPIN_STYLES", "draw_bands", "gap_text"]

_ROWS = 3
"""Of the names of special points, where they lie too near for one."""
_LETTER, _GAP = 0.6, 0.2
"""Width of a letter and of what parts two names, in units of the size of the font."""
_UNSEEN = re.compile(r"[${}_]|\\mathrm")
_POINTS_PER_INCH = 72
SPIN_STYLES = ("-", (0, (3.5, 1.5)))
"""Line style of each spin channel."""


def gap_text(edges: BandEdges | None) -> str:
    """``"gap 1.66 eV, direct at Γ"``, or that there is none."""
    if edges is None:
        return "no gap"
    vbm, cbm = _point_name(edges.vbm_label, edges.vbm_k), _point_name(edges.cbm_label, edges.cbm_k)
    if edges.direct:
        where = f" at {vbm}" if vbm else ""
    elif vbm and cbm:
        where = f", {vbm} to {cbm}"
    else:
        where = f", VBM at {vbm}" if vbm else f", CBM at {cbm}" if cbm else ""
    return f"gap {edges.band_gap_ev:.2f} eV, {edges.kind}{where}"


def _point_name(label: str, k: tuple[float, float, float]) -> str:
    return kpoint_name(label) if label else "Γ" if not any(k) else ""


def draw_bands(
    ax: Axes,
    axis: PathAxis,
    edges: BandEdges | None,
    *,
    zero_ev: float,
    energy_window: tuple[float, float],
    color: str,
    shaded: bool = True,
    line_pt: float = 0.8,
) -> None:
    """Bands along their path, the gap shaded, the VBM (filled) and CBM (open) marked wherever the path meets them.

    Of a metal, which has no edges, the Fermi level is a line. Legs with few points are drawn as points, joined by faint
    lines to guide the eye.

    Parameters
    ----------
    zero_ev
        The energy, on the scale of the bands, that is drawn as 0.
    energy_window
        Lowest and highest energy shown, relative to `zero_ev`.
    shaded
        Whether the gap is; not so where several lie over each other.
    line_pt
        Width of the lines.
    """
    low, high = energy_window
    dots = {"marker": "o", "markersize": 2.2, "markeredgewidth": 0} if axis.is_sparse else {}
    width = 0.35 if axis.is_sparse else line_pt
    for spin, style in zip(axis.bands.eigenvalues_ev, SPIN_STYLES, strict=False):
        for part in axis.parts:
            values = spin[list(part.points)] - zero_ev
            seen = (np.nanmax(values, axis=0) >= low) & (np.nanmin(values, axis=0) <= high)
            ax.plot(part.distance, values[:, seen], linestyle=style, color=color, linewidth=width, **dots)  # type: ignore[arg-type]
    if edges is None:
        ax.axhline(axis.bands.fermi_ev - zero_ev, color="0.5", linewidth=0.6, linestyle=(0, (5, 3)), zorder=1)
    else:
        _draw_edges(ax, axis, edges, zero_ev, color)
        if shaded:
            ax.axhspan(
                edges.vbm.value_ev - zero_ev, edges.cbm.value_ev - zero_ev, facecolor="0.93", edgecolor="none", zorder=0
            )
    _draw_path(ax, axis)
    ax.set_ylim(low, high)


def _draw_edges(ax: Axes, axis: PathAxis, edges: BandEdges, zero_ev: float, color: str) -> None:
    vbm, cbm = edges.vbm.value_ev - zero_ev, edges.cbm.value_ev - zero_ev
    for level, k, face, name in ((vbm, edges.vbm_k, color, "VBM"), (cbm, edges.cbm_k, "white", "CBM")):
        places = axis.places(k)
        ax.plot(
            places, [level] * len(places), "o", markersize=3.6, markerfacecolor=face, markeredgecolor="black",
            markeredgewidth=0.6, label=name, clip_on=False, zorder=5,
        )  # fmt: skip


def _draw_path(ax: Axes, axis: PathAxis) -> None:
    ticks = axis.ticks
    for x, _ in ticks[1:-1]:
        ax.axvline(x, color="0.6", linewidth=0.4, zorder=1)
    ax.set_xticks([x for x, _ in ticks], _in_rows(ax, axis))
    for label, (_, name) in zip(ax.get_xticklabels(), ticks, strict=True):
        if _is_unnamed(name):
            label.set(rotation=90, fontsize=6, linespacing=1.0)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(0.0, axis.length or 1.0)


def _is_unnamed(name: str) -> bool:
    """Whether it is the coordinates of a point that has no name."""
    return " " in name


def _in_rows(ax: Axes, axis: PathAxis) -> list[str]:
    """Names of the corners; one that would run into those before it begins lower down."""
    size_pt = FontProperties(size=rcParams["xtick.labelsize"]).get_size_in_points()
    scale = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    width_pt = scale.width * _POINTS_PER_INCH
    ends_pt = [-np.inf] * _ROWS
    names = []
    for x, name in axis.ticks:
        if _is_unnamed(name):
            names.append(name)
            continue
        half_pt = size_pt * (_LETTER * len(_UNSEEN.sub("", name)) + _GAP) / 2
        place_pt = x / (axis.length or 1.0) * width_pt
        row = next((row for row, end_pt in enumerate(ends_pt) if place_pt - half_pt >= end_pt), _ROWS - 1)
        ends_pt[row] = place_pt + half_pt
        names.append("\n" * row + name)
    return names
