"""Paths of letters found again among the k-points that CASTEP makes of them: ceil(length/spacing) equal steps a leg."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice

from dftflow.codes.castep.input.kpath_letters import LetterPath, path_of_letters, place_letters

FCC = Lattice([[0, 3, 3], [3, 0, 3], [3, 3, 0]])
CUBIC = Lattice.cubic(4)
G, X, L, W, K = (0, 0, 0), (0.5, 0, 0.5), (0.5, 0.5, 0.5), (0.5, 0.25, 0.75), (3 / 8, 3 / 8, 3 / 4)


def sampled(lattice: Lattice, *segments: list[tuple[float, ...]], spacing: float = 0.1) -> tuple[np.ndarray, list[int]]:
    """The k-points of a path with 8 decimals, and the segment of each."""
    points: list[np.ndarray] = []
    numbers: list[int] = []
    for number, corners in enumerate(segments):
        points.append(np.array(corners[0], dtype=float))
        for start, end in zip(np.array(corners[:-1]), np.array(corners[1:]), strict=True):
            length = np.linalg.norm((end - start) @ lattice.reciprocal_lattice.matrix)
            count = int(np.ceil(length / spacing))
            points += [start + (end - start) * step / count for step in range(1, count + 1)]
        numbers += [number] * (len(points) - len(numbers))
    return np.round(points, 8), numbers


def placed(lattice: Lattice, letters: str, kpoints: np.ndarray, spacing: float = 0.1):  # type: ignore[no-untyped-def]
    """What is found for letters such as ``"L G | X W"``."""
    path = LetterPath(segments=tuple(tuple(part.split()) for part in letters.split("|")), spacing_per_ang=spacing)
    return place_letters(path, kpoints, lattice.reciprocal_lattice.matrix)


@pytest.mark.parametrize(
    ("letters", "segments", "named"),
    [
        ("L G X", [[L, G, X]], "L G X"),
        ("L G | X W K", [[L, G], [X, W, K]], "L G X W K"),
        ("gamma x", [[G, X]], "G X"),
        ("G X G", [[G, X, G]], "G X G"),
        ("G X", [[G, (0, 0.5, 0.5)]], "G X"),
    ],
    ids=["one segment", "break", "lower case", "there and back", "another image of X"],
)
def test_corners_get_their_letters(letters: str, segments: list[list[tuple[float, ...]]], named: str) -> None:
    kpoints, numbers = sampled(FCC, *segments)
    labels, on_path = placed(FCC, letters, kpoints)
    assert on_path == tuple(numbers)
    assert [label for label in labels if label] == named.split()
    for label, place in zip(labels, kpoints, strict=True):
        assert not label or any(np.allclose(place, corner) for segment in segments for corner in segment)


@pytest.mark.parametrize(
    ("letters", "segments", "named"),
    [
        ("K G X", [[(0.5, 0.5, 0.25), G, X]], "G X"),
        ("L G X", [[X, G, L]], "G"),
        ("L G H", [[L, G, X]], "L G"),
        ("G X L", [[G, X]], ""),
    ],
    ids=["another point is called K", "the other way round", "no point of this lattice", "a corner that is not seen"],
)
def test_a_letter_that_does_not_agree_is_no_label(
    letters: str, segments: list[list[tuple[float, ...]]], named: str
) -> None:
    kpoints, numbers = sampled(FCC, *segments)
    labels, on_path = placed(FCC, letters, kpoints)
    assert on_path == tuple(numbers), "the points are on a path all the same"
    assert [label for label in labels if label] == named.split()


def test_k_of_a_cubic_lattice_is_none_of_a_rhombohedral_one() -> None:
    """CASTEP 25.1 takes it for one; the names of the rhombohedral lattice are others."""
    lattice = Lattice.rhombohedral(5.5, 33.6)
    kpoints, _ = sampled(lattice, [K, G, X])
    labels, on_path = placed(lattice, "K G X", kpoints)
    assert set(on_path) == {0} and [label for label in labels if label] == ["G"]


@pytest.mark.parametrize(
    "kpoints",
    [
        sampled(FCC, [L, G, X, W])[0],
        sampled(FCC, [L, G], [X, W])[0],
        sampled(FCC, [L, G, X], spacing=0.05)[0],
        sampled(FCC, [L, G, X], spacing=0.2)[0],
        np.array([[i, j, k] for i in (-0.375, -0.125) for j in (-0.125, 0.375) for k in (0.125, 0.375)]),
    ],
    ids=["a corner too many", "a break too many", "finer", "coarser", "a grid"],
)
def test_other_k_points_are_on_no_path(kpoints: np.ndarray) -> None:
    assert placed(FCC, "L G X", kpoints) is None


def test_a_jump_that_is_no_longer_than_a_step_costs_labels_alone() -> None:
    kpoints, _ = sampled(CUBIC, [(0, 0, 0), (0.5, 0, 0)], [(0.5, 0.01, 0), (0.5, 0.5, 0)])
    labels, on_path = placed(CUBIC, "G X | X M", kpoints)
    assert set(labels) == {""} and set(on_path) == {0}


def test_one_k_point() -> None:
    assert placed(CUBIC, "G X", np.zeros((1, 3))) == (("",), (0,))


def test_as_many_k_points_as_letters_are_the_corners() -> None:
    kpoints = np.array([L, G, X, K], dtype=float)
    assert placed(FCC, "L G | X K", kpoints, spacing=1e-3) == (("L", "G", "X", "K"), (0, 0, 1, 1))
    assert placed(FCC, "W G | X K", kpoints, spacing=9.0) == (("", "G", "X", "K"), (0, 0, 1, 1))


def test_the_path_of_letters_that_the_lattice_has() -> None:
    letters = LetterPath(segments=(("L", "gamma"), ("x", "K")), spacing_per_ang=0.2)
    path = path_of_letters(letters, FCC.reciprocal_lattice.matrix)
    assert path is not None and path.spacing_per_ang == 0.2
    corners = [(corner.label, corner.frac) for segment in path.segments for corner in segment]
    assert corners == [("L", L), ("G", G), ("X", X), ("K", pytest.approx(K))]
    assert path_of_letters(letters, CUBIC.reciprocal_lattice.matrix) is None, "a simple cubic lattice has no L"
