"""Slabs laid over each other: analytic misfits, and what may change without one."""

from __future__ import annotations

import numpy as np
import pytest

from dftflow.crystals.overlay import IonStack, misfit, plane_cells, shortest_vectors_ang

NAMES = ("A", "B", "A", "C")
PLACES = np.array([[0, 0, 0], [2.0, 1.0, 1.5], [0.5, 3.0, 3.0], [1.0, 1.0, 4.2]])
CELL = np.array([[4.0, 0.0], [0.0, 5.0]])
SLAB = IonStack(names=NAMES, places_ang=PLACES, cell_ang=CELL)


def turned(matrix: list[list[float]]) -> IonStack:
    plane = np.array(matrix)
    places = np.column_stack([PLACES[:, :2] @ plane.T, PLACES[:, 2]])
    return IonStack(names=NAMES, places_ang=places, cell_ang=CELL @ plane.T)


@pytest.mark.parametrize(
    "same",
    [
        SLAB,
        IonStack(names=NAMES, places_ang=PLACES + np.array([1.3, -2.2, 7.0]), cell_ang=CELL),
        IonStack(names=NAMES[::-1], places_ang=PLACES[::-1] + np.array([4.0, 10.0, 0]), cell_ang=CELL),
        IonStack(names=NAMES, places_ang=PLACES, cell_ang=np.array([[4.0, 0.0], [4.0, 5.0]])),
        turned([[0.6, -0.8], [0.8, 0.6]]),
        turned([[1, 0], [0, -1]]),
        SLAB.repeated(np.array([[2, 0], [0, 1]])),
        SLAB.repeated(np.array([[1, 1], [-1, 1]])),
        SLAB.upside_down().upside_down(),
    ],
    ids=["itself", "shifted", "order", "basis", "turned", "mirrored", "supercell", "oblique", "over twice"],
)
def test_what_changes_no_slab(same: IonStack) -> None:
    fit = misfit(same, SLAB)
    assert fit is not None and fit.max_ang < 1e-6


@pytest.mark.parametrize("axis", [0, 1])
def test_one_ion_that_has_moved(axis: int) -> None:
    """By d of N ions: once the mean is taken away it lies d (1 - 1/N) off, and the rms is d sqrt(N - 1)/N."""
    moved = PLACES.copy()
    moved[3, axis] += 0.4
    fit = misfit(IonStack(names=NAMES, places_ang=moved, cell_ang=CELL), SLAB)
    assert fit is not None
    assert fit.max_ang == pytest.approx(0.4 * 3 / 4)
    assert fit.rms_ang == pytest.approx(0.4 * 3**0.5 / 4)


def test_no_ion_is_used_twice() -> None:
    """Two of a kind at one place lie over one ion, and the other one is far."""
    together = IonStack(names=("A", "A", "B"), places_ang=[[0, 0, 0], [0, 0, 0], [0, 0, 2]], cell_ang=CELL)
    apart = IonStack(names=("A", "A", "B"), places_ang=[[0, 0, 0], [2, 0, 0], [0, 0, 2]], cell_ang=CELL)
    fit = misfit(together, apart)
    assert fit is not None and fit.max_ang > 1.0


def test_what_does_not_fit() -> None:
    assert misfit(IonStack(names=("A", "B", "C", "C"), places_ang=PLACES, cell_ang=CELL), SLAB) is None
    for strain, fits in ((1.02, True), (0.98, True), (1.04, False), (0.96, False)):
        found = misfit(IonStack(names=NAMES, places_ang=PLACES * [strain, 1, 1], cell_ang=CELL * [strain, 1]), SLAB)
        assert (found is not None and found.max_ang < 1e-6) is fits


def test_how_often_a_lattice_fits_on_another() -> None:
    """A square one on itself by its eight operations, an oblong one by four; on a double cell as often."""
    square, oblong = 4.0 * np.eye(2), np.diag([4.0, 5.0])
    assert len(list(plane_cells(square, square))) == 8
    assert len(list(plane_cells(oblong, oblong))) == 4
    doubled = list(plane_cells(np.diag([8.0, 5.0]), oblong))
    assert len(doubled) == 4 and all(round(abs(np.linalg.det(m))) == 2 for m in doubled)
    assert list(plane_cells(np.diag([6.0, 5.0]), oblong)) == []


def test_a_repeated_slab_has_as_many_ions_and_as_large_a_cell() -> None:
    for matrix in (np.array([[2, 0], [0, 3]]), np.array([[1, 1], [-1, 2]]), np.array([[0, 1], [-1, 0]])):
        cells = round(abs(np.linalg.det(matrix)))
        larger = SLAB.repeated(matrix)
        assert len(larger.names) == cells * len(NAMES)
        assert abs(np.linalg.det(larger.cell_ang)) == pytest.approx(cells * 20.0)


def test_shortest_vectors_cross_the_border_of_the_plane_alone() -> None:
    first, second = np.array([[0.1, 0.0, 9.0]]), np.array([[3.9, 4.8, 0.0]])
    np.testing.assert_allclose(shortest_vectors_ang(first, second, CELL), [[[0.2, 0.2, 9.0]]], atol=1e-12)


def test_symmetry_operations_of_a_slab() -> None:
    """One atom on a square lattice: p4/mmm, 16; with another kind above it the mirror of the plane is gone, 8."""
    one = IonStack(names=("A",), places_ang=[[0, 0, 0]], cell_ang=4.0 * np.eye(2))
    two = IonStack(names=("A", "B"), places_ang=[[0, 0, 0], [0, 0, 2]], cell_ang=4.0 * np.eye(2))
    assert (one.operations(0.01), two.operations(0.01)) == (16, 8)
