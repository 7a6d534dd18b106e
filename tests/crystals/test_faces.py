"""Which surface a calculated slab has, told from its atoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.faces import faces_of, other_surface
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute
from dftflow.model.surface import SlabModel


def slabs_of(
    crystal: Structure, miller: tuple[int, int, int], setting: str, thickness: float = 10.0
) -> list[SlabModel]:
    plane = resolve_plane(crystal, miller, setting)
    return list(enumerate_slabs(crystal, plane, min_thickness_ang=thickness, vacuum_ang=15.0))


def shipped(name: str) -> Structure:
    return load_crystal(name, base_dir=Path()).structure


@pytest.fixture(scope="module")
def cubic() -> list[SlabModel]:
    """CsPbBr3 (001): the planes alternate CsBr, PbBr2."""
    return slabs_of(shipped("CsPbBr3_Pm-3m"), (0, 0, 1), "cubic")


def named(slabs: list[SlabModel], termination: str) -> SlabModel:
    return next(slab for slab in slabs if slab.termination == termination)


def test_the_two_terminations_of_a_perovskite_are_told_apart(cubic: list[SlabModel]) -> None:
    cs, pb = named(cubic, "CsBr"), named(cubic, "PbBr2")
    assert faces_of(cs.structure).top == faces_of(cs.structure).bottom == "CsBr"
    assert faces_of(pb.structure).top == "PbBr2"
    assert other_surface(cs.structure, cs) == other_surface(pb.structure, pb) == ""
    said = other_surface(pb.structure, cs)
    assert said == "a slab whose lower face is PbBr2, where the study asks for CsBr, whose is CsBr"


def test_a_slab_whose_faces_differ_is_not_one_whose_faces_are_alike(cubic: list[SlabModel]) -> None:
    mixed, cs = named(cubic, "CsBr|PbBr2"), named(cubic, "CsBr")
    assert "upper face is PbBr2" in other_surface(mixed.structure, cs)
    upside_down = mixed.structure.copy()
    upside_down = Structure(
        upside_down.lattice, upside_down.species, upside_down.frac_coords * [1, 1, -1], site_properties=None
    )
    assert other_surface(upside_down, mixed) != ""


@pytest.mark.parametrize("plane", [((0, 1, 1), "Pnma"), ((0, 1, 0), "Pnma")])
def test_a_surface_is_itself_and_no_other(plane: tuple[tuple[int, int, int], str]) -> None:
    """Numbered names (``Pb #2``) differ in what lies below the face, which no face tells."""
    slabs = slabs_of(shipped("CsPbBr3_Pnma"), *plane)
    for found in slabs:
        for asked in slabs:
            alike = found.termination.split(" #")[0] == asked.termination.split(" #")[0]
            assert (other_surface(found.structure, asked) == "") == alike, (found.termination, asked.termination)


def test_molecules_count_as_ions() -> None:
    crystal = substitute(shipped("CsPbBr3_Pm-3m"), site="Cs", by="FA", orientation="100/001", pseudocubic_ang=5.99)
    slabs = slabs_of(crystal, (0, 1, 0), "cubic")
    fa, pb = named(slabs, "FABr"), named(slabs, "PbBr2")
    assert other_surface(fa.structure, fa) == "" and "PbBr2" in other_surface(pb.structure, fa)


def test_relaxation_and_rumpling_do_not_matter(cubic: list[SlabModel]) -> None:
    slab = named(cubic, "CsBr")
    moved = slab.structure.copy()
    cs = [i for i, site in enumerate(moved) if site.specie.symbol == "Cs"]
    moved.translate_sites(cs, [0, 0, -0.6], frac_coords=False)
    assert other_surface(moved, slab) == ""
    shifted = slab.structure.copy()
    shifted.translate_sites(range(len(shifted)), [0.3, 0.1, 0.45])
    assert other_surface(shifted, slab) == "", "where the slab lies in its cell is nobody's business"


def test_thickness_and_supercells_do_not_matter(cubic: list[SlabModel]) -> None:
    slab = named(cubic, "CsBr")
    thick = named(slabs_of(shipped("CsPbBr3_Pm-3m"), (0, 0, 1), "cubic", 22.0), "CsBr")
    assert len(thick.structure) > len(slab.structure) and other_surface(thick.structure, slab) == ""
    assert faces_of(thick.structure).layers > faces_of(slab.structure).layers
    larger = slab.structure.copy()
    larger.make_supercell([2, 1, 1])
    assert other_surface(larger, slab) == ""
    other = named(slabs_of(shipped("CsPbBr3_Pm-3m"), (0, 0, 1), "cubic", 22.0), "PbBr2")
    assert "PbBr2" in other_surface(other.structure, slab)


def test_another_plane_of_the_same_crystal_is_told_by_its_cell(cubic: list[SlabModel]) -> None:
    pnma = shipped("CsPbBr3_Pnma")
    one, other = slabs_of(pnma, (0, 1, 0), "Pnma")[0], slabs_of(pnma, (0, 1, 1), "Pnma")[0]
    assert other_surface(one.structure, other).startswith("a surface cell of 8.20 x 8.24 Å")


def test_a_missing_ion_is_told_by_the_charge(cubic: list[SlabModel]) -> None:
    """From the middle, so that both faces are right: one Br less leaves a charge of +1."""
    slab = named(cubic, "CsBr")
    heights = slab.structure.cart_coords[:, 2]
    middle = (heights.max() + heights.min()) / 2
    br = [i for i, site in enumerate(slab.structure) if site.specie.symbol == "Br"]
    less = slab.structure.copy()
    less.remove_sites([min(br, key=lambda i: abs(heights[i] - middle))])
    assert "a formal charge of +1, where that of the study, CsBr, has +0" in other_surface(less, slab)


def test_heights_count_along_the_normal_of_a_tilted_cell(cubic: list[SlabModel]) -> None:
    slab = named(cubic, "PbBr2")
    a, b, c = slab.structure.lattice.matrix
    tilted = Structure(
        Lattice([a, b, c + a + 0.5 * b]), slab.structure.species, slab.structure.cart_coords, coords_are_cartesian=True
    )
    assert faces_of(tilted).top == "PbBr2" and other_surface(tilted, slab) == ""
    np.testing.assert_allclose(tilted.volume, slab.structure.volume)
