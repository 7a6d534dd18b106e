"""Hybrid perovskites and other crystals as X-rays give them, and the ways in which their files say so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from cif_texts import FA_SKELETON, cif_text, cubic, named

from dftflow.cli.main import main
from dftflow.crystals.ions import formula_of
from dftflow.crystals.missing_hydrogens import bare_cations
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute
from dftflow.errors import StructureError

P1 = "loop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n"
COLUMNS = "label type_symbol fract_x fract_y fract_z"
MA_SKELETON = "Pb1 Pb 0 0 0\nI1 I 0.5 0 0\nI2 I 0 0.5 0\nI3 I 0 0 0.5\nC1 C 0.385 0.5 0.5\nN1 N 0.615 0.5 0.5\n"
AMMONIUM = "Pb1 Pb 0 0 0\nBr1 Br 0.5 0 0\nBr2 Br 0 0.5 0\nBr3 Br 0 0 0.5\nN1 N 0.5 0.5 0.5\n"


def refused(tmp_path: Path, text: str) -> StructureError:
    (tmp_path / "a.cif").write_text(text)
    with pytest.raises(StructureError) as caught:
        load_crystal("a.cif", base_dir=tmp_path)
    return caught.value


@pytest.mark.parametrize(
    "head",
    [
        "_chemical_formula_sum 'C H5 Br3 N2 Pb'\n_cell_formula_units_Z 1\n",
        "_chemical_formula_sum 'C H5 Br3 N2 Pb'\n",
        "_chemical_formula_sum 'C D5 Br3 N2 Pb'\n",
        "_chemical_formula_sum 'C1 Br3 H5 N2 Pb1'\n_cell_formula_units_Z 1\n",
        "_chemical_formula_sum 'C Br3 N2 Pb'\n_chemical_formula_moiety 'C H5 N2 1+, Br3 Pb 1-'\n",
        "_chemical_formula_structural '(C H (N H2)2) (Pb Br3)'\n",
        "_chemical_formula_weight 492.0\n_cell_formula_units_Z 1\n",
        "_refine_ls_hydrogen_treatment constr\n",
        "_chemical_name_systematic 'formamidinium lead tribromide'\n",
        "loop_\n_atom_type_symbol\nPb\nBr\nC\nN\nH\n",
        "loop_\n_atom_type_symbol\n_atom_type_number_in_cell\nPb 1\nBr 3\nC 1\nN 2\nH 5\n",
        "",
    ],
)
def test_fapbbr3_without_its_hydrogens(tmp_path: Path, head: str) -> None:
    error = refused(tmp_path, cif_text(cubic(5.9944), FA_SKELETON, head + P1))
    assert error.summary == "hydrogens are missing: 5 a formula unit"
    assert 'structure = "CsPbBr3_Pm-3m"' in error.fix
    assert 'by = "FA"' in error.fix


def test_deuterium_is_the_hydrogen_that_is_there(tmp_path: Path) -> None:
    """FAPbBr3 as neutrons give it: nothing is missing, and its cation is FA."""
    deuterium = "D1 D .5 .752 .5\nD2 D .836 .56 .5\nD3 D .164 .56 .5\nD4 D .712 .3 .5\nD5 D .288 .3 .5\n"
    (tmp_path / "d.cif").write_text(cif_text(cubic(5.9944), FA_SKELETON + deuterium, P1))
    structure = load_crystal("d.cif", base_dir=tmp_path).structure
    assert structure.composition.formula == "H5 Pb1 C1 Br3 N2"
    assert formula_of(structure) == "FAPbBr3"


def test_the_way_out_is_the_crystal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both pasted: the lines of a study, and the command."""
    fix = refused(tmp_path, cif_text(cubic(5.9944), FA_SKELETON, P1)).fix
    lines = re.search(r"in the study: (structure = .*?), (substitute = .*?\}), (pseudocubic_ang = [\d.]+)", fix)
    made = tomllib.loads("\n".join(lines.groups()))
    crystal = substitute(
        load_shipped(made["structure"]).structure, **made["substitute"], pseudocubic_ang=made["pseudocubic_ang"]
    )
    assert crystal.composition.formula == "H5 Pb1 C1 Br3 N2"
    assert crystal.lattice.a == pytest.approx(5.9944, abs=1e-4)
    command = re.search(r"dftflow (structure .*)$", fix)[1]
    assert main(command.split()) == 0
    assert "FAPbBr3" in capsys.readouterr().out


