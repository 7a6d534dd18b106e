"""The lattice of a plane of a crystal, and the planes of low indices whose lattices differ."""

from __future__ import annotations

from itertools import product
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.planes import coprime_indices, named_setting, resolve_plane
from dftflow.crystals.symmetry import SYMPREC_ANG, spglib_dataset, symmetry_dataset
from dftflow.model.surface import Plane

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["low_index_planes", "plane_vectors_ang"]

Indices = tuple[int, int, int]


def plane_vectors_ang(structure: Structure, plane: Plane) -> NDArray[np.float64]:
    """Two lattice vectors of the crystal that span a plane and all of its lattice; shape (2, 3).

    Raises
    ------
    StructureError
        When no symmetry is found.
    """
    lattice = _primitive_ang(structure)
    h, k, m = _primitive_indices(structure, lattice, plane.miller_cell)
    divisor = gcd(h, k)
    if divisor == 0:
        return lattice[:2]
    x, y = _bezout(h // divisor, k // divisor)
    within = np.array([(k // divisor, -h // divisor, 0), (-m * x, -m * y, divisor)])
    vectors: NDArray[np.float64] = within @ lattice
    return vectors


def low_index_planes(structure: Structure, max_index: int) -> list[Plane]:
    """Planes of indices up to `max_index`, one of those that the symmetry of the lattice makes alike.

    They are named in the setting of the cell; of a supercell, or a primitive cell, in the standard one.
    """
    setting = named_setting(structure)
    lattice = _primitive_ang(structure)
    rotations = _rotations(lattice)
    found: dict[Indices, Plane] = {}
    for miller in _all_indices(max_index):
        plane = resolve_plane(structure, miller, setting)
        indices = _primitive_indices(structure, lattice, plane.miller_cell)
        images = {_one_side(image) for image in np.array(indices) @ rotations}
        if not images & found.keys():
            found[_one_side(np.array(indices))] = plane
    return list(found.values())


def _all_indices(max_index: int) -> list[Indices]:
    """Coprime indices, simple ones first, few of them negative."""
    every = [
        (h, k, m)
        for h, k, m in product(range(-max_index, max_index + 1), repeat=3)
        if gcd(h, k, m) == 1 and (h, k, m) > (0, 0, 0)
    ]
    return sorted(every, key=lambda one: (sum(map(abs, one)), sum(index < 0 for index in one), [-i for i in one]))


def _primitive_ang(structure: Structure) -> NDArray[np.float64]:
    """Of the crystal's lattice, unturned and with the lengths of the cell at hand."""
    data = symmetry_dataset(structure, symprec_ang=SYMPREC_ANG)
    repeats = np.round(structure.lattice.matrix @ np.linalg.inv(data.primitive_lattice))
    return np.asarray(np.linalg.inv(repeats) @ structure.lattice.matrix, dtype=np.float64)


def _primitive_indices(structure: Structure, lattice: NDArray[np.float64], miller: Indices) -> Indices:
    to_primitive = lattice @ np.linalg.inv(structure.lattice.matrix)
    return coprime_indices(np.round(to_primitive @ np.array(miller), 6))


def _rotations(lattice: NDArray[np.float64]) -> NDArray[np.int_]:
    """Of the lattice, without what stands on it."""
    data = spglib_dataset(lattice, np.zeros((1, 3)), [1], symprec_ang=SYMPREC_ANG)
    return np.eye(3, dtype=int)[None] if data is None else np.asarray(data.rotations)


def _one_side(indices: NDArray[np.int_]) -> Indices:
    h, k, m = (int(index) for index in indices)
    return max((h, k, m), (-h, -k, -m))


def _bezout(h: int, k: int) -> tuple[int, int]:
    """x and y with x h + y k = 1, of coprime numbers."""
    before, now, old, new = (1, 0), (0, 1), h, k
    while new:
        times = old // new
        before, now = now, (before[0] - times * now[0], before[1] - times * now[1])
        old, new = new, old - times * new
    return (before[0] * old, before[1] * old)
