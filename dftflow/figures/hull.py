"""The convex hull of a study's phases: energy over composition between two components, a triangle between three."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import mathtext, spread_apart
from dftflow.figures.look import COLUMN_IN, PAGE_IN, Look
from dftflow.model.hull import Hull, HullRow, Stability
from dftflow.model.records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NAME", "TITLE", "hull_drawing"]

NAME, TITLE = "hull", "Convex hull"
_MARKS: dict[Stability, tuple[str, str]] = {
    "stable": ("#0072B2", "#0072B2"),
    "end of the hull": ("0.25", "0.25"),
    "not resolved": ("white", "#0072B2"),
    "unstable": ("white", "#D55E00"),
}
"""Inside and edge of a point."""
_ON_HULL_EV = 1e-9
_NEAR = 0.02
"""Of the axis: points that are nearer share a place, and their labels stand below each other."""
_LINE = 0.075
"""Of the axis: room for a name."""
_HEIGHT = np.sqrt(3) / 2
_NAME_PT, _POINT_PT, _OFF_PT = 6.5, 6.0, 6.0
"""Size of a name, of a point, and how far the one is from the middle of the other."""


def hull_drawing(hull: Hull, look: Look) -> Drawing:
    """The hull with every phase, of two or three components."""

    def build() -> Figure:
        size = len(hull.components)
        width_in = PAGE_IN if size == 3 else COLUMN_IN * 1.35
        figure = Figure(figsize=look.size_in(width_in, 0.72 * width_in), layout="constrained")
        ax = figure.subplots()
        _draw_triangle(ax, hull, look) if size == 3 else _draw_line(ax, hull, look)
        return figure

    return Drawing(
        name=NAME,
        title=TITLE,
        caption=_caption(hull),
        build=build,
        data=lambda: _data(hull),
        shows=(hull.components, hull.rows, hull.facets, look),
    )


def _caption(hull: Hull) -> str:
    between = " and ".join(hull.formulas) if len(hull.formulas) == 2 else ", ".join(hull.formulas)
    what = "Energy of formation of each phase" if len(hull.components) == 2 else "Phases"
    return (
        f"{what} between {between}. Filled: stable; open blue: nearer to the hull of the other phases than the error "
        "of that; open orange: above it. Lines join what is stable together. Electrons at rest, without vibrations."
    )


# --- two components ---------------------------------------------------------------------------------------------


def _draw_line(ax: Axes, hull: Hull, look: Look) -> None:
    on_hull = sorted({_place(row) for row in hull.rows if row.phase.above_hull_ev_per_atom < _ON_HULL_EV})
    ax.plot(*np.array(on_hull).T, color="0.5", linewidth=0.9, zorder=1)
    ax.axhline(0, color="0.8", linewidth=0.5, zorder=0)
    for row in hull.rows:
        inside, edge = _MARKS[row.stability]
        x, y = _place(row)
        ax.errorbar(
            x, y, yerr=row.formation_error_ev_per_share or None, fmt="o", color=edge, markerfacecolor=inside,
            markersize=4.5, linewidth=0.8, zorder=3,
        )  # fmt: skip
    _name_line(ax, hull, look)
    ax.set_xlim(-0.06, 1.06)
    first, second = (mathtext(formula) for formula in hull.formulas)
    per, share = (
        ("atom", "Fraction of atoms from") if hull.of_elements else ("formula unit of the ends", "Mole fraction of")
    )
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], [first, "0.25", "0.5", "0.75", second])
    ax.set_xlabel(f"{share} {second}")
    ax.set_ylabel(f"Energy of formation\n(eV per {per})")
    ax.spines[["top", "right"]].set_visible(False)


def _place(row: HullRow) -> tuple[float, float]:
    return row.shares[1], row.formation_ev_per_share


def _name_line(ax: Axes, hull: Hull, look: Look) -> None:
    """Each name beside its point; those of one composition below each other."""
    reach = max(abs(row.formation_ev_per_share) + row.formation_error_ev_per_share for row in hull.rows)
    left = list(hull.rows)
    while left:
        alike = [row for row in left if abs(row.shares[1] - left[0].shares[1]) < _NEAR]
        left = [row for row in left if row not in alike]
        heights = spread_apart([row.formation_ev_per_share for row in alike], _LINE * reach)
        for row, height in zip(alike, heights, strict=True):
            right = row.shares[1] < 0.9
            ax.annotate(
                mathtext(look.label(row.name)), _place(row),
                xytext=(row.shares[1] + (0.025 if right else -0.025), height), fontsize=6.5,
                ha="left" if right else "right", va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.8},
            )  # fmt: skip


# --- three components -------------------------------------------------------------------------------------------


def _corner(shares: tuple[float, ...]) -> tuple[float, float]:
    """Of mole fractions in the triangle: the first component at the lower left, the second at the lower right."""
    return shares[1] + shares[2] / 2, shares[2] * _HEIGHT


def _draw_triangle(ax: Axes, hull: Hull, look: Look) -> None:
    places = {row.name: _corner(row.shares) for row in hull.rows}
    for facet in hull.facets:
        for first, second in combinations(facet, 2):
            ax.plot(*zip(places[first], places[second], strict=True), color="0.6", linewidth=0.7, zorder=1)
    ax.plot([0, 1, 0.5, 0], [0, 0, _HEIGHT, 0], color="0.25", linewidth=0.9, zorder=0)
    for row in hull.rows:
        inside, edge = _MARKS[row.stability]
        ax.plot(*places[row.name], "o", color=edge, markerfacecolor=inside, markersize=5, zorder=3)
    ax.set_aspect("equal")
    ax.set_xlim(-0.12, 1.12)
    ax.set_ylim(-0.1, _HEIGHT + 0.08)
    ax.axis("off")
    _name_triangle(ax, hull, look)


def _name_triangle(ax: Axes, hull: Hull, look: Look) -> None:
    """Each name beside its point, where it meets no other point and no other name."""
    per_pt = (1.24 / ax.get_window_extent().width) * ax.figure.dpi / 72
    taken = [_box(_corner(row.shares), (0, 0), (_POINT_PT, _POINT_PT), per_pt) for row in hull.rows]
    for row in hull.rows:
        above = row.phase.above_hull_ev_per_atom
        told = [look.label(row.name), *([f"+{1000 * above:.0f} meV/atom"] if above > _ON_HULL_EV else [])]
        size_pt = 0.6 * _NAME_PT * max(map(len, told)), 1.3 * _NAME_PT * len(told)
        place, tried = _corner(row.shares), _sides(row)
        boxes = [_box(place, side, size_pt, per_pt) for side in tried]
        chosen = min(range(len(boxes)), key=lambda number: sum(_meet(boxes[number], other) for other in taken))
        taken.append(boxes[chosen])
        across, up = tried[chosen]
        ax.annotate(
            "\n".join([mathtext(told[0]), *told[1:]]), place, xytext=(_OFF_PT * across, _OFF_PT * up),
            textcoords="offset points", fontsize=_NAME_PT, ha={-1: "right", 0: "center", 1: "left"}[across],
            va={-1: "top", 0: "center", 1: "bottom"}[up],
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8}, zorder=2,
        )  # fmt: skip


def _sides(row: HullRow) -> list[tuple[int, int]]:
    """Where its name may stand, the better first: outside the triangle where the phase lies on its border."""
    first, second, third = (share < _ON_HULL_EV for share in row.shares)
    if third:
        return [(0, -1), (1, -1), (-1, -1), (0, 1)]
    if second:
        return [(0, 1), (-1, 1), (1, 1)] if first else [(-1, 0), (-1, 1), (-1, -1), (1, 0)]
    inside = [(1, 0), (1, -1), (-1, 1), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)]
    return [(1, 0), (1, 1), (1, -1), (-1, 0)] if first else inside


_Box = tuple[float, float, float, float]


def _box(place: tuple[float, float], side: tuple[int, int], size_pt: tuple[float, float], per_pt: float) -> _Box:
    """Left, lower, right and upper end of a name on one side of a point."""
    ends = []
    for at, way, size in zip(place, side, size_pt, strict=True):
        near = at + (_OFF_PT * way - size * (1 - way) / 2) * per_pt
        ends.append((near, near + size * per_pt))
    (left, right), (low, high) = ends
    return left, low, right, high


def _meet(first: _Box, second: _Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _data(hull: Hull) -> Records:
    columns = (
        "phase", *(f"share_of_{name}" for name in hull.components), "formation_ev_per_atom",
        "formation_error_ev_per_atom", "above_hull_ev_per_atom", "distance_ev_per_atom", "error_ev_per_atom",
        "stability", "falls_into",
    )  # fmt: skip
    rows = [
        (
            row.name,
            *row.shares,
            row.phase.formation_ev_per_atom,
            row.formation_error.total_ev,
            row.phase.above_hull_ev_per_atom,
            row.phase.distance_ev_per_atom,
            None if row.error is None else row.error.total_ev,
            row.stability,
            " + ".join(f"{number:.4g} {name}" for name, number in row.phase.decomposition),
        )
        for row in hull.rows
    ]
    return Records(columns=columns, rows=tuple(rows))
