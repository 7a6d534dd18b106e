"""How far the atoms of a relaxation moved in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["largest_displacement_ang"]


def largest_displacement_ang(before: Structure, after: Structure) -> float:
    """Of the atom that moved farthest, to its nearest image and in the cell of `after`; the cell's strain left out."""
    moved = after.frac_coords - before.frac_coords
    moved -= np.round(moved)
    return float(np.linalg.norm(moved @ after.lattice.matrix, axis=1).max())
