from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from free_electrons import bands_of, grid_bands, path_bands, path_points

from dftflow.analysis.band_path import on_path_or_recognised
from dftflow.model.kpoint_grid import Counts, Shift


def _unnamed(corners: str, per_leg: int) -> tuple[int, ...]:
    """Parts found in the points of a path that nobody called one."""
    points, _, _ = path_points(corners, per_leg)
    count = len(points)
    return on_path_or_recognised(bands_of(points, ("",) * count, (-1,) * count)).on_path


@pytest.mark.parametrize("per_leg", [5, 12, 40])
def test_points_along_lines_of_several_directions_are_a_path(per_leg: int) -> None:
    assert _unnamed("GXMGR", per_leg) == (0,) * (4 * per_leg + 1)


def test_where_the_path_jumps_a_new_part_begins() -> None:
    assert _unnamed("GXM|GR", 10) == (0,) * 21 + (1,) * 11
    assert _unnamed("GX|MR", 10) == (0,) * 11 + (1,) * 11


def test_one_straight_line_is_a_path() -> None:
    assert set(_unnamed("GR", 9)) == {0}


@pytest.mark.parametrize("counts", [(4, 4, 4), (3, 3, 3), (6, 6, 1), (1, 1, 12), (5, 4, 3), (8, 8, 8)])
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5)])
def test_a_grid_is_none(counts: Counts, shift: Shift) -> None:
    """But a row of points is a straight line, and so drawn as one."""
    found = on_path_or_recognised(grid_bands(counts, shift)).on_path
    assert set(found) == ({-1} if sum(count > 1 for count in counts) > 1 else {0, -1} & set(found))


def test_points_of_different_weights_are_a_grid_whatever_their_order() -> None:
    points, labels, _ = path_points("GXMGR", 10)
    weights = np.linspace(1, 2, len(points))
    grid = bands_of(points, labels, (-1,) * len(points), weights=weights / weights.sum())
    assert on_path_or_recognised(grid) is grid


def test_a_path_that_its_file_names_stays_as_it_is() -> None:
    named = path_bands("GXM|RG")
    assert on_path_or_recognised(named) is named
    assert on_path_or_recognised(replace(named, on_path=(3,) * len(named.on_path))).on_path[0] == 3


def test_a_few_points_are_no_path() -> None:
    points, labels, _ = path_points("GXM", 1)
    assert set(on_path_or_recognised(bands_of(points, labels, (-1,) * 3)).on_path) == {-1}
