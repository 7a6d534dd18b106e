from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from free_electrons import CUBE_ANG, bands_of, path_bands, path_points

from dftflow.errors import AnalysisError
from dftflow.figures.kpath import on_one_axis, path_axis

UNIT = np.pi / CUBE_ANG


def test_corners_have_their_names_and_places() -> None:
    axis = path_axis(path_bands("GXM|RG", 10))
    places = UNIT * np.cumsum([0, 1, 1, np.sqrt(3)])
    assert [name for _, name in axis.ticks] == ["Γ", "X", "M|R", "Γ"]
    np.testing.assert_allclose([x for x, _ in axis.ticks], places)
    assert axis.length == pytest.approx(places[-1])


def test_corners_without_a_name_are_found_where_the_path_turns() -> None:
    points, _, parts = path_points("GXM|RG", 10)
    axis = path_axis(bands_of(points, [""] * len(points), parts))
    named = path_axis(path_bands("GXM|RG", 10))
    np.testing.assert_allclose([x for x, _ in axis.ticks], [x for x, _ in named.ticks])
    assert [name for _, name in axis.ticks] == ["Γ", "0 1/2 0", "1/2 1/2 0\n1/2 1/2 1/2", "Γ"]


def test_coordinates_are_read_as_files_print_them() -> None:
    points = np.array([[0.0, 0.0, 0.0], [0.3333, 0.6667, 0.0], [-0.137, 0.2, 0.0]])
    names = [name for _, name in path_axis(bands_of(points, ["", "", ""], [0, 0, 0])).ticks]
    assert names == ["Γ", "1/3 2/3 0", "\N{MINUS SIGN}0.137 1/5 0"]


def test_points_of_a_grid_are_no_part_of_it() -> None:
    points, labels, parts = path_points("GX", 10)
    with_grid = bands_of(np.vstack([points, points]), (*labels, *labels), (-1,) * 11 + parts)
    assert path_axis(with_grid).length == pytest.approx(UNIT)
    with pytest.raises(AnalysisError, match="no band path"):
        path_axis(replace(with_grid, on_path=(-1,) * 22))


@pytest.mark.parametrize(("per_leg", "sparse"), [(1, True), (5, True), (7, False), (30, False)])
def test_few_points(per_leg: int, sparse: bool) -> None:
    assert path_axis(path_bands("GXM|RG", per_leg)).is_sparse is sparse


def test_paths_of_other_steps_and_cells_lie_over_the_first() -> None:
    first, second = path_bands("GXM|RG", 10), path_bands("GXM|RG", 4)
    stretched = replace(second, reciprocal_per_ang=1.07 * second.reciprocal_per_ang)
    here, there = on_one_axis(["a", "b"], [path_axis(first), path_axis(stretched)])
    assert [x for x, _ in there.ticks] == pytest.approx([x for x, _ in here.ticks])
    assert there.length == pytest.approx(here.length)
    assert there.parts[1].distance[2] == pytest.approx(UNIT * (2 + np.sqrt(3) / 2))


@pytest.mark.parametrize("other", ["GXM", "GMX|RG", "GXM|GR"])
def test_other_paths_are_refused(other: str) -> None:
    with pytest.raises(AnalysisError, match="the bands of b cannot be drawn over those of a"):
        on_one_axis(["a", "b"], [path_axis(path_bands("GXM|RG")), path_axis(path_bands(other))])
