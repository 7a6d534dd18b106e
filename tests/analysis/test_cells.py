"""Two cells are one when a turn in space makes them so, and two when any length or angle differs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dftflow.analysis.cells import cell_difference_ang, same_cell

CELL_ANG = np.array([[4.0, 0, 0], [1.0, 5.0, 0], [0.3, -0.7, 20.0]])


@given(turn=st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3)))
def test_a_turn_in_space_changes_nothing(turn: tuple[float, float, float]) -> None:
    turned = CELL_ANG @ Rotation.from_rotvec(turn).as_matrix()
    assert same_cell(CELL_ANG, turned) and cell_difference_ang(CELL_ANG, turned) < 1e-12


@pytest.mark.parametrize(("longer_ang", "same"), [(0.5e-6, True), (0.9e-4, True), (1.2e-4, False), (0.3, False)])
def test_a_longer_vector_is_as_far_as_it_is_longer(longer_ang: float, same: bool) -> None:
    """(c + d)^2 - c^2 is 2 c d + d^2, and half of that over c + d is d (1 - d/2(c + d))."""
    cell_ang = np.diag([4.0, 5.0, 20.0])
    longer = cell_ang + np.diag([0, 0, longer_ang])
    assert cell_difference_ang(cell_ang, longer) == pytest.approx(longer_ang, rel=0.02)
    assert same_cell(cell_ang, longer) is same_cell(longer, cell_ang) is same


def test_lengths_alone_make_no_cell() -> None:
    """A rhombus of 60° and a square have the same lengths."""
    rhombus = np.array([[4.0, 0, 0], [2.0, np.sqrt(12.0), 0], [0, 0, 4.0]])
    assert not same_cell(4.0 * np.eye(3), rhombus)


def test_the_longest_vector_of_both_counts() -> None:
    """Cubes of 10 and of 1 Å: (100 - 1)/(2 * 10), whichever comes first."""
    large, small = 10.0 * np.eye(3), np.eye(3)
    assert cell_difference_ang(large, small) == cell_difference_ang(small, large) == pytest.approx(4.95)
