"""The charges that a study gives, by element and atom by atom, reach its slabs and what comes back of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.ions import ionic_units
from dftflow.errors import InputError
from dftflow.studies.builder import Builder
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

Write = Callable[..., Path]
MILLER = ("miller = [1, 1, 0]", "miller = [1, 1, 1]")


def with_crystal(write: Write, tmp_path: Path, structure: Structure, charges: str) -> Path:
    structure.to(str(tmp_path / "crystal.vasp"), fmt="poscar")
    setting = ('setting = "cubic"', 'setting = "given"')
    entry = ('structure = "CsBr_Pm-3m"', f'structure = "crystal.vasp"\n{charges}')
    return write(entry, setting, MILLER, ('band_edge = "G"', ""))


def rock_salt(first: str, second: str) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.4), [first, second], [[0, 0, 0], [0.5] * 3])


@pytest.mark.parametrize(
    ("charges", "expected"), [("", {"Mg": 2, "O": -2}), ("charges = { Mg = 0, O = 0 }", {"Mg": 0, "O": 0})]
)
def test_charges_of_a_study_come_before_those_that_balance(write_study, tmp_path, charges, expected):  # type: ignore[no-untyped-def]
    plan = plan_study(load_study(with_crystal(write_study, tmp_path, rock_salt("Mg", "O"), charges), "quick"))
    slab = Builder(plan).build(next(step for step in plan.steps if "slab" in step.name)).model
    assert slab is not None
    assert {unit.name: unit.charge for unit in ionic_units(slab.structure)} == expected
    assert slab.compensated and slab.tasker == "III"
    assert ("as given" in slab.charges) == bool(charges)


def test_mixed_valence_is_told_atom_by_atom(write_study: Write, tmp_path: Path) -> None:
    mixed = Structure(
        Lattice.tetragonal(5.9, 8.3), ["Au", "Au", "Cl", "Cl", "Cl", "Cl"],
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0, 0.25), (0, 0.5, 0.25), (0.5, 0, 0.75), (0, 0.5, 0.75)],
    )  # fmt: skip
    told = load_study(with_crystal(write_study, tmp_path, mixed, "charges = { Au = [1, 3] }"), "quick")
    start = plan_study(told).materials["CsBr"].start
    assert [unit.charge for unit in ionic_units(start) if unit.name == "Au"] == [1, 3]


@pytest.mark.parametrize(
    ("charges", "said"),
    [
        ("charges = { Ti = 4 }", "no 'Ti'"),
        ("charges = { Mg = [2, 3] }", "2 charges of Mg"),
        ("charges = { Mg = 2.5 }", "whole number|integer"),
        ("charges = { Mg = 40 }", "-10 to 10"),
    ],
)
def test_charges_that_cannot_be_are_refused_with_their_line(write_study, tmp_path, charges, said):  # type: ignore[no-untyped-def]
    file = with_crystal(write_study, tmp_path, rock_salt("Mg", "O"), charges)
    with pytest.raises(InputError, match=said) as caught:
        plan_study(load_study(file, "quick"))
    assert f"{file}" in caught.value.where and ":7" in caught.value.where
