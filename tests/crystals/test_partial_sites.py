"""Partly occupied sites of a CIF, made into ordered cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from cif_texts import cif_text, cubic, named
from pymatgen.core import Composition, Structure

from dftflow.cli.main import main
from dftflow.crystals.ions import formula_of
from dftflow.crystals.partial_sites import partial_replacements
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import notes_of, substitute_all
from dftflow.errors import StructureError
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

COLUMNS = "label type_symbol fract_x fract_y fract_z occupancy"
HALF = "Cs1 Cs 0.5 0.5 0.5 1\nPb1 Pb 0 0 0 1\nBr1 Br 0.5 0 0 0.5\nI1 I 0.5 0 0 0.5\n"
SUM = "_chemical_formula_sum 'Cs Pb Br1.5 I1.5'\n"


def written(folder: Path, sites: str = HALF, head: str = SUM) -> Path:
    file = folder / "mixed.cif"
    file.write_text(cif_text(cubic(6.05), sites, named("P m -3 m") + head, COLUMNS))
    return file


def ordered(file: Path, supercell: tuple[int, int, int] | None = None) -> Structure:
    host = load_crystal(file, mixed_sites=True).structure
    return substitute_all(host, partial_replacements(host), supercell=supercell)


def test_a_mixed_halide(tmp_path: Path) -> None:
    built = ordered(written(tmp_path), (2, 2, 2))
    assert built.composition == Composition("Cs8 Pb8 Br12 I12")
    assert formula_of(built) == "CsPbBr1.5I1.5"
    assert set(built.site_properties) == {"molecule"}
    assert "partial_sites" not in built.properties
    (ordering,) = notes_of(built)
    assert "Br1 sites: 12 Br, 12 I" in ordering


def test_without_a_supercell_the_smallest_that_has_the_shares(tmp_path: Path) -> None:
    built = ordered(written(tmp_path))
    assert built.composition == Composition("Cs2 Pb2 Br3 I3")
    assert any("1 x 1 x 2" in note for note in notes_of(built))


@pytest.mark.parametrize("shares", [("0.6", "0.5"), ("0.60(2)", "0.50(2)"), ("0.7", "0.7")])
def test_a_place_that_holds_more_than_one_atom_is_refused(tmp_path: Path, shares: tuple[str, str]) -> None:
    first, second = shares
    sites = f"Cs1 Cs 0.5 0.5 0.5 {first}\nRb1 Rb 0.5 0.5 0.5 {second}\nPb1 Pb 0 0 0 1\nBr1 Br 0.5 0 0 1\n"
    with pytest.raises(StructureError, match=r"the place of Cs1, Rb1 holds 1\.[14] atoms") as caught:
        ordered(written(tmp_path, sites, ""), (2, 1, 1))
    assert caught.value.where is not None


def test_shares_that_sum_to_one_within_their_uncertainties_are_taken(tmp_path: Path) -> None:
    sites = "Cs1 Cs 0.5 0.5 0.5 0.52(2)\nRb1 Rb 0.5 0.5 0.5 0.50(2)\nPb1 Pb 0 0 0 1\nBr1 Br 0.5 0 0 1\n"
    assert ordered(written(tmp_path, sites, ""), (2, 1, 1)).composition == Composition("CsRbPb2Br6")


def test_shares_that_no_cell_has_are_the_nearest_and_said(tmp_path: Path) -> None:
    sites = "Cs1 Cs 0.5 0.5 0.5 0.9\nPb1 Pb 0 0 0 1\nBr1 Br 0.5 0 0 0.853(4)\nI1 I 0.5 0 0 0.147(4)\n"
    built = ordered(written(tmp_path, sites, ""), (2, 2, 2))
    assert built.composition == Composition("Cs7 Pb8 Br20 I4")
    said = notes_of(built)
    assert "0.1 of the Cs1 sites are vacancy in the file, and 0.125 (1 of 8) in this cell" in said
    assert "0.147 of the Br1 sites are I in the file, and 0.1667 (4 of 24) in this cell" in said
    with pytest.raises(StructureError) as caught:
        ordered(written(tmp_path, sites, ""), (1, 1, 1))
    assert "larger supercell" in caught.value.fix


def test_two_places_of_one_ion_have_each_their_share(tmp_path: Path) -> None:
    """In Pm-3m the halogen is one place; in P4/mmm the apex and the base of the octahedron are two."""
    sites = (
        "Cs1 Cs 0.5 0.5 0.5 1\nPb1 Pb 0 0 0 1\nBr1 Br 0 0 0.5 0.5\nI1 I 0 0 0.5 0.5\n"
        "Br2 Br 0.5 0 0 0.75\nI2 I 0.5 0 0 0.25\n"
    )
    file = tmp_path / "two.cif"
    file.write_text(cif_text((6.0, 6.0, 6.1, 90, 90, 90), sites, named("P 4/m m m"), COLUMNS))
    built = ordered(file, (2, 2, 1))
    assert built.composition == Composition("Cs4 Pb4 Br8 I4")
    apex = [
        site.specie.symbol for site in built if abs(site.frac_coords[2] % 1 - 0.5) < 0.01 and site.specie.symbol != "Cs"
    ]
    assert sorted(apex) == ["Br", "Br", "I", "I"]


def test_the_formula_of_the_file_is_held_against_the_shares(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="the atoms are not what the file says"):
        ordered(written(tmp_path, head="_chemical_formula_sum 'Cs Pb Br2 I1'\n"))


def test_the_refusal_tells_the_way_and_the_way_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path)
    with pytest.raises(StructureError) as caught:
        load_crystal(file)
    command = caught.value.fix.split("dftflow ")[1].split(" makes")[0].replace("FILE", str(file))
    out = tmp_path / "ordered.cif"
    assert main(command.replace("ordered.cif", str(out)).split()) == 0
    capsys.readouterr()
    assert Structure.from_file(out).composition == Composition("Cs8 Pb8 Br12 I12")
    study = tmp_path / "study.toml"
    study.write_text(
        'schema = 1\ntitle = "mixed"\n[materials.A]\nstructure = "mixed.cif"\nordering = "quasirandom"\n'
        "supercell = [1, 1, 2]\ncutoff_ev = 300\nrelax_kpoints = [2, 2, 1]\nbands_kpoints = [2, 2, 1]\n"
    )
    plan = plan_study(load_study(study, "quick"))
    assert formula_of(plan.materials["A"].start) == "CsPbBr1.5I1.5"


def test_an_ordering_of_what_is_ordered_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["structure", "CsPbBr3_Pm-3m", "--ordering", "random", "--seed", "1"]) == 2
    assert "no site of CsPbBr3 is partly occupied" in capsys.readouterr().err
