from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.crystals.contacts import check_contacts, shortest_contacts
from dftflow.crystals.shipped import load_shipped
from dftflow.errors import ClashError


def test_rock_salt_shells() -> None:
    # Six neighbours at a/2 for each of two ions, every pair once; next shell (Na-Na, Cl-Cl) at a/sqrt(2).
    a = 5.64
    fcc = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * a / 2
    salt = Structure(Lattice(fcc), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    contacts = shortest_contacts(salt, cutoff_ang=4.1)
    nearest = [c for c in contacts if c.distance_ang < 3]
    assert len(nearest) == 6
    assert all(c.distance_ang == pytest.approx(a / 2) for c in nearest)
    second = contacts[6:]
    assert len(second) == 12, "six distinct vectors, up to sign, for each ion"
    assert all(c.distance_ang == pytest.approx(a / 2**0.5) for c in second)


def test_contact_across_the_cell_border() -> None:
    structure = Structure(Lattice.cubic(8.0), ["Pb", "Br"], [[0.01, 0.5, 0.5], [0.9, 0.5, 0.5]])
    with pytest.raises(ClashError, match=r"Pb \(atom 1\) and Br \(atom 2\) are 0\.880 Å apart") as caught:
        check_contacts(structure, where="here.cif")
    assert caught.value.where == "here.cif"
    assert caught.value.exit_code == 2


def test_an_atom_clashes_with_its_own_image() -> None:
    with pytest.raises(ClashError, match=r"Cs \(atom 1\) and Cs \(atom 1\) are 2\.000 Å"):
        check_contacts(Structure(Lattice.orthorhombic(2, 8, 8), ["Cs"], [[0, 0, 0]]))


@pytest.mark.parametrize(
    ("elements", "distance_ang"),
    # The shortest bonds there are: H2, N2, CO, uranyl U=O, Mo=O (CRC Handbook of Chemistry and Physics).
    [(("H", "H"), 0.741), (("N", "N"), 1.098), (("C", "O"), 1.128), (("U", "O"), 1.76), (("Mo", "O"), 1.67)],
)
def test_real_bonds_pass(elements: tuple[str, str], distance_ang: float) -> None:
    check_contacts(Structure(Lattice.cubic(12), elements, [[0, 0, 0], [0, 0, distance_ang / 12]]))


def test_a_molecule_keeps_more_distance_from_its_surroundings_than_a_bond() -> None:
    bonded = Structure(Lattice.cubic(12), ["H", "Br"], [[0, 0, 0], [0, 0, 1.7 / 12]])
    check_contacts(bonded)
    apart = bonded.copy(site_properties={"molecule": [0, -1]})
    with pytest.raises(ClashError, match=r"1\.700"):
        check_contacts(apart)
    check_contacts(bonded.copy(site_properties={"molecule": [0, 0]}))


@settings(max_examples=25, deadline=None)
@given(shift=st.tuples(*[st.floats(-2, 2)] * 3), repeats=st.tuples(*[st.integers(1, 2)] * 3))
def test_invariant_under_shift_and_supercell(shift: tuple[float, ...], repeats: tuple[int, int, int]) -> None:
    structure = load_shipped("CsPbBr3_P4mbm").structure
    moved = structure.copy()
    moved.translate_sites(range(len(moved)), shift, to_unit_cell=False)
    moved.make_supercell(repeats, to_unit_cell=False)
    expected = sorted(c.distance_ang for c in shortest_contacts(structure, cutoff_ang=3.2))
    found = sorted(c.distance_ang for c in shortest_contacts(moved, cutoff_ang=3.2))
    np.testing.assert_allclose(found, np.repeat(expected, np.prod(repeats)), atol=1e-7)
