"""What is written of a crystal is read back as the same crystal, in every format; what a format cannot hold is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.io import read as read_with_ase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.crystals.ions import OXIDATION_STATE, ionic_units, with_oxidation_states
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.shipped import load_shipped, shipped_names
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.crystals.structure_file import read_structure_file, reader_of
from dftflow.crystals.structure_format import FORMATS
from dftflow.crystals.structure_writer import structure_text
from dftflow.errors import StructureError

NAMES = ("a.cif", "POSCAR", "CONTCAR.7", "a.vasp", "a.poscar", "a.cell", "a.extxyz", "a.xyz", "a.in", "a.pwi", "a.json")
KEEPS_AXES = [name for name in NAMES if name != "a.cif"]


def back(structure: Structure, folder: Path, name: str) -> Structure:
    file = folder / name
    file.write_text(structure_text(structure, name).text, encoding="utf-8")
    return read_structure_file(file, str(file)).structure


def elements(structure: Structure) -> list[str]:
    return [site.specie.symbol for site in structure]


def test_what_is_written_is_what_is_read() -> None:
    for name in NAMES:
        assert reader_of(Path(name)) is not None
    for form in FORMATS:
        assert reader_of(Path(form if form.isupper() else f"a{form}")) is not None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("crystal", shipped_names())
def test_shipped_crystals_come_back(crystal: str, name: str, tmp_path: Path) -> None:
    structure = load_shipped(crystal).structure
    found = back(structure, tmp_path, name)
    assert elements(found) == elements(structure)
    np.testing.assert_allclose(found.lattice.parameters, structure.lattice.parameters, atol=1e-9)
    np.testing.assert_allclose(found.frac_coords, structure.frac_coords, atol=1e-9)


@pytest.mark.parametrize("name", KEEPS_AXES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.tuples(*[st.floats(8, 60)] * 3),
    tilt=st.tuples(*[st.floats(-2, 2)] * 6),
    first=st.tuples(*[st.floats(-1.5, 1.5)] * 3),
    kinds=st.tuples(*[st.sampled_from(["Cs", "Pb", "Br", "Fe", "O", "Og"])] * 3),
)
def test_any_cell_comes_back_with_its_axes(
    name: str,
    lengths: tuple[float, ...],
    tilt: tuple[float, ...],
    first: tuple[float, ...],
    kinds: tuple[str, ...],
    tmp_path: Path,
) -> None:
    """Atoms of one kind apart from each other, lattice vectors in no standard position, places out of the cell."""
    cell = np.diag(lengths) + np.array([[0, *tilt[:2]], [tilt[2], 0, tilt[3]], [*tilt[4:], 0]])
    places = np.array(first) + np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.0, 0.5]])
    structure = Structure(Lattice(cell), list(kinds), places)
    found = back(structure, tmp_path, name)
    assert elements(found) == list(kinds)
    np.testing.assert_allclose(found.lattice.matrix, cell, atol=1e-11)
    np.testing.assert_allclose(found.cart_coords, structure.cart_coords, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "form"), [("a.vasp", "vasp"), ("a.xyz", "extxyz"), ("a.cif", "cif"), ("a.in", "espresso-in")]
)
def test_another_program_reads_the_same(name: str, form: str, tmp_path: Path) -> None:
    structure = load_shipped("CsPbBr3_Pnma").structure
    (tmp_path / name).write_text(structure_text(structure, name).text)
    atoms = read_with_ase(tmp_path / name, format=form)
    assert not isinstance(atoms, list)
    assert atoms.get_chemical_symbols() == elements(structure)
    np.testing.assert_allclose(atoms.cell.cellpar(), structure.lattice.parameters, atol=1e-8)
    np.testing.assert_allclose(atoms.get_scaled_positions() % 1, structure.frac_coords % 1, atol=1e-8)


def test_a_slab_comes_back_as_it_was_cut(tmp_path: Path) -> None:
    crystal = load_shipped("CsPbBr3_Pm-3m").structure
    plane = resolve_plane(crystal, (0, 0, 1), "cubic")
    slab = choose_slab(enumerate_slabs(crystal, plane, min_thickness_ang=8.0, vacuum_ang=13.0)).structure
    for name in KEEPS_AXES:
        np.testing.assert_allclose(back(slab, tmp_path, name).cart_coords, slab.cart_coords, atol=1e-10)
        assert structure_text(slab, name).lost == ()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "a.json"])
def test_what_is_not_in_the_file_is_said(name: str) -> None:
    cubic = load_shipped("CsBr_Pm-3m").structure
    charged = with_oxidation_states(cubic, [2, -2])
    states_lost = name != "a.cif"
    assert (
        any("oxidation states" in line and ".json" in line for line in structure_text(charged, name).lost)
        is states_lost
    )
    species = cubic.copy()
    species.add_oxidation_state_by_element({"Cs": 2, "Br": -2})
    assert any("oxidation states" in line for line in structure_text(species, name).lost) is states_lost
    named = Structure(cubic.lattice, ["Cs", "Br"], cubic.frac_coords, labels=["Cs1", "Br_apical"])
    assert any("labels" in line for line in structure_text(named, name).lost)
    moving = cubic.copy(site_properties={"velocities": [[0, 0, 1]] * 2, "magmom": [1.0, 0.0]})
    assert any("magmom, velocities" in line for line in structure_text(moving, name).lost)
    loaded = Structure(cubic.lattice, ["Cs", "Br"], cubic.frac_coords, charge=1)
    assert any("charge of the cell (+1)" in line for line in structure_text(loaded, name).lost)
    assert structure_text(cubic, name).lost == ()


ROCK_SALT = [[0, 0, 0], [0.5, 0.5, 0.5]]


@pytest.mark.parametrize("name", ["POSCAR", "a.cell", "a.xyz", "a.in", "a.cif"])
@pytest.mark.parametrize(
    ("elements", "states"),
    [(["Al", "Al"], [0, 0]), (["Ni", "Al"], [0, 0]), (["Ga", "As"], [0, 0]), (["Cs", "Br"], [1, -1])],
)
def test_nothing_is_lost_where_the_ions_alone_have_the_same_charges(
    elements: list[str], states: list[int], name: str, tmp_path: Path
) -> None:
    """An element, an alloy and a covalent compound have none, a salt its usual ones, whether a file says so or not."""
    told = with_oxidation_states(Structure(Lattice.cubic(4.0), elements, ROCK_SALT), states)
    assert structure_text(told, name).lost == ()
    assert [unit.charge for unit in ionic_units(back(told, tmp_path, name))] == states


@pytest.mark.parametrize(
    ("elements", "states"),
    [(["Cs", "Br"], [0, 0]), (["Al", "Al"], [1, -1]), (["Al", "Al"], [0.5, -0.5]), (["Cs", "Br"], [None, -2])],
)
def test_states_that_the_ions_alone_do_not_have_are_lost(elements: list[str], states: list[float | None]) -> None:
    """Also those that are no charges of ions at all."""
    told = with_oxidation_states(Structure(Lattice.cubic(4.0), elements, ROCK_SALT), states)
    assert any("oxidation states" in line for line in structure_text(told, "POSCAR").lost)


@pytest.mark.parametrize("states", [[3, 2, -2, -3], [4, 0, -2, -2], [2, None, -1, -1]])
def test_a_cif_keeps_oxidation_states(states: list[int | None], tmp_path: Path) -> None:
    """Two of one element that differ, a zero, an atom without one."""
    bare = Structure(
        Lattice.cubic(6.0), ["Fe", "Fe", "O", "O"], [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    )
    charged = with_oxidation_states(bare, states)
    written = structure_text(charged, "a.cif")
    assert written.lost == ()
    assert back(charged, tmp_path, "a.cif").site_properties[OXIDATION_STATE] == states
    species = Structure(bare.lattice, ["Fe3+", "Fe2+", "O2-", "O3-"], bare.frac_coords)
    assert back(species, tmp_path, "a.cif").site_properties[OXIDATION_STATE] == [3, 2, -2, -3]


def test_a_cif_says_which_oxidation_states_it_does_not_keep() -> None:
    mixed = with_oxidation_states(load_shipped("CsBr_Pm-3m").structure, [0.5, -0.5])
    assert any("oxidation states" in line for line in structure_text(mixed, "a.cif").lost)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "a.json"])
def test_deuterium_is_hydrogen_and_said(name: str, tmp_path: Path) -> None:
    heavy = Structure(Lattice.cubic(4.0), ["Li", "D"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert any("D is written as H" in line for line in structure_text(heavy, name).lost)
    assert elements(back(heavy, tmp_path, name)) == ["Li", "H"]


def test_json_keeps_what_the_others_lose(tmp_path: Path) -> None:
    charged = with_oxidation_states(load_shipped("CsBr_Pm-3m").structure, [1, -1])
    written = structure_text(charged, "a.json")
    assert written.lost == ()
    assert back(charged, tmp_path, "a.json").site_properties[OXIDATION_STATE] == [1, -1]


def test_disorder_and_emptiness_are_refused() -> None:
    mixed = Structure(Lattice.cubic(4.0), [{"I": 0.5, "Br": 0.5}], [[0, 0, 0]])
    for name in NAMES:
        with pytest.raises(StructureError, match="partial occupation"):
            structure_text(mixed, name)
        with pytest.raises(StructureError, match="no atoms"):
            structure_text(Structure(Lattice.cubic(4.0), [], []), name)


@pytest.mark.parametrize("name", ["a.pdb", "a", "cif", "a.CIFX", ".cif.gz"])
def test_an_unknown_format_names_the_known(name: str) -> None:
    with pytest.raises(StructureError) as caught:
        structure_text(load_shipped("CsBr_Pm-3m").structure, name)
    assert ".cell" in caught.value.fix and ".json" in caught.value.fix


def test_a_pw_input_says_that_it_is_no_calculation() -> None:
    text = structure_text(load_shipped("CsBr_Pm-3m").structure, "a.in").text
    assert "placeholders" in text
    assert "ecutwfc" not in text.partition("&CONTROL")[2], "pw.x would run with a number that nobody chose"
