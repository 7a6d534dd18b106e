"""The rule of Monkhorst and Pack, and finding a grid's shift in its points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.model.kpoint_grid import (
    NO_SHIFT,
    grid_points,
    grid_text,
    monkhorst_pack_shift,
    same_shift,
    shift_of_points,
)

counts_of_a_grid = st.tuples(*[st.integers(1, 6)] * 3)
shifts = st.tuples(*[st.sampled_from([0.0, 0.25, 0.5])] * 3)


@given(counts_of_a_grid)
def test_the_rule_is_that_of_the_paper(counts):
    """10.1103/PhysRevB.13.5188, equation 3: u_r = (2r - q - 1)/2q, r = 1 … q."""
    axes = [[(2 * r - q - 1) / (2 * q) for r in range(1, q + 1)] for q in counts]
    expected = {tuple(np.round(np.mod(k, 1.0), 6) % 1.0) for k in np.stack(np.meshgrid(*axes), -1).reshape(-1, 3)}
    found = grid_points(counts, monkhorst_pack_shift(counts))
    assert {tuple(np.round(np.mod(k, 1.0), 6) % 1.0) for k in found} == expected


@pytest.mark.parametrize(
    ("counts", "shift"),
    [
        ((1, 1, 1), (0, 0, 0)),
        ((2, 1, 1), (0.5, 0, 0)),
        ((3, 3, 1), (0, 0, 0)),
        ((2, 2, 2), (0.5, 0.5, 0.5)),
        ((4, 4, 1), (0.5, 0.5, 0)),
    ],
)
def test_odd_grids_hold_gamma_and_even_ones_do_not(counts, shift):
    assert monkhorst_pack_shift(counts) == shift
    holds = bool((np.abs(grid_points(counts, monkhorst_pack_shift(counts))).max(axis=1) < 1e-9).any())
    assert holds == all(count % 2 for count in counts)
    assert (np.abs(grid_points(counts, NO_SHIFT)).max(axis=1) < 1e-9).sum() == 1


@given(counts_of_a_grid, shifts, st.integers(-2, 2), st.randoms(use_true_random=False))
def test_a_shift_is_found_in_the_points_whatever_their_order_and_cell(counts, shift, turns, random):
    points = grid_points(counts, shift) + turns
    order = list(range(len(points)))
    random.shuffle(order)
    found = shift_of_points(points[order], counts)
    assert found is not None and same_shift(found, shift)


def test_what_is_no_such_grid_has_no_shift():
    points = grid_points((2, 2, 2), NO_SHIFT)
    assert shift_of_points(points[:-1], (2, 2, 2)) is None
    assert shift_of_points(points + np.array([[0.01, 0, 0]] + [[0, 0, 0]] * 7), (2, 2, 2)) is None
    assert shift_of_points(np.repeat(points[:4], 2, axis=0), (2, 2, 2)) is None


def test_points_lie_in_one_cell():
    points = grid_points((4, 3, 2), (0.5, 0.0, 0.5))
    assert points.shape == (24, 3) and points.min() >= -0.5 - 1e-9 and points.max() < 0.5


@pytest.mark.parametrize(
    ("counts", "shift", "text"),
    [
        ((2, 2, 2), (0.5, 0.5, 0.5), "2x2x2"),
        ((3, 3, 1), (0.0, 0.0, 0.0), "3x3x1"),
        ((2, 2, 2), (0.0, 0.0, 0.0), "2x2x2 (Γ-centred)"),
        ((2, 2, 2), (0.5, 0.5, 0.0), "2x2x2 (shifted by 0.5, 0.5, 0 of a step)"),
        ((1, 1, 1), (0.5, 0.5, 0.5), "1x1x1 (shifted by 0.5, 0.5, 0.5 of a step)"),
        ((2, 2, 2), None, "2x2x2 (shift not told)"),
    ],
)
def test_a_grid_in_words(counts, shift, text):
    assert grid_text(counts, shift) == text
