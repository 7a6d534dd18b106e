"""The rule of Monkhorst and Pack, and finding a grid's shift in its points."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.errors import SpecError
from dftflow.model.kpoint_grid import (
    NO_SHIFT,
    grid_of_spacing,
    grid_points,
    grid_text,
    monkhorst_pack_shift,
    projected_grid,
    same_shift,
    shift_of_points,
    spacing_of_grid,
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


# --- numbers and steps ------------------------------------------------------------------------------------------

TETRAGONAL = np.diag([5.0, 5.0, 8.0])
HEXAGONAL = np.array([[4.0, 0, 0], [-2.0, 2 * np.sqrt(3), 0], [0, 0, 10.0]])


@pytest.mark.parametrize(
    ("cell", "counts", "expected"),
    [
        (np.eye(3) * 2 * np.pi, (1, 1, 1), 1.0),
        (np.eye(3) * 2 * np.pi, (4, 2, 4), 0.5),
        (TETRAGONAL, (4, 4, 3), 2 * np.pi / 20),
        (TETRAGONAL, (5, 5, 3), 2 * np.pi / 24),
        (HEXAGONAL, (6, 6, 4), 2 * np.pi / (2 * np.sqrt(3) * 6)),
    ],
)
def test_the_step_of_a_grid_is_2_pi_over_height_times_number(cell, counts, expected):
    assert spacing_of_grid(cell, counts) == pytest.approx(expected)


@pytest.mark.parametrize(("normal", "expected"), [(0, 2 * np.pi / 12), (1, 2 * np.pi / 16), (2, 2 * np.pi / 12)])
def test_the_step_along_the_normal_of_a_slab_does_not_count(normal, expected):
    """Heights 4, 6, 8 Å with 4, 2, 2 points: 16, 12 and 16 Å when multiplied."""
    cell = np.diag([4.0, 6.0, 8.0])
    assert spacing_of_grid(cell, (4, 2, 2), normal=normal) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("spacing", "counts"),
    [(1.0, (1, 1, 1)), (0.5, (2, 2, 2)), (0.49, (3, 3, 3)), (0.51, (2, 2, 2)), (5.0, (1, 1, 1))],
)
def test_the_grid_of_a_spacing_is_the_coarsest_that_is_dense_enough(spacing, counts):
    assert grid_of_spacing(np.eye(3) * 2 * np.pi, spacing) == counts


def test_rounding_asks_for_no_further_point():
    """One step in 3.0000000000000004 is one in three."""
    assert grid_of_spacing(np.eye(3) * 2 * np.pi, np.nextafter(1 / 3, 0)) == (3, 3, 3)


def test_a_slab_gets_one_point_along_its_normal_and_may_be_told_to_let_a_little_pass():
    """A step of 2π/16.4 Å asks for 1.147, 2.103 and 3.28 points along 14.3, 7.8 and 5 Å."""
    cell, spacing = np.diag([14.3, 7.8, 5.0]), 2 * np.pi / 16.4
    assert grid_of_spacing(cell, spacing) == (2, 3, 4)
    assert grid_of_spacing(cell, spacing, normal=2) == (2, 3, 1)
    assert grid_of_spacing(cell, spacing, normal=2, short_points=0.2) == (1, 2, 1)
    assert grid_of_spacing(cell, spacing, normal=0) == (1, 3, 4)


@given(st.floats(2, 60), st.floats(2, 60), st.floats(0.05, 2))
def test_steps_and_numbers_go_back_and_forth(a, b, spacing):
    cell = np.array([[a, 0, 0], [0.3 * a, b, 0], [1.0, 2.0, 7.0]])
    counts = grid_of_spacing(cell, spacing)
    assert spacing_of_grid(cell, counts) <= spacing * (1 + 1e-5)
    assert grid_of_spacing(cell, spacing_of_grid(cell, counts)) <= counts
    for axis, count in enumerate(counts):
        fewer = tuple(max(1, n - (i == axis)) for i, n in enumerate(counts))
        assert count == 1 or spacing_of_grid(cell, fewer) > spacing


@pytest.mark.parametrize("counts", [(0, 1, 1), (2, 2, -2)])
def test_no_grid_has_no_step(counts):
    with pytest.raises(SpecError, match="k-points is none"):
        spacing_of_grid(TETRAGONAL, counts)


@pytest.mark.parametrize("spacing", [0.0, -0.3, float("nan")])
def test_no_spacing_makes_no_grid(spacing):
    with pytest.raises(SpecError, match="spacing above zero"):
        grid_of_spacing(TETRAGONAL, spacing)


parts = st.sampled_from([Fraction(n, 2) for n in range(-4, 5)])
planes = st.tuples(*[st.tuples(parts, parts, parts)] * 2).filter(
    lambda plane: np.linalg.matrix_rank(np.array(plane, dtype=float)) == 2
)
half_shifts = st.tuples(*[st.sampled_from([0.0, 0.5])] * 3)


@given(st.tuples(*[st.integers(1, 4)] * 3), half_shifts, planes)
def test_a_projected_grid_holds_every_point_of_the_crystal_s(counts, shift, plane):
    """All points within three zones, by hand; what is no grid has fewer points than the smallest grid that holds it."""
    images = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3), axis=-1).reshape(-1, 3)
    points = (grid_points(counts, shift)[:, None] + images).reshape(-1, 3) @ np.array(plane, dtype=float).T
    expected = {tuple(np.round(point, 6) % 1.0 + 0.0) for point in points % 1.0}
    found = projected_grid(counts, shift, plane)
    if found is None:
        axes = [len({round((x - points[0, axis]) % 1.0, 6) % 1.0 for x in points[:, axis]}) for axis in (0, 1)]
        assert np.prod(axes) > len(expected)
    else:
        assert {tuple(np.round(point, 6) % 1.0 + 0.0) for point in grid_points(*found)[:, :2] % 1.0} == expected


def test_a_centred_face_has_no_grid_along_its_own_vectors():
    """(001) of a face-centred cube in its conventional cell: the points lie on the diagonals of the surface cell."""
    half = Fraction(1, 2)
    assert projected_grid((4, 4, 4), NO_SHIFT, ((half, half, Fraction(0)), (-half, half, Fraction(0)))) is None
