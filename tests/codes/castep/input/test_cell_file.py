"""Structures and paths from .cell files: what the format allows, what is damaged, and published files."""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.core import Structure

from dftflow.codes.castep.input.cell_file import CellDeck, read_cell_deck, read_cell_path, read_cell_structure
from dftflow.errors import ParseError
from dftflow.units import BOHR_ANG

OUT_CELL = """\
# CELL file written 09:31:29 (GMT+0.0) 25th February 2022 from run rocksalt

%BLOCK lattice_cart
   ANG
       5.60000000000000        0.00000000000000        1.000000000000000-105
       0.00000000000000        5.60000000000000        0.00000000000000
       0.00000000000000       -1.000000000000000-105   5.60000000000000
%ENDBLOCK  lattice_cart

%BLOCK cell_constraints
      1   1   1
      0   0   0
%ENDBLOCK cell_constraints

%BLOCK positions_frac
   Na             0.000000000000000       0.000000000000000       0.000000000000000
   Cl:b           0.500000000000000       1/2                     5.0D-001  SPIN= 0.1 ! mid
%ENDBLOCK positions_frac

FIX_COM : true

%BLOCK species_pot
   Na      2|1.3|1.3|1|10|12|14|20:30:21(qc=6.5)
%ENDBLOCK species_pot

SYMMETRY_TOL :     0.001000
"""


def read(folder: Path, text: str) -> Structure:
    file = folder / "a.cell"
    file.write_text(text)
    return read_cell_structure(file)


def test_file_as_castep_writes_it(tmp_path: Path) -> None:
    found = read(tmp_path, OUT_CELL)
    assert [site.specie.symbol for site in found] == ["Na", "Cl"]
    np.testing.assert_allclose(found.lattice.matrix, np.diag([5.6, 5.6, 5.6]), atol=1e-12)
    np.testing.assert_allclose(found.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]], atol=1e-15)


