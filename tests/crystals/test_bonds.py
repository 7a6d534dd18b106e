"""Valences of bonds, and what a plane breaks, against counts on paper."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.bonds import bonds_between
from dftflow.crystals.ions import ionic_units
from dftflow.crystals.layers import stack_layers


def sums(structure: Structure) -> dict[str, float]:
    """Valence around an ion of each kind."""
    units = ionic_units(structure)
    bonds = bonds_between(structure, units)
    totals = np.bincount(bonds.first, weights=2 * bonds.valence, minlength=len(units))
    return {unit.name: float(total) for unit, total in zip(units, totals, strict=True)}


@pytest.mark.parametrize(
    ("structure", "valences"),
    [
        (
            Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.212), ["Mg", "O"], [(0, 0, 0), (0.5, 0.5, 0.5)]),
            {"Mg": 2, "O": 2},
        ),
        (
            Structure.from_spacegroup(
                "P4_2/mnm", Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)]
            ),
            {"Ti": 4, "O": 2},
        ),
        (
            Structure.from_spacegroup("F-43m", Lattice.cubic(5.653), ["Ga", "As"], [(0, 0, 0), (0.25, 0.25, 0.25)]),
            {"Ga": 3, "As": 3},
        ),
    ],
)
def test_valences_around_an_atom_sum_to_its_valence(structure, valences):
    """The bond valence rule; empirical sizes keep it within a tenth or two."""
    for name, total in sums(structure).items():
        assert total == pytest.approx(valences[name], rel=0.2)


def test_bonds_broken_by_planes_of_silicon():
    """An ideal (111) cut breaks one bond an atom of its surface cell, (001) two, (110) two: a²√3/4, a²/2, a²/√2."""
    a_ang = 5.431
    silicon = Structure.from_spacegroup("Fd-3m", Lattice.cubic(a_ang), ["Si"], [(0, 0, 0)])
    one = sums(silicon)["Si"] / 4
    for miller, bonds, area in [((1, 1, 1), 1, 3**0.5 / 4), ((0, 0, 1), 2, 1 / 2), ((1, 1, 0), 2, 2**-0.5)]:
        stacking = stack_layers(silicon, ionic_units(silicon), miller)
        assert min(stacking.broken_per_ang2) == pytest.approx(bonds * one / (area * a_ang**2), rel=1e-6)


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 3)])
def test_molecules_are_one_ion_and_supercells_break_the_same(repeats):
    """Calcite, C-O 1.28 Å: no bond within CO3 counts, six of O to each Ca do."""
    calcite = Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.99, 17.06), ["Ca", "C", "O"], [(0, 0, 0), (0, 0, 0.25), (0.2568, 0, 0.25)]
    )
    crystal = calcite * repeats
    units = ionic_units(crystal)
    bonds = bonds_between(crystal, units)
    calcium = [number for number, unit in enumerate(units) if unit.name == "Ca"]
    assert np.bincount(bonds.first)[calcium].tolist() == [6] * len(calcium)
    indices = tuple(np.array((1, 0, 4)) * repeats)
    ways = [stack_layers(one, ionic_units(one), hkl) for one, hkl in ((calcite, (1, 0, 4)), (crystal, indices))]
    assert ways[0].broken_per_ang2 == pytest.approx(ways[1].broken_per_ang2)


def test_sheets_of_graphite_are_not_bonded():
    graphite = Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(2.464, 6.711), ["C", "C"], [(0, 0, 0.25), (1 / 3, 2 / 3, 0.25)]
    )
    assert stack_layers(graphite, ionic_units(graphite), (0, 0, 1)).broken_per_ang2 == (0.0, 0.0)
