"""Where each phase of a hull is stable, in chemical potentials: a strip of two components, a map of three."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon

from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import mathtext
from dftflow.figures.look import COLUMN_IN, Look
from dftflow.model.hull import Hull, Window
from dftflow.model.records import Records
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NAME", "TITLE", "chemical_potentials_drawing"]

NAME, TITLE = "chemical-potentials", "Chemical potentials"
_TINT, _MARGIN, _STRIP_IN = 0.3, 0.25, 1.5
_POINT_EV = 1e-9


def chemical_potentials_drawing(hull: Hull, look: Look) -> Drawing:
    """The map, of two or three components."""

    def build() -> Figure:
        size = len(hull.components)
        width_in = COLUMN_IN * 1.35
        height_in = _STRIP_IN if size == 2 else 0.85 * width_in
        figure = Figure(figsize=look.size_in(width_in, height_in), layout="constrained")
        ax = figure.subplots()
        _draw_strip(ax, hull, look) if size == 2 else _draw_map(ax, hull, look)
        return figure

    return Drawing(
        name=NAME,
        title=TITLE,
        caption=_caption(hull),
        build=build,
        data=lambda: _data(hull),
        shows=(hull.components, hull.rows, tuple((k, v.tolist()) for k, v in hull.regions_ev.items()), look),
    )


def _caption(hull: Hull) -> str:
    if len(hull.components) == 2:
        return (
            f"Chemical potentials of {hull.formulas[0]} at which each phase is stable, relative to {hull.formulas[0]} "
            "itself. The phase at the left is stable down to any lower potential."
        )
    return (
        f"Chemical potentials at which each phase is stable, relative to {', '.join(hull.formulas)} themselves. That "
        f"of {hull.formulas[2]} follows from the phase: it is highest where the region of {hull.formulas[2]} is."
    )


# --- two components ---------------------------------------------------------------------------------------------


def _windows(hull: Hull) -> dict[str, Window]:
    """Of the first component, for phases that are stable over more than a point."""
    found = {row.name: row.window_ev[0] for row in hull.rows if row.window_ev}
    return {name: ends for name, ends in found.items() if ends[0] is None or (ends[1] or 0.0) - ends[0] > _POINT_EV}


def _draw_strip(ax: Axes, hull: Hull, look: Look) -> None:
    windows = _windows(hull)
    corners = [end for ends in windows.values() for end in ends if end is not None]
    lowest = min([corner for corner in corners if corner < -_POINT_EV], default=-1.0)
    left = lowest * (1 + _MARGIN)
    colors = look.colors_of([row.name for row in hull.rows])
    for name, (low, high) in windows.items():
        start, end = left if low is None else low, 0.0 if high is None else high
        ax.barh(0, end - start, left=start, height=1, color=colors[name], alpha=_TINT, edgecolor=colors[name])
        narrow = end - start < 0.16 * abs(left)
        ax.text((start + end) / 2, 0, mathtext(look.label(name)), ha="center", va="center", fontsize=6.5,
                rotation=90 if narrow else 0)  # fmt: skip
    for corner in sorted({round(corner, 6) for corner in corners if left < corner < -_POINT_EV}):
        text = f"{corner:.3f}".replace("-", "\N{MINUS SIGN}")
        ax.text(corner, 0.56, text, ha="center", va="bottom", fontsize=6.5)
    ax.set_xlim(left, 0)
    ax.set_ylim(-0.5, 0.5)
    ax.set_yticks([])
    ax.set_xlabel(f"Chemical potential of {mathtext(hull.formulas[0])}, relative to it (eV)")
    ax.spines[["top", "left", "right"]].set_visible(False)


# --- three components -------------------------------------------------------------------------------------------


def _draw_map(ax: Axes, hull: Hull, look: Look) -> None:
    colors = look.colors_of([row.name for row in hull.rows])
    everything = np.concatenate([*hull.regions_ev.values()])
    low, high = everything.min(axis=0), np.zeros(2)
    for name, corners in hull.regions_ev.items():
        ax.add_patch(Polygon(corners, closed=True, facecolor=colors[name], alpha=_TINT, edgecolor="none"))
        ax.add_patch(Polygon(corners, closed=True, fill=False, edgecolor=colors[name], linewidth=0.9))
    narrow = []
    for name, corners in hull.regions_ev.items():
        text = mathtext(look.label(name))
        if _is_roomy(corners, high - low):
            x, y = map(float, _centroid(corners))
            ax.text(x, y, text, ha="center", va="center", fontsize=6.5)
        else:
            narrow.append(Patch(facecolor=colors[name], edgecolor=colors[name], alpha=2 * _TINT, label=text))
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_xlabel(f"Chemical potential of {mathtext(hull.formulas[0])}, relative to it (eV)")
    ax.set_ylabel(f"Chemical potential of {mathtext(hull.formulas[1])}, relative to it (eV)")
    if narrow:
        ax.legend(handles=narrow, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.2)


def _is_roomy(corners: FloatArray, size: FloatArray) -> bool:
    """Whether the name of a region fits in."""
    share = _area(corners) / float(np.prod(size))
    return share > 0.03 and float((np.ptp(corners, axis=0) / size).min()) > 0.12 and share > 0.25 * float(
        np.prod(np.ptp(corners, axis=0) / size)
    )  # fmt: skip


def _area(corners: FloatArray) -> float:
    x, y = corners.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _centroid(corners: FloatArray) -> FloatArray:
    """Of the area, so that a name lies inside."""
    x, y = corners.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    if abs(cross.sum()) < _POINT_EV:
        return np.asarray(corners.mean(axis=0))
    pairs = corners + np.roll(corners, -1, axis=0)
    return np.asarray((pairs * cross[:, None]).sum(axis=0) / (3 * cross.sum()))


def _data(hull: Hull) -> Records:
    columns = ("phase", *(f"{end}_{name}_ev" for name in hull.components for end in ("lowest", "highest")))
    rows = [(row.name, *(end for window in row.window_ev for end in window)) for row in hull.rows if row.window_ev]
    return Records(columns=columns, rows=tuple(rows))
