"""Whether two lists of atoms in one cell are the same atoms at the same places, however they are ordered."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dftflow.model.results import Atoms, FloatArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["SAME_PLACE_ANG", "atoms_of", "farthest_atom_ang", "other_elements"]

SAME_PLACE_ANG = 1e-4
"""The codes print fractional coordinates with six decimals or more: 5e-5 Å in a cell of 100 Å."""


def atoms_of(structure: Structure) -> Atoms:
    """The atoms of a structure; a site that several share counts as one atom of all of them."""
    elements = tuple(site.species_string for site in structure)
    return Atoms(elements=elements, positions_frac=structure.frac_coords)


def other_elements(found: Atoms, wanted: Atoms) -> str:
    """What the elements, or where those are not told the numbers of atoms, differ in; ``""`` when they agree."""
    if "" in (*found.elements, *wanted.elements):
        counts = len(found.elements), len(wanted.elements)
        return "" if counts[0] == counts[1] else f"{counts[0]} and {counts[1]} atoms"
    formulas = _formula(found), _formula(wanted)
    return "" if formulas[0] == formulas[1] else f"{formulas[0]} and {formulas[1]}"


def _formula(atoms: Atoms) -> str:
    return " ".join(f"{element}{count}" for element, count in sorted(Counter(atoms.elements).items()))


def farthest_atom_ang(found: Atoms, wanted: Atoms, cell_ang: FloatArray) -> float:
    """Largest distance from an atom of one list to the nearest of its kind in the other, lattice vectors aside.

    In Å; infinite where the other has none of its kind. A kind that is not told is every kind. In a skew cell a large
    distance may be given larger than it is, one below half of the cell's height is exact.

    Parameters
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    """
    return max(_farthest(found, wanted, cell_ang), _farthest(wanted, found, cell_ang))


def _farthest(these: Atoms, those: Atoms, cell_ang: FloatArray) -> float:
    kinds, farthest = np.array(those.elements), 0.0
    for element, place in zip(these.elements, these.positions_frac, strict=True):
        alike = (kinds == element) | (kinds == "") | (element == "")
        apart = those.positions_frac[alike] - place
        distances = np.linalg.norm((apart - np.round(apart)) @ cell_ang, axis=1)
        farthest = max(farthest, float(distances.min(initial=np.inf)))
    return farthest
