"""A model of the Hessian of a crystal: stiff where bonds are, soft where none are, and of its cell as well.

A stretched bond of length r has the force constant of Schlegel, F = 1.734 Eh bohr / (r - B)^3, with B by the rows of
the periodic table (10.1007/BF00554788; elements below the third row count as of the third). An angle between two bonds
has a force constant that goes as the product of theirs, so that it is one where both are stiff (a molecule) and next
to none in an ionic crystal; it is about Schlegel's 0.16 Eh/rad^2 for H-N-H. What is left (librations, the rest of a
cage) has one small number. Bonds and angles change with the strain of the cell as with the places of the atoms, which
gives the elastic constants and their coupling to the atoms. Beside them a cell resists as an isotropic solid would, of
a bulk modulus of 20 GPa and a shear modulus of 10 GPa: ions attract where no bond is, and most halides of large ions
have 10 to 30 GPa. A cell that is too stiff by so much takes a step more; one too soft is thrown past its minimum.

In the cage of a halide perovskite a Pb-Br bond of 3.0 Å has 3.6 eV/Å^2, in a molecule C-H has 34 and C-N 63.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from dftflow.model.spec import CellFreedom
from dftflow.units import BOHR_ANG, EV_PER_ANG3_GPA, HARTREE_EV

__all__ = ["FREE_STRAINS", "STRAIN_LENGTH_ANG", "free_cell_hessian", "model_hessian", "stretch"]

BOND_REACH = 1.3
"""Atoms within so many sums of their covalent radii are taken for bonded."""
STRETCH_EV_ANG = 1.734 * HARTREE_EV * BOHR_ANG
OFFSETS_BOHR = np.array([[-0.244, 0.352, 0.660], [0.352, 1.085, 1.522], [0.660, 1.522, 2.068]])
LEAST_GAP_ANG = 0.3  # between r and B, so that atoms which overlap have a finite force constant
ANGLE = 0.1 / 45  # Å^2/eV: constant of an angle over the product of the constants and lengths of its bonds
STRAIGHT = 0.98  # cosines of angles that have no derivative
FLOOR_EV_PER_ANG2 = 2.0
BULK_MODULUS_GPA, SHEAR_MODULUS_GPA = 20.0, 10.0
STRAIN_LENGTH_ANG = 10.0
"""The length times which a strain counts as a displacement, whatever the cell: a step of 0.3 Å is a strain of 3 %."""

_LENGTHS = np.eye(3).ravel()
FREE_STRAINS = {"isotropic": np.outer(_LENGTHS, _LENGTHS) / 3, "lengths": np.diag(_LENGTHS), "all": np.eye(9)}
"""Projectors on the strains that a relaxation allows, shape (9, 9)."""

Coordinate = tuple[float, list[tuple[int, np.ndarray]], np.ndarray]


def model_hessian(atoms: Atoms, strain_length_ang: float | None = None) -> np.ndarray:
    """Model Hessian of the places of the atoms and, with `strain_length_ang`, of a strain times that length, in eV/Å^2.

    Parameters
    ----------
    atoms
        The crystal, every bond of which is taken for unstrained.
    strain_length_ang
        `exp_cell_factor` of `ase.filters.FrechetCellFilter`: its degrees of freedom behind those of the atoms are the
        logarithm of the deformation, times this length.

    Returns
    -------
    numpy.ndarray
        shape (3 n, 3 n) or (3 n + 9, 3 n + 9), symmetric and positive definite.
    """
    n_atoms = len(atoms)
    size = 3 * n_atoms + (0 if strain_length_ang is None else 9)
    hessian = np.diag(np.full(size, FLOOR_EV_PER_ANG2))
    if strain_length_ang is not None:
        hessian[3 * n_atoms :, 3 * n_atoms :] = (
            _isotropic_gpa() / EV_PER_ANG3_GPA * atoms.get_volume() / strain_length_ang**2
        )
    for constant, moved, strained in _coordinates(atoms):
        row = np.zeros(size)
        for atom, gradient in moved:
            row[3 * atom : 3 * atom + 3] += gradient
        if strain_length_ang is not None:
            row[3 * n_atoms :] = ((strained + strained.T) / (2 * strain_length_ang)).ravel()
        hessian += constant * np.outer(row, row)
    return hessian


def _isotropic_gpa() -> np.ndarray:
    """Stress by strain, all nine components, of the solid that resists without bonds; rotations count as shears."""
    uniform = FREE_STRAINS["isotropic"]
    found: np.ndarray = 3 * BULK_MODULUS_GPA * uniform + 2 * SHEAR_MODULUS_GPA * (np.eye(9) - uniform)
    return found


def free_cell_hessian(atoms: Atoms, cell: CellFreedom) -> np.ndarray:
    """`model_hessian` of atoms and cell, in eV/Å^2, where only the strains of `cell` are free.

    A strain that is not has no coupling to anything, so that a step along the slope, which has no part of it, never
    makes it.
    """
    free = np.eye(3 * len(atoms) + 9)
    free[-9:, -9:] = FREE_STRAINS[cell]
    found: np.ndarray = free @ model_hessian(atoms, STRAIN_LENGTH_ANG) @ free + np.eye(len(free)) - free
    return found


def _coordinates(atoms: Atoms) -> Iterator[Coordinate]:
    """Bonds and angles: force constant, gradients on atoms, and derivative by the strain."""
    bonds = _bonds(atoms)
    for first, second, constant, vector in bonds:
        if first < second or (first == second and tuple(vector) > (0, 0, 0)):
            along = vector / np.linalg.norm(vector)
            yield constant, [(second, along), (first, -along)], np.outer(along, vector)
    for atom in range(len(atoms)):
        around = [bond for bond in bonds if bond[0] == atom]
        for one, other in combinations(around, 2):
            yield from _angle(one, other)


def _bonds(atoms: Atoms) -> Sequence[tuple[int, int, float, np.ndarray]]:
    """Both atoms, force constant and vector of every bond, each from either end."""
    reach = {(a, b): BOND_REACH * (covalent_radii[a] + covalent_radii[b]) for a in atoms.numbers for b in atoms.numbers}
    first, second, vectors = neighbor_list("ijD", atoms, reach)
    lengths = np.linalg.norm(vectors, axis=1)
    constants = [
        stretch(int(a), int(b), length)
        for a, b, length in zip(atoms.numbers[first], atoms.numbers[second], lengths, strict=True)
    ]
    return list(zip(first.tolist(), second.tolist(), constants, vectors, strict=True))


def stretch(one: int, other: int, length_ang: float) -> float:
    """Force constant of a bond between elements of these atomic numbers, in eV/Å^2."""
    offset_ang = OFFSETS_BOHR[_row(one), _row(other)] * BOHR_ANG
    return float(STRETCH_EV_ANG / max(length_ang - offset_ang, LEAST_GAP_ANG) ** 3)


def _row(number: int) -> int:
    return 0 if number <= 2 else 1 if number <= 10 else 2


def _angle(one: tuple[int, int, float, np.ndarray], other: tuple[int, int, float, np.ndarray]) -> Iterator[Coordinate]:
    (centre, first, stiff_one, a), (_, second, stiff_other, b) = one, other
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    cosine = a @ b / (length_a * length_b)
    if abs(cosine) > STRAIGHT:
        return
    sine = np.sqrt(1 - cosine**2)
    by_a = (cosine * a / length_a - b / length_b) / (length_a * sine)
    by_b = (cosine * b / length_b - a / length_a) / (length_b * sine)
    constant = float(ANGLE * stiff_one * stiff_other * length_a * length_b)
    moved = [(first, by_a), (second, by_b), (centre, -by_a - by_b)]
    yield constant, moved, np.outer(by_a, a) + np.outer(by_b, b)
