"""A periodic cell along its lattice vectors: how high it stands, and where it is empty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dftflow.errors import StructureError

__all__ = ["EmptyPart", "cell_heights_ang", "empty_parts", "empty_widths_ang", "largest_empty_part"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyPart:
    """What lies between two atoms that follow each other along a lattice vector, in fractions of the cell.

    Attributes
    ----------
    start, end
        In [0, 1); where the atom below it and the atom above it lie. `end` is the smaller one when it reaches over the
        border of the cell.
    width
        1 for the only atom of a cell and its image.
    """

    start: float
    end: float
    width: float

    @property
    def middle(self) -> float:
        """In [0, 1)."""
        return (self.start + self.width / 2) % 1.0


def empty_parts(frac: FloatArray) -> tuple[EmptyPart, ...]:
    """What lies above every atom, from the lowest one upwards; the last part reaches over the border of the cell.

    Parameters
    ----------
    frac
        shape (n_atoms,); fractional coordinates along one lattice vector, in any cell image.
    """
    wrapped = np.asarray(frac, dtype=np.float64) % 1.0
    starts = np.sort(np.where(wrapped == 1.0, 0.0, wrapped))
    ends = np.roll(starts, -1)
    widths = np.diff(starts, append=starts[:1] + 1.0)
    rows = zip(starts.tolist(), ends.tolist(), widths.tolist(), strict=True)
    return tuple(EmptyPart(start=start, end=end, width=width) for start, end, width in rows)


def largest_empty_part(frac: FloatArray) -> EmptyPart:
    """The widest of the parts of `empty_parts`, the lowest one of equal ones; for a slab this is its vacuum.

    Raises
    ------
    StructureError
        Without atoms.
    """
    parts = empty_parts(frac)
    if not parts:
        raise StructureError("a cell without atoms has no empty part between atoms", fix="give the atoms of the cell")
    return parts[int(np.argmax([part.width for part in parts]))]


def cell_heights_ang(cell_ang: FloatArray) -> FloatArray:
    """Distances between opposite faces of the cell, shape (3,): the repeat along the normal of the other two vectors.

    Parameters
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors.

    Raises
    ------
    numpy.linalg.LinAlgError
        For a cell without volume.
    """
    return np.asarray(1.0 / np.linalg.norm(np.linalg.inv(cell_ang), axis=0), dtype=np.float64)


def empty_widths_ang(frac: FloatArray, cell_ang: FloatArray) -> FloatArray:
    """How much of the cell is empty across each pair of its faces, shape (3,); raises as the two above do."""
    return np.array([largest_empty_part(frac[:, axis]).width for axis in range(3)]) * cell_heights_ang(cell_ang)
