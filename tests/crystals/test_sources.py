from __future__ import annotations

import hashlib
import os
import re
import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Element, Lattice, Structure

from dftflow.crystals import materials_project, optimade
from dftflow.crystals.atoms import to_extxyz
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.shipped import load_shipped, shipped_names
from dftflow.crystals.sources import load_crystal
from dftflow.errors import ClashError, DftflowError, StructureError
from dftflow.resources import structures_dir

BOHR_ANG = 0.529177

PNMA = load_shipped("CsPbBr3_Pnma").structure
CIF = (structures_dir() / "CsPbBr3_Pnma.cif").read_text()
CELL = """! CsBr
%BLOCK LATTICE_CART
 4.291 0.0 0.0
 0.0 4.291 0.0
 0.0 0.0 4.291
%ENDBLOCK LATTICE_CART

%block positions_frac
Cs 0.0 0.0 0.0
Br 0.5 0.5 0.5
%endblock positions_frac

kpoint_mp_grid : 4 4 4
SYMMETRY_GENERATE
"""
POSCAR = "CsBr\n1.0\n4.291 0 0\n0 4.291 0\n0 0 4.291\nCs Br\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
XYZ = '2\nLattice="4.291 0 0 0 4.291 0 0 0 4.291" Properties=species:S:1:pos:R:3\nCs 0 0 0\nBr 2.1455 2.1455 2.1455\n'


def cif(symbol: str = "'P 1'", sites: str = "Cs1 Cs 0 0 0 1\nBr1 Br 0.5 0.5 0.5 1\n", extra: str = "") -> str:
    lengths = "".join(f"_cell_length_{axis} 4.291\n" for axis in "abc")
    angles = "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    loop = "loop_\n" + "".join(f"_atom_site_{column}\n" for column in columns)
    group = f"_symmetry_space_group_name_H-M {symbol}\n" if symbol else ""
    return f"data_test\n{group}{lengths}{angles}{extra}{loop}{sites}"


def load(tmp_path: Path, name: str, text: str) -> object:
    (tmp_path / name).write_text(text)
    return load_crystal(name, base_dir=tmp_path)