def test_methylammonium_lead_iodide(tmp_path: Path) -> None:
    error = refused(tmp_path, cif_text(cubic(6.39), MA_SKELETON, P1 + "_chemical_formula_sum 'C H6 I3 N Pb'\n"))
    assert error.summary == "hydrogens are missing: 6 a formula unit"
    assert 'structure = "CsPbI3_Pm-3m"' in error.fix and 'by = "MA"' in error.fix


@pytest.mark.parametrize(
    ("sites", "columns", "head", "says"),
    [
        (AMMONIUM, COLUMNS, "_chemical_formula_sum 'Br3 H4 N Pb'\n", "4 a formula unit"),
        (
            "".join(f"{row} {4 if row[0] == 'N' else 0}\n" for row in AMMONIUM.splitlines()),
            f"{COLUMNS} attached_hydrogens",
            "",
            "4 a formula unit",
        ),
        (AMMONIUM.replace("N1 N", "N1 NH4"), COLUMNS, "", "NH4"),
        (AMMONIUM.replace("N1 N", "N1 N-H4"), COLUMNS, "", "N-H4"),
        (AMMONIUM.replace("N1 N", "O1 Wat"), COLUMNS, "", "Wat"),
        (AMMONIUM + "H1 H ? ? ?\n", COLUMNS, "", "H1 has no place"),
        (AMMONIUM, COLUMNS, "loop_\n_atom_type_symbol\nPb2+\nBr1-\nN3-\nH1+\n", "hydrogens are missing"),
    ],
)
def test_other_ways_to_say_it(tmp_path: Path, sites: str, columns: str, head: str, says: str) -> None:
    error = refused(tmp_path, cif_text(cubic(5.9), sites, head + P1, columns))
    assert says in error.summary
    assert "molecule_charges" not in error.fix


def test_a_hydroxide_has_no_skeleton_to_substitute(tmp_path: Path) -> None:
    """Brucite, Mg(OH)2."""
    sites = "Mg1 Mg 0 0 0\nO1 O 0.3333 0.6667 0.22\n"
    head = named("P -3 m 1") + "_chemical_formula_sum 'H2 Mg O2'\n_cell_formula_units_Z 1\n"
    error = refused(tmp_path, cif_text((3.142, 3.142, 4.766, 90, 90, 120), sites, head))
    assert error.summary == "hydrogens are missing: 2 a formula unit"
    assert "substitute" not in error.fix


def test_decks_are_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fapb.cif").write_text(cif_text(cubic(5.9944), FA_SKELETON, P1))
    (tmp_path / "s.toml").write_text(
        'schema = 1\ntitle = "t"\n[materials.FAPbBr3]\nstructure = "fapb.cif"\ncutoff_ev = 435.4\n'
        'relax_kpoints = [2, 2, 2]\nbands_kpoints = [4, 4, 4]\nband_edge = "R"\n'
    )
    assert main(["decks", str(tmp_path / "s.toml"), "--code", "castep", "--out", str(tmp_path / "d")]) == 2
    assert "hydrogens are missing: 5" in capsys.readouterr().err


def test_a_skeleton_in_any_kind_of_file_is_refused(tmp_path: Path) -> None:
    whole = load_shipped("MAPbBr3_Pm-3m_MA100").structure
    bare = whole.copy()
    bare.remove_species(["H"])
    assert bare_cations(whole) == {}
    assert bare_cations(bare) == {"MA": 1}
    (tmp_path / "a.vasp").write_text(bare.to(fmt="poscar"))
    with pytest.raises(StructureError, match="hydrogens are missing: 6 a formula unit"):
        load_crystal("a.vasp", base_dir=tmp_path)


@pytest.mark.parametrize(
    "sites",
    [
        "K1 K 0.5 0.5 0.5\nC1 C 0.5 0 0\nN1 N 0.695 0 0\n",  # cyanide, 1.16 Å
        "Ca1 Ca 0.5 0.5 0.5\nC1 C 0 0 0\nN1 N 0.205 0 0\nN2 N -0.205 0 0\n",  # carbodiimide, straight
    ],
)
def test_carbon_and_nitrogen_that_have_none_are_no_skeletons(tmp_path: Path, sites: str) -> None:
    (tmp_path / "a.cif").write_text(cif_text(cubic(6.0), sites, P1))
    assert load_crystal("a.cif", base_dir=tmp_path).warnings == ()
