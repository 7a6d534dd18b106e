"""Primitive cells: pymatgen's own have as many atoms and are the same crystal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.supercell import supercell_of
from dftflow.crystals.symmetry import space_group

SAME = StructureMatcher(primitive_cell=False, scale=False, attempt_supercell=False)


@pytest.mark.parametrize(
    ("name", "atoms"),
    [("Cs4PbBr6_R-3c", 22), ("CsPb2Br5_I4mcm", 16), ("Br2_Cmce", 4), ("Cs_Im-3m", 1), ("Pb_Fm-3m", 1)],
)
def test_centred_cells_are_reduced(name: str, atoms: int) -> None:
    crystal = load_crystal(name, base_dir=Path()).structure
    primitive = primitive_cell_of(crystal)
    assert len(primitive) == atoms == len(crystal.get_primitive_structure())
    assert primitive.volume / atoms == pytest.approx(crystal.volume / len(crystal), rel=1e-12)
    assert SAME.fit(primitive, crystal.get_primitive_structure())
    assert space_group(primitive).number == space_group(crystal).number
    repeats = crystal.lattice.matrix @ np.linalg.inv(primitive.lattice.matrix)
    assert np.allclose(repeats, np.round(repeats), atol=1e-9), "the crystal is not turned"


@pytest.mark.parametrize(("name", "angle_deg"), [("Pb_Fm-3m", 60.0), ("Cs_Im-3m", 109.471), ("Cs4PbBr6_R-3c", 88.860)])
def test_a_cell_of_high_symmetry_has_alike_vectors(name: str, angle_deg: float) -> None:
    primitive = primitive_cell_of(load_crystal(name, base_dir=Path()).structure)
    assert np.ptp(primitive.lattice.abc) < 1e-9
    assert primitive.lattice.angles == pytest.approx((angle_deg,) * 3, abs=1e-3)


@pytest.mark.parametrize("name", ["CsPbBr3_Pnma", "CsBr_Pm-3m", "PbBr2_Pnma"])
def test_a_primitive_cell_comes_back_as_it_is(name: str) -> None:
    crystal = load_crystal(name, base_dir=Path()).structure
    assert primitive_cell_of(crystal) is crystal


@settings(max_examples=10, deadline=None)
@given(repeats=st.tuples(*(st.integers(1, 2),) * 3))
def test_a_supercell_is_undone_and_molecules_stay_whole(repeats: tuple[int, int, int]) -> None:
    crystal = load_crystal("FAPbBr3_Pm-3m_FA100", base_dir=Path()).structure
    again = primitive_cell_of(supercell_of(crystal, repeats))
    assert SAME.fit(again, crystal)
    (own,) = (unit for unit in ionic_units(crystal) if unit.name == "FA")
    (found,) = (unit for unit in ionic_units(again) if unit.name == "FA")
    assert np.allclose(found.positions_ang - found.centre_ang, own.positions_ang - own.centre_ang, atol=1e-6)