@pytest.fixture(autouse=True)
def _nothing_reaches_the_terminal(capfd: pytest.CaptureFixture[str]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_name_and_path_to_the_same_file_agree(name: str, tmp_path: Path) -> None:
    by_name = load_crystal(name, base_dir=tmp_path)
    by_path = load_crystal(f"{name}.cif", base_dir=structures_dir())
    assert by_name.sha256 == by_path.sha256
    assert (by_name.space_group, by_name.source, by_path.name) == (by_path.space_group, name, name)
    assert by_path.confidence == "file"
    assert by_path.warnings == ()
    np.testing.assert_allclose(by_path.structure.lattice.matrix, by_name.structure.lattice.matrix, atol=1e-9)
    assert by_path.structure.species == by_name.structure.species


def _as_cell(structure: Structure) -> str:
    lattice = "\n".join(" ".join(f"{x / BOHR_ANG:.9f}" for x in row) for row in structure.lattice.matrix)
    atoms = "\n".join(f"{s.specie.symbol} {' '.join(f'{x:.9f}' for x in s.frac_coords)}" for s in structure)
    return (
        f"%BLOCK LATTICE_CART\nbohr\n{lattice}\n%ENDBLOCK LATTICE_CART\n"
        f"%BLOCK POSITIONS_FRAC\n{atoms}\n%ENDBLOCK POSITIONS_FRAC\n"
    )


@pytest.mark.parametrize(
    ("file_name", "text"),
    [
        ("a.cif", PNMA.to(fmt="cif")),
        ("symbol-only.cif", re.sub(r"loop_\n\s*_space_group_symop_operation_xyz\n(\s*'.*'\n)+", "", CIF)),
        ("POSCAR", PNMA.to(fmt="poscar")),
        ("CONTCAR.relaxed", PNMA.to(fmt="poscar")),
        ("a.vasp", PNMA.to(fmt="poscar")),
        ("a.extxyz", to_extxyz(PNMA)),
        ("a.xyz", to_extxyz(PNMA)),
        ("a.cell", _as_cell(PNMA)),
    ],
)
def test_every_format_gives_the_same_crystal_with_its_axes_in_place(tmp_path: Path, file_name: str, text: str) -> None:
    crystal = load(tmp_path, file_name, text)
    assert (crystal.space_group, crystal.space_group_number) == ("Pnma", 62)
    np.testing.assert_allclose(crystal.structure.lattice.abc, (8.2440, 11.7351, 8.1982), atol=1e-4)
    assert StructureMatcher(primitive_cell=False, scale=False).get_rms_dist(crystal.structure, PNMA)[1] < 1e-4
    assert crystal.structure.site_properties == {}
    assert crystal.sha256 == hashlib.sha256((tmp_path / file_name).read_bytes()).hexdigest()


def test_long_axis_stays_where_the_file_has_it(tmp_path: Path) -> None:
    pbnm = Structure(PNMA.lattice.matrix[[2, 0, 1]], PNMA.species, PNMA.frac_coords[:, [2, 0, 1]])
    crystal = load(tmp_path, "a.cif", pbnm.to(fmt="cif"))
    np.testing.assert_allclose(crystal.structure.lattice.abc, (8.1982, 8.2440, 11.7351), atol=1e-6)


@pytest.mark.parametrize(
    ("unit", "factor"), [("ang", 1.0), ("bohr", BOHR_ANG), ("nm", 10.0), ("", 1.0)], ids=["ang", "bohr", "nm", "none"]
)
def test_castep_cell_units_and_absolute_positions(tmp_path: Path, unit: str, factor: float) -> None:
    a = 4.291 / factor
    text = f"""%BLOCK lattice_abc
{unit}
{a} {a} {a}
90 90 90
%ENDBLOCK lattice_abc
%BLOCK POSITIONS_ABS
{unit}
Cs 0 0 0
Br:1 {a / 2} {a / 2} {a / 2} spin=0.0 ! with a comment
%ENDBLOCK POSITIONS_ABS
"""
    crystal = load(tmp_path, "a.cell", text.replace("\n\n", "\n"))
    assert crystal.structure.lattice.a == pytest.approx(4.291, rel=1e-5)
    assert crystal.space_group == "Pm-3m"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.tuples(*[st.floats(6, 12)] * 3),
    angles=st.tuples(*[st.floats(75, 105)] * 3),
    suffix=st.sampled_from(["cif", "vasp", "extxyz"]),
)
def test_round_trip_of_any_lattice(
    tmp_path: Path, lengths: tuple[float, ...], angles: tuple[float, ...], suffix: str
) -> None:
    structure = Structure(Lattice.from_parameters(*lengths, *angles), ["Cs", "Br"], [[0.1, 0.2, 0.3], [0.6, 0.65, 0.8]])
    text = to_extxyz(structure) if suffix == "extxyz" else structure.to(fmt="cif" if suffix == "cif" else "poscar")
    crystal = load(tmp_path, f"a.{suffix}", text)
    np.testing.assert_allclose(crystal.structure.lattice.parameters, structure.lattice.parameters, atol=1e-4)
    np.testing.assert_allclose(crystal.structure.frac_coords, structure.frac_coords, atol=1e-6)


def test_oxidation_states_velocities_and_deuterium_are_dropped(tmp_path: Path) -> None:
    charged = load(tmp_path, "a.cif", cif(sites="Cs1 Cs1+ 0 0 0 1\nBr1 Br1- 0.5 0.5 0.5 1\n"))
    assert [site.specie.symbol for site in charged.structure] == ["Cs", "Br"]
    assert all(isinstance(site.specie, Element) for site in charged.structure)
    heavy = load(tmp_path, "d.cif", cif(sites="O1 O 0 0 0 1\nD1 D 0.22 0 0 1\nD2 D 0 0.22 0 1\n"))
    assert heavy.structure.composition.reduced_formula == "H2O"


def test_doi_of_a_cif_is_its_reference(tmp_path: Path) -> None:
    assert load(tmp_path, "a.cif", cif(extra="_journal_paper_doi 10.1021/cg400645t\n")).reference == "10.1021/cg400645t"


