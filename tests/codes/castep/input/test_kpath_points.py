"""Named corners of k-paths, in lattices whose special points are known by heart."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice

from dftflow.codes.castep.input.kpath_points import agreeing_labels, corner_remarks, plain_label
from dftflow.crystals.kpaths import special_points
from dftflow.model.spec import KPoint

FCC = Lattice([[0, 3, 3], [3, 0, 3], [3, 3, 0]])
BCC = Lattice([[-3, 3, 3], [3, -3, 3], [3, 3, -3]])
RIGHT = [
    (FCC, {"X": (0.5, 0, 0.5), "L": (0.5, 0.5, 0.5), "W": (0.5, 0.25, 0.75), "K": (3 / 8, 3 / 8, 3 / 4)}),
    (BCC, {"H": (0.5, -0.5, 0.5), "P": (0.25, 0.25, 0.25), "N": (0, 0, 0.5)}),
    (Lattice.cubic(4), {"X": (0, 0.5, 0), "M": (0.5, 0.5, 0), "R": (0.5, 0.5, 0.5)}),
    (Lattice.tetragonal(4, 6), {"Z": (0, 0, 0.5), "A": (0.5, 0.5, 0.5), "M": (0.5, 0.5, 0), "R": (0, 0.5, 0.5)}),
    (Lattice.hexagonal(3, 5), {"K": (1 / 3, 1 / 3, 0), "M": (0.5, 0, 0), "A": (0, 0, 0.5), "H": (0.3333, 0.3333, 0.5)}),
    (Lattice.orthorhombic(8.2, 11.7, 8.3), {"S": (0.5, 0.5, 0), "R": (0.5, 0.5, 0.5), "Z": (0, 0, 0.5)}),
]  # fmt: skip


def point(label: str, *frac: float) -> KPoint:
    return KPoint(label=label, frac=frac)  # type: ignore[arg-type]


@pytest.mark.parametrize(("lattice", "corners"), RIGHT)
def test_special_points_and_all_their_images_are_right(
    lattice: Lattice, corners: dict[str, tuple[float, float, float]]
) -> None:
    """Moved by a reciprocal lattice vector, and with the sign of time reversal."""
    for shift in ((0, 0, 0), (1, -1, 2)):
        for sign in (1, -1):
            moved = [point(label, *(sign * np.array(frac) + shift)) for label, frac in corners.items()]
            assert corner_remarks(lattice, moved) == ("",) * len(corners)


@pytest.mark.parametrize(
    ("lattice", "corner", "message"),
    [
        (FCC, point("L", 0.5, 0, 0.5), "is X of a face-centred cubic lattice"),
        (BCC, point("P", 0.75, 0.25, -0.25), "no special point of a body-centred cubic lattice"),
        (Lattice.cubic(4), point("R", 0.5, 0.5, 0), "is M of a simple cubic lattice"),
        (Lattice.hexagonal(3, 5), point("K", 0.25, 0.25, 0), "no special point of a hexagonal lattice"),
        (Lattice.orthorhombic(4, 5, 6), point("W", 0.5, 0.25, 0.75), "no special point of a simple orthorhombic"),
        (Lattice.orthorhombic(4, 5, 6), point("X", 1, 0, 0), "but is Gamma"),
    ],
)
def test_what_is_called_by_a_wrong_name(lattice: Lattice, corner: KPoint, message: str) -> None:
    (found,) = corner_remarks(lattice, [corner])
    assert message in found


@pytest.mark.parametrize(
    ("lattice", "corners"), [*RIGHT[:-1], (Lattice.orthorhombic(4, 5, 6), {"S": (0.5, 0.5, 0), "Z": (0, 0, 0.5)})]
)
def test_a_name_agrees_with_its_point_and_no_other(
    lattice: Lattice, corners: dict[str, tuple[float, float, float]]
) -> None:
    right = [point("G", 0, 1, 0), *(point(label, *frac) for label, frac in corners.items())]
    assert agreeing_labels(lattice, right) == ("G", *corners)
    wrong = [point("Γ", 0, 0, 0), point("G", 0.1, 0, 0), *(point(label, 0.1, 0.2, 0.3) for label in corners)]
    assert set(agreeing_labels(lattice, wrong)) == {""}


@pytest.mark.parametrize("lattice", [Lattice.rhombohedral(5, 40), Lattice.orthorhombic(1e-3, 1e3, 1e4)])
def test_gamma_agrees_in_every_lattice_and_k_of_another_one_does_not(lattice: Lattice) -> None:
    corners = [point("G", 0, 0, 0), point("K", 3 / 8, 3 / 8, 3 / 4), point("W", 0.5, 0.25, 0.75)]
    assert agreeing_labels(lattice, corners) == ("G", "", "")


def test_a_rhombohedral_cell_is_left_alone() -> None:
    """Its special points depend on its angle, and so do the conventions."""
    assert corner_remarks(Lattice.rhombohedral(5, 40), [point("W", 0.5, 0.25, 0.75)]) == ("",)


def test_lattices_that_nobody_has_are_left_alone() -> None:
    for lattice in (Lattice.orthorhombic(1e-3, 1e3, 1e4), Lattice([[1, 0, 0], [0.999, 0.01, 0], [0, 0, 1e4]])):
        assert len(corner_remarks(lattice, [point("X", 0.5, 0, 0)])) == 1


@pytest.mark.parametrize("name", ["Gamma", "GAMMA", r"\Gamma", r"$\Gamma$", "Γ", "G", "GM", " G "])
def test_names_of_gamma(name: str) -> None:
    assert plain_label(name) == "G"


@pytest.mark.parametrize("comment", ["", "the zone border", "to X", "0.5", "x", "Delta"])
def test_comments_that_name_no_point(comment: str) -> None:
    assert plain_label(comment) == ""


@pytest.mark.parametrize("lattice", [lattice for lattice, _ in RIGHT])
def test_the_points_that_dftflow_writes_are_right(lattice: Lattice) -> None:
    from pymatgen.core import Structure

    points = list(special_points(Structure(lattice, ["H"], [[0, 0, 0]])).values())
    assert corner_remarks(lattice, points) == ("",) * len(points)
