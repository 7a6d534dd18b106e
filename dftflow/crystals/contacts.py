"""Shortest distances in a crystal, and the refusal of cells in which atoms overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii
from ase.data.vdw_alvarez import vdw_radii as alvarez_radii
from pymatgen.core import Structure

from dftflow.crystals.number_bounds import check_size
from dftflow.errors import ClashError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BONDED_FACTOR", "NONBONDED_FACTOR", "Contact", "check_contacts", "shortest_contacts"]

BONDED_FACTOR = 0.65
"""Smallest distance of two atoms in units of the sum of their covalent radii. Real bonds reach down to 0.67 (U=O in
uranyl), and 0.74 in the molecules shipped here."""

NONBONDED_FACTOR = 0.65
"""Smallest distance between a molecule and its surroundings in units of the sum of their van der Waals radii: 1.99 Å
for H and Br. Hydrogen bonds N-H···Br start near 2.3 Å, and a start geometry need not be relaxed."""


# Covalent radii: 10.1039/b801115j. Van der Waals radii: 10.1039/c3dt50599e, unknown for a few elements.
_COVALENT_ANG = np.asarray(covalent_radii, dtype=np.float64)
_VDW_ANG = np.full(len(_COVALENT_ANG), np.nan)
_VDW_ANG[: len(alvarez_radii)] = alvarez_radii

_LARGEST_ALLOWED_ANG = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Two atoms and their distance.

    Attributes
    ----------
    first, second
        Indices of the sites, from 0.
    first_element, second_element
        Symbols.
    distance_ang
        Distance to the nearest image concerned.
    allowed_ang
        Distance below which the two count as overlapping.
    """

    first: int
    second: int
    first_element: str
    second_element: str
    distance_ang: float
    allowed_ang: float

    def __str__(self) -> str:
        first = f"{self.first_element} (atom {self.first + 1})"
        second = f"{self.second_element} (atom {self.second + 1})"
        return f"{first} and {second} are {self.distance_ang:.3f} Å apart"


def _allowed_ang(
    numbers: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64], apart: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Smallest allowed distance of each pair; `apart` says which pairs cannot be bonded."""
    bonded = BONDED_FACTOR * (_COVALENT_ANG[numbers[first]] + _COVALENT_ANG[numbers[second]])
    nonbonded = NONBONDED_FACTOR * (_VDW_ANG[numbers[first]] + _VDW_ANG[numbers[second]])
    return np.where(apart & np.isfinite(nonbonded), nonbonded, bonded)


def shortest_contacts(
    structure: Structure, *, cutoff_ang: float = 4.0, limit: int | None = None
) -> tuple[Contact, ...]:
    """Pairs of atoms closer than `cutoff_ang`, periodic images included, nearest first.

    Every pair of sites and every distance is given once. Atoms of one molecule (site property ``molecule``, >= 0;
    the molecule is written whole, not wrapped into the cell) and atoms outside molecules may be bonded; any other
    pair may not.

    Parameters
    ----------
    structure
        An ordered crystal.
    cutoff_ang
        Largest distance looked at.
    limit
        Give only so many.

    Raises
    ------
    StructureError
        The cell is none of a crystal (`dftflow.crystals.number_bounds`): no list of its neighbours can be made.
    """
    pairs = _near_pairs(structure, cutoff_ang)
    order = np.argsort(pairs.distance_ang, kind="stable")[:limit]
    return tuple(_contact(structure, pairs, int(k)) for k in order)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Pairs:
    """Every pair of sites near each other, once: indices, distances, and the distances that are allowed; (n,) each."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distance_ang: NDArray[np.float64]
    allowed_ang: NDArray[np.float64]


def _near_pairs(structure: Structure, cutoff_ang: float) -> _Pairs:
    check_size(structure, "")
    if not len(structure):
        none, no_ang = np.empty(0, dtype=np.int64), np.empty(0)
        return _Pairs(first=none, second=none, distance_ang=no_ang, allowed_ang=no_ang)
    # what lies many cells away would make the grid of the search fill the memory: search within the cell
    away = np.floor(structure.frac_coords)
    inside = Structure(structure.lattice, structure.species, structure.frac_coords - away)
    first, second, images, distance = inside.get_neighbor_list(cutoff_ang, exclude_self=True)
    images = images + away[first] - away[second]
    leading = np.sign(images @ np.array([100, 10, 1]))
    once = (first < second) | ((first == second) & (leading > 0))
    first, second, images, distance = first[once], second[once], images[once], distance[once]
    numbers = np.array([site.specie.Z for site in structure], dtype=np.int64)
    molecule = np.array(structure.site_properties.get("molecule", [-1] * len(structure)), dtype=np.int64)
    in_molecule = (molecule[first] >= 0) | (molecule[second] >= 0)
    same = (molecule[first] == molecule[second]) & ~np.any(images != 0, axis=1)
    allowed = _allowed_ang(numbers, first, second, in_molecule & ~same)
    return _Pairs(first=first, second=second, distance_ang=distance, allowed_ang=allowed)


def _contact(structure: Structure, pairs: _Pairs, k: int) -> Contact:
    first, second = int(pairs.first[k]), int(pairs.second[k])
    return Contact(
        first=first,
        second=second,
        first_element=structure[first].specie.symbol,
        second_element=structure[second].specie.symbol,
        distance_ang=float(pairs.distance_ang[k]),
        allowed_ang=float(pairs.allowed_ang[k]),
    )


def check_contacts(structure: Structure, *, where: str = "", fix: str = "") -> None:
    """Refuse a crystal in which two atoms overlap.

    Parameters
    ----------
    structure
        An ordered crystal; see `shortest_contacts` for what its site property ``molecule`` means.
    where
        File or study key for the message.
    fix
        Advice for the message.

    Raises
    ------
    ClashError
        Names the two atoms (element and position in the list, from 1) and their distance: the pair that is closest
        in units of what is allowed.
    """
    pairs = _near_pairs(structure, _LARGEST_ALLOWED_ANG)
    clashes = int(np.count_nonzero(pairs.distance_ang < pairs.allowed_ang))
    if not clashes:
        return
    # of several that are as close the one of the smallest distance, as they are found
    order = np.argsort(pairs.distance_ang, kind="stable")
    ratios = (pairs.distance_ang / pairs.allowed_ang)[order]
    worst = _contact(structure, pairs, int(order[int(np.argmin(ratios))]))
    raise ClashError(
        str(worst),
        reason=f"the shortest distance accepted between these two is {worst.allowed_ang:.2f} Å"
        + (f"; {clashes} pairs are too close" if clashes > 1 else ""),
        fix=fix or "check the lattice constants, their unit, and whether an atom is listed twice",
        where=where,
    )