def test_remarks_of_the_reader_are_kept(tmp_path: Path) -> None:
    (first,) = load(tmp_path, "a.cif", cif(symbol="")).warnings
    assert "no space group" in first
    (second,) = load(tmp_path, "b.xyz", XYZ + XYZ).warnings
    assert "2 frames" in second
    higher = cif(symbol="'P 2/m'", sites="Cs1 Cs 0 0 0 1\nBr1 Br 0.5 0.5 0.5 1\n")
    (third,) = load(tmp_path, "c.cif", higher).warnings
    assert "number 10" in third
    assert "221" in third


BAD = [
    # name, content, words of the message, line
    ("empty.cif", "", "empty", None),
    ("blank.vasp", "  \n\n", "empty", None),
    ("binary.cif", "data\0\1\2", "binary", None),
    ("garbage.cif", "hello world\nthis is no crystal\n", "no crystal", None),
    ("garbage.vasp", "hello\n", "cannot be read as VASP", None),
    ("garbage.cell", "hello\n", "cannot be read as CELL", None),
    ("garbage.xyz", "hello\n", "cannot be read as XYZ", None),
    ("cut.cif", CIF[:400], "CIF", None),
    ("cut.vasp", POSCAR[:-12], "cannot be read", None),
    ("cut.xyz", XYZ[:-20], "cannot be read", None),
    ("cut.cell", CELL.split("%endblock positions_frac")[0], "cannot be read", None),
    ("picture.png", "x", "unknown kind of file", None),
    ("nolattice.cif", cif().replace("_cell_length_a 4.291\n", ""), "no lattice", None),
    ("zero.cif", cif().replace("_cell_length_a 4.291", "_cell_length_a 0"), "no lattice", 3),
    ("nolattice.xyz", "2\n\nCs 0 0 0\nBr 2 2 2\n", "no lattice", None),
    ("nolattice.cell", "%block positions_frac\nCs 0 0 0\n%endblock positions_frac\n", "LATTICE", None),
    ("flat.vasp", POSCAR.replace("0 0 4.291", "0 4.291 0"), "no volume", None),
    ("partial.cif", cif(sites="Cs1 Cs 0 0 0 0.5\nBr1 Br 0.5 0.5 0.5 1\n"), "disordered", 16),
    ("mixed.cif", cif(sites="Br1 Br 0 0 0 0.5\nI1 I 0 0 0 0.5\n"), "disordered", 16),
    ("element.cif", cif(sites="Cs1 Cs 0 0 0 1\nXx1 Xx 0.5 0.5 0.5 1\n"), "unknown element 'Xx'", 17),
    ("element.vasp", POSCAR.replace("Cs Br", "Cs Qb"), "unknown element 'Qb'", 6),
    ("element.cell", CELL.replace("Br 0.5", "Qb 0.5"), "unknown element 'Qb'", 10),
    ("element.xyz", XYZ.replace("Br ", "Qb "), "unknown element 'Qb'", 4),
    ("group.cif", cif(symbol="'P q z 9'"), "unknown space group 'P q z 9'", 2),
    ("vasp4.vasp", POSCAR.replace("Cs Br\n", ""), "names no elements", 6),
    ("mixture.cell", CELL.replace("Br 0.5 0.5 0.5", "Br 0.5 0.5 0.5 MIXTURE:( 1 0.67)"), "disordered", 10),
    ("unit.cell", CELL.replace("LATTICE_CART\n 4", "LATTICE_CART\nfoot\n 4"), "unknown unit", 3),
    ("nan.cif", cif(sites="Cs1 Cs ? 0 0 1\nBr1 Br 0.5 0.5 0.5 1\n"), "Cs1 has no place", 16),
    ("none.xyz", '0\nLattice="4 0 0 0 4 0 0 0 4"\n', "no atoms", None),
    ("two.cif", cif() + cif().replace("data_test", "data_other"), "2 crystals", None),
]


@pytest.mark.parametrize(("name", "content", "says", "line"), BAD, ids=[f"{k}-{row[0]}" for k, row in enumerate(BAD)])
def test_bad_files(tmp_path: Path, name: str, content: str, says: str, line: int | None) -> None:
    with pytest.raises(StructureError) as caught:
        load(tmp_path, name, content)
    assert says in str(caught.value)
    assert caught.value.fix
    path = str(tmp_path / name)
    assert caught.value.where.startswith(path)
    if line is not None:
        assert caught.value.where == f"{path}:{line}"


