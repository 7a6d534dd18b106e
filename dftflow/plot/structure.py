"""Crystals and slabs, projected on a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from ase.data.colors import jmol_colors
from matplotlib.patches import Circle, Polygon

from dftflow.model.periodic_cell import largest_empty_part
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pymatgen.core import Structure

__all__ = ["draw_elements", "draw_slab_side", "draw_structure"]

_BORDER = 1e-3


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
    margin = 1.1
    ax.set_xlim(corners[:, 0].min() - margin, corners[:, 0].max() + margin)
    ax.set_ylim(corners[:, 1].min() - margin, corners[:, 1].max() + margin)
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
    ax.set_ylim(-1.1, width + 1.1)
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
