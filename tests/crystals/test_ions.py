"""Ions and molecules found in crystals whose makeup is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.crystals.bonds import bonds_between
from dftflow.crystals.contacts import shortest_contacts
from dftflow.crystals.geometry import same_geometry
from dftflow.crystals.ions import (
    chemical_formula,
    formal_charge,
    formula_of,
    ionic_units,
    ions_of,
    with_charges,
    with_oxidation_states,
    with_states_of,
)
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.same_slab import compare_surface
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.errors import StructureError, SurfaceError

# PBE gas-phase geometry of formamidinium: C-N 1.315 Å, C-H 1.093 Å, N-H 1.017 and 1.019 Å.
FA_SYMBOLS = ["C", "H", "N", "N", "H", "H", "H", "H"]
FA_ANG = np.array(
    [
        (0.0, -0.0028, 0.0),
        (0.0, 1.0897, 0.0),
        (1.1686, -0.6057, 0.0),
        (-1.1686, -0.6057, 0.0),
        (2.0231, -0.0542, 0.0),
        (-2.0231, -0.0542, 0.0),
        (1.2734, -1.6194, 0.0),
        (-1.2734, -1.6194, 0.0),
    ]
)


def lead_bromide_with(symbols: list[str], positions_ang: np.ndarray, centre: tuple[float, float, float]) -> Structure:
    """Cubic APbBr3, 5.99 Å, with a molecule about `centre` (fractional) and all atoms wrapped into the cell."""
    lattice = Lattice.cubic(5.99)
    shift = np.array(centre) - 0.5
    frame = np.array([(0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]) + shift
    crystal = Structure(lattice, ["Pb", "Br", "Br", "Br"], frame, to_unit_cell=True)
    for symbol, position in zip(symbols, positions_ang + lattice.get_cartesian_coords(centre), strict=True):
        crystal.append(symbol, lattice.get_fractional_coords(position) % 1.0)
    return crystal


def bonds(positions_ang: np.ndarray) -> np.ndarray:
    return np.sort(np.linalg.norm(positions_ang[:, None] - positions_ang[None], axis=2).ravel())


@given(centre=st.tuples(*[st.floats(0, 1, exclude_max=True)] * 3))
@settings(max_examples=25, deadline=None)
def test_a_molecule_across_the_cell_border_is_one_unit_in_one_piece(centre):
    units = ionic_units(lead_bromide_with(FA_SYMBOLS, FA_ANG, centre))

    assert chemical_formula(units) == "FAPbBr3"
    assert formal_charge(units) == 0
    molecule = next(unit for unit in units if unit.name == "FA")
    assert molecule.charge == 1
    np.testing.assert_allclose(bonds(molecule.positions_ang), bonds(FA_ANG), atol=1e-9)


def test_the_centre_is_the_centre_of_mass():
    molecule = next(u for u in ionic_units(lead_bromide_with(FA_SYMBOLS, FA_ANG, (0.5, 0.5, 0.5))) if u.name == "FA")
    masses = {"C": 12.011, "N": 14.007, "H": 1.008}
    weights = np.array([masses[symbol] for symbol in molecule.symbols])

    np.testing.assert_allclose(molecule.centre_ang, weights @ molecule.positions_ang / weights.sum(), atol=1e-6)


def test_every_site_belongs_to_one_unit_and_supercells_scale():
    crystal = lead_bromide_with(FA_SYMBOLS, FA_ANG, (0.5, 0.5, 0.5))
    units = ionic_units(crystal * (2, 1, 3))

    assert sorted(i for unit in units for i in unit.indices) == list(range(6 * len(crystal)))
    assert chemical_formula(units) == "FA6Pb6Br18"
    assert chemical_formula(units, reduced=True) == "FAPbBr3"


@pytest.mark.parametrize(
    ("spacegroup", "lattice", "species", "coords", "formula"),
    [
        ("Pm-3m", Lattice.cubic(4.291), ["Cs", "Br"], [(0, 0, 0), (0.5, 0.5, 0.5)], "CsBr"),
        ("Fm-3m", Lattice.cubic(4.21), ["Mg", "O"], [(0, 0, 0), (0.5, 0.5, 0.5)], "Mg4O4"),
        ("Fm-3m", Lattice.cubic(5.463), ["Ca", "F"], [(0, 0, 0), (0.25, 0.25, 0.25)], "Ca4F8"),
    ],
)
def test_salts_are_neutral(spacegroup, lattice, species, coords, formula):
    units = ionic_units(Structure.from_spacegroup(spacegroup, lattice, species, coords))

    assert chemical_formula(units) == formula
    assert formal_charge(units) == 0


def test_a_charge_that_a_structure_gives_comes_before_the_one_that_balances():
    rutile = Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)]
    )
    assert {unit.name: unit.charge for unit in ionic_units(rutile)} == {"Ti": 4, "O": -2}
    rutile.add_oxidation_state_by_element({"Ti": 2, "O": -1})
    ions = ions_of(rutile)
    assert {unit.name: unit.charge for unit in ions.units} == {"Ti": 2, "O": -1}
    assert ions.charges == "Ti +2, O -1 (as given)"


def test_an_unknown_molecule_takes_what_balances_or_what_it_is_given():
    # The chain C-N-C of dimethylammonium, with two hydrogens.
    symbols = ["C", "N", "C", "H", "H"]
    chain = np.array([(-1.25, 0.8, 0), (0, 0, 0), (1.25, 0.8, 0), (0, -0.6, 0.82), (0, -0.6, -0.82)])
    crystal = lead_bromide_with(symbols, chain, (0.5, 0.5, 0.5))

    units = ionic_units(crystal)
    assert formal_charge(units) == 0
    assert chemical_formula(units) == "(C2H2N)PbBr3"
    given = ionic_units(with_charges(crystal, {"C2H2N": 2}))
    assert next(unit.charge for unit in given if unit.name == "(C2H2N)") == 2


def test_pairs_of_selenium_and_tellurium_are_one_ion_and_layers_of_them_are_not():
    """Se-Se 2.41 Å and Te-Te 2.75 Å in pyrites; Te-Te 3.46 Å between the layers of NiTe2."""
    for metal, chalcogen, a_ang, u in (("Ni", "Se", 5.960, 0.383), ("Mn", "Te", 6.951, 0.3857)):
        pyrite = Structure.from_spacegroup("Pa-3", Lattice.cubic(a_ang), [metal, chalcogen], [[0, 0, 0], [u] * 3])
        assert sorted(unit.name for unit in ionic_units(pyrite)) == sorted([metal, f"{chalcogen}2"] * 4)
        assert {unit.charge for unit in ionic_units(pyrite)} == {2, -2}
    layered = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.843, 5.265), ["Ni", "Te"], [[0, 0, 0], [1 / 3, 2 / 3, 0.25]]
    )
    assert sorted(unit.name for unit in ionic_units(layered)) == ["Ni", "Te", "Te"]


def test_charges_are_given_by_element_by_molecule_and_atom_by_atom():
    crystal = lead_bromide_with(FA_SYMBOLS, FA_ANG, (0.5, 0.5, 0.5)) * (2, 1, 1)
    charges = {unit.name: unit.charge for unit in ionic_units(with_charges(crystal, {"FA": 2, "Pb": 1}))}
    assert charges == {"FA": 2, "Pb": 1, "Br": -1}
    by_site = ionic_units(with_charges(crystal, {"Pb": [2, 4]}))
    assert [unit.charge for unit in by_site if unit.name == "Pb"] == [2, 4]
    assert [unit.indices[0] for unit in by_site] == sorted(unit.indices[0] for unit in by_site)


@pytest.mark.parametrize(
    ("charges", "message"),
    [
        ({"Ti": 4}, "no 'Ti'"),
        ({"Pb": [2, 2]}, "2 charges of Pb"),
        ({"Pb": 99}, "99 is no charge"),
        ({"Pb": 2.5}, "2.5"),
    ],
)
def test_charges_that_cannot_be_given(charges, message):
    with pytest.raises(StructureError, match=message) as caught:
        with_charges(lead_bromide_with(FA_SYMBOLS, FA_ANG, (0.5, 0.5, 0.5)), charges)
    assert caught.value.fix


def marked(crystal: Structure, marks: list[int], charges: tuple[int, ...]) -> Structure:
    crystal.add_site_property("molecule", marks)
    crystal.properties["molecule_charges"] = charges
    return crystal


def test_marked_molecules_bring_their_charge():
    crystal = marked(lead_bromide_with(FA_SYMBOLS, FA_ANG, (0.5, 0.5, 0.5)), [-1] * 4 + [0] * 8, (2,))

    assert formal_charge(ionic_units(crystal)) == 1


def test_a_mark_that_splits_a_molecule_is_refused():
    crystal = marked(lead_bromide_with(FA_SYMBOLS, FA_ANG, (0.5, 0.5, 0.5)), [-1] * 4 + [0] * 4 + [1] * 4, (1, 1))

    with pytest.raises(SurfaceError, match="bonded to each other"):
        ionic_units(crystal)


def test_a_molecule_in_pieces_is_refused():
    broken = FA_ANG.copy()
    broken[4] += (1.0, 1.0, 0.0)
    crystal = marked(lead_bromide_with(FA_SYMBOLS, broken, (0.5, 0.5, 0.5)), [-1] * 4 + [0] * 8, (1,))

    with pytest.raises(SurfaceError):
        ionic_units(crystal)


def test_the_atoms_of_a_covalent_network_are_single():
    diamond = Structure.from_spacegroup("Fd-3m", Lattice.cubic(3.567), ["C"], [(0, 0, 0)])

    ions = ions_of(diamond)
    assert [unit.indices for unit in ions.units] == [(i,) for i in range(8)]
    assert {unit.charge for unit in ions.units} == {0}
    assert "element" in ions.charges


def test_bonds_of_molecules_that_run_through_the_crystal_are_refused():
    """A chain of CH2, 1.3 Å a link: a polymer, or molecules that overlap."""
    chain = Structure(
        Lattice.orthorhombic(2.6, 8.0, 8.0),
        ["C", "C", "H", "H"],
        [(0, 0.5, 0.5), (0.5, 0.55, 0.5), (0, 0.37, 0.5), (0.5, 0.68, 0.5)],
    )
    with pytest.raises(SurfaceError, match="run through the whole crystal"):
        ionic_units(chain)


def test_a_cell_without_atoms_has_no_ions():
    empty = Structure(Lattice.cubic(5.0), [], [])
    assert ionic_units(empty) == () and formula_of(empty) == ""
    assert not len(bonds_between(empty, ()).first)
    assert shortest_contacts(empty, cutoff_ang=9.0) == () and same_geometry(empty, empty)


def test_a_disordered_crystal_is_refused():
    mixed = Structure(Lattice.cubic(4.29), [{"Cs": 0.5, "Rb": 0.5}, "Br"], [(0, 0, 0), (0.5, 0.5, 0.5)])

    with pytest.raises(SurfaceError, match="disordered"):
        ionic_units(mixed)


def cs2sni6() -> Structure:
    """Cs2SnI6, Fm-3m, 11.65 Å: Sn is +4 here, and +2 in most halides."""
    crystal = Structure.from_spacegroup(
        "Fm-3m",
        Lattice.cubic(11.65),
        ["Cs", "Sn", "I"],
        [(0.25, 0.25, 0.25), (0, 0, 0), (0.2456, 0, 0)],
    )
    states = {"Cs": 1, "Sn": 4, "I": -1}
    return with_oxidation_states(crystal, [states[site.specie.symbol] for site in crystal])


def test_oxidation_states_of_a_file_are_the_charges():
    ions = ions_of(cs2sni6())
    assert {unit.name: unit.charge for unit in ions.units} == {"Cs": 1, "Sn": 4, "I": -1}
    assert ions.charges == "Cs +1, Sn +4, I -1 (as given)"
    assert formal_charge(ionic_units(cs2sni6() * (2, 1, 1))) == 0


def test_slabs_keep_them_and_what_a_code_returns_gets_them_back():
    """The (001) layers of K2PtCl6 type are CsI with all Cs (neutral: 2 Cs+ 2 I-) and SnI4 (neutral)."""
    crystal = cs2sni6()
    slabs = enumerate_slabs(crystal, resolve_plane(crystal, (0, 0, 1)), min_thickness_ang=10.0, vacuum_ang=15.0)
    assert {slab.termination: slab.formal_charge for slab in slabs} == {"CsI": 0, "SnI4": 0, "CsI|SnI4": 0}
    slab = next(slab for slab in slabs if slab.termination == "SnI4")
    assert formal_charge(ionic_units(slab.structure)) == 0
    returned = Structure(slab.structure.lattice, slab.structure.species, slab.structure.frac_coords)
    assert formal_charge(ionic_units(with_states_of(returned, slab.structure))) == 0
    likeness = compare_surface(returned, slab)
    assert (likeness.refusal, likeness.remark) == ("", "")


def test_a_slab_that_is_not_neutral_keeps_what_its_crystal_balances():
    """SrTiO3: a slab of TiO2 faces holds too little Sr and O for its own balance to be asked, had it no states."""
    crystal = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"], [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)]
    )
    for slab in enumerate_slabs(crystal, resolve_plane(crystal, (1, 1, 1)), min_thickness_ang=8.0, vacuum_ang=15.0):
        units = ionic_units(slab.structure)
        assert {unit.name: unit.charge for unit in units} == {"Sr": 2, "Ti": 4, "O": -2}
        assert formal_charge(units) == slab.formal_charge


def test_mixed_valence_goes_back_atom_by_atom():
    """Cs2 Au+ Au3+ I6: two states of one element, told apart by their order."""
    crystal = Structure(
        Lattice.tetragonal(8.28, 12.09),
        ["Au", "I", "Au"],
        [(0, 0, 0), (0.3, 0.3, 0), (0.5, 0.5, 0)],
    )
    told = with_oxidation_states(crystal, [1, -1, 3])
    assert with_states_of(crystal, told).site_properties["oxidation_state"] == [1, -1, 3]
    other = Structure(crystal.lattice, ["I", "Au", "Au"], [(0.3, 0.3, 0), (0, 0, 0), (0.5, 0.5, 0)])
    assert with_states_of(other, told).site_properties["oxidation_state"] == [-1, 1, 3]
    assert with_states_of(crystal * (2, 1, 1), told).site_properties["oxidation_state"][2:4] == [-1, -1]
    assert with_states_of(crystal, crystal) is crystal
