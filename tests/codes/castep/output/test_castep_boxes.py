"""The boxes of a ``.castep`` file: units, rows that are damaged, and what must agree with what stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.castep.output.castep_boxes import (
    is_right_handed,
    read_cell,
    read_forces,
    read_mixture,
    read_positions,
    read_stress,
    read_tests,
)
from dftflow.codes.castep.output.castep_text import CastepText, printed_number
from dftflow.errors import ParseError

HARTREE_EV, BOHR_ANG = 27.211386245981, 0.529177210544  # CODATA 2022

# a = 3, b = 4 at 60 degrees to a, c = 5 along z: the volume is 3 * 4 * sin(60°) * 5
CELL = """\
        Real Lattice(A)                      Reciprocal Lattice(1/A)
     3.0000000     0.0000000     0.0000000        2.094395102  -1.209199576   0.000000000
     2.0000000     3.4641016     0.0000000        0.000000000   1.813799364   0.000000000
     0.0000000     0.0000000     5.0000000        0.000000000   0.000000000   1.256637061

                       Lattice parameters(A)       Cell Angles
                    a =      3.000000          alpha =   90.000000
                    b =      4.000000          beta  =   90.000000
                    c =      5.000000          gamma =   60.000000

                       Current cell volume =            51.961524       A**3
