"""LOCPOT: the order of the points, the two spins, and what is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.io.vasp import Locpot

from dftflow.codes.vasp.locpot_file import read_locpot
from dftflow.errors import DftflowError, ParseError
from dftflow.model.energy import EnergyZero

SHAPE = (2, 3, 4)
ZERO = EnergyZero(run="slab", reference="cell_average")


@pytest.fixture
def values() -> np.ndarray:
    """Every point tells where it is: 100 a + 10 b + c."""
    a, b, c = np.meshgrid(*(range(n) for n in SHAPE), indexing="ij")
    return 100.0 * a + 10.0 * b + c


def write(folder: Path, text: str) -> Path:
    file = folder / "LOCPOT"
    file.write_bytes(text.encode("latin-1"))
    return file


def test_first_index_runs_fastest_and_the_values_are_energies(folder, make_locpot, values):
    found = read_locpot(write(folder, make_locpot([values])), kind="electrostatic", zero=ZERO)
    assert found.values_ev == pytest.approx(values)
    assert found.values_ev[1, 2, 3] == 123.0
    assert found.cell_ang[2, 2] == 5.0
    assert found.kind == "electrostatic"
    assert found.zero == ZERO


def test_as_pymatgen_reads_it(folder, make_locpot, values):
    file = write(folder, make_locpot([values]))
    assert read_locpot(file, kind="local", zero=ZERO).values_ev == pytest.approx(Locpot.from_file(file).data["total"])


@pytest.mark.parametrize("moments", [True, False])
def test_the_two_spins_are_averaged(folder, make_locpot, values, moments):
    file = write(folder, make_locpot([values, values + 0.5], moments=moments))
    assert read_locpot(file, kind="local", zero=ZERO, n_sets=(2,)).values_ev == pytest.approx(values + 0.25)


def test_the_atoms_in_its_head(folder, make_locpot, values):
    text = make_locpot([values])
    found = read_locpot(write(folder, text), kind="local", zero=ZERO).atoms
    assert found.elements == ("Ge", "Te") and found.positions_frac[1] == pytest.approx([0.5, 0.5, 0.5])
    lines = text.splitlines(keepends=True)
    direct = lines.index("Direct\n")
    cell = np.array([line.split() for line in lines[2:5]], dtype=float)
    cartesian = "".join("".join(f"{x:12.7f}" for x in place) + "\n" for place in found.positions_frac @ cell)
    variants = (
        "".join([*lines[:direct], "Cartesian\n", cartesian, *lines[direct + 3 :]]),
        text.replace("Direct\n", "Selective dynamics\nDirect\n"),
        text.replace("   Ge   Te\n", "   Ge_d Te/8bd2b04\n"),
    )
    for variant in variants:
        again = read_locpot(write(folder, variant), kind="local", zero=ZERO).atoms
        assert again.elements == found.elements
        assert again.positions_frac == pytest.approx(found.positions_frac, abs=1e-6)
    assert read_locpot(write(folder, text.replace("   Ge   Te\n", "")), kind="local", zero=ZERO).atoms.elements == (
        "",
        "",
    )


def test_crlf_latin_1_and_vasp_4_heads_change_nothing(folder, make_locpot, values):
    text = make_locpot([values], title="à 5 Å").replace("   Ge   Te\n", "").replace("\n", "\r\n")
    assert read_locpot(write(folder, text), kind="local", zero=ZERO).values_ev == pytest.approx(values)


def test_an_exponent_of_three_digits_has_no_e(folder, make_locpot, values):
    text = make_locpot([values]).replace(" 0.00000000000E+00", " 0.12345678901-100", 1)
    assert read_locpot(write(folder, text), kind="local", zero=ZERO).values_ev[0, 0, 0] == pytest.approx(0.0, abs=1e-99)


def test_the_scale_of_the_lattice_counts_and_a_negative_one_is_the_volume(folder, make_locpot, values):
    text = make_locpot([values])
    doubled = text.replace("   1.00000000000000     ", "   2.0")
    assert read_locpot(write(folder, doubled), kind="local", zero=ZERO).cell_ang[0, 0] == 8.0
    by_volume = text.replace("   1.00000000000000     ", "  -640.0")
    assert read_locpot(write(folder, by_volume), kind="local", zero=ZERO).cell_ang[0, 0] == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    2    3    4\n", " 1000 1000 1000\n"),
        ("    2    3    4\n", " 99999999999999999999 1 1\n"),
        ("    2    3    4\n", "    2    3    5\n"),
        ("    2    3    4\n", "    2    3    3\n"),
        ("    2    3    4\n", "    0    3    4\n"),
        (" 1.23000000000E+02", " *****************"),
        (" 1.23000000000E+02", "               nan"),
        (" 1.23000000000E+02", ""),
        ("     1     1\n", "     1     2\n"),
        ("     1     1\n", "     1  1000000000\n"),
        ("    4.000000", "    0.000000"),
        ("    4.000000", "    ********"),
        ("    4.000000", "         1_0"),
        ("  0.500000", "       1_0"),
        ("Direct\n", "Direct\n\n"),
    ],
)
def test_a_damaged_file_is_refused(folder, make_locpot, values, old, new):
    text = make_locpot([values])
    assert old in text
    with pytest.raises(ParseError):
        read_locpot(write(folder, text.replace(old, new)), kind="local", zero=ZERO)


def test_every_cut_is_refused(folder, make_locpot, values):
    text = make_locpot([values])
    for length in range(len(text)):
        with pytest.raises(ParseError):
            read_locpot(write(folder, text[:length]), kind="local", zero=ZERO)


def test_a_spin_that_is_missing_is_refused(folder, make_locpot, values):
    with pytest.raises(ParseError, match="1 sets, a run like this writes 2"):
        read_locpot(write(folder, make_locpot([values])), kind="local", zero=ZERO, n_sets=(2,))


def test_a_non_collinear_potential_is_refused(folder, make_locpot, values):
    with pytest.raises(ParseError, match="4 sets"):
        read_locpot(write(folder, make_locpot([values] * 4)), kind="local", zero=ZERO)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=400))
def test_any_bytes_end_in_an_error_of_ours(content):
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "LOCPOT"
        file.write_bytes(content)
        with pytest.raises(DftflowError):
            read_locpot(file, kind="local", zero=ZERO)
