from __future__ import annotations

import numpy as np
import pytest
import spglib
from pymatgen.core import Lattice, Structure

from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.symmetry import (
    irreducible_points,
    point_operations,
    space_group,
    spglib_dataset,
    symmetry_dataset,
    tabulated_settings,
)
from dftflow.errors import StructureError


def permuted(structure: Structure, order: tuple[int, int, int]) -> Structure:
    """The same crystal with its lattice vectors in another order."""
    return Structure(structure.lattice.matrix[list(order)], structure.species, structure.frac_coords[:, list(order)])


@pytest.mark.parametrize(
    ("order", "setting"),
    # International Tables A, space group 62: the six settings of Pnma.
    [
        ((0, 1, 2), "Pnma"),
        ((1, 0, 2), "Pmnb"),
        ((2, 0, 1), "Pbnm"),
        ((2, 1, 0), "Pcmn"),
        ((1, 2, 0), "Pmcn"),
        ((0, 2, 1), "Pnam"),
    ],
)
def test_setting_names_the_axes_and_keeps_them(order: tuple[int, int, int], setting: str) -> None:
    structure = permuted(load_shipped("CsPbBr3_Pnma").structure, order)
    before = structure.lattice.matrix.copy()
    group = space_group(structure)
    assert (group.symbol, group.number, group.setting) == ("Pnma", 62, setting)
    np.testing.assert_array_equal(structure.lattice.matrix, before)


def test_monoclinic_card_is_not_taken_for_tetragonal() -> None:
    assert space_group(load_shipped("CsPbBr3_mono").structure).symbol == "P2/m"


def test_wyckoff_multiplicities_do_not_depend_on_the_cell() -> None:
    structure = load_shipped("CsPbBr3_Pm-3m").structure
    doubled = structure.copy().make_supercell((2, 1, 1))
    assert sorted(set(space_group(structure).wyckoff)) == ["1a", "1b", "3d"]
    assert sorted(set(space_group(doubled).wyckoff)) == ["1a", "1b", "3d"]
    assert space_group(doubled).setting == ""


@pytest.mark.parametrize("name", ["CsPbBr3_Pm-3m", "CsPbCl3_Pm-3m", "CsPbI3_Pm-3m", "CsBr_Pm-3m"])
@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 2, 2)])
def test_a_cube_is_not_searched_again_at_a_coarser_tolerance(name: str, repeats: tuple[int, int, int]) -> None:
    """And the answer is the one that spglib gives when it is asked itself."""
    structure = load_shipped(name).structure.make_supercell(repeats)
    numbers = [site.specie.Z for site in structure]
    cell = (structure.lattice.matrix, structure.frac_coords)
    for symprec_ang, angle_deg in ((1e-2, -1.0), (0.03, 0.2), (0.1, 0.5), (0.1, -1.0), (0.3, 1.0)):
        found = spglib_dataset(*cell, numbers, symprec_ang=symprec_ang, angle_tolerance_deg=angle_deg)
        asked = spglib.get_symmetry_dataset((*cell, numbers), symprec=symprec_ang, angle_tolerance=angle_deg)
        assert found.number == asked.number == 221
        for part in ("rotations", "mapping_to_primitive", "transformation_matrix"):
            np.testing.assert_array_equal(getattr(found, part), getattr(asked, part))
        for part in ("translations", "primitive_lattice"):
            np.testing.assert_allclose(getattr(found, part), getattr(asked, part), atol=1e-9)


def test_a_cube_may_gain_symmetry_at_a_coarser_tolerance() -> None:
    """Octahedra that breathe by 0.02 Å: Fm-3m with twice the cell until the tolerance is coarser."""
    cell_ang, breath = 11.7, 0.02 / 11.7
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), (0.25 + breath, 0, 0)]
    species = ["Pb", "Pb", "Cs", "Br"]
    crystal = Structure.from_spacegroup("Fm-3m", Lattice.cubic(cell_ang), species, places)
    assert len(crystal) == 40
    assert space_group(crystal).number == 225
    assert symmetry_dataset(crystal, symprec_ang=0.1, angle_tolerance_deg=-1.0).number == 221


