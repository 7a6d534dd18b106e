"""Supercells: the same crystal, counted again by pymatgen, with what is known of its sites and molecules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nickel_oxide import NIO
from pymatgen.analysis.structure_matcher import StructureMatcher

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.moments import moments_of, with_moments
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.supercell import supercell_of
from dftflow.crystals.symmetry import space_group
from dftflow.errors import StructureError

REPEATS = st.tuples(*(st.integers(1, 3),) * 3)


@given(repeats=REPEATS)
def test_it_is_the_same_crystal(repeats: tuple[int, int, int]) -> None:
    larger = supercell_of(NIO, repeats)
    assert np.allclose(larger.lattice.matrix, (NIO * repeats).lattice.matrix)
    assert StructureMatcher(primitive_cell=False, scale=False).fit(larger, NIO * repeats)
    assert space_group(larger).number == space_group(NIO).number == 225


@given(repeats=REPEATS)
def test_each_site_s_copies_follow_it_with_its_moment(repeats: tuple[int, int, int]) -> None:
    larger = supercell_of(with_moments(NIO, {"Ni": [2.0, -2.0]}), repeats)
    copies = int(np.prod(repeats))
    assert moments_of(larger) == tuple(m for m in (2.0, 0.0, -2.0, 0.0) for _ in range(copies))
    first = (larger.frac_coords * np.array(repeats))[:copies]
    steps = np.stack(np.meshgrid(*map(np.arange, repeats), indexing="ij"), axis=-1).reshape(-1, 3)
    assert np.allclose(first, steps)  # the last vector first


def test_molecules_stay_whole_and_keep_their_charges() -> None:
    crystal = load_crystal("FAPbBr3_Pm-3m_FA100", base_dir=Path()).structure
    larger = supercell_of(crystal, (2, 1, 2))
    units = ionic_units(larger)
    assert sorted({(unit.name, unit.charge) for unit in units}) == [("Br", -1), ("FA", 1), ("Pb", 2)]
    assert sum(unit.name == "FA" for unit in units) == 4
    own = next(unit for unit in ionic_units(crystal) if unit.name == "FA")
    for unit in units:
        if unit.name == "FA":
            assert np.allclose(unit.positions_ang - unit.centre_ang, own.positions_ang - own.centre_ang, atol=1e-6)


@pytest.mark.parametrize("repeats", [(0, 1, 1), (1, 1), (1.5, 1, 1), (-1, 1, 1)])
def test_what_are_no_repeats_is_refused(repeats: tuple[int, int, int]) -> None:
    with pytest.raises(StructureError, match="three whole numbers"):
        supercell_of(NIO, repeats)


def test_too_large_a_cell_is_refused_before_it_is_made() -> None:
    with pytest.raises(StructureError, match="would hold"):
        supercell_of(NIO, (100, 100, 100))