"""
POSITIONS = """\
            x  Element    Atom        Fractional coordinates of atoms  x
            x            Number           u          v          w      x
            x----------------------------------------------------------x
            x  H            1         0.100000  -0.200000   0.300000   x 
            x  H            2         0.400000   0.500000   0.600000   x 
            x  O:ext        1         0.700000   0.800000   0.900000   x 
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
"""  # noqa: W291
FORCES = """\
 ************************** Constrained Symmetrised Forces **************************
 *                                                                                  *
 *                           Cartesian components (eV/A)                            *
 * -------------------------------------------------------------------------------- *
 *                         x                    y                    z              *
 *                                                                                  *
 * H               1     -0.05576             -0.01041              0.10614         *
 * H               2      0.00000(cons'd)      0.25000(cons'd)      0.00000(cons'd) *
 * O:ext           1      0.12004 (mixed)      0.00000 (mixed)     -1.00000 (mixed) *
 *                                                                                  *
 ************************************************************************************
"""
STRESS = """\
 *********** Symmetrised Stress Tensor ***********
 *                                               *
 *          Cartesian components (GPa)           *
 * --------------------------------------------- *
 *             x             y             z     *
 *                                               *
 *  x      5.484306      0.100000     -0.200000  *
 *  y      0.100000      5.484306      0.300000  *
 *  z     -0.200000      0.300000      2.859856  *
 *                                               *
 *  Pressure:   -4.6095                          *
 *                                               *
 *************************************************
"""
TESTS = """\
 LBFGS: finished iteration     0 with enthalpy= -2.42566077E+004 eV

 +-----------+-----------------+-----------------+------------+-----+ <-- LBFGS
 | Parameter |      value      |    tolerance    |    units   | OK? | <-- LBFGS
 +-----------+-----------------+-----------------+------------+-----+ <-- LBFGS
 |  dE/ion   |   0.000000E+000 |   2.000000E-005 |         Ha | No  | <-- LBFGS
 |  |F|max   |   6.961243E-001 |   1.000000E-002 |    Ha/Bohr | Yes | <-- LBFGS
 +-----------+-----------------+-----------------+------------+-----+ <-- LBFGS
"""


def text(content: str) -> CastepText:
    data = content.encode("latin-1")
    return CastepText(Path("a.castep"), data, data.splitlines(), 100)


def test_cell() -> None:
    found = read_cell(text(CELL), 0)
    assert found is not None and found[1] == 11
    np.testing.assert_array_equal(found[0], [[3, 0, 0], [2, 3.4641016, 0], [0, 0, 5]])
    assert is_right_handed(found[0]) and not is_right_handed(found[0][::-1])
    bohr = read_cell(text(CELL.replace("(A)", "(Bohr)").replace("1/A", "1/Bohr")), 0)
    assert bohr is not None
    np.testing.assert_allclose(bohr[0], found[0] * BOHR_ANG, rtol=1e-14)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3.4641016", "3.4642016"),
        ("3.4641016", "-3.464102"),
        ("2.0000000", "-2.000000"),
        ("5.000000 ", "5.000100 "),
        ("1.813799364", "1.813899364"),
        ("60.000000", "60.010000"),
        ("51.961524", "51.971524"),
        ("51.961524", "*********"),
        ("a =", "q ="),
        ("3.4641016", "*********"),
        ("3.4641016", "nan      "),
        ("     0.0000000     0.0000000     5.0", "     5.0000000     0.0000000     0.0"),
        ("Lattice(A) ", "Lattice(ell) "),
    ],
)
def test_a_cell_that_contradicts_itself_is_refused(old: str, new: str) -> None:
    assert old in CELL
    with pytest.raises(ParseError, match=r"cell|lattice") as caught:
        read_cell(text(CELL.replace(old, new, 1) + 12 * " \n"), 0)
    assert caught.value.where in ("a.castep:101", "a.castep:102", "a.castep:103", "a.castep:104")


def test_positions() -> None:
    box = read_positions(text(POSITIONS), 0)
    assert box is not None and box.species == ("H", "H", "O:ext") and box.next_line == 7
    np.testing.assert_array_equal(box.values, [[0.1, -0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    labelled = read_positions(text(POSITIONS.replace("0.600000   x", "0.600000     lab1   x")), 0)
    assert labelled is not None
    np.testing.assert_array_equal(labelled.values, box.values)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.500000", "********"),
        ("0.500000", "0_500000"),
        ("H            2", "H            3"),
        ("H            2", "C            2"),
        ("0.600000   x", "0.600000   y"),
        ("            xxxxxxx", "            yyyyyyy"),
    ],
)
def test_damaged_positions_are_refused(old: str, new: str) -> None:
    with pytest.raises(ParseError, match=r"a position|a row|out of order"):
        read_positions(text(POSITIONS.replace(old, new, 1)), 0)


def test_rows_that_changed_places_are_refused() -> None:
    lines = POSITIONS.splitlines(keepends=True)
    lines[3], lines[4] = lines[4], lines[3]
    with pytest.raises(ParseError, match=r"out of order: H 2"):
        read_positions(text("".join(lines)), 0)


def test_forces() -> None:
    box = read_forces(text(FORCES), 0)
    assert box is not None and box.species == ("H", "H", "O:ext") and box.next_line == 11
    np.testing.assert_array_equal(box.values, [[-0.05576, -0.01041, 0.10614], [0, 0.25, 0], [0.12004, 0, -1]])
    atomic = read_forces(text(FORCES.replace("eV/A", "hartree/bohr")), 0)
    assert atomic is not None
    np.testing.assert_allclose(atomic.values, box.values * HARTREE_EV / BOHR_ANG, rtol=1e-14)
    overflow = read_forces(text(FORCES.replace("-0.05576", "********")), 0)
    assert overflow is not None and overflow.species == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [("eV/A", "eV/ell"), ("0.10614", "0.1061x"), ("H               2", "H               1"), ("(eV/A)", "eV/A")],
)
def test_damaged_forces_are_refused(old: str, new: str) -> None:
    with pytest.raises(ParseError, match=r"a force|not known|out of order|its unit"):
        read_forces(text(FORCES.replace(old, new, 1)), 0)


def test_stress_is_positive_under_tension() -> None:
    found = read_stress(text(STRESS), 0)
    assert found is not None and found[0] is not None and found[1] == 13
    np.testing.assert_array_equal(found[0], [[5.484306, 0.1, -0.2], [0.1, 5.484306, 0.3], [-0.2, 0.3, 2.859856]])
    assert -np.trace(found[0]) / 3 == pytest.approx(-4.6095, abs=5e-5)
    kilobar = read_stress(text(STRESS.replace("(GPa)", "(kbar)")), 0)
    assert kilobar is not None and kilobar[0] is not None
    np.testing.assert_allclose(kilobar[0], found[0] / 10, rtol=1e-14)
    assert read_stress(text(STRESS.replace("0.300000", "********")), 0) == (None, 13)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2.859856", "2.869856"),
        ("0.100000", "0.101000"),
        ("-4.6095", "4.6095 "),
        ("Pressure:", "Pressurf:"),
        ("*  y ", "*  z "),
        ("GPa", "psi"),
    ],
)
def test_a_stress_that_contradicts_itself_is_refused(old: str, new: str) -> None:
    with pytest.raises(ParseError, match=r"stress|not known"):
        read_stress(text(STRESS.replace(old, new, 1)), 0)


def test_convergence_tests_in_atomic_units() -> None:
    energy, force = read_tests(text(TESTS), 0)
    assert (energy.quantity, energy.value, energy.passed) == ("energy", 0.0, False)
    assert energy.tolerance == pytest.approx(2e-5 * HARTREE_EV)
    assert (force.quantity, force.passed) == ("force", True)
    assert force.value == pytest.approx(6.961243e-1 * HARTREE_EV / BOHR_ANG)
    with pytest.raises(ParseError, match="twice"):
        read_tests(text(TESTS.replace("|F|max ", "dE/ion ").replace("Ha/Bohr", "     Ha")), 0)


@pytest.mark.parametrize("reader", [read_cell, read_positions, read_forces, read_stress, read_mixture])
def test_a_box_that_the_file_ends_in_is_none(reader) -> None:  # type: ignore[no-untyped-def]
    content = {read_cell: CELL, read_positions: POSITIONS, read_forces: FORCES, read_stress: STRESS}.get(
        reader, POSITIONS.partition("            x  H")[0]
    )
    for count in range(1, content.count("\n")):
        assert reader(text("".join(content.splitlines(keepends=True)[:count])), 0) is None


@given(value=st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_fortran_numbers_round_trip(value: float) -> None:
    written = f"{value:.16E}"
    assert printed_number(written.encode()) == value
    assert printed_number(written.replace("E", "D").encode()) == value


@pytest.mark.parametrize("token", [b"", b"nan", b"inf", b"1_0", b"****", b"0x1F", b"1.5.2", b"-", b"1E+999", b"1 2"])
def test_what_is_no_number_is_none(token: bytes) -> None:
    assert printed_number(token) is None
