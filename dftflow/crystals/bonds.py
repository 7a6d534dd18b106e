"""Valences of the bonds between the ions of a crystal, and what of them a cut breaks.

Valences are those of O'Keeffe and Brese (10.1021/ja00009a002): exp((R - d)/0.37 Å) with R from a size and an
electronegativity of either element, which pymatgen tabulates; where it lacks an element, R is the sum of the covalent
radii. They compare cuts of one crystal, and are no energies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from dftflow.crystals.formal_charges import electronegativity
from dftflow.crystals.ions import IonicUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["Bonds", "bonds_between"]

DECAY_ANG = 0.37
COVALENT_FACTOR = 1.05
"""Longest bond of two ions of like charge, in units of the sum of the covalent radii: Ga-Ga of GaSe is 2.45 Å (1.00),
Al-Al of Al2O3, which is none, 2.65 Å (1.10)."""
WEAKEST = 0.03
"""Valence of the weakest bond that counts; Cs-Br in a perovskite has 0.05 to 0.15."""

_REACH_ANG = -DECAY_ANG * float(np.log(WEAKEST))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Bonds:
    """Bonds between the ions of a cell, (n_bonds, ...) each.

    Attributes
    ----------
    first
        Number of the ion that the bond starts from.
    span_ang
        Cartesian vector from its centre to that of the other ion.
    valence
        Of the bond; each is listed from both its ends with half of it.
    """

    first: NDArray[np.int64]
    span_ang: NDArray[np.float64]
    valence: NDArray[np.float64]

    def broken(
        self, heights: NDArray[np.float64], span: NDArray[np.float64], cuts: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Valence that cuts at the heights `cuts` break, shape (n_cuts,), a cell.

        Parameters
        ----------
        heights
            Of the ions, in units after which the crystal repeats.
        span
            Of the bonds along the normal, in the same units.
        """
        start = heights[self.first]
        low, high = np.minimum(start, start + span), np.maximum(start, start + span)
        crossings = np.floor(high[None] - cuts[:, None]) - np.floor(low[None] - cuts[:, None])
        return np.asarray(crossings @ self.valence, dtype=np.float64)


def bonds_between(structure: Structure, units: Sequence[IonicUnit]) -> Bonds:
    """Bonds of the ions of a crystal: between charges of unlike sign, and from and to ions without charge.

    Two elements of the p block whose charges are alike are bonded where they are as close as a covalent bond (Ga of
    GaSe).

    Those of a molecular anion are of its most electronegative element (O of CO3), of a cation of its least (H of NH4).

    Parameters
    ----------
    structure, units
        The crystal and all its ions, from `ions_of`.
    """
    if not units:
        return Bonds(first=np.empty(0, dtype=np.int64), span_ang=np.empty((0, 3)), valence=np.empty(0))
    owner = np.empty(len(structure), dtype=np.int64)
    offset = np.empty((len(structure), 3))
    outer = np.zeros(len(structure), dtype=bool)
    for number, unit in enumerate(units):
        bonding = _bonding_elements(unit)
        for index, symbol, position in zip(unit.indices, unit.symbols, unit.positions_ang, strict=True):
            owner[index], outer[index] = number, symbol in bonding
            offset[index] = structure[index].coords - position
    symbols = [site.specie.symbol for site in structure]
    kinds = sorted(set(symbols))
    kind = np.array([kinds.index(symbol) for symbol in symbols])
    lengths = np.array([[_single_bond_ang(a, b) for b in kinds] for a in kinds])
    first, second, images, distance = structure.get_neighbor_list(float(lengths.max()) + _REACH_ANG, exclude_self=True)
    shift = images @ structure.lattice.matrix + offset[second] - offset[first]
    charges = np.array([unit.charge for unit in units])
    one, other = owner[first], owner[second]
    within = (one == other) & (np.abs(shift).max(axis=1, initial=0.0) < 1e-6)
    valence = np.exp((lengths[kind[first], kind[second]] - distance) / DECAY_ANG)
    radii = np.array([covalent_radii[site.specie.Z] for site in structure])
    in_p_block = np.array([site.specie.block == "p" for site in structure])
    close = in_p_block[first] & in_p_block[second] & (distance < COVALENT_FACTOR * (radii[first] + radii[second]))
    attract = (charges[one] * charges[other] <= 0) | close
    kept = ~within & outer[first] & outer[second] & attract & (valence > WEAKEST)
    centres = np.array([unit.centre_ang for unit in units])
    span = centres[other] - centres[one] + shift
    return Bonds(first=one[kept], span_ang=span[kept], valence=valence[kept] / 2)


def _bonding_elements(unit: IonicUnit) -> set[str]:
    elements = set(unit.symbols)
    if len(elements) == 1 or unit.charge == 0:
        return elements
    first = max if unit.charge < 0 else min
    return {first(elements, key=lambda symbol: (electronegativity(symbol) or 0.0, symbol))}


@cache
def _single_bond_ang(first: str, second: str) -> float:
    """Length of a bond of valence 1."""
    from pymatgen.analysis.bond_valence import BV_PARAMS
    from pymatgen.core import Element

    pair = [BV_PARAMS.get(Element(symbol)) for symbol in (first, second)]
    if None in pair:
        return float(covalent_radii[atomic_numbers[first]] + covalent_radii[atomic_numbers[second]])
    (r, c), (s, d) = ((one["r"], one["c"]) for one in pair if one is not None)
    return float(r + s - r * s * (sqrt(c) - sqrt(d)) ** 2 / (c * r + d * s))
