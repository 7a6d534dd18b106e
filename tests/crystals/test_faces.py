"""Which surface a calculated slab has, told from its atoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.faces import faces_of
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal
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


def test_heights_count_along_the_normal_of_a_tilted_cell(cubic: list[SlabModel]) -> None:
    slab = named(cubic, "PbBr2")
    a, b, c = slab.structure.lattice.matrix
    tilted = Structure(
        Lattice([a, b, c + a + 0.5 * b]), slab.structure.species, slab.structure.cart_coords, coords_are_cartesian=True
    )
    assert faces_of(tilted).top == "PbBr2"
    np.testing.assert_allclose(tilted.volume, slab.structure.volume)
