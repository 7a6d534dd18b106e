"""Structures and paths from .cell files: what the format allows, what is damaged, and published files."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from dftflow.codes.castep.cell_file import read_cell_path, read_cell_structure
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
