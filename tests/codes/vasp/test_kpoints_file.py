"""KPOINTS: grids, lists and names."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.io.vasp import Kpoints

from dftflow.codes.vasp.kpoints_file import (
    bands_list,
    grid_behind,
    half_grid,
    read_names,
    regular_grid,
)
from dftflow.errors import DftflowError, ParseError
from dftflow.model.kpoint_grid import common_shift, grid_points, monkhorst_pack_shift, same_shift
from dftflow.model.spec import KPath, KPoint

G, X = KPoint(label="G", frac=(0, 0, 0)), KPoint(label="X", frac=(0.5, 0, 0))
R, M = KPoint(label="R", frac=(0.5, 0.5, 0.5)), KPoint(label="M", frac=(0.5, 0.5, 0))
PATH = KPath(segments=((G, X), (M, R)), spacing_per_ang=0.4)


def attempt(read: Callable[..., object], *arguments: object) -> object:
    """What `read` gives, or the error of ours that it raises."""
    try:
        return read(*arguments)
    except DftflowError as error:
        return error


def monkhorst_pack(q: int) -> set[float]:
    """u_r = (2r - q - 1)/2q, equation 3 of 10.1103/PhysRevB.13.5188."""
    return {(2 * r - q - 1) / (2 * q) for r in range(1, q + 1)}


def folded(points: np.ndarray) -> set[tuple[float, ...]]:
    """The points up to reciprocal lattice vectors."""
    return {tuple(round(float(x) % 1.0, 5) % 1.0 for x in point) for point in points}


@given(grid=st.tuples(*[st.integers(1, 5)] * 3), shift=st.tuples(*[st.sampled_from([0.0, 0.5])] * 3))
def test_the_half_grid_and_its_mirror_image_are_the_whole_grid(grid, shift):
    points, weights = half_grid(grid, shift)
    assert folded(points) | folded(-points) == folded(grid_points(grid, shift))
    assert sum(weights) == int(np.prod(grid)) and len(folded(points)) == len(points)
    own_mirror = [len(folded(np.array([point, -point]))) == 1 for point in points]
    assert [2 - alone for alone in own_mirror] == weights


@given(grid=st.tuples(*[st.integers(1, 5)] * 3))
def test_the_half_grid_is_that_of_monkhorst_and_pack(grid):
    points, weights = half_grid(grid, monkhorst_pack_shift(grid))
    whole = {tuple(point) for point in points} | {tuple(-point + 0.0) for point in points}
    assert len(whole) == int(np.prod(grid)) == sum(weights)
    assert all(
        {round(x, 12) for x in column} == {round(u, 12) for u in monkhorst_pack(q)}
        for column, q in zip(np.array(sorted(whole)).T, grid, strict=True)
    )


@given(grid=st.tuples(*[st.integers(1, 4)] * 3), shift=st.tuples(*[st.sampled_from([0.0, 0.5])] * 3))
def test_the_grid_is_found_again_behind_a_list_with_a_path(grid, shift):
    """With the eight digits of vasprun.xml. One point half a step beside Γ is Γ's border: it is told as it stands."""
    points, weights = half_grid(grid, shift)
    kpoints = np.vstack([np.round(points, 8), [[0.123, 0, 0], [0.5, 0.5, 0.5]]])
    assert grid_behind(kpoints, np.array([*weights, 0, 0]) / sum(weights)) == (grid, shift)


@given(grid=st.tuples(*[st.integers(1, 6)] * 3), shift=st.tuples(*[st.sampled_from([0.0, 0.25, 0.5])] * 3))
def test_some_points_tell_where_their_grid_stands(grid, shift):
    points = np.round(grid_points(grid, shift), 8)[::-3]
    assert same_shift(common_shift(points, grid), shift)
    assert common_shift(np.vstack([points, points[:1] + 0.1 / np.array(grid)]), grid) is None


def test_no_grid_is_found_where_there_is_none():
    points, weights = half_grid((2, 2, 2), (0.5, 0.5, 0.5))
    assert grid_behind(points + 0.01, np.array(weights) / 8) is None
    assert grid_behind(points, np.array([2, 2, 2, 1]) / 7) is None
    assert grid_behind(points[:3], np.array(weights[:3]) / 6) is None


