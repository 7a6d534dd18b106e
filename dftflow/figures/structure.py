"""Crystals and slabs, projected on a plane; figures of any number of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from ase.data.colors import jmol_colors
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon

from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import wrapped
from dftflow.figures.look import COLUMN_IN, PAGE_IN, Look
from dftflow.model.periodic_cell import largest_empty_part
from dftflow.model.records import Records
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pymatgen.core import Structure

__all__ = ["ShownStructure", "draw_elements", "draw_slab_side", "draw_structure", "structures_drawing"]

_BORDER = 1e-3
_MARGIN_ANG = 1.25
"""Around the middles of atoms: the largest one that is drawn has a radius of 1.17 Å."""


def _radius_ang(symbol: str) -> float:
    return 0.45 * float(covalent_radii[atomic_numbers[symbol]])


def _draw_atoms(ax: Axes, symbols: list[str], points: FloatArray, height: FloatArray) -> None:
    for i in np.argsort(height):
        face = jmol_colors[atomic_numbers[symbols[i]]]
        circle = Circle(
            (float(points[i, 0]), float(points[i, 1])), _radius_ang(symbols[i]), facecolor=tuple(face), edgecolor="0.2",
            linewidth=0.35, zorder=2,
        )  # fmt: skip
        ax.add_patch(circle)


def _symbols(structure: Structure) -> list[str]:
    return [site.species.elements[0].symbol for site in structure]


def _with_border_images(structure: Structure) -> tuple[list[str], FloatArray]:
    """Symbols and fractional coordinates, with the images of the atoms that lie on the cell's border."""
    symbols, points = [], []
    for symbol, frac in zip(_symbols(structure), structure.frac_coords % 1.0, strict=True):
        images = [[0.0, 1.0] if min(f, 1 - f) < _BORDER else [0.0] for f in frac]
        start = np.where(1 - frac < _BORDER, frac - 1, frac)
        for shift in np.array(np.meshgrid(*images)).reshape(3, -1).T:
            symbols.append(symbol)
            points.append(start + shift)
    return symbols, np.array(points)


def _projection(matrix: FloatArray, axis: int) -> FloatArray:
    """Orthonormal rows (right, up, towards the eye) for a look along lattice vector `axis`."""
    towards = matrix[axis] / np.linalg.norm(matrix[axis])
    right = matrix[(axis + 1) % 3]
    right = right - (right @ towards) * towards
    right = right / np.linalg.norm(right)
    return np.array([right, np.cross(towards, right), towards])


def draw_structure(ax: Axes, structure: Structure, *, axis: int = 2) -> None:
    """The unit cell seen along lattice vector `axis`, atoms at 0.45 covalent radii."""
    matrix = structure.lattice.matrix
    view = _projection(matrix, axis)
    symbols, frac = _with_border_images(structure)
    seen = frac @ matrix @ view.T
    a, b = (matrix[i] @ view.T for i in range(3) if i != axis)
    corners = np.array([np.zeros(3), a, a + b, b])[:, :2]
    ax.add_patch(Polygon(corners, closed=True, fill=False, edgecolor="0.4", linewidth=0.7, zorder=1))
    _draw_atoms(ax, symbols, seen[:, :2], seen[:, 2])
    ax.set_xlim(corners[:, 0].min() - _MARGIN_ANG, corners[:, 0].max() + _MARGIN_ANG)
    ax.set_ylim(corners[:, 1].min() - _MARGIN_ANG, corners[:, 1].max() + _MARGIN_ANG)
    ax.set_aspect("equal")
    ax.axis("off")


def draw_slab_side(ax: Axes, structure: Structure) -> None:
    """The slab from the side: its normal along x, its middle at x = 0, the shorter lattice vector of its plane upwards.

    It is drawn whole even where it crosses the cell's border.
    """
    height = float(structure.lattice.c)
    start = largest_empty_part(structure.frac_coords[:, 2]).end
    along = ((structure.frac_coords[:, 2] - start + 1e-9) % 1.0) * height
    along = along - along.max() / 2
    up = int(np.argmin(structure.lattice.abc[:2]))
    width = structure.lattice.abc[up]
    across = structure.frac_coords % (1 - 1e-6) * structure.lattice.abc
    _draw_atoms(ax, _symbols(structure), np.column_stack([along, across[:, up]]), across[:, 1 - up])
    ax.set_xlim(-along.max() - _MARGIN_ANG, along.max() + _MARGIN_ANG)
    ax.set_ylim(-_MARGIN_ANG, width + _MARGIN_ANG)
    ax.set_aspect("equal")
    ax.axis("off")


