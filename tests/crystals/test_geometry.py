"""The same geometry, whatever the order of its atoms and the turn of its cell."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.geometry import same_geometry

CRYSTAL = Structure(
    Lattice.orthorhombic(8.24, 11.74, 8.20),
    ["Cs", "Pb", "Br", "Br"],
    [[0.1, 0.25, 0.49], [0, 0, 0], [0.2, 0.5, 0.7], [0, 0.75, 0]],
)


def test_order_image_and_turn_do_not_matter():
    other = Structure.from_sites([CRYSTAL[i] for i in (3, 1, 0, 2)])
    turned = Structure(
        Lattice(CRYSTAL.lattice.matrix @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])),
        other.species,
        other.frac_coords + np.array([1, 0, -1]),
    )
    assert same_geometry(CRYSTAL, turned) and same_geometry(turned, CRYSTAL)


@pytest.mark.parametrize("move", [0.01, 0.05])
def test_an_atom_that_moved_is_seen(move):
    moved = CRYSTAL.copy()
    moved.translate_sites([2], [0, 0, move], frac_coords=False)
    assert same_geometry(CRYSTAL, moved) == (move < 0.02)


def test_other_cells_and_other_atoms_are_others():
    longer = CRYSTAL.copy()
    longer.scale_lattice(CRYSTAL.volume * 1.02)
    assert not same_geometry(CRYSTAL, longer)
    swapped = CRYSTAL.copy()
    swapped.replace(0, "Pb")
    swapped.replace(1, "Cs")
    assert not same_geometry(CRYSTAL, swapped)
    assert not same_geometry(CRYSTAL, CRYSTAL * (1, 1, 2))