def test_an_even_grid_leaves_out_gamma_in_vasps_own_generator():
    kpoints = Kpoints.from_str(regular_grid("title", (4, 4, 2)))
    assert kpoints.style.name == "Monkhorst"
    assert kpoints.kpts == [(4, 4, 2)]


def test_names_and_segments_are_read_back(folder):
    edges = (R, KPoint(label="Q", frac=(0.1, 0.2, 0.3)))
    text = bands_list("title", (2, 2, 2), PATH, edges, np.eye(3), shift=(0.5, 0.5, 0.5))
    (folder / "KPOINTS").write_text(text)
    said = Kpoints.from_str(text)
    assert said.kpts_weights[:4] == [2, 2, 2, 2]
    assert not any(said.kpts_weights[4:])
    labels, segments = read_names(folder / "KPOINTS", np.array(said.kpts))
    assert segments == (-1, -1, -1, -1, 0, 0, 0, 1, 1, 1, -1)
    assert labels == ("", "", "", "", "G", "", "X", "M", "", "R", "Q")


def test_special_points_alone_are_on_no_path(folder):
    edges = (KPoint(label="X'-bar", frac=(0, 0.5, 0)), KPoint(label="0.5,0-bar", frac=(0.5, 0, 0)))
    text = bands_list("title", (2, 2, 1), None, edges, np.eye(3), shift=(0.5, 0.5, 0.0))
    (folder / "KPOINTS").write_text(text)
    labels, segments = read_names(folder / "KPOINTS", np.array(Kpoints.from_str(text).kpts))
    assert labels == ("", "", "X'-bar", "0.5,0-bar") and segments == (-1, -1, -1, -1)


def test_line_mode_joins_lines_that_share_a_corner(folder):
    (folder / "KPOINTS").write_text(
        "path\n3\nLine-mode\nReciprocal\n0 0 0 ! \\Gamma\n0.5 0 0 ! X\n\n0.5 0 0 ! X\n0.5 0.5 0 ! M\n\n"
        "0 0 0 ! \\Gamma\n0.5 0.5 0.5 ! R\n"
    )
    ends = [((0, 0, 0), (0.5, 0, 0)), ((0.5, 0, 0), (0.5, 0.5, 0)), ((0, 0, 0), (0.5, 0.5, 0.5))]
    kpoints = np.vstack([np.linspace(start, end, 3) for start, end in ends])
    labels, segments = read_names(folder / "KPOINTS", kpoints)
    assert segments == (0, 0, 0, 0, 0, 0, 1, 1, 1)
    assert labels == ("G", "", "X", "X", "", "M", "G", "", "R")


def test_a_list_without_a_word_of_paths_has_one_at_weight_zero(folder):
    (folder / "KPOINTS").write_text("hybrid\n3\nReciprocal\n0.25 0.25 0.25 8 None\n0 0 0 0 \\Gamma\n0.5 0 0 0\n")
    labels, segments = read_names(folder / "KPOINTS", np.array([[0.25] * 3, [0, 0, 0], [0.5, 0, 0]]))
    assert labels == ("", "G", "")
    assert segments == (-1, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "title\n2\nrec\n0 0 0 1\n0.5 0 0 1\n",
        "t\n1\nrec\n0.1 0 0 1\n",
        "t\n1\nr\n0 0 nan 1\n",
        "t\n1\nr\n0 0 0 0 ! path 1_0 G\n",
    ],
)
def test_kpoints_of_another_run_are_refused(folder, text):
    (folder / "KPOINTS").write_text(text)
    with pytest.raises(ParseError):
        read_names(folder / "KPOINTS", np.array([[0.0, 0.0, 0.0]]))


@settings(max_examples=200, deadline=None)
@given(
    content=st.binary(max_size=200), head=st.sampled_from([b"", b"t\n2\nL\nr\n", b"t\n1\nr\n0 0 0 1", b"t\n-1\nL\n"])
)
def test_any_bytes_end_in_names_or_an_error_of_ours(content, head):
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "KPOINTS"
        file.write_bytes(head + content)
        found = attempt(read_names, file, np.zeros((1, 3)))
        assert isinstance(found, DftflowError) or [len(part) for part in found] == [1, 1]
