"""Whether a grid of k-points treats alike what the crystal has alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.symmetry import SYMPREC_ANG, symmetry_dataset

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from dftflow.model.kpoint_grid import Counts, Shift

__all__ = ["grid_keeps_symmetry"]

WHOLE = 1e-6


def grid_keeps_symmetry(structure: Structure, counts: Counts, shift: Shift) -> bool:
    """Whether every rotation of the crystal takes the grid onto itself.

    The rotations are those of the crystal and not of its cell: a supercell that is longer along one axis of a cube has
    fewer, and a grid that keeps those alone samples the axes of the cube in different ways. A row f of fractional
    coordinates in the reciprocal cell goes to f P^-T W P^T, where W is the rotation in the axes of the primitive cell
    and the rows of P are the axes of the cell in them; of the points (n + s) / N of the grid the same has to
    come out with another n.

    Raises
    ------
    StructureError
        When no symmetry is found.
    """
    primitive = primitive_cell_of(structure)
    repeats = np.round(structure.lattice.matrix @ np.linalg.inv(primitive.lattice.matrix))
    rotations = symmetry_dataset(primitive, symprec_ang=SYMPREC_ANG).rotations
    steps, offset = np.diag(counts).astype(float), np.array(shift)
    turned = np.linalg.inv(steps) @ np.linalg.inv(repeats).T @ rotations @ repeats.T @ steps
    return _are_whole(turned) and _are_whole(offset @ turned - offset)


def _are_whole(numbers: np.ndarray) -> bool:
    return bool(np.abs(numbers - np.round(numbers)).max() < WHOLE)
