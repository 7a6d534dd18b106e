from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.contacts import shortest_contacts
from dftflow.crystals.number_bounds import MAX_ATOMS_READ, check_size, is_sane_cell
from dftflow.crystals.shipped import load_shipped, shipped_names
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute
from dftflow.errors import StructureError

POSCAR = "{title}\n{scale}\n4.291 0 0\n0 {b} 0\n0 0 4.291\nCs Br\n{counts}\nDirect\n0 0 0\n{x} 0.5 0.5\n"
WHOLE = {"title": "CsBr", "scale": "1.0", "b": "4.291", "counts": "1 1", "x": "0.5"}
XYZ = '{n}\nLattice="{a} 0 0 0 4.291 0 0 0 4.291" Properties={properties}\nCs 0 0 0\nBr {x} 2.1455 2.1455\n'
WHOLE_XYZ = {"n": "2", "a": "4.291", "properties": "species:S:1:pos:R:3", "x": "2.1455"}


def test_what_is_a_crystal_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.vasp").write_text(POSCAR.format(**WHOLE))
    (tmp_path / "a.xyz").write_text(XYZ.format(**WHOLE_XYZ))
    assert {load_crystal(name, base_dir=tmp_path).space_group for name in ("a.vasp", "a.xyz")} == {"Pm-3m"}


@pytest.mark.parametrize("name", shipped_names())
def test_no_shipped_crystal_is_near_a_bound(name: str) -> None:
    structure = load_shipped(name).structure
    check_size(structure.copy().make_supercell([3, 3, 3]), "")
    for factor in (0.125, 20.0):
        other = structure.copy()
        other.scale_lattice(structure.volume * factor)
        check_size(other, "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key, value)
        for key in ("b", "x", "scale")
        for value in ("1e12", "-1e12", "1e300", "1e308", "inf", "nan", "1e-9", "1e15")
        if (key, value) != ("x", "1e-9")  # a coordinate may be that small
    ],
)
def test_numbers_of_no_crystal_in_a_poscar(key: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "a.vasp").write_text(POSCAR.format(**{**WHOLE, key: value}))
    with pytest.raises(StructureError) as caught:
        load_crystal("a.vasp", base_dir=tmp_path)
    assert caught.value.fix and "a.vasp" in caught.value.where


@pytest.mark.parametrize("counts", ["999999999 1", "1 99999999999999999999", "1 " + "9" * 5000, "-1 1", "3000 1"])
def test_counts_of_no_cell_in_a_poscar(counts: str, tmp_path: Path) -> None:
    (tmp_path / "a.vasp").write_text(POSCAR.format(**{**WHOLE, "counts": counts}))
    with pytest.raises(StructureError) as caught:
        load_crystal("a.vasp", base_dir=tmp_path)
    assert caught.value.where.endswith("a.vasp:7")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n": "3"}, "2 of its 3 atoms"),
        ({"n": "999999999"}, "999999999 atoms"),
        ({"n": "9" * 5000}, "atoms"),
        ({"n": "-2"}, "number of atoms"),
        ({"n": "2.0"}, "number of atoms"),
        ({"n": "0"}, "no atoms"),
        ({"n": "1"}, "number of atoms"),
        ({"properties": "species:S:1:pos:R:99999999"}, "columns"),
        ({"properties": "species:S:1:pos:R:-3"}, "columns"),
        ({"properties": '"species:S:1:pos:R:999"'}, "columns"),
        ({"a": "1e12"}, "Å long"),
        ({"x": "1e12"}, "coordinate"),
        ({"x": "nan"}, "no number"),
        ({"x": "9" * 70_000}, "too long"),
    ],
)
def test_what_an_xyz_promises_is_held_against_it(change: dict[str, str], says: str, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(XYZ.format(**{**WHOLE_XYZ, **change}))
    with pytest.raises(StructureError) as caught:
        load_crystal("a.xyz", base_dir=tmp_path)
    assert says in str(caught.value) and len(str(caught.value)) < 1000


def test_the_last_of_several_frames_is_taken(tmp_path: Path) -> None:
    frames = [XYZ.format(**{**WHOLE_XYZ, "a": a}) for a in ("4.3", "4.4", "4.5")]
    (tmp_path / "a.xyz").write_text("".join(frames) + "\n\n")
    found = load_crystal("a.xyz", base_dir=tmp_path)
    assert found.structure.lattice.a == pytest.approx(4.5)
    assert any("3 frames" in warning for warning in found.warnings)
    (tmp_path / "a.xyz").write_text("".join(frames) + "\nrubbish\n")
    with pytest.raises(StructureError, match="cannot be read"):
        load_crystal("a.xyz", base_dir=tmp_path)


@pytest.mark.parametrize("angle", [0.01, 179.99])
def test_a_flat_lattice_is_refused(angle: float) -> None:
    lattice = Lattice.from_parameters(5, 5, 5, 90, 90, angle)
    with pytest.raises(StructureError, match=r"gamma|no volume"):
        shortest_contacts(Structure(lattice, ["Si"], [[0, 0, 0]]))


def test_a_supercell_has_a_bound() -> None:
    host = load_shipped("CsPbBr3_Pm-3m").structure
    with pytest.raises(StructureError, match="10000"):
        substitute(host, site="Cs", by="FA", supercell=(1000, 1000, 1000))


def test_spglib_is_given_no_cell_that_ends_it() -> None:
    cell, atoms = 4.3 * np.eye(3), np.zeros((1, 3))
    assert is_sane_cell(cell, atoms)
    for wrong in (1e12, np.inf, np.nan):
        assert not is_sane_cell(np.full((3, 3), wrong), atoms)
        assert not is_sane_cell(cell, atoms + wrong)
    assert not is_sane_cell(cell * 1e-12, atoms)


def test_as_many_atoms_as_are_read_are_read(tmp_path: Path) -> None:
    n = int(MAX_ATOMS_READ ** (1 / 3))
    frac = np.array(np.meshgrid(*[range(n)] * 3)).reshape(3, -1).T / n
    structure = Structure(Lattice.cubic(3.0 * n), ["Po"] * n**3, frac)
    assert len(structure) > 0.8 * MAX_ATOMS_READ
    check_size(structure, "", most_atoms=MAX_ATOMS_READ)
