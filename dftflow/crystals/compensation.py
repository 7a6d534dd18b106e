"""Polar faces made neutral: part of the outermost layer taken away, the same on both sides.

Between layers of alternating charge every cut leaves a charged or a polar slab (Tasker's type III,
10.1088/0022-3719/12/22/036). Moving half of the outermost layer away from each face compensates it: with layers of
charge ±q, the slab (+q)(-q)...(+q) of total charge +q becomes neutral when each face gives up +q/2. In a compound
without formal charges the test charges of its elements stand for them: what is left fills the dangling bonds of one
element and empties those of the other (electron counting, 10.1103/PhysRevB.40.10481).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations, product
from math import comb, prod

import numpy as np
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import DummySpecies, Lattice, Structure

from dftflow.crystals.cuts import Cut
from dftflow.model.results import FloatArray

__all__ = ["compensated"]

MAX_CHOICES = 20000
_VACUUM_ANG = 15.0
_CELLS = (((1, 0), (0, 1)), ((2, 0), (0, 1)), ((1, 0), (0, 2)), ((1, 1), (-1, 1)))

Removal = tuple[int, ...]


def compensated(cut: Cut) -> Cut | None:
    """`cut` made neutral, or None when taking the same part of both outermost layers away cannot do that.

    None too when a layer holds so many ions that the choices exceed `MAX_CHOICES`.

    Which ions go is decided by the electrostatic energy of the formal charges (Ewald sum), lowest first, among all
    choices that keep the composition of the layer and leave a symmetry operation that swaps the faces. Where the
    layer's ions cannot be split in the surface cell, the cell is doubled, in the direction that costs least.

    Parameters
    ----------
    cut
        A charged cut whose faces are mapped onto each other by one of its `flips`.
    """
    part = _removed_part(cut)
    if part is None:
        return None
    for size in (1, 2):
        cells = [cell for cell in _CELLS if round(abs(np.linalg.det(cell))) == size]
        found = [best for cell in cells if (best := _best_removal(cut.repeated(cell), part)) is not None]
        if found:
            _, _, larger, removal = min(found, key=lambda item: item[:2])
            share = "half" if part == Fraction(1, 2) else str(1 - part)
            return larger.without(removal, f"{cut.faces[0]} ({share})")
    return None


def _removed_part(cut: Cut) -> Fraction | None:
    """Share of each outermost layer whose removal makes the cut neutral."""
    layer_charge = sum(unit.test_charge for unit in cut.layers[0])
    if cut.faces[0] != cut.faces[1] or layer_charge == 0 or len(cut.layers) < 2:
        return None
    part = Fraction(cut.excess, 2 * layer_charge)
    return part if 0 < part < 1 else None


def _best_removal(cut: Cut, part: Fraction) -> tuple[float, tuple[float, ...], Cut, Removal] | None:
    """Energy per area (rounded), tie-breaking distances, the cut and the ions to remove."""
    removals = _removals(cut, part)
    if not removals:
        return None
    matrix = _pair_energies_ev(cut)
    kept = np.ones((len(removals), len(cut.units)))
    for row, removal in zip(kept, removals, strict=True):
        row[list(removal)] = 0.0
    energies = np.round(np.einsum("ni,ij,nj->n", kept, matrix, kept, optimize=True) / cut.area_ang2, 5)
    lowest = [removal for removal, energy in zip(removals, energies, strict=True) if energy == energies.min()]
    keyed = [(_distances(cut, removal), removal) for removal in lowest]
    distances, removal = min(keyed)
    return float(energies.min()), distances, cut, removal


def _removals(cut: Cut, part: Fraction) -> list[Removal]:
    """All choices, symmetric between the faces, that take `part` of each species and charge of both outer layers."""
    bottom: dict[tuple[str, int], list[int]] = {}
    for number, unit in enumerate(cut.layers[0]):
        bottom.setdefault((unit.name, unit.test_charge), []).append(number)
    taken = {kind: part * len(numbers) for kind, numbers in bottom.items()}
    if any(count.denominator > 1 for count in taken.values()):
        return []
    if prod(comb(len(bottom[kind]), int(count)) for kind, count in taken.items()) > MAX_CHOICES:
        return []
    choices = product(*(combinations(bottom[kind], int(count)) for kind, count in taken.items()))
    found: dict[Removal, None] = {}
    for choice in choices:
        lower = {number for numbers in choice for number in numbers}
        for flip in cut.flips:
            upper = {flip[number] for number in lower}
            if {flip[number] for number in upper} == lower:
                found[tuple(sorted(lower | upper))] = None
    return list(found)


def _pair_energies_ev(cut: Cut) -> FloatArray:
    """shape (n_ions, n_ions); the Ewald energy of any neutral selection of ions is the sum of its block."""
    units = [unit for layer in cut.centred(_VACUUM_ANG) for unit in layer]
    kinds = Counter(unit.test_charge for unit in units)
    species = {charge: DummySpecies("X", charge) for charge in kinds}
    ions = Structure(
        Lattice(cut.cell_ang(_VACUUM_ANG)),
        [species[unit.test_charge] for unit in units],
        [unit.centre_ang for unit in units],
        coords_are_cartesian=True,
    )
    ewald = EwaldSummation(ions, compute_forces=False)  # type: ignore[no-untyped-call]
    return np.asarray(ewald.total_energy_matrix, dtype=np.float64)


def _distances(cut: Cut, removal: Removal) -> tuple[float, ...]:
    """Distances among the removed ions: decides between choices of one energy without regard to the atoms' order."""
    centres = np.array([cut.units[number].centre_ang for number in removal])
    steps = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) @ cut.in_plane_ang
    offsets = (centres[:, None] - centres[None])[:, :, None] + steps
    return tuple(np.sort(np.round(np.linalg.norm(offsets, axis=3).min(axis=2), 2).ravel()).tolist())
