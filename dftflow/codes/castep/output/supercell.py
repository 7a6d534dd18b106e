"""Tells the supercell that a phonon run displaces atoms in from the cell that the run is about.

A run with finite displacements in a supercell (castep-docs, "Phonon and related calculations", supercell method) prints
the supercell's lattice, contents and SCFs in the same boxes as its own. What is printed for it belongs to no geometry
of the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from dftflow.codes.castep.output.species import symbol_of
from dftflow.model.results import FloatArray

__all__ = ["copies_in_cell", "copies_in_count", "is_copied"]

_VOLUME_TOLERANCE = 1e-4  # lattice vectors have 7 decimals


def copies_in_cell(cell_ang: FloatArray, own_ang: FloatArray) -> int:
    """How many of the run's own cells a cell holds, by volume; 1 when that is no whole number above 1.

    Parameters
    ----------
    cell_ang, own_ang
        shape (3, 3); rows are the lattice vectors.
    """
    ratio = abs(float(np.linalg.det(cell_ang) / np.linalg.det(own_ang)))
    copies = round(ratio)
    return copies if copies > 1 and abs(ratio - copies) <= _VOLUME_TOLERANCE * copies else 1


def copies_in_count(n_ions: int, own: int) -> int:
    """How many of the run's own cells hold `n_ions` ions; 1 when that is no whole number above 1."""
    return n_ions // own if own and n_ions % own == 0 and n_ions > own else 1


def is_copied(species: Sequence[str], own: Sequence[str], copies: int) -> bool:
    """Whether a list of atoms holds each element of the list `own` exactly `copies` times."""
    wanted = Counter(map(symbol_of, own))
    return Counter(map(symbol_of, species)) == Counter({symbol: copies * count for symbol, count in wanted.items()})
