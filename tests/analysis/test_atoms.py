"""Whether two lists of atoms are the same ones: order and lattice vectors aside, to the digits that codes print."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.analysis.atoms import SAME_PLACE_ANG, atoms_of, farthest_atom_ang, other_elements
from dftflow.model.results import Atoms

CELL = np.diag([10.0, 10.0, 20.0])


def atoms(elements: str, *places: list[float]) -> Atoms:
    return Atoms(elements=tuple(elements.split()), positions_frac=np.array(places, dtype=float))


SALT = atoms("Na Cl", [0, 0, 0], [0.5, 0.5, 0.5])


def test_codes_print_six_decimals_of_a_cell_of_100_angstroms() -> None:
    assert pytest.approx(2 * 0.5e-6 * 100) == SAME_PLACE_ANG


def test_the_order_and_lattice_vectors_do_not_matter() -> None:
    assert farthest_atom_ang(atoms("Cl Na", [0.5, -0.5, 1.5], [3, 0, -1]), SALT, CELL) == 0.0


@pytest.mark.parametrize(("moved", "apart_ang"), [([0.01, 0, 0], 0.1), ([0, 0, -0.01], 0.2), ([0.99, 0, 0], 0.1)])
def test_how_far_one_has_moved(moved: list[float], apart_ang: float) -> None:
    assert farthest_atom_ang(atoms("Na Cl", moved, [0.5, 0.5, 0.5]), SALT, CELL) == pytest.approx(apart_ang)


def test_both_lists_count() -> None:
    """Two at one place are near an atom each, and leave one of the others alone."""
    pair, apart = atoms("Na Na", [0, 0, 0], [0, 0, 0]), atoms("Na Na", [0, 0, 0], [0.3, 0, 0])
    assert farthest_atom_ang(pair, apart, CELL) == farthest_atom_ang(apart, pair, CELL) == pytest.approx(3.0)


def test_another_kind_at_the_place_is_none_at_all() -> None:
    assert farthest_atom_ang(atoms("Na Br", [0, 0, 0], [0.5, 0.5, 0.5]), SALT, CELL) == np.inf
    swapped = atoms("Cl Na", [0, 0, 0], [0.5, 0.5, 0.5])
    assert farthest_atom_ang(swapped, SALT, CELL) == pytest.approx(np.linalg.norm([5, 5, 10]))


def test_a_kind_that_is_not_told_is_any() -> None:
    untold = Atoms(elements=("", ""), positions_frac=SALT.positions_frac[::-1])
    assert farthest_atom_ang(untold, SALT, CELL) == farthest_atom_ang(SALT, untold, CELL) == 0.0
    assert other_elements(untold, SALT) == other_elements(SALT, untold) == ""
    assert other_elements(Atoms(elements=("",), positions_frac=np.zeros((1, 3))), SALT) == "1 and 2 atoms"


def test_elements_are_told_as_formulas() -> None:
    assert other_elements(SALT, atoms("Cl Na", [0, 0, 0], [0, 0, 0])) == ""
    assert other_elements(SALT, atoms("Na Na Cl", *[[0, 0, 0]] * 3)) == "Cl1 Na1 and Cl1 Na2"


def test_atoms_of_a_structure() -> None:
    found = atoms_of(Structure(Lattice(CELL), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert found.elements == SALT.elements
    np.testing.assert_array_equal(found.positions_frac, SALT.positions_frac)