@pytest.mark.parametrize(
    ("name", "content", "pair", "distance"),
    [
        ("same.cif", cif(sites="Cs1 Cs 0 0 0 1\nBr1 Br 1.0 0 0 1\n"), ("Cs1", "Br1"), "0.000"),
        ("twice.cif", cif(sites="Cs1 Cs 0 0 0 1\nCs2 Cs 0 0 0 1\nBr1 Br 0.5 0.5 0.5 1\n"), ("Cs1", "Cs2"), "0.000"),
        ("near.vasp", POSCAR.replace("0.5 0.5 0.5", "0.1 0 0"), ("Cs (atom 1)", "Br (atom 2)"), "0.429"),
        # A lattice in nm read as Å: the images of Cs along a cell edge are the worst.
        ("nm.vasp", POSCAR.replace("1.0\n", "0.1\n", 1), ("Cs (atom 1)",), "0.429"),
        ("near.cell", CELL.replace("0.5 0.5 0.5", "0.9 0 0"), ("Cs (atom 1)", "Br (atom 2)"), "0.429"),
    ],
)
def test_overlapping_atoms(tmp_path: Path, name: str, content: str, pair: tuple[str, ...], distance: str) -> None:
    with pytest.raises(ClashError) as caught:
        load(tmp_path, name, content)
    assert all(atom in caught.value.summary for atom in pair)
    assert f"{distance} Å" in caught.value.summary
    assert name in caught.value.where


def test_a_stray_line_in_a_cif_is_reported(tmp_path: Path) -> None:
    crystal = load(tmp_path, "a.cif", cif().replace("_cell_length_b", "stray line\n_cell_length_b"))
    assert crystal.space_group == "Pm-3m"
    assert any("stray" in remark for remark in crystal.warnings)


def test_missing_files_and_names(tmp_path: Path) -> None:
    (tmp_path / "perovskite.cif").write_text(cif())
    for source, near in (("perovskit.cif", "perovskite.cif"), ("CsPbBr3-Pnma", "CsPbBr3_Pnma"), ("nowhere/a.cif", "")):
        with pytest.raises(StructureError) as caught:
            load_crystal(source, base_dir=tmp_path, where="study.toml:7")
        assert near in caught.value.fix
        assert caught.value.where == "study.toml:7"
    with pytest.raises(StructureError, match="no crystal ''"):
        load_crystal("", base_dir=tmp_path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "crystals.cif").mkdir()
    with pytest.raises(StructureError, match="folder"):
        load_crystal("crystals.cif", base_dir=tmp_path)


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.cif").write_text(cif())

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(StructureError, match="Permission denied"):
            load_crystal("a.cif", base_dir=tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.sampled_from([("a.cif", CIF), ("a.vasp", POSCAR), ("a.cell", CELL), ("a.xyz", XYZ)]),
    where=st.floats(0, 1),
    junk=st.text(max_size=8),
    drop=st.integers(0, 40),
)
def test_damaged_files_never_end_in_a_traceback(
    tmp_path: Path, which: tuple[str, str], where: float, junk: str, drop: int
) -> None:
    name, text = which
    at = int(where * len(text))
    (tmp_path / name).write_bytes((text[:at] + junk + text[at + drop :]).encode("utf-8", "surrogatepass"))
    try:
        crystal = load_crystal(name, base_dir=tmp_path)
    except DftflowError as error:
        assert error.fix  # noqa: PT017
    else:
        assert crystal.structure.is_ordered


@pytest.mark.parametrize(
    ("query", "module"),
    [("mp-567629", materials_project), ("mp:CsPbBr3", materials_project), ("optimade:cod/1000041", optimade)],
)
def test_a_database(query: str, module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is asked, the crystal is known by what the person wrote."""
    shipped = load_shipped("CsPbBr3_Pnma")
    asked: list[str] = []

    def fetch_structure(query: str, *, refresh: bool) -> Crystal:
        asked.append(query)
        return replace(shipped, source="another spelling", confidence="database")

    monkeypatch.setattr(module, "fetch_structure", fetch_structure)
    crystal = load_crystal(query, base_dir=tmp_path)
    assert asked == [query] and crystal.source == query and crystal.confidence == "database"
    assert crystal.structure == shipped.structure
