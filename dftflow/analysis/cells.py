"""Whether two cells are the same one, however a code turned it in space."""

from __future__ import annotations

import numpy as np

from dftflow.model.results import FloatArray

__all__ = ["SAME_CELL_ANG", "cell_difference_ang", "same_cell"]

SAME_CELL_ANG = 1e-4
"""The codes print lattice vectors with six decimals or more, in Å or bohr."""


def cell_difference_ang(first_ang: FloatArray, second_ang: FloatArray) -> float:
    """How far the lengths of the lattice vectors and the angles between them are apart, as a length.

    The products of the lattice vectors with each other are compared, which no turn in space changes: the largest
    difference, divided by twice the length of the longest vector.

    Parameters
    ----------
    first_ang, second_ang
        shape (3, 3); rows are the lattice vectors.
    """
    longest_ang = max(float(np.linalg.norm(cell, axis=1).max()) for cell in (first_ang, second_ang))
    products_ang2 = first_ang @ first_ang.T - second_ang @ second_ang.T
    return float(np.abs(products_ang2).max() / (2 * longest_ang))


def same_cell(first_ang: FloatArray, second_ang: FloatArray) -> bool:
    """Whether lengths and angles agree within 1e-4 Å; shapes as in `cell_difference_ang`."""
    return cell_difference_ang(first_ang, second_ang) <= SAME_CELL_ANG
