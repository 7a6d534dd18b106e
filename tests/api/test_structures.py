"""Tests of dftflow.api.structures: crystals as people hold them, and what comes back is a pymatgen `Structure`."""

from __future__ import annotations

import copy
import json
import pickle
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from html_cells import cell, texts
from monty.json import MontyDecoder
from pymatgen.core import Composition, IStructure, Lattice, Molecule, Structure

import dftflow
from dftflow.api.structures import NotebookStructure, as_structure, substitute
from dftflow.crystals.ions import ionic_units
from dftflow.crystals.sources import load_crystal
from dftflow.errors import ClashError, StructureError

CSCL = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


# --- what is taken for a crystal ------------------------------------------------------------------------------------


def test_a_shipped_name_a_crystal_and_its_own_structure_are_one() -> None:
    crystal = load_crystal("CsPbBr3_Pnma", base_dir=Path())
    assert as_structure("CsPbBr3_Pnma") == as_structure(crystal) == as_structure(crystal.structure)


@pytest.mark.parametrize("name", ["cscl.cif", Path("cscl.cif"), "./cscl.cif", "~/cscl.cif"])
def test_a_file_by_a_relative_path_or_below_the_home(
    name: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CSCL.to(str(tmp_path / "cscl.cif"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_structure(name).composition == CSCL.composition


def test_atoms_of_ase_keep_cell_and_places() -> None:
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    structure = as_structure(atoms)
    assert np.allclose(structure.lattice.matrix, atoms.cell.array)
    assert np.allclose(structure.cart_coords, atoms.positions)
    assert [site.specie.symbol for site in structure] == ["Na", "Cl"]


def test_oxidation_states_of_species_become_a_property_of_the_sites() -> None:
    charged = CSCL.copy().add_oxidation_state_by_element({"Cs": 1, "Cl": -1})
    taken = as_structure(charged)
    assert taken == as_structure(CSCL).copy(site_properties={"oxidation_state": [1, -1]})
    assert taken.site_properties["oxidation_state"] == [1, -1]


def test_what_was_given_is_left_as_it_is() -> None:
    mine = CSCL.copy()
    as_structure(mine).remove_sites([0])
    assert mine == CSCL


def test_an_immutable_structure_is_one_too() -> None:
    assert as_structure(IStructure.from_sites(CSCL.sites)) == CSCL


def refused(thing: object) -> str:
    with pytest.raises(StructureError) as caught:
        as_structure(thing)  # type: ignore[arg-type]
    assert caught.value.fix
    return str(caught.value)


def test_what_is_no_crystal_is_told_what_to_give() -> None:
    assert "did you mean CsPbBr3_Pnma" in refused("CsPbBr3_Pnmb")
    assert "atoms.cell" in refused(Atoms("NH3", positions=np.eye(4, 3) * 1.0))
    assert "atoms.pbc = True" in refused(Atoms("CsCl", cell=[4.12] * 3, scaled_positions=[[0] * 3, [0.5] * 3]))
    assert "[-1]" in refused([bulk("Si"), bulk("Si")])
    assert "builtins.int is no crystal" in refused(62)
    assert "Molecule is no crystal" in refused(Molecule(["O", "O"], [[0, 0, 0], [0, 0, 1.2]]))
    assert "no atoms" in refused(Structure(Lattice.cubic(4), [], []))
    assert "disordered" in refused(Structure(Lattice.cubic(4), [{"Cs": 0.5, "Rb": 0.5}, "Cl"], CSCL.frac_coords))


def test_atoms_that_overlap_are_refused() -> None:
    with pytest.raises(ClashError):
        as_structure(Structure(Lattice.cubic(4), ["Cs", "Cl"], [[0, 0, 0], [0.05, 0, 0]]))


# --- substitution ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_given", [str, as_structure, lambda name: as_structure(name).to_ase_atoms()])
def test_a_molecule_on_the_sites_of_a_crystal_however_it_is_held(as_given) -> None:  # type: ignore[no-untyped-def]
    built = substitute(as_given("CsPbBr3_Pm-3m"), site="Cs", by="FA", pseudocubic_ang=5.99)
    assert built.composition == Composition("CH5N2PbBr3")
    assert built.volume == pytest.approx(5.99**3)


def test_the_error_of_a_site_names_the_elements_there_are() -> None:
    with pytest.raises(StructureError, match="the ions of the crystal are Br, Cs, Pb"):
        substitute("CsPbBr3_Pm-3m", site="Rb", by="FA")


# --- the structure that is shown ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built() -> NotebookStructure:
    return substitute("CsPbBr3_Pm-3m", site="Cs", by="FA", pseudocubic_ang=5.99)


def test_it_stays_itself_when_it_is_copied(built: NotebookStructure) -> None:
    for again in (built.copy(), copy.deepcopy(built), pickle.loads(pickle.dumps(built))):
        assert again == built
        assert type(again) is NotebookStructure
        assert again.properties == built.properties
        assert again.site_properties == built.site_properties


def test_its_json_is_pymatgen_s_and_is_read_without_dftflow(built: NotebookStructure) -> None:
    text = built.to(fmt="json")
    assert "dftflow" not in json.dumps({key: value for key, value in json.loads(text).items() if key != "properties"})
    assert type(json.loads(text, cls=MontyDecoder)) is Structure
    assert NotebookStructure.from_dict(built.as_dict()) == built == Structure.from_dict(built.as_dict())


def test_it_goes_to_ase_and_to_files(built: NotebookStructure, tmp_path: Path) -> None:
    assert built.to_ase_atoms().get_chemical_formula() == "CH5Br3N2Pb"
    built.to(str(tmp_path / "POSCAR"))
    assert as_structure(tmp_path / "POSCAR").composition == built.composition


def test_labels_and_properties_are_kept() -> None:
    labelled = Structure(CSCL.lattice, CSCL.species, CSCL.frac_coords, labels=["A", "B"], properties={"n": 1})
    shown = NotebookStructure.of(labelled)
    assert (shown.labels, shown.properties) == (["A", "B"], {"n": 1})


def test_a_notebook_shows_whatever_somebody_made_of_it(built: NotebookStructure) -> None:
    assert "FAPbBr 3" in texts(cell(built)) and "1 Cs by FA, orientation 100" in texts(cell(built))
    assert repr(built) == "<H5PbCBr3N2 crystal: 12 atoms, 214.92 Å³>"
    assert "Pb" in str(built) and "214." not in str(built)  # printed as pymatgen prints it
    disordered, decorated, empty, overlapping = (built.copy() for _ in range(4))
    disordered.replace_species({"Pb": {"Pb": 0.5, "Sn": 0.5}})
    decorated.add_oxidation_state_by_element({"Pb": 2, "Br": -1, "C": 2, "N": -3, "H": 1})
    empty.remove_sites(range(len(empty)))
    overlapping.append("Br", built[0].frac_coords)
    for changed in (disordered, decorated, empty, overlapping):
        assert texts(cell(changed))
    assert "there are no atoms" in texts(cell(empty))


# --- what is no crystal, no molecule, no supercell ------------------------------------------------------------------


def test_what_has_a_structure_is_a_crystal() -> None:
    slab = dftflow.slabs("CsPbBr3_Pm-3m", "001")[0]
    assert as_structure(slab) == as_structure(slab.structure)
    with pytest.raises(StructureError, match="SimpleNamespace holds no structure"):
        as_structure(SimpleNamespace(structure=None))


@pytest.mark.parametrize("by", [Molecule(["N", "H"], [[0, 0, 0], [0, 0, 1]]), Atoms("NH", [[0, 0, 0], [0, 0, 1]]), 3])
def test_a_molecule_of_another_package_is_to_be_a_file(by: object) -> None:
    with pytest.raises(StructureError, match="is not put on sites") as caught:
        substitute("CsPbBr3_Pm-3m", site="Cs", by=by)
    assert 'by="ion.xyz"' in caught.value.fix


@pytest.mark.parametrize("supercell", [2, ("a", 1, 1), (1, 1)])
def test_a_supercell_is_three_numbers(supercell: object) -> None:
    with pytest.raises(StructureError, match="cannot be made") as caught:
        substitute("CsPbBr3_Pm-3m", site="Cs", by="FA", supercell=supercell)
    assert "three whole numbers" in caught.value.fix


def test_several_sites_are_mixed_in_one_cell() -> None:
    """Of eight formula units 4 FA, 2 MA and 2 Cs, and 6 of 24 halides: what the fractions come to."""
    mix = {"Cs": {"FA": 0.5, "MA": 0.25}, "Br": {"I": 0.25}}
    mixed = substitute("CsPbBr3_Pm-3m", mix=mix, supercell=(2, 2, 2), seed=1, ordering="random")
    counts = Counter(unit.name for unit in ionic_units(mixed))
    assert counts == {"Cs": 2, "FA": 4, "MA": 2, "Pb": 8, "Br": 18, "I": 6}
    one = substitute("CsPbBr3_Pm-3m", mix={"Cs": {"FA": 1.0}})
    assert one == substitute("CsPbBr3_Pm-3m", site="Cs", by="FA")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "site and by are not both given"),
        ({"site": "Cs"}, "site and by are not both given"),
        ({"mix": {}}, "names nothing to replace"),
        ({"mix": {"Br": 0.5}}, "mix cannot be"),
        ({"mix": [("Br", "I")]}, "mix cannot be"),
        ({"mix": {"Br": {"I": 0.5}}, "site": "Cs"}, "beside site"),
        ({"mix": {"Br": {"I": 0.7, "Cl": 0.7}}}, "Br"),
        ({"mix": {"Br": {"I": "half"}}}, "half"),
        ({"mix": {"Br": {7: 0.5}}}, "is not put on sites"),
    ],
)
def test_what_is_no_substitution_is_told_how_it_is_written(given: dict[str, Any], says: str) -> None:
    with pytest.raises(StructureError) as caught:
        substitute("CsPbBr3_Pm-3m", **given)
    assert says in str(caught.value) and caught.value.fix
