"""Heights of a cell, and its largest part without atoms: cases that can be counted on the fingers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.errors import StructureError
from dftflow.model.periodic_cell import cell_heights_ang, empty_parts, largest_empty_part


def test_a_slab_in_the_middle_of_its_cell():
    part = largest_empty_part(np.array([0.5, 0.3, 0.75]))
    assert (part.start, part.end, part.width) == pytest.approx((0.75, 0.3, 0.55))
    assert part.middle == pytest.approx(0.025)


def test_a_slab_over_the_border_of_its_cell():
    """Atoms from 0.9 to 0.1: empty from 0.1 to 0.9, whatever image each atom is given in."""
    for frac in ([0.9, 0.0, 0.1], [-0.1, 2.0, 1.1]):
        part = largest_empty_part(np.array(frac))
        assert (part.start, part.end, part.width) == pytest.approx((0.1, 0.9, 0.8))
        assert part.middle == pytest.approx(0.5)


@pytest.mark.parametrize("atoms", [1, 4])
def test_one_plane_of_atoms_leaves_the_whole_cell_empty(atoms):
    part = largest_empty_part(np.full(atoms, 0.2))
    assert (part.start, part.end, part.width) == pytest.approx((0.2, 0.2, 1.0))
    assert part.middle == pytest.approx(0.7)


def test_an_atom_that_rounding_puts_just_below_the_border_is_at_the_border():
    """-1e-17 % 1.0 is 1.0 in floating point, which no atom's coordinate may be."""
    assert -1e-17 % 1.0 == 1.0
    part = largest_empty_part(np.array([-1e-17, 0.25]))
    assert (part.start, part.end, part.width) == pytest.approx((0.25, 0.0, 0.75))


def test_of_equal_parts_the_lowest_is_taken():
    assert largest_empty_part(np.array([0.75, 0.25])).start == 0.25


def test_parts_come_from_bottom_to_top():
    parts = empty_parts(np.array([0.6, 0.1, 0.3]))
    assert [part.start for part in parts] == [0.1, 0.3, 0.6]
    assert [part.end for part in parts] == [0.3, 0.6, 0.1]
    assert [part.width for part in parts] == pytest.approx([0.2, 0.3, 0.5])
    assert [part.middle for part in parts] == pytest.approx([0.2, 0.45, 0.85])


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=12))
def test_the_parts_fill_the_cell(frac):
    parts = empty_parts(np.array(frac))
    assert len(parts) == len(frac)
    assert sum(part.width for part in parts) == pytest.approx(1.0)
    assert all(0 <= part.start < 1 and 0 <= part.end < 1 and 0 <= part.middle < 1 for part in parts)


def test_without_atoms_there_are_no_parts():
    assert empty_parts(np.array([])) == ()
    with pytest.raises(StructureError, match="without atoms"):
        largest_empty_part(np.array([]))


def test_heights_are_not_lengths():
    """Hexagonal: the height of a over the plane of b and c is a √3/2; sheared: c keeps its height."""
    hexagonal = np.array([[4.0, 0, 0], [-2.0, 2 * np.sqrt(3), 0], [0, 0, 7.0]])
    assert cell_heights_ang(hexagonal) == pytest.approx([2 * np.sqrt(3), 2 * np.sqrt(3), 7.0])
    sheared = np.array([[3.0, 0, 0], [0, 5.0, 0], [1.5, -2.0, 9.0]])
    assert cell_heights_ang(sheared)[2] == pytest.approx(9.0)


@given(st.permutations(range(3)), st.floats(0, 6))
def test_heights_follow_the_vectors_and_not_the_frame(order, angle):
    cell = np.array([[4.0, 0, 0], [1.0, 5.0, 0], [0.5, -2.0, 9.0]])
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    volume, faces = np.linalg.det(cell), [np.cross(cell[i - 2], cell[i - 1]) for i in range(3)]
    expected = np.array([volume / np.linalg.norm(face) for face in faces])
    assert cell_heights_ang((cell @ turn.T)[list(order)]) == pytest.approx(expected[list(order)])
