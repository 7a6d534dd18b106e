"""Whether two calculations are of one cell, as relaxations at two settings leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dftflow.analysis.calculation_levels import slab_normal
from dftflow.model.periodic_cell import empty_widths_ang

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["SAME_WITHIN", "why_another_cell"]

SAME_WITHIN = 0.05
"""Of a length, an angle or a vacuum. A cell that was relaxed far below a converged cutoff is a few per cent off."""
SAME_PLACE_ANG = 1.0
"""Ions move by tenths of this when they relax, and a molecule that lies another way by more."""


def why_another_cell(first: Structure, other: Structure) -> str:
    """What makes the energies of two cells another thing than a change of settings does; ``""`` for nothing.

    Compared are the atoms, the lengths of the lattice vectors and the angles between them, the vacuum of a slab, and
    the places of the atoms, each to what a relaxation moves.
    """
    if first.composition != other.composition:
        return f"{other.composition.formula} in its cell, instead of {first.composition.formula}"
    normals = [slab_normal(one.frac_coords, one.lattice.matrix) for one in (first, other)]
    if normals[0] != normals[1]:
        names = ["a crystal" if normal is None else f"a slab across {'abc'[normal]}" for normal in normals]
        return f"{names[1]}, instead of {names[0]}"
    if normals[0] is not None:
        vacua = [float(empty_widths_ang(one.frac_coords, one.lattice.matrix)[normals[0]]) for one in (first, other)]
        if not _near(vacua[0], vacua[1]):
            return f"a vacuum of {vacua[1]:.3g} Å, instead of {vacua[0]:.3g} Å"
    shapes = [(*one.lattice.abc, *one.lattice.angles) for one in (first, other)]
    if not all(map(_near, *shapes)):
        return f"a cell of {_shape(other)}, instead of {_shape(first)}"
    apart_ang = _apart_ang(first, other)
    return f"atoms up to {apart_ang:.2g} Å from where it has them" if apart_ang > SAME_PLACE_ANG else ""


def _near(first: float, other: float) -> bool:
    return abs(first - other) <= SAME_WITHIN * max(abs(first), abs(other))


def _shape(structure: Structure) -> str:
    lengths = " x ".join(f"{length:.2f}" for length in structure.lattice.abc)
    return f"{lengths} Å and {', '.join(f'{angle:.4g}' for angle in structure.lattice.angles)}°"


def _apart_ang(first: Structure, other: Structure) -> float:
    """How far the atom is from the nearest one of its kind that is farthest, with the cells laid over each other."""
    distances = first.lattice.get_all_distances(first.frac_coords, other.frac_coords)
    kinds = [np.array([site.specie.Z for site in structure]) for structure in (first, other)]
    distances[kinds[0][:, None] != kinds[1][None, :]] = np.inf
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))
