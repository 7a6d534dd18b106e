"""Whether a calculated crystal is the one that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.same_crystal import other_crystal
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute


def shipped(name: str) -> Structure:
    return load_crystal(name, base_dir=Path()).structure


def test_another_formula() -> None:
    salt = Structure(Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert other_crystal(salt, shipped("CsBr_Pm-3m")) == "a calculation of NaCl, where the study asks for CsBr"


def test_another_phase_of_the_same_formula() -> None:
    """Cubic and orthorhombic CsPbBr3: 5 and 20 atoms a primitive cell."""
    cubic, orthorhombic = shipped("CsPbBr3_Pm-3m"), shipped("CsPbBr3_Pnma")
    said = other_crystal(cubic, orthorhombic)
    assert "CsPbBr3 in Pm-3m (5 atoms" in said and "asks for CsPbBr3 in Pnma (20 atoms" in said
    assert other_crystal(orthorhombic, cubic) != ""
    rock_salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(7.3), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert "Fm-3m" in other_crystal(rock_salt, shipped("CsBr_Pm-3m"))


@pytest.mark.parametrize("name", ["CsPbBr3_Pnma", "CsPbBr3_Pm-3m", "CsBr_Pm-3m"])
def test_a_relaxed_crystal_is_the_same(name: str) -> None:
    crystal = shipped(name)
    moved = crystal.copy()
    moved.perturb(0.1)
    moved.scale_lattice(moved.volume * 1.06)
    assert other_crystal(moved, crystal) == ""


def test_another_cell_of_the_same_crystal() -> None:
    crystal = shipped("CsPbBr3_Pnma")
    larger = crystal.copy()
    larger.make_supercell([1, 2, 1])
    assert other_crystal(larger, crystal) == other_crystal(crystal, larger) == ""
    shifted = crystal.copy()
    shifted.translate_sites(range(len(shifted)), [0.5, 0.0, 0.25])
    assert other_crystal(shifted, crystal) == ""


def test_molecules_may_turn() -> None:
    fa = [
        substitute(shipped("CsPbBr3_Pm-3m"), site="Cs", by="FA", orientation=way, pseudocubic_ang=5.99)
        for way in ("100/001", "111")
    ]
    assert other_crystal(fa[0], fa[1]) == ""
    assert "a calculation of" in other_crystal(fa[0], shipped("CsPbBr3_Pm-3m"))
