"""Formal charges against chemistry: what balance tells, what is ambiguous, what has none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

from dftflow.crystals.formal_charges import assign_charges, is_covalent, may_balance
from dftflow.crystals.formal_charges import test_charges as stand_ins
from dftflow.errors import SurfaceError


def ions(formula: str) -> list[str]:
    return [symbol for symbol, count in Composition(formula).get_el_amt_dict().items() for _ in range(int(count))]


def charges(formula: str) -> dict[str, int]:
    names = ions(formula)
    return dict(zip(names, assign_charges(names, [None] * len(names)).charges, strict=True))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("TiO2", {"Ti": 4}),
        ("SnO2", {"Sn": 4}),
        ("SnO", {"Sn": 2}),
        ("NiO", {"Ni": 2}),
        ("Cu2O", {"Cu": 1}),
        ("CuO", {"Cu": 2}),
        ("Al2O3", {"Al": 3}),
        ("SrTiO3", {"Sr": 2, "Ti": 4}),
        ("PbTiO3", {"Pb": 2, "Ti": 4}),
        ("BiFeO3", {"Bi": 3, "Fe": 3}),
        ("LaMnO3", {"La": 3, "Mn": 3}),
        ("Cs2AgBiBr6", {"Cs": 1, "Ag": 1, "Bi": 3}),
        ("Cs2SnI6", {"Cs": 1, "Sn": 4}),
        ("CsSnI3", {"Sn": 2}),
        ("CuInSe2", {"Cu": 1, "In": 3}),
        ("Bi2Te3", {"Bi": 3, "Te": -2}),
        ("TeO2", {"Te": 4, "O": -2}),
        ("PbFCl", {"Pb": 2, "F": -1, "Cl": -1}),
        ("BiOI", {"Bi": 3, "O": -2, "I": -1}),
        ("Li3N", {"Li": 1, "N": -3}),
        ("CsAu", {"Cs": 1, "Au": -1}),
        ("UO2", {"U": 4}),
        ("UO3", {"U": 6}),
        ("SmS", {"Sm": 2}),
        ("SrFeO3", {"Sr": 2, "Fe": 4}),
    ],
)
def test_the_one_assignment_that_balances(formula, expected):
    found = charges(formula)
    assert {symbol: found[symbol] for symbol in expected} == expected
    assert sum(found[symbol] for symbol in ions(formula)) == 0


@pytest.mark.parametrize(
    "formula", ["Si", "Pt", "C", "AlNi", "CuZn", "GaAs", "AlAs", "BN", "SiC", "GaN", "TiN", "ZnGeP2"]
)
def test_elements_alloys_and_covalent_compounds_have_none(formula):
    names = ions(formula)
    found = assign_charges(names, [None] * len(names))
    assert set(found.charges) == {0}
    assert found.why.startswith("none: ")


@pytest.mark.parametrize(
    ("molecules", "expected"),
    [
        (["Ca", "CO3"], [2, -2]),
        (["Na", "NO3"], [1, -1]),
        (["Fe", "S2"], [2, -2]),
        (["Ba", "O2"], [2, -2]),
        (["Ni", "Se2"], [2, -2]),
        (["Mn", "Te2"], [2, -2]),
        (["K", "O2"], [1, -1]),
        (["CO2"], [0]),
        (["Cu", "O4S", "H2O"], [2, -2, 0]),
        (["Li", "Fe", "O4P"], [1, 2, -3]),
        (["Li", "Co", "O4P"], [1, 2, -3]),
        (["Fe", "O4P"], [3, -3]),
        (["K", "Al", "O4S", "O4S"], [1, 3, -2, -2]),
    ],
)
def test_molecules(molecules, expected):
    """Peroxide and superoxide are one molecule, told apart by the cation."""
    assert list(assign_charges(molecules, [None] * len(molecules)).charges) == expected


@pytest.mark.parametrize(
    ("formula", "fix"),
    [
        ("Fe3O4", "--charge Fe=2,3,3"),
        ("Co3O4", "--charge Co=2,3,3"),
        ("Cs2Au2I6", "--charge Au=1,3"),
        ("Cu2ZnSnS4", "--charge Cu=1 --charge Sn=4"),
        ("Ba2Bi2O6", "--charge Bi=3,5"),
        ("U3O8", "--charge U=5,5,6"),
        ("LaS", "--charge La=2"),
    ],
)
def test_what_balances_in_several_ways_is_refused_and_its_fix_can_be_pasted(formula, fix):
    names = ions(formula)
    with pytest.raises(SurfaceError, match="are not known") as caught:
        assign_charges(names, [None] * len(names))
    assert fix in caught.value.fix
    told: list[float | None] = [None] * len(names)
    for symbol, text in re.findall(r"--charge (\w+)=([-\d,]+)", caught.value.fix):
        sites = [index for index, name in enumerate(names) if name == symbol]
        values = [int(value) for value in text.split(",")]
        for index, value in zip(sites, values * (len(sites) // len(values)), strict=True):
            told[index] = value
    assert sum(assign_charges(names, told).charges) == 0


@pytest.mark.parametrize(
    ("formula", "states", "mean", "times"),
    [("CsAuI3", "Au=1,3", "Au=2", 2), ("BaBiO3", "Bi=3,5", "Bi=4", 2), ("Cs2SbCl6", "Sb=3,5", "Sb=4", 2)],
)
def test_a_mean_of_two_states_is_called_one_and_both_fixes_balance_in_their_cells(formula, states, mean, times):
    """Gold(I,III), bismuth(III,V), antimony(III,V): one atom of a small cell cannot be both."""
    names = ions(formula)
    with pytest.raises(SurfaceError, match="are not known") as caught:
        assign_charges(names, [None] * len(names))
    assert "the mean of" in caught.value.reason and f"{times} times as large" in caught.value.fix
    assert caught.value.fix.index(f"--charge {states} ") < caught.value.fix.index(f"--charge {mean} ")
    for text, cell in ((states, names * times), (mean, names)):
        symbol, values = text.split("=")
        given = iter(float(value) for value in values.split(","))
        told = [next(given) if name == symbol else None for name in cell]
        assert sum(assign_charges(cell, told).charges) == 0


def test_molecules_are_called_by_their_names_where_no_charges_balance():
    with pytest.raises(SurfaceError) as caught:
        assign_charges(["Li", "Sn", "Ti", "O4P"], [None] * 4)
    text = f"{caught.value} {caught.value.reason} {caught.value.fix}"
    assert "PO4" in text and "O4P" not in text


def test_what_is_told_decides_the_rest():
    names = ions("Cu2ZnSnS4")
    found = assign_charges(names, [4 if name == "Sn" else None for name in names])
    assert dict(zip(names, found.charges, strict=True)) == {"Cu": 1, "Zn": 2, "Sn": 4, "S": -2}
    assert "Sn +4 (as given)" in found.why
    assert set(assign_charges(["Ga", "As"], [0, None]).charges) == {0}
    with pytest.raises(SurfaceError, match="not a whole number"):
        assign_charges(["Ti", "O"], [3.5, None])


@given(st.permutations(ions("Cs2AgBiBr6")), st.integers(1, 3))
def test_order_and_size_of_the_cell_do_not_matter(order, repeats):
    names = order * repeats
    found = assign_charges(names, [None] * len(names))
    assert dict(zip(names, found.charges, strict=True)) == {"Cs": 1, "Ag": 1, "Bi": 3, "Br": -1}


def test_of_alloys_it_is_said_that_polar_planes_are_not_told():
    assert "not tested" in assign_charges(["Ti", "Ni", "Sn"], [None] * 3).why
    assert "Zintl" in assign_charges(["Mg", "Mg", "Sn"], [None] * 3).why


@pytest.mark.parametrize(
    ("formula", "balances"),
    [("Cs2SnI6", True), ("Cs4AgPb3Br12", False), ("Cs4Sn3I12", False), ("LiNiO2", True), ("GaAs", True),
     ("CuFeS2", True), ("Cs4Pb4Br11", False)],
)  # fmt: skip
def test_common_charges_balance_or_do_not(formula, balances):
    names = ions(formula)
    assert may_balance(names, [None] * len(names)) == balances


def test_told_charges_balance_or_do_not():
    assert may_balance(["Ti", "O", "O"], [4, -2, -2]) and not may_balance(["Ti", "O", "O"], [3, -2, -2])


@pytest.mark.parametrize("formula", ["MgB2", "TiB2", "LaB6", "FeSi", "CoSi2", "NiAs", "TiN", "WC", "TiCoSb", "CoSb3"])
def test_of_a_compound_without_closed_shells_no_plane_is_called_polar(formula):
    """Borides, silicides, nitrides and carbides that are metals, and semiconductors by 18 electrons."""
    names = ions(formula)
    found = assign_charges(names, [None] * len(names))
    assert "it is not tested which planes are polar" in found.why
    assert set(stand_ins(names, found.charges)) == {0}


@pytest.mark.parametrize(
    "formula", ["GaAs", "SiC", "BN", "BP", "Mg2Si", "ZnGeP2", "Zn3P2", "LiAlSi", "TiC", "ScN", "AlGaAs2"]
)
def test_of_one_that_keeps_the_octet_its_elements_tell(formula):
    names = ions(formula)
    found = assign_charges(names, [None] * len(names))
    numbers = stand_ins(names, found.charges)
    assert "told by the elements" in found.why and 0 not in numbers and sum(numbers) == 0


def test_stand_ins_of_charges_balance_and_tell_the_elements_apart():
    assert stand_ins(["Ga", "As"], [0, 0]) == (1, -1)
    assert sorted(stand_ins(["Mg", "Mg", "Si"], [0, 0, 0])) == [-2, 1, 1]
    assert stand_ins(["Al", "Ga", "As", "As"], [0] * 4) == (1, 1, -1, -1)
    assert stand_ins(["Mg", "Mg", "Sn"], [0, 0, 0]) == (1, 1, -2)
    assert stand_ins(["Al", "Ni"], [0, 0]) == (0, 0)
    assert stand_ins(["La", "Sn"], [0, 0]) == (0, 0)
    assert stand_ins(["Si", "Si"], [0, 0]) == (0, 0)
    assert stand_ins(["Ti", "O", "O"], [4, -2, -2]) == (4, -2, -2)


def test_bonds_of_a_halide_are_not_covalent_and_those_of_a_semiconductor_are():
    assert is_covalent({"Si"}) and is_covalent({"Ga", "As"})
    assert not is_covalent({"Al"}) and not is_covalent({"Pb", "Br"}) and not is_covalent({"Li", "N"})
