"""A crystal is what its CIF says of it: published crystals in files of many origins, and files that contradict them.

Lattices, coordinates and densities: Wyckoff, Crystal Structures (1963), and what ``structures/SOURCES.toml`` names.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import spglib
from cif_texts import CSPBBR3_PBNM_OPERATIONS, cif_text, cspbbr3_pbnm, cubic, named
from pymatgen.core import Lattice, Structure

from dftflow.crystals.cif_file import read_cif
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.space_group_names import operations_of, settings_numbered
from dftflow.crystals.symmetry import quiet_spglib
from dftflow.errors import ClashError, StructureError

NUMBER = "_space_group_IT_number {}\n"
MULTIPLICITY = "label type_symbol fract_x fract_y fract_z symmetry_multiplicity"
LABELS = "label fract_x fract_y fract_z"
SUM = "_chemical_formula_sum '{}'\n_cell_formula_units_Z {}\n"
P1 = "loop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n"
NACL = "Na1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5\n"
CSBR = "Cs1 Cs 0 0 0\nBr1 Br 0.5 0.5 0.5\n"
ANATASE = ((3.7845, 3.7845, 9.5143, 90, 90, 90), "Ti1 Ti 0 0 0\nO1 O 0 0 0.2081\n")
CORUNDUM = ((4.7589, 4.7589, 12.991, 90, 90, 120), "Al1 Al 0 0 0.3522\nO1 O 0.3063 0 0.25\n")
MAGNETITE = "Fe1 Fe 0.125 0.125 0.125\nFe2 Fe 0.5 0.5 0.5\nO1 O 0.2549 0.2549 0.2549\n"
CUPRITE_2 = "O1 O 0.25 0.25 0.25\nCu1 Cu 0 0 0\n"
CS4PBBR6 = (
    (13.73, 13.73, 17.32, 90, 90, 120),
    "Pb1 Pb 0 0 0\nCs1 Cs 0.3736 0 0.25\nCs2 Cs 0 0 0.25\nBr1 Br 0.2155 0.0442 0.1030\n",
)
NICKELINE = ((3.6, 3.6, 5.01, 90, 90, 120), "Ni1 Ni 0 0 0\nAs1 As {} 0.25\n")


def load(tmp_path: Path, text: str) -> Crystal:
    (tmp_path / "a.cif").write_text(text)
    return load_crystal("a.cif", base_dir=tmp_path)


def refused(tmp_path: Path, text: str) -> StructureError:
    with pytest.raises(StructureError) as caught:
        load(tmp_path, text)
    assert caught.value.fix
    assert caught.value.where.startswith(str(tmp_path / "a.cif"))
    return caught.value


def with_column(sites: str, values: str) -> str:
    return "".join(f"{row} {value}\n" for row, value in zip(sites.strip().splitlines(), values.split(), strict=True))


SILENT = [
    # text, formula of the cell, density (g/cm3), space group
    (cif_text(cubic(5.6402), NACL, named("F m -3 m") + SUM.format("Cl Na", 4)), "Na4 Cl4", 2.165, "Fm-3m"),
    (cif_text(cubic(5.6402), NACL, named("FM-3M")), "Na4 Cl4", 2.165, "Fm-3m"),
    (cif_text(cubic(5.6402), NACL, "_symmetry_Int_Tables_number 225\n"), "Na4 Cl4", 2.165, "Fm-3m"),
    (cif_text(cubic(5.431), "Si1 Si 0.125 0.125 0.125\n", named("F d -3 m :2")), "Si8", 2.329, "Fd-3m"),
    (cif_text(cubic(5.431), "Si1 Si 0 0 0\n", named("F d -3 m S")), "Si8", 2.329, "Fd-3m"),
    (cif_text(cubic(8.396), MAGNETITE, named("F d -3 m Z") + SUM.format("Fe3 O4", 8)), "Fe24 O32", 5.20, "Fd-3m"),
    (cif_text(cubic(4.2696), CUPRITE_2, named("P n -3 m Z")), "Cu4 O2", 6.10, "Pn-3m"),
    (cif_text(*ANATASE, named("I 41/a m d S")), "Ti4 O8", 3.89, "I4_1/amd"),
    (cif_text(*CORUNDUM, named("R -3 c") + SUM.format("Al2 O3", 6)), "Al12 O18", 3.987, "R-3c"),
    (cif_text(*CORUNDUM, named("R -3 c :H")), "Al12 O18", 3.987, "R-3c"),
    (cif_text(*CORUNDUM, named("R 3\u0305 c")), "Al12 O18", 3.987, "R-3c"),
    (cif_text(*CS4PBBR6, named("R -3 c H") + SUM.format("Br6 Cs4 Pb", 6)), "Cs24 Pb6 Br36", 4.29, "R-3c"),
    (cspbbr3_pbnm(named("Pbnm") + SUM.format("Br3 Cs Pb", 4)), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm("_space_group.name_H-M_alt 'P b n m'\n"), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm("_space_group_name_H-M_full 'P 21/b 21/n 21/m'\n"), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm("_SPACE_GROUP_NAME_H-M_ALT 'P b n m'\n"), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm("_space_group_name_Hall '-P 2c 2ab'\n"), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm("_symmetry_space_group_name_Hall '-P 2c 2ab'\n"), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm("_space_group_name_Hall '-P 2ac 2n (z,x,y)'\n"), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm(NUMBER.format(62) + "_space_group_IT_coordinate_system_code cab\n"), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm(CSPBBR3_PBNM_OPERATIONS + named("P b n m")), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm(CSPBBR3_PBNM_OPERATIONS.replace("-", "\u2212")), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cspbbr3_pbnm(CSPBBR3_PBNM_OPERATIONS.replace("symop_op", "symop.op")), "Cs4 Pb4 Br12", 4.856, "Pnma"),
    (cif_text(cubic(4.291), CSBR, "_symmetry_equiv_pos_as_xyz x,y,z\n"), "Cs1 Br1", 4.473, "Pm-3m"),
    (cif_text(cubic(4.291), CSBR, P1 + named("P m -3 m")), "Cs1 Br1", 4.473, "Pm-3m"),  # all atoms, and what they are
    (cif_text(cubic(4.291), CSBR.replace("0.5", "\u22120.5"), P1), "Cs1 Br1", 4.473, "Pm-3m"),
    (cif_text(cubic(4.291), CSBR.replace("Cs ", "Cs1+ ").replace("r ", "r1- "), P1), "Cs1 Br1", 4.473, "Pm-3m"),
    (cif_text(cubic(4.291), "CS1 0 0 0\nBR1 1/2 1/2 1/2\n", P1, LABELS), "Cs1 Br1", 4.473, "Pm-3m"),
    # SHELXL-97 gave the order of the site symmetry under the name of the multiplicity
    (
        cif_text(cubic(5.6402), with_column(NACL, "48 48"), named("F m -3 m"), MULTIPLICITY),
        "Na4 Cl4",
        2.165,
        "Fm-3m",
    ),
    # what says nothing is no claim
    (cif_text(cubic(4.291), CSBR, P1.replace("'x, y, z'", "?") + named("P m -3 m")), "Cs1 Br1", 4.473, "Pm-3m"),
    (cif_text(cubic(4.291), CSBR, P1 + SUM.format("?", ".") + "_cell_volume ?\n"), "Cs1 Br1", 4.473, "Pm-3m"),
    (
        cif_text(
            cubic(4.291),
            CSBR,
            P1 + "_exptl_crystal_density_diffrn 4.5\n_exptl_crystal_density_meas 4.43\n"
            "_cell_volume 79.0(1)\n"
            "_chemical_formula_weight 212.81\n" + SUM.format("Br1 Cs1", 1),
        ),
        "Cs1 Br1",
        4.473,
        "Pm-3m",
    ),
    # pymatgen: the sum is of the cell, the structural formula of a unit
    (
        cif_text(
            cubic(5.6402), NACL, named("F m -3 m") + "_chemical_formula_structural NaCl\n" + SUM.format("Na4 Cl4", 4)
        ),
        "Na4 Cl4",
        2.165,
        "Fm-3m",
    ),
    (
        cif_text(
            (3.142, 3.142, 4.766, 90, 90, 120),
            "MG1 0 0 0\nO1 0.3333 0.6667 0.22\nHO1 0.3333 0.6667 0.425\n",
            named("P -3 m 1") + SUM.format("H2 Mg O2", 1),
            LABELS,
        ),
        "Mg1 H2 O2",
        2.38,
        "P-3m1",
    ),
]


@pytest.mark.parametrize(("text", "formula", "density", "group"), SILENT, ids=range(len(SILENT)))
def test_published_crystals_are_read_without_a_word(
    tmp_path: Path, text: str, formula: str, density: float, group: str
) -> None:
    crystal = load(tmp_path, text)
    assert crystal.warnings == ()
    assert crystal.structure.composition.formula == formula
    assert crystal.structure.density == pytest.approx(density, rel=5e-3)
    assert crystal.space_group == group


def test_cspbbr3_in_pbnm_is_the_shipped_crystal(tmp_path: Path) -> None:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    crystal = load(tmp_path, cspbbr3_pbnm("_space_group_name_Hall '-P 2c 2ab'\n"))
    shipped = load_shipped("CsPbBr3_Pnma").structure
    assert StructureMatcher(primitive_cell=False, scale=False).get_rms_dist(crystal.structure, shipped)[0] < 1e-3
    np.testing.assert_allclose(crystal.structure.lattice.abc, (8.1982, 8.2440, 11.7351))


DECIDED = [
    # what is open, sites, formula and Z or nothing, atoms, what decides
    (named("F d -3 m"), cubic(5.431), "Si1 Si 0 0 0\n", SUM.format("Si", 8), 8, ":1"),
    (named("F d -3 m"), cubic(5.431), "Si1 Si 0.125 0.125 0.125\n", SUM.format("Si", 8), 8, ":2"),
    (named("F d -3 m"), cubic(5.431), "Si1 Si 0.125 0.125 0.125\n", "_exptl_crystal_density_diffrn 2.33\n", 8, ":2"),
    (named("P n -3 m"), cubic(4.2696), CUPRITE_2, SUM.format("Cu2 O", 2), 6, ":2"),
    (named("P n -3 m"), cubic(4.2696), "O1 O 0 0 0\nCu1 Cu 0.25 0.25 0.25\n", SUM.format("Cu2 O", 2), 6, ":1"),
    ("_symmetry_Int_Tables_number 224\n", cubic(4.2696), CUPRITE_2, SUM.format("Cu2 O", 2), 6, ":2"),
    (named("I 41/a m d"), *ANATASE, SUM.format("O2 Ti", 4), 12, ":1"),
    (named("F d -3 m"), cubic(8.396), MAGNETITE, "", 56, ":2"),  # the other one puts oxygens 0.1 Å apart
]


@pytest.mark.parametrize(("head", "cell", "sites", "claims", "atoms", "taken"), DECIDED)
def test_what_is_open_is_decided_by_the_rest_of_the_file_and_said(
    tmp_path: Path, head: str, cell: tuple[float, ...], sites: str, claims: str, atoms: int, taken: str
) -> None:
    crystal = load(tmp_path, cif_text(cell, sites, head + claims))
    assert len(crystal.structure) == atoms
    (note,) = crystal.warnings
    assert f"{taken} was taken" in note and "leaves the setting open" in note


OPEN = [
    (
        cif_text(cubic(5.431), "Si1 Si 0 0 0\n", named("F d -3 m")),
        "8 atoms, Si8, 2.33 g/cm3",
        "16 atoms, Si16, 4.66 g/cm3",
    ),
    (cif_text(cubic(4.2696), CUPRITE_2, named("P n -3 m")), "Cu2 O4, 4.08 g/cm3", "Cu4 O2, 6.11 g/cm3"),
    (
        cspbbr3_pbnm("_space_group_IT_number 62\n" + SUM.format("Br3 Cs Pb", 4)),
        "P b n m: 20 atoms",
        "P n a m: 20 atoms",
    ),
]


@pytest.mark.parametrize(("text", "first", "second"), OPEN)
def test_what_stays_open_is_asked_about_with_the_choices(tmp_path: Path, text: str, first: str, second: str) -> None:
    error = refused(tmp_path, text)
    assert "leaves open which crystal" in error.summary
    assert first in error.reason and second in error.reason


def test_a_name_pasted_from_the_question_answers_it(tmp_path: Path) -> None:
    text, _, _ = OPEN[0]
    name = re.search(r"(_symmetry_space_group_name_H-M '[^']+')", refused(tmp_path, text).fix)[1]
    assert load(tmp_path, text.replace(named("F d -3 m").strip(), name)).warnings == ()


OTHER_SETTING = [
    (cspbbr3_pbnm(named("P n m a") + SUM.format("Br3 Cs Pb", 4)), "P b n m"),
    (cif_text(*ANATASE, named("I 41/a m d Z") + SUM.format("O2 Ti", 4)), "I 41/a m d :1"),
    (cif_text(cubic(8.396), MAGNETITE, named("F d -3 m S")), "F d -3 m :2"),
    (cif_text(*CORUNDUM, named("R -3 c :R")), "R -3 c :H"),
]


@pytest.mark.parametrize(("text", "right"), OTHER_SETTING)
def test_a_name_that_the_sites_contradict_is_refused_with_the_one_that_fits(
    tmp_path: Path, text: str, right: str
) -> None:
    error = refused(tmp_path, text)
    assert error.where.endswith(":2")
    pasted = f"_symmetry_space_group_name_H-M '{right}'"
    assert pasted in error.fix
    assert load(tmp_path, re.sub(r"_symmetry_space_group_name_H-M '.*'", pasted, text)).warnings == ()


OPS = CSPBBR3_PBNM_OPERATIONS
CONTRADICTIONS = [
    # text, words of both sides
    (cif_text(cubic(5.6402), NACL, named("F m -3 m") + SUM.format("Cl Na", 2)), ("Cl Na x 2", "Cl4 Na4", "Units_Z 4")),
    (cif_text(cubic(5.6402), NACL, named("P m -3 m") + SUM.format("Cl Na", 4)), ("Cl Na x 4", "2 atoms, Cl Na")),
    (cif_text(cubic(5.6402), NACL, named("F m -3 m") + "_exptl_crystal_density_diffrn 1.08\n"), ("1.08", "2.16")),
    (cif_text(cubic(5.6402), NACL, named("F m -3 m") + "_exptl_crystal_density_meas 4.3\n"), ("4.3", "2.16")),
    (cif_text(cubic(5.6402), NACL, named("F m -3 m") + "_cell_volume 358.9\n"), ("358.9", "179.4")),
    (
        cif_text(cubic(5.6402), NACL, named("F m -3 m") + SUM.format("?", 4) + "_chemical_formula_weight 74.55\n"),
        ("74.55", "233.77"),
    ),
    (cif_text(cubic(5.6402), NACL, named("F m -3 m") + "_chemical_formula_structural 'K Cl'\n"), ("Cl K", "Cl4 Na4")),
    (cspbbr3_pbnm("_space_group_name_Hall '-P 2c 2ab'\n" + named("P n m a")), ("-P 2c 2ab", "P n m a")),
    (cspbbr3_pbnm("_space_group_name_Hall '-P 2c 2ab'\n_space_group_IT_number 63\n"), ("63", "-P 2c 2ab", "number 62")),
    (cspbbr3_pbnm(named("P b n m") + "_symmetry_Int_Tables_number 63\n"), ("63", "P b n m", "number 62")),
    (cspbbr3_pbnm(OPS + "_space_group_IT_number 63\n"), ("says 63", "P b n m (number 62)", "number 62")),
    (cspbbr3_pbnm(OPS + named("C m c m")), ("C m c m", "P b n m (number 62)")),
    (cspbbr3_pbnm(OPS + named("P m n b")), ("P m n b", "P b n m (number 62)")),
    (cspbbr3_pbnm(OPS + "_space_group_name_Hall '-P 2ac 2n'\n"), ("-P 2ac 2n", "P b n m", "'-P 2c 2ab'")),
    (cspbbr3_pbnm(OPS.replace("'-x,-y,-z'\n", "") + named("P b n m")), ("7 operations", "P b n m has 8")),
    (cspbbr3_pbnm(OPS.replace("'x,y,-z+1/2'", "'x,y,-q'")), ("'x,y,-q'", "no symmetry operation")),
    (cspbbr3_pbnm(P1 + named("P b n m")), ("number 62", "identity", "P1")),
    (cif_text((4.2, 4.2, 4.6, 90, 90, 90), CSBR, named("P m -3 m")), ("P m -3 m", "c = 4.6, not 4.3")),
    (
        cif_text((4.2, 4.2, 4.6, 90, 90, 90), CSBR, "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\ny,z,x\nz,x,y\n"),
        ("lattice", "c = 4.6"),
    ),
    (
        cif_text(
            cubic(5.6402),
            with_column(NACL, "4 8"),
            named("F m -3 m"),
            MULTIPLICITY,
        ),
        ("Cl1", "multiplicity is given as 8", "4 images"),
    ),
    (
        cif_text(cubic(4.2), CSBR, named("P m -3 m") + "_cell_length_a 8.4\n"),
        ("_cell_length_a is given twice", "keep one of the lines 3 and 4"),
    ),
    (
        cif_text(cubic(4.2), CSBR, "_chemical_formula_sum\n" + named("P m -3 m")),
        ("_chemical_formula_sum has no value", "_symmetry"),
    ),
    (cif_text(cubic(4.2), CSBR, "_symmetry_space_group_name_H-M P m -3 m\n"), ("needs quotes", "'P m -3 m'")),
    (cif_text(cubic(4.2), CSBR, P1 + "_chemical_formula_sum Br Cs\n"), ("needs quotes", "'Br Cs'")),
    (cspbbr3_pbnm(OPS + P1), ("_space_group_symop_operation_xyz and _symmetry_equiv_pos_as_xyz",)),
    (cif_text(cubic(4.2), CSBR, "_symmetry_Int_Tables_number 300\n"), ("no space group number 300",)),
    (cif_text(cubic(4.2), CSBR, "_space_group_name_Hall '-P 9q 2'\n"), ("unknown Hall symbol '-P 9q 2'",)),
    (cif_text((4, 4, 4, 60, 60, 120), CSBR), ("no cell has the angles 60, 60, 120",)),
    (cif_text(cubic(0.42), CSBR), ("0.074 Å3", "Å")),
]


@pytest.mark.parametrize(("text", "words"), CONTRADICTIONS, ids=range(len(CONTRADICTIONS)))
def test_a_contradiction_is_refused_with_both_sides(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    told = str(refused(tmp_path, text)).lower()
    for word in words:
        assert word.lower() in told, told


def test_all_atoms_of_a_cell_beside_the_name_of_their_group(tmp_path: Path) -> None:
    """As programs export a cell: rounded to 3 decimals, 1e-3 of 8 Å off their symmetric places."""
    whole = load_shipped("CsPbBr3_Pnma").structure
    rows = [f"{site.specie.symbol}{k} {site.specie.symbol} " for k, site in enumerate(whole)]
    places = [" ".join(f"{x:.3f}" for x in site.frac_coords) for site in whole]
    sites = "\n".join(row + place for row, place in zip(rows, places, strict=True))
    crystal = load(tmp_path, cif_text(whole.lattice.parameters, sites, P1 + named("P n m a")))
    assert len(crystal.structure) == 20
    assert all("number 62" in note for note in crystal.warnings)


def test_two_loops_of_atoms_are_refused(tmp_path: Path) -> None:
    """pymatgen takes the last one."""
    second = cif_text(cubic(4.2), "Br1 Br 0.5 0.5 0.5\n").partition("loop_")[2]
    error = refused(tmp_path, cif_text(cubic(4.2), "Cs1 Cs 0 0 0\n", P1) + "loop_" + second)
    assert "_atom_site_label is given twice" in error.summary


def test_a_name_of_the_space_group_beside_operations_of_another_setting_is_a_note(tmp_path: Path) -> None:
    crystal = load(tmp_path, cspbbr3_pbnm(OPS + named("P n m a")))
    assert len(crystal.structure) == 20
    (note,) = crystal.warnings
    assert "P n m a" in note and "P b n m" in note and "operations were taken" in note


@pytest.mark.parametrize(
    ("place", "off", "taken"),
    [
        # 2c of P 63/m m c is (1/3, 2/3, 1/4); along a = 3.6 Å, 1e-3 off in x is 3.6e-3 Å
        ("0.3333 0.6667", 0.0, "2"),
        ("0.333 0.667", 0.002, "2"),
        ("0.333 0.666", 0.002, "2"),
        ("0.33 0.67", 0.021, "2"),
        ("0.33 0.66", 0.021, "2"),
    ],
)
def test_a_site_slightly_off_a_special_position_is_put_there_and_named(
    tmp_path: Path, place: str, off: float, taken: str
) -> None:
    cell, sites = NICKELINE
    crystal = load(tmp_path, cif_text(cell, sites.format(place), named("P 63/m m c") + SUM.format("As Ni", 2)))
    assert crystal.structure.composition.formula == "Ni2 As2"
    assert crystal.space_group == "P6_3/mmc"
    arsenic = [site.frac_coords for site in crystal.structure if site.specie.symbol == "As"]
    assert any(np.allclose(frac, (1 / 3, 2 / 3, 1 / 4), atol=1e-9) for frac in arsenic)
    if off:
        (note,) = crystal.warnings
        named_ang = float(re.search(r"As1 lies (\d+\.\d+) Å off the special position 2[cd]", note)[1])
        assert named_ang == pytest.approx(off, abs=2e-3)
    else:
        assert crystal.warnings == ()


@pytest.mark.parametrize("y", ["0.2503", "0.2497"])
def test_off_a_mirror_plane(tmp_path: Path, y: str) -> None:
    """Cs of CsPbBr3 on 4c, y = 1/4 along 11.7351 Å."""
    sites = f"Cs1 Cs 0.031 {y} 0.49298\nPb1 Pb 0 0 0\nBr1 Br 0.20653 0.52389 0.70607\nBr2 Br 0.0037 0.75 0.0455\n"
    crystal = load(tmp_path, cif_text((8.244, 11.7351, 8.1982, 90, 90, 90), sites, named("P n m a")))
    assert len(crystal.structure) == 20
    (note,) = crystal.warnings
    assert "site Cs1 lies 0.004 Å off the special position 4c" in note


def test_a_short_monoclinic_name_is_known_and_what_is_wrong_beside_it_is_named(tmp_path: Path) -> None:
    """P 21/n takes (x, y, z) to (1/2-x, 1/2+y, 1/2-z)."""
    cell = (7.0, 8.0, 9.0, 90, 95, 90)
    lead = "Pb1 Pb 0.10 0.20 0.30\nBr1 Br 0.40 0.35 0.10\n"
    head = "_symmetry_space_group_name_H-M 'P 21/n'\n_symmetry_Int_Tables_number 14\n"
    crystal = load(tmp_path, cif_text(cell, lead + "Br2 Br 0.85 0.95 0.35\n", head + SUM.format("Pb Br2", 4)))
    assert crystal.warnings == ()
    assert (crystal.structure.composition.formula, crystal.space_group_number) == ("Pb4 Br8", 14)
    images = {tuple(np.round(site.frac_coords, 6)) for site in crystal.structure if site.specie.symbol == "Pb"}
    assert images == {(0.1, 0.2, 0.3), (0.4, 0.7, 0.2), (0.9, 0.8, 0.7), (0.6, 0.3, 0.8)}
    with pytest.raises(ClashError) as caught:
        load(tmp_path, cif_text(cell, lead + "Br2 Br 0.25 0.95 0.45\n", head + SUM.format("Pb Br2", 4)))
    assert "1.365 Å" in caught.value.summary
    assert "P 1 21/n 1" in caught.value.fix


def test_a_site_far_off_is_refused_with_the_special_position(tmp_path: Path) -> None:
    cell, sites = NICKELINE
    with pytest.raises(ClashError) as caught:
        load(tmp_path, cif_text(cell, sites.format("0.36 0.64"), named("P 63/m m c")))
    assert "As1 lies 0.1" in caught.value.summary and "off a special position" in caught.value.summary
    assert "0.333333 0.666667 0.250000" in caught.value.fix
    assert "lattice constants" not in str(caught.value)
    assert caught.value.where.endswith(":16")


def test_images_listed_again_are_taken_once(tmp_path: Path) -> None:
    sites = "Cs1 Cs 0.5 0.5 0.5\nPb1 Pb 0 0 0\nBr1 Br 0.5 0 0\nBr2 Br 0 0.5 0\nBr3 Br 0 0 0.5\n"
    crystal = load(tmp_path, cif_text(cubic(5.874), sites, named("P m -3 m")))
    assert crystal.structure.composition.formula == "Cs1 Pb1 Br3"
    (note,) = crystal.warnings
    assert "Br2 of Br1" in note and "Br3 of Br1" in note


@pytest.mark.parametrize(
    ("columns", "values", "words"),
    [
        ("occupancy", "1 0.5", "partly occupied"),
        ("occupancy", "1.5 1", "occupancy of 1.5"),
        ("occupancy", "-1 1", "occupancy of -1"),
        ("disorder_group", "1 2", "at most one of them"),
        ("disorder_group", ". -1", "images exclude each other"),
        ("calc_flag", "d dum", "Br1"),
        ("refinement_flags", "S SP", "Br1 is partly occupied"),
    ],
)
def test_what_is_no_whole_atom_at_one_place_is_refused(tmp_path: Path, columns: str, values: str, words: str) -> None:
    text = cif_text(cubic(4.291), with_column(CSBR, values), P1, f"label type_symbol fract_x fract_y fract_z {columns}")
    assert words in str(refused(tmp_path, text))


@pytest.mark.parametrize(
    ("sites", "says"),
    [
        ("Cs1 Cs 0 0 0 1\nBr1 Br 0.5 0.5 0.5 0.4\nBr2 Br 0.5 0.5 0.5 0.6\n", "fill one place with Br"),
        ("Cs1 Cs 0 0 0 1.02(3)\nBr1 Br 0.5 0.5 0.5 1\n", "1.02(3)"),
        ("Cs1 Cs 0 0 0 1\nBr1 Br 0.5 0.5 0.5 1\nRb1 Rb 0.2 0.2 0.2 0\n", "left out"),
    ],
)
def test_occupancies_that_make_whole_atoms(tmp_path: Path, sites: str, says: str) -> None:
    crystal = load(tmp_path, cif_text(cubic(4.291), sites, P1, "label type_symbol fract_x fract_y fract_z occupancy"))
    assert crystal.structure.composition.formula == "Cs1 Br1"
    assert says in crystal.warnings[0]


def test_a_place_shared_by_two_elements_names_both(tmp_path: Path) -> None:
    sites = "Cs1 Cs 0 0 0 1\nBr1 Br 0.5 0.5 0.5 0.5\nI1 I 0.5 0.5 0.5 0.5\n"
    error = refused(tmp_path, cif_text(cubic(4.4), sites, P1, "label type_symbol fract_x fract_y fract_z occupancy"))
    assert "0.5 Br + 0.5 I" in error.reason
    pauling = cif_text(cubic(4.4), "Br,I '0.5Br + 0.5I' 0.5 0.5 0.5\nCs1 Cs 0 0 0\n", P1)
    assert "disordered" in refused(tmp_path, pauling).summary


TIN = "Cs1 Cs{} 0.25 0.25 0.25\nSn1 Sn{} 0 0 0\nI1 I{} 0.2456 0 0\n"
TYPES = "loop_\n_atom_type_symbol\n_atom_type_oxidation_number\n{} 1\n{} 4\n{} -1\n"


@pytest.mark.parametrize(
    ("sites", "head"),
    [
        (TIN.format("1+", "4+", "1-"), TYPES.format("Cs1+", "Sn4+", "I1-")),
        (TIN.format("1+", "4+", "1-"), ""),
        (TIN.format("+", "+4", "-"), ""),
        (TIN.format("", "", ""), TYPES.format("Cs", "Sn", "I")),
        (TIN.format("", "", ""), TYPES.format("Cs1+", "Sn4+", "I1-")),
    ],
)
def test_oxidation_states_of_the_file_are_kept(tmp_path: Path, sites: str, head: str) -> None:
    crystal = load(tmp_path, cif_text(cubic(11.65), sites, named("F m -3 m") + head))
    assert crystal.warnings == ()
    states = {site.specie.symbol: site.properties["oxidation_state"] for site in crystal.structure}
    assert states == {"Cs": 1, "Sn": 4, "I": -1}
    assert crystal.structure.composition["Sn"] == 4  # elements, as a code gives them back


def test_oxidation_states_that_contradict(tmp_path: Path) -> None:
    crystal = load(tmp_path, cif_text(cubic(11.65), TIN.format("1+", "2+", "1-"), named("F m -3 m")))
    assert "oxidation_state" not in crystal.structure.site_properties
    (note,) = crystal.warnings
    assert "sum to -8" in note  # 8 Cs+ + 4 Sn2+ + 24 I-
    both = cif_text(cubic(11.65), TIN.format("1+", "2+", "1-"), named("F m -3 m") + TYPES.format("Cs1+", "Sn2+", "I1-"))
    assert "+2" in refused(tmp_path, both).reason


def test_files_of_pymatgen_and_ase(tmp_path: Path) -> None:
    """Both write P 1 and all atoms; pymatgen also the symmetry that it finds."""
    from ase.io import write
    from pymatgen.io.ase import AseAtomsAdaptor
    from pymatgen.io.cif import CifWriter

    for name in ("CsPbBr3_Pnma", "Cs4PbBr6_R-3c", "FAPbBr3_Pm-3m_FA110"):
        structure = load_shipped(name).structure
        write(tmp_path / "ase.cif", AseAtomsAdaptor.get_atoms(structure))
        for text in (
            structure.to(fmt="cif"),
            str(CifWriter(structure, symprec=1e-3)),
            str(CifWriter(structure.get_primitive_structure(), symprec=1e-3)),
            (tmp_path / "ase.cif").read_text(),
        ):
            crystal = load(tmp_path, text)
            assert crystal.structure.composition.reduced_formula == structure.composition.reduced_formula
            assert crystal.structure.density == pytest.approx(float(structure.density), rel=1e-4)
            assert crystal.warnings == ()


def test_a_triclinic_cell_of_any_name_stays_as_it_is(tmp_path: Path) -> None:
    lattice = Lattice.from_parameters(5.1, 6.2, 7.3, 82, 95, 101)
    structure = Structure(lattice, ["Cs", "Br"], [[0.1, 0.2, 0.3], [0.6, 0.65, 0.8]])
    sites = "Cs1 Cs 0.1 0.2 0.3\nBr1 Br 0.6 0.65 0.8\n"
    crystal = load(tmp_path, cif_text((5.1, 6.2, 7.3, 82, 95, 101), sites, named("P 1")))
    np.testing.assert_allclose(crystal.structure.frac_coords, structure.frac_coords)
    np.testing.assert_allclose(crystal.structure.lattice.parameters, lattice.parameters)


def test_settings_named_in_any_way_give_the_images_of_the_tables() -> None:
    """A hydrogen at a general place, in every twelfth setting of spglib: by Hall symbol, name and operations."""

    def whole(frac: np.ndarray) -> tuple[int, ...]:
        return tuple((np.rint(frac * 1e4).astype(int) % 10_000).tolist())

    place = np.array([0.1371, 0.2213, 0.3429])
    settings = [setting for number in range(1, 231) for setting in settings_numbered(number)][::12]
    assert len(settings) > 40
    for setting in settings:
        with quiet_spglib():
            table = spglib.get_symmetry_from_database(setting.hall_number)
        metric = 1600 * np.array([[1, 0.11, -0.13], [0.11, 1.2, 0.17], [-0.13, 0.17, 1.4]])
        metric = np.mean([r.T @ metric @ r for r in table["rotations"]], axis=0)
        lengths = np.sqrt(np.diag(metric))
        a, b, c = np.degrees(np.arccos((metric / np.outer(lengths, lengths))[[1, 0, 0], [2, 2, 1]]))
        images = {whole(r @ place + t) for r, t in zip(*table.values(), strict=True)}
        listed = [f"'{text}'" for text in re.findall(r"'([^']+)'", str(operations_of(setting)))]
        heads = [
            f"_space_group_name_Hall '{setting.hall}'\n",
            named(setting.name),
            named(setting.name.replace(" ", "")),
        ]
        if len(listed) == len(images):
            heads.append("loop_\n_space_group_symop_operation_xyz\n" + "\n".join(listed) + "\n")
        for head in heads:
            text = cif_text((*lengths, a, b, c), "H1 H 0.1371 0.2213 0.3429\n", head)
            structure = read_cif(text, "a.cif")[0]
            assert {whole(site.frac_coords) for site in structure} == images, (setting.name, head)
