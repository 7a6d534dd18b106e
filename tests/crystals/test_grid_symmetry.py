"""Grids of k-points that a crystal's rotations take onto themselves, and such as they do not."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.crystals.grid_symmetry import grid_keeps_symmetry
from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.shipped import load_shipped
from dftflow.model.kpoint_grid import NO_SHIFT, monkhorst_pack_shift

CUBIC = load_shipped("CsPbBr3_Pm-3m").structure
COPPER = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
ZINC = Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(2.66, 4.95), ["Zn"], [[1 / 3, 2 / 3, 0.25]])


@pytest.mark.parametrize(
    ("repeats", "counts", "kept"),
    [
        ((1, 1, 1), (4, 4, 4), True),
        ((1, 1, 1), (4, 4, 3), False),
        ((2, 1, 1), (1, 2, 2), False),
        ((2, 1, 1), (2, 4, 4), True),
        ((2, 2, 1), (1, 1, 2), False),
        ((2, 2, 1), (2, 2, 4), True),
        ((2, 2, 2), (1, 1, 1), True),
    ],
)
def test_a_supercell_of_a_cube_has_as_many_points_along_each_of_its_axes(
    repeats: tuple[int, int, int], counts: tuple[int, int, int], kept: bool
) -> None:
    """Of 2x1x1 cells [1, 2, 2] holds 0 and 1/2 along one axis of the cube, and 1/4 and 3/4 along the others."""
    assert grid_keeps_symmetry(CUBIC * repeats, counts, monkhorst_pack_shift(counts)) is kept


def test_even_shifted_grids_of_fcc_and_hexagonal_lattices() -> None:
    """As every manual warns: they break the cubic and the six-fold axes, those with Γ and odd ones do not."""
    for crystal in (primitive_cell_of(COPPER), ZINC):
        assert not grid_keeps_symmetry(crystal, (4, 4, 4), (0.5, 0.5, 0.5))
        assert grid_keeps_symmetry(crystal, (4, 4, 4), NO_SHIFT)
        assert grid_keeps_symmetry(crystal, (3, 3, 3), NO_SHIFT)
    assert grid_keeps_symmetry(ZINC, (4, 4, 2), (0.0, 0.0, 0.5))


@given(st.tuples(*[st.integers(1, 4)] * 3), st.tuples(*[st.sampled_from([0.0, 0.5])] * 3))
def test_it_is_what_turning_each_point_tells(counts: tuple[int, int, int], shift: tuple[float, float, float]) -> None:
    """The points of the grid, turned by the 48 rotations of the cube in Cartesian axes, modulo the reciprocal cell."""
    cell = CUBIC * (2, 1, 1)
    points = (np.array(list(product(*map(range, counts)))) + shift) / counts
    reciprocal = cell.lattice.reciprocal_lattice_crystallographic.matrix
    shifted = np.concatenate([points, *(points + axis for axis in np.eye(3))])
    there = {tuple(row) for row in np.round(points % 1, 6) % 1}
    turns = [
        np.eye(3)[list(order)] * signs
        for order in ([0, 1, 2], [1, 2, 0], [2, 0, 1], [1, 0, 2], [0, 2, 1], [2, 1, 0])
        for signs in product((1, -1), repeat=3)
    ]
    turned = [np.round(shifted @ reciprocal @ turn @ np.linalg.inv(reciprocal) % 1, 6) % 1 for turn in turns]
    assert grid_keeps_symmetry(cell, counts, shift) is all(tuple(row) in there for rows in turned for row in rows)
