"""How far the atoms of a relaxation moved in one step."""

from __future__ import annotations

import numpy as np

from dftflow.model.results import FloatArray

__all__ = ["largest_displacement_ang"]


def largest_displacement_ang(before_frac: FloatArray, after_frac: FloatArray, cell_ang: FloatArray) -> float:
    """Of the atom that moved farthest, to its nearest image and in the cell it came to; the cell's strain left out.

    Parameters
    ----------
    before_frac, after_frac
        shape (n_atoms, 3); fractional coordinates.
    cell_ang
        shape (3, 3); rows are the lattice vectors, those of `after_frac`.
    """
    moved = after_frac - before_frac
    moved -= np.round(moved)
    return float(np.linalg.norm(moved @ cell_ang, axis=1).max())
