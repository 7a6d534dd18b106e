"""Whether a calculated crystal is the one that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.same_crystal import compare_crystal
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute


def shipped(name: str) -> Structure:
    return load_crystal(name, base_dir=Path()).structure


def test_another_formula() -> None:
    salt = Structure(Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    said = compare_crystal(salt, shipped("CsBr_Pm-3m")).refusal
    assert said == "a calculation of NaCl, where the study asks for CsBr"


def test_another_phase_of_the_same_formula() -> None:
    """Cubic and orthorhombic CsPbBr3: 5 and 20 atoms a primitive cell."""
    cubic, orthorhombic = shipped("CsPbBr3_Pm-3m"), shipped("CsPbBr3_Pnma")
    said = compare_crystal(cubic, orthorhombic).refusal
    assert "CsPbBr3 in Pm-3m (5 atoms" in said and "asks for CsPbBr3 in Pnma (20 atoms" in said
    assert compare_crystal(orthorhombic, cubic).refusal != ""
    rock_salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(7.3), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert "Fm-3m" in compare_crystal(rock_salt, shipped("CsBr_Pm-3m")).refusal


@pytest.mark.parametrize("name", ["CsPbBr3_Pnma", "CsPbBr3_Pm-3m", "CsBr_Pm-3m"])
def test_a_relaxed_crystal_is_the_same(name: str) -> None:
    crystal = shipped(name)
    moved = crystal.copy()
    moved.scale_lattice(moved.volume * 1.06)
    assert compare_crystal(moved, crystal).refusal == ""


def test_another_phase_whose_atoms_lie_near() -> None:
    """Cubic in the cell of twenty atoms, and BaTiO3-like P4mm: refused, or said when a relaxation ended in it."""
    asked, cubic = shipped("CsPbBr3_Pnma"), shipped("CsPbBr3_Pm-3m")
    flat = cubic.copy()
    flat.make_supercell([[1, 0, -1], [0, 2, 0], [1, 0, 1]])
    for shift in ([0, 0, 0], [0.5, 0, 0], [0, 0, 0.5], [0.5, 0, 0.5]):
        flat.translate_sites(range(len(flat)), shift)
        assert "Pm-3m" in compare_crystal(flat, asked).refusal
    polar = cubic.copy()
    polar.translate_sites([i for i, site in enumerate(polar) if site.specie.symbol == "Pb"], [0, 0, 0.1], False)
    assert "P4mm (5 atoms" in compare_crystal(polar, cubic).refusal
    broken = compare_crystal(polar, cubic, relaxed=True)
    assert broken.refusal == ""
    assert broken.remark == "the relaxed crystal has the space group P4mm, where the study's has Pm-3m"
    assert "Pm-3m (5 atoms" in compare_crystal(cubic, polar).refusal
    ended = compare_crystal(cubic, polar, relaxed=True)
    assert ended.refusal == ""
    assert ended.remark == "the relaxed crystal has the space group Pm-3m, where the study's has P4mm"


def test_a_relaxation_that_keeps_the_symmetry_is_no_other_phase() -> None:
    """Half of the tilts of Pnma: between its places and those of the cubic crystal, still Pnma."""
    asked = shipped("CsPbBr3_Pnma")
    br = [i for i, site in enumerate(asked) if site.specie.symbol == "Br"]
    softer = asked.copy()
    ideal = np.round(asked.frac_coords * 4) / 4
    for i in br:
        softer.translate_sites([i], 0.3 * (ideal[i] - asked.frac_coords[i]))
    likeness = compare_crystal(softer, asked)
    assert likeness.refusal == likeness.remark == ""


def test_another_cell_of_the_same_crystal() -> None:
    crystal = shipped("CsPbBr3_Pnma")
    larger = crystal.copy()
    larger.make_supercell([1, 2, 1])
    assert compare_crystal(larger, crystal).refusal == compare_crystal(crystal, larger).refusal == ""
    shifted = crystal.copy()
    shifted.translate_sites(range(len(shifted)), [0.5, 0.0, 0.25])
    assert compare_crystal(shifted, crystal).refusal == ""


def test_molecules_may_turn() -> None:
    fa = [
        substitute(shipped("CsPbBr3_Pm-3m"), site="Cs", by="FA", orientation=way, pseudocubic_ang=5.99)
        for way in ("100/001", "111")
    ]
    assert compare_crystal(fa[0], fa[1]).refusal == ""
    assert "a calculation of" in compare_crystal(fa[0], shipped("CsPbBr3_Pm-3m")).refusal


@pytest.mark.parametrize("primitive", [False, True])
def test_how_far_a_cell_may_be_strained_does_not_depend_on_the_cell(primitive: bool) -> None:
    """Bromine, 5 % longer along a and 8 % shorter along b: an angle of its primitive cell opens by 7 degrees."""
    asked = shipped("Br2_Cmce")
    asked = primitive_cell_of(asked) if primitive else asked
    for along_b, said in ((0.92, ""), (0.85, "whose cell is strained by 15%")):
        strained = asked.copy()
        strained.lattice = Lattice(asked.lattice.matrix @ np.diag([1.05, along_b, 0.98]))
        refusal = compare_crystal(strained, asked, relaxed=True).refusal
        assert (said in refusal) if said else refusal == ""


def test_an_atom_that_has_left_its_place_is_said() -> None:
    """Both are P4mm: Br at 0.45 and at 0.1 of an axis of 8 Å."""
    asked, found = (
        Structure.from_spacegroup("P4mm", Lattice.tetragonal(4.2, 8.0), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, z]])
        for z in (0.45, 0.1)
    )
    assert compare_crystal(found, asked, relaxed=True).refusal == (
        "a calculation of CsBr in P4mm (2 atoms a primitive cell) "
        "with an atom 2.8 Å from its place in that of the study"
    )
    turned = Structure(found.lattice.matrix[[2, 0, 1]], found.species, found.frac_coords[:, [2, 0, 1]])
    assert compare_crystal(turned, asked, relaxed=True).refusal.endswith(
        "with other cells or places of its atoms than the study has"
    )


def test_a_relaxation_that_tears_the_crystal_says_by_how_much() -> None:
    """As PBE makes the cubic frame of a polar molecule tetragonal: one axis half as long again, bromine off lead."""
    asked = shipped("CsPbBr3_Pm-3m")
    a = asked.lattice.a
    places = asked.frac_coords + np.outer([site.specie.symbol == "Br" for site in asked], (0, 0, 0.15))
    torn = Structure(Lattice.tetragonal(a, 1.5 * a), asked.species, places)
    refusal = compare_crystal(torn, asked, relaxed=True).refusal
    assert "CsPbBr3 in P4mm" in refusal and "CsPbBr3 in Pm-3m" in refusal
    assert refusal.endswith("; the relaxation has strained its cell by 50%")
    assert "strained" not in compare_crystal(torn, asked).refusal  # a file of someone else may have other axes
