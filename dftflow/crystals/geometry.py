"""Whether two structures are the same geometry, however their atoms are ordered."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.per_structure import per_structure

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["digest_of_unchanged", "elements_of", "elements_of_unchanged", "geometry_digest", "same_geometry"]

SAME_PLACE_ANG = 0.02
SAME_ANGLE_DEG = 0.1


def same_geometry(first: Structure, second: Structure, *, tolerance_ang: float = SAME_PLACE_ANG) -> bool:
    """Whether the cells agree and every atom of one lies within `tolerance_ang` of one of its kind in the other.

    Cells are compared by lengths and angles, because a code may turn the one it is given.

    pymatgen's `StructureMatcher` answers another question: it forgives strain, and its tolerance has no unit.
    """
    if first.composition != second.composition:
        return False
    lengths = np.abs(np.subtract(first.lattice.abc, second.lattice.abc)).max()
    angles = np.abs(np.subtract(first.lattice.angles, second.lattice.angles)).max()
    if lengths > tolerance_ang or angles > SAME_ANGLE_DEG:
        return False
    distances = first.lattice.get_all_distances(first.frac_coords, second.frac_coords)
    kinds = [np.array([site.specie.Z for site in structure]) for structure in (first, second)]
    distances[kinds[0][:, None] != kinds[1][None, :]] = np.inf
    return all(bool((distances.min(axis=axis, initial=np.inf) <= tolerance_ang).all()) for axis in (0, 1))


def geometry_digest(structure: Structure) -> str:
    """SHA-256 of the cell and its atoms to 1e-8: the same for one geometry however it was stored."""
    cell = np.round(structure.lattice.matrix, 8) + 0.0
    places = np.round(structure.frac_coords, 8) + 0.0
    species = [site.species_string for site in structure]
    return hashlib.sha256(json.dumps([cell.tolist(), species, places.tolist()]).encode()).hexdigest()


def elements_of(structure: Structure) -> tuple[str, ...]:
    """Symbols of its elements, each once, in the order of the alphabet."""
    return tuple(sorted({site.specie.symbol for site in structure}))


digest_of_unchanged = per_structure(geometry_digest)
"""`geometry_digest` of a structure that nobody changes, found out once."""
elements_of_unchanged = per_structure(elements_of)
"""`elements_of` a structure that nobody changes, found out once."""