def test_units_comments_case_and_absolute_positions(tmp_path: Path) -> None:
    text = """\
%block LATTICE_abc   ! comment
bohr
10 10 20 # a b c
90 90 120 ; angles
%endblock LATTICE_abc
%Block Positions_Abs
nm
h 0.1 0 0
%EndBlock Positions_Abs
"""
    found = read(tmp_path, text)
    np.testing.assert_allclose(found.lattice.abc, np.array([10, 10, 20]) * BOHR_ANG)
    assert found.lattice.angles == pytest.approx((90, 90, 120))
    np.testing.assert_allclose(found.lattice.matrix[0], [10 * BOHR_ANG, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.cart_coords, [[1.0, 0, 0]], atol=1e-12)


def test_a_file_cut_anywhere_in_its_structure_is_an_error(tmp_path: Path) -> None:
    end = OUT_CELL.index("%ENDBLOCK positions_frac") + len("%ENDBLOCK positions_frac")
    for length in range(end):
        with pytest.raises(ParseError) as caught:
            read(tmp_path, OUT_CELL[:length])
        assert caught.value.where.startswith(str(tmp_path / "a.cell"))
    assert len(read(tmp_path, OUT_CELL[:end])) == 2


def test_error_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(ParseError) as caught:
        read(tmp_path, OUT_CELL.replace("5.0D-001", "****"))
    assert caught.value.where == f"{tmp_path / 'a.cell'}:17"
    assert "'****'" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("   Na             0.0", "   Xx             0.0", "no element"),
        ("SPIN= 0.1", "MIXTURE=(1 0.5)", "mixture"),
        ("0.500000000000000       1/2                     5.0D-001  SPIN= 0.1", "0.5 0.5", "three numbers"),
        ("%ENDBLOCK  lattice_cart", "%ENDBLOCK lattice_abc", "does not close"),
        ("1/2", "1/0", "not a number"),
    ],
)
def test_damaged_file(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in OUT_CELL
    with pytest.raises(ParseError, match=message):
        read(tmp_path, OUT_CELL.replace(old, new))


def test_path_with_labels_and_break(tmp_path: Path) -> None:
    (tmp_path / "a.cell").write_text(
        "%BLOCK BS_KPOINT_PATH\n0 0 0 ! G\n1/2 0 0 !X\nBREAK\n0 1/2 0\n0 0 0 # G\n%ENDBLOCK BS_KPOINT_PATH\n"
        "bs_kpoint_path_spacing = 0.025 1/ang\n"
    )
    path = read_cell_path(tmp_path / "a.cell")
    assert path is not None
    assert [[point.label for point in segment] for segment in path.segments] == [["G", "X"], ["", "G"]]
    assert path.segments[0][1].frac == (0.5, 0, 0)
    assert path.spacing_per_ang == 0.025


# --- all of a file ----------------------------------------------------------------------------------------------------

WHOLE = """\
%block lattice_abc
10 10 20
90 90 120
%endblock lattice_abc
%block positions_frac
C:a  1/3 2/3 0.25  SPIN= 1.5  LABEL=top
C:a  2/3 1/3 0.25  spin:-1.5
C    0.0 0.0 0.75  Spin = 5/2 0 0
%endblock positions_frac
KPOINTS_MP_GRID = 4 4 1
kpoint_mp_offset 0.0 0.0 1/8
symmetry_tol : 1 pm
FIX_ALL_CELL : T
fix_com false
snap_to_symmetry
%block ionic_constraints
  1  C:a  2  1 0 0
  2  C:a  2  1 1 0
  3  C:a  2  0 0 1
  4  C    1  0 0 1
  5  C:a  1  1 0 0
  5  C    1 -1 0 0
fix: C 1
%endblock ionic_constraints
%block cell_constraints
1 1 3
0 0 0
%endblock cell_constraints
%block species_pot
C:a  C_00.usp
C    2|1.4|10|12|13|20:21(qc=7)
QC5
%endblock species_pot
%block spectral_kpoint_path
0 0 0 # G
BREAK
0.5 0.5 0   %  M
%endblock spectral_kpoint_path
"""


def deck(folder: Path, text: str) -> CellDeck:
    (folder / "a.cell").write_text(text)
    return read_cell_deck(folder / "a.cell")


def test_everything_that_a_file_says(tmp_path: Path) -> None:
    found = deck(tmp_path, WHOLE)
    assert found.structure is not None
    assert found.structure.lattice.gamma == pytest.approx(120)
    assert [site.label for site in found.sites] == ["top", "a", ""]
    assert [site.spin for site in found.sites] == [(1.5,), (-1.5,), (2.5, 0.0, 0.0)]
    assert (found.kpoints.grid, found.kpoints.offset, found.kpoints.spacing) == ((4, 4, 1), (0, 0, 0.125), None)
    assert found.symmetry_tol_ang == pytest.approx(0.01)
    assert (found.fix_all_cell, found.fix_all_ions, found.fix_com) == (True, False, False)
    assert (found.symmetry_generate, found.snap_to_symmetry) == (False, True)
    assert found.cell_constraints == (1, 1, 3, 0, 0, 0)
    assert found.fixed_atoms == (1,), "the second carbon with the label a; what couples two atoms fixes none"
    assert len(found.ionic_constraints) == 6
    assert found.ionic_constraints[-1].direction == (-1, 0, 0)
    assert dict(found.species_pot) == {"C:a": "C_00.usp", "C": "2|1.4|10|12|13|20:21(qc=7)", "": "QC5"}
    assert found.path is not None
    assert [[point.label for point in segment] for segment in found.path.segments] == [["G"], ["M"]]
    assert found.path.spacing_per_ang == 0.1, "CASTEP's default"


def test_a_fragment_has_no_structure(tmp_path: Path) -> None:
    found = deck(tmp_path, "kpoint_mp_spacing : 0.06 1/bohr\nsymmetry_generate\n")
    assert (found.structure, found.sites, found.path, found.fix_com) == (None, (), None, None)
    assert found.kpoints.spacing == pytest.approx(0.06 / BOHR_ANG)
    assert found.symmetry_generate


def test_letters_of_a_path_are_kept_but_not_placed(tmp_path: Path) -> None:
    found = deck(tmp_path, "%block spectral_kpoint_path\nL\nG\nBREAK\nX\nW\n%endblock spectral_kpoint_path\n")
    assert found.path is None
    assert found.path_letters == (("L", "G"), ("X", "W"))


@pytest.mark.parametrize("name", ["spectral_kpoint_list", "SPECTRAL_KPOINTS_LIST", "bs_kpoint_list", "bs_kpoints_list"])
def test_a_list_of_kpoints_for_bands_has_labels(name: str, tmp_path: Path) -> None:
    text = "0 0 0 ! G-bar\n1/2 0.5 0 0.25 ! M-bar\n0.125 0.125 0\n0 0.5 0 % X\n0.5 0 0 0.25\n"
    found = deck(tmp_path, f"%block {name}\n{text}%endblock {name}\n")
    assert [point.label for point in found.band_kpoints] == ["G-bar", "M-bar", "", "X", ""]
    assert [point.frac for point in found.band_kpoints[1:3]] == [(0.5, 0.5, 0), (0.125, 0.125, 0)]
    assert (found.path, found.kpoints.points) == (None, ())
    with pytest.raises(ParseError, match="three numbers"):
        deck(tmp_path, f"%block {name}\n0 0\n%endblock {name}\n")


def test_a_list_of_kpoints_with_and_without_weights(tmp_path: Path) -> None:
    found = deck(tmp_path, "%block kpoints_list\n0 0 0 1/2\n0.5 0 0 0.5\n%endblock kpoints_list\n")
    assert found.kpoints.points == ((0, 0, 0, 0.5), (0.5, 0, 0, 0.5))
    assert deck(tmp_path, "%block kpoint_list\n0 0 0\n%endblock kpoint_list\n").kpoints.points == ((0, 0, 0),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("90 90 120", "90 90 181", "no cell has the angles"),
        ("90 90 120", "20 20 120", "no cell has the angles"),
        ("10 10 20", "10 -10 20", "span no cell"),
        ("10 10 20", "1e300 10 20", "span no cell"),
        ("10 10 20", "0 10 20", "span no cell"),
        ("C    0.0 0.0 0.75", "C    0.0 0.0 1e300", "out of all bounds"),
        ("C    0.0 0.0 0.75", "C    0.0 0.0 0.75 0.5", "behind the three coordinates"),
        ("%block cell_constraints", "%block lattice_abc\n%endblock lattice_abc\n%block cell_constraints", "twice"),
        ("%block cell_constraints", "%block lattice_cart\n%endblock lattice_cart\n%block cell_constraints", "has both"),
        ("KPOINTS_MP_GRID = 4 4 1", "KPOINTS_MP_GRID = 4 4 0", "at least 1"),
        ("KPOINTS_MP_GRID = 4 4 1", "KPOINTS_MP_GRID = 4 4", "not three"),
        ("symmetry_tol : 1 pm", "symmetry_tol : 1 hour", "no length"),
        ("FIX_ALL_CELL : T", "FIX_ALL_CELL : maybe", "'maybe'"),
        ("1 1 3", "1 1 7", "two lines of three"),
        ("1 1 3\n", "", "two lines of three"),
        ("  4  C    1  0 0 1", "  4  C    0  0 0 1", "no constraint of an atom"),
        ("  4  C    1  0 0 1", "  4  C    1  0 0", "no constraint of an atom"),
        ("C    0.0 0.0 0.75", "Cé   0.0 0.0 0.75", "names no element"),
        ("C    0.0 0.0 0.75", "C:a  2/3 1/3 0.25", "in line 7 already"),
        ("0 0 0 # G", "0 0 0 G", "behind the three coordinates"),
    ],
)
def test_what_contradicts_itself_or_cannot_be(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in WHOLE
    with pytest.raises(ParseError, match=message) as caught:
        deck(tmp_path, WHOLE.replace(old, new))
    assert re.search(r"a\.cell:\d+$", caught.value.where)


def test_line_ends_and_latin_1_do_not_matter(tmp_path: Path) -> None:
    wanted = deck(tmp_path, WHOLE)
    (tmp_path / "b.cell").write_bytes(("! Å é\n" + WHOLE).replace("\n", "\r\n").encode("latin-1"))
    found = read_cell_deck(tmp_path / "b.cell")
    assert found.structure == wanted.structure
    assert (found.path, found.kpoints, found.fixed_atoms) == (wanted.path, wanted.kpoints, wanted.fixed_atoms)
    assert [(site.species, site.position, site.spin) for site in found.sites] == [
        (site.species, site.position, site.spin) for site in wanted.sites
    ]


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08", b"\0", b"%block lattice_cart\n" + b"1 " * 10**6])
def test_what_is_no_cell_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.cell").write_bytes(content)
    with pytest.raises(ParseError):
        read_cell_structure(tmp_path / "a.cell")


@pytest.mark.parametrize("reader", [read_cell_deck, read_cell_path, read_cell_structure])
def test_a_folder_or_nothing_in_place_of_a_file(reader: object, tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "nowhere.cell"):
        with pytest.raises(ParseError, match="cannot be read"):
            reader(file)  # type: ignore[operator]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    text = bytearray(WHOLE.encode())
    for _ in range(data.draw(st.integers(0, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.cell").write_bytes(text[: data.draw(st.integers(0, len(text)))])
    with suppress(ParseError):
        found = read_cell_deck(tmp_path / "a.cell")
        assert found.structure is None or np.isfinite(found.structure.cart_coords).all()


# --- published files --------------------------------------------------------------------------------------------------

NO_STRUCTURE = {
    "symmetry_failure/KSb.cell": "neither block",
    "Cr-castep/tail.cell": "neither block",
    "NaCl-castep/tail.cell": "neither block",
    "castep_outputs/test/data_files/test.cell": "mixture",
}


def test_every_published_cell_file(castep_data: Path) -> None:
    files = sorted(castep_data.rglob("*.cell"))
    assert len(files) > 50
    for file in files:
        expected = next((why for name, why in NO_STRUCTURE.items() if str(file).endswith(name)), None)
        if expected is None:
            assert len(_quietly(file)) > 0
        else:
            with pytest.raises(ParseError, match=expected):
                _quietly(file)


def _quietly(file: Path) -> Structure:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen has no electronegativity for Ar
        return read_cell_structure(file)


@pytest.mark.parametrize(
    "name",
    [
        "asamli+aiida-castep-addons/tests/registry/Si_bands/out/aiida",
        "asamli+aiida-castep-addons/tests/registry/Fe_dos/out/aiida",
    ],
)
def test_out_cell_agrees_with_the_castep_file_beside_it(name: str, castep_data: Path) -> None:
    text = (castep_data / f"{name}.castep").read_text()
    volume = float(re.findall(r"Current cell volume =\s+([\d.]+)", text)[-1])
    ions = int(re.findall(r"Total number of ions in cell =\s+(\d+)", text)[-1])
    found = read_cell_structure(castep_data / f"{name}-out.cell")
    assert found.volume == pytest.approx(volume, abs=1e-5)
    assert len(found) == ions


@pytest.mark.parametrize("name", ["NiO_abc.cell", "NiO_abc_cart.cell", "NiO_abc_frac.cell", "NiO_abc_units.cell"])
def test_one_crystal_written_in_five_ways(name: str, castep_data: Path) -> None:
    folder = castep_data / "SMTG-Bham+sumo/tests/data/NiO"
    reference, found = read_cell_structure(folder / "NiO.cell"), read_cell_structure(folder / name)
    assert found.volume == pytest.approx(reference.volume, abs=1e-4)
    np.testing.assert_allclose(found.distance_matrix, reference.distance_matrix, atol=2e-4)


def test_agrees_with_ase_where_ase_reads_the_file(castep_data: Path) -> None:
    """An independent reader; it stops at a few of these files."""
    from ase.io.castep import read_castep_cell

    agreed = 0
    for file in sorted(castep_data.rglob("*.cell")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                atoms = read_castep_cell(file.open(), calculator_args={"keyword_tolerance": 3})
                found = read_cell_structure(file)
            except Exception:  # ASE raises whatever its parser trips over
                continue
        if len(atoms) == 0:
            continue
        np.testing.assert_allclose(found.lattice.matrix, atoms.cell.array, atol=1e-6, err_msg=str(file))
        assert [site.specie.symbol for site in found] == atoms.get_chemical_symbols()
        np.testing.assert_allclose(found.cart_coords, atoms.positions, atol=1e-5, err_msg=str(file))
        agreed += 1
    assert agreed > 30


def test_every_published_cell_file_is_read_as_a_whole(castep_data: Path) -> None:
    """Mixtures and fragments too: nothing of them is asked for."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in sorted(castep_data.rglob("*.cell")):
            found[file.relative_to(castep_data).as_posix()] = read_cell_deck(file)
    assert len(found) > 50
    assert sum(cell.structure is not None for cell in found.values()) == len(found) - len(NO_STRUCTURE)
    assert sum(bool(cell.path_letters) for cell in found.values()) == 1
    optics = found["yingxingcheng+castepkit/tests/data/GaAs/GaAs_Optics.cell"]
    assert sum(point[3] for point in optics.kpoints.points) == pytest.approx(1, abs=1e-5)


def test_grid_and_symmetry_are_what_castep_printed(castep_data: Path) -> None:
    """Every run whose .castep lies beside its .cell and prints its grid."""
    compared = 0
    for file in sorted(castep_data.rglob("*.cell")):
        log = file.with_suffix(".castep")
        printed = re.findall(
            r"MP grid size for SCF calculation is\s+(\d+)\s+(\d+)\s+(\d+)",
            log.read_text(errors="replace") if log.exists() else "",
        )
        grid = read_cell_deck(file).kpoints.grid if printed else None
        if grid is None:
            continue
        assert grid == tuple(int(n) for n in printed[0]), file
        compared += 1
    assert compared >= 5