def test_the_setting_of_a_cell_is_looked_for_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    structure = load_shipped("CsPbBr3_Pnma").structure
    structure.scale_lattice(structure.volume * 1.0123)
    searches = []
    search = spglib.get_symmetry_dataset
    monkeypatch.setattr(spglib, "get_symmetry_dataset", lambda *a, **k: searches.append(k) or search(*a, **k))
    group = space_group(structure)
    assert len(searches) == 1
    assert group.setting == "Pnma" and len(searches) > 1


def test_primitive_cell_of_a_centred_lattice() -> None:
    lattice = Lattice([[0, 2.82, 2.82], [2.82, 0, 2.82], [2.82, 2.82, 0]])
    rock_salt = Structure(lattice, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    group = space_group(rock_salt)
    assert (group.symbol, group.number, group.wyckoff) == ("Fm-3m", 225, ("4a", "4b"))


@pytest.mark.parametrize(
    ("name", "order"),
    # Orders of the point groups m-3m, mmm, -3m, 2/m and mm2.
    [("CsBr_Pm-3m", 48), ("CsPbBr3_Pnma", 8), ("Cs4PbBr6_R-3c", 12), ("CsPbBr3_mono", 4), ("FAPbBr3_Pm-3m_FA100", 4)],
)
def test_point_operations_are_orthogonal_and_complete(name: str, order: int) -> None:
    operations = point_operations(load_shipped(name).structure)
    assert len(operations) == order
    for operation in operations:
        np.testing.assert_allclose(operation @ operation.T, np.eye(3), atol=1e-9)


def test_overlapping_atoms_are_an_error_and_no_crash() -> None:
    structure = Structure(Lattice.cubic(4.0), ["Cs", "Cs"], [[0, 0, 0], [0, 0, 0]])
    with pytest.raises(StructureError, match="no space group"):
        space_group(structure)


def test_every_setting_of_the_international_tables_is_known():
    """Hall's list has 530 settings of 230 groups; Pnma has six."""
    settings = tabulated_settings()
    assert [setting.hall_number for setting in settings] == list(range(1, 531))
    assert {setting.number for setting in settings} == set(range(1, 231))
    pnma = [setting.symbols[-1].replace(" ", "") for setting in settings if setting.number == 62]
    assert set(pnma) == {"Pnma", "Pmnb", "Pbnm", "Pcmn", "Pmcn", "Pnam"}


def test_atoms_on_top_of_each_other_have_no_symmetry():
    cell, twice = np.eye(3) * 4.0, np.zeros((2, 3))
    assert spglib_dataset(cell, twice, [1, 1], symprec_ang=1e-3) is None
    with pytest.raises(StructureError, match="no space group"):
        symmetry_dataset(Structure(Lattice(cell), ["H", "H"], twice), symprec_ang=1e-3)


def test_atoms_are_the_same_when_their_kinds_are():
    """Two equal kinds in CsCl's places are body-centred cubic (229), two different ones simple cubic (221)."""
    places = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    for kinds, number in (([1, 1], 229), ([1, 2], 221)):
        assert spglib_dataset(np.eye(3) * 4.0, places, kinds, symprec_ang=1e-3).number == number


@pytest.mark.parametrize(("n", "points"), [(2, 1), (4, 4), (6, 10), (8, 20)])
def test_an_even_grid_of_a_cubic_crystal_is_reduced_as_the_wedge_of_its_zone(n: int, points: int) -> None:
    """m(m + 1)(m + 2)/6 points with m = n/2: those of a corner that are in order."""
    cubic = Structure(Lattice.cubic(4.286), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert irreducible_points(cubic, (n, n, n), (0.5, 0.5, 0.5)) == points == n * (n + 2) * (n + 4) // 48


def test_without_symmetry_time_reversal_halves_a_grid() -> None:
    triclinic = Structure(Lattice.from_parameters(4, 5, 6, 80, 95, 101), ["Cs", "Br"], [[0, 0, 0], [0.3, 0.41, 0.57]])
    assert irreducible_points(triclinic, (4, 4, 4), (0.5, 0.5, 0.5)) == 32
    assert irreducible_points(triclinic, (3, 3, 3), (0, 0, 0)) == 14