def draw_elements(ax: Axes, symbols: list[str]) -> None:
    """Legend of the elements' colours, in one row, into axes of its own."""
    handles = [
        ax.plot([], [], "o", markersize=5, markeredgecolor="0.2", markeredgewidth=0.4,
                markerfacecolor=tuple(jmol_colors[atomic_numbers[s]]), label=s)[0]
        for s in symbols
    ]  # fmt: skip
    ax.legend(handles=handles, loc="center", ncols=len(symbols), handletextpad=0.1, columnspacing=1.2)
    ax.axis("off")


# --- figures ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ShownStructure:
    """A crystal or a slab on a figure.

    Attributes
    ----------
    note
        What stands behind its name: the space group, the plane.
    is_slab
        Seen from the side; its third lattice vector is the one along its normal.
    """

    name: str
    structure: Structure
    note: str = ""
    is_slab: bool = False


def structures_drawing(
    shown: Sequence[ShownStructure], look: Look, *, name: str = "structures", title: str = "Crystal structures"
) -> Drawing:
    """Unit cells beside each other on one scale, with a legend of their elements."""
    slabs = any(one.is_slab for one in shown)
    cells = not all(one.is_slab for one in shown)
    words = [
        "Unit cells, each seen along its lattice vector c" if cells else "",
        "slabs from the side, their normal along the page" if slabs else "",
    ]
    caption = ", ".join(filter(None, words))
    return Drawing(
        name=name,
        title=title,
        caption=f"{caption[:1].upper()}{caption[1:]}{', all on one scale' if len(shown) > 1 else ''}.",
        build=(lambda: _build(shown, look)) if shown else None,
        data=(lambda: _data(shown)) if shown else None,
        shows=(tuple(shown), look),
        missing="" if shown else "there is no structure",
    )


def _build(shown: Sequence[ShownStructure], look: Look) -> Figure:
    n_columns = min(len(shown), 3)
    n_rows = math.ceil(len(shown) / n_columns)
    width, height = look.size_in(COLUMN_IN if len(shown) == 1 else PAGE_IN, 2.5 * n_rows + 0.3)
    figure = Figure(figsize=(width, height), layout="constrained")
    views, legend = figure.subfigures(2, 1, height_ratios=[height - 0.3, 0.3], squeeze=False).ravel()
    axes = views.subplots(n_rows, n_columns, squeeze=False).ravel()
    letters = max(12, int(width / n_columns * 72 / (0.62 * 8)) - 4)
    for ax, one in zip(axes, shown, strict=False):
        draw = draw_slab_side if one.is_slab else draw_structure
        draw(ax, one.structure)
        ax.set_title(wrapped(", ".join(filter(None, (look.label(one.name), one.note))), letters))
    _same_scale(axes[: len(shown)])
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    elements = {e.symbol: e.Z for one in shown for e in one.structure.composition.elements}
    draw_elements(legend.subplots(), sorted(elements, key=elements.__getitem__, reverse=True))
    return figure


def _same_scale(axes: Sequence[Axes]) -> None:
    """Give all axes the width and height of the largest, so that an atom has one size."""
    boxes = [(ax.get_xlim(), ax.get_ylim()) for ax in axes]
    width, height = (max(box[i][1] - box[i][0] for box in boxes) for i in (0, 1))
    for ax, (x, y) in zip(axes, boxes, strict=True):
        ax.set_xlim(sum(x) / 2 - width / 2, sum(x) / 2 + width / 2)
        ax.set_ylim(sum(y) / 2 - height / 2, sum(y) / 2 + height / 2)


def _data(shown: Sequence[ShownStructure]) -> Records:
    rows: list[tuple[float | int | str | None, ...]] = [
        (one.name, symbol, *(float(x) for x in frac), *(float(x) for x in place))
        for one in shown
        for symbol, frac, place in zip(
            _symbols(one.structure), one.structure.frac_coords, one.structure.cart_coords, strict=True
        )
    ]
    return Records(columns=("name", "element", "a", "b", "c", "x_ang", "y_ang", "z_ang"), rows=tuple(rows))
