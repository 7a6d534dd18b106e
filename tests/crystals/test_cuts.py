"""Geometry, charge and symmetry of cuts whose properties follow by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.cuts import Cut
from dftflow.crystals.ions import chemical_formula, ionic_units
from dftflow.crystals.layers import stack_layers

A_ANG = 4.291
CSBR = Structure.from_spacegroup("Pm-3m", Lattice.cubic(A_ANG), ["Cs", "Br"], [(0, 0, 0), (0.5, 0.5, 0.5)])


def cut(miller: tuple[int, int, int], count: int, lowest: str = "") -> Cut:
    stacking = stack_layers(CSBR, ionic_units(CSBR), miller)
    start = next(i for i, layer in enumerate(stacking.layers) if lowest in (layer[0].name, ""))
    return Cut(layers=stacking.cut(start, count), in_plane_ang=stacking.in_plane_ang, crystal_ang=stacking.crystal_ang)


def test_potential_step_of_a_plate_capacitor():
    """Two sheets of charge ±e on a², a/2 apart: Δ = e d / (ε0 A), in V with e/ε0 = 180.951 V Å."""
    pair = cut((1, 0, 0), 2, "Cs")

    assert pair.faces == ("Cs", "Br")
    assert pair.charge == 0
    assert pair.potential_step_ev == pytest.approx(-180.9513 * (A_ANG / 2) / A_ANG**2, rel=1e-5)
    assert not pair.flips


def test_faces_of_odd_stacks_are_mapped_on_each_other():
    slab = cut((1, 0, 0), 5, "Cs")

    assert slab.termination == "Cs"
    assert slab.charge == 1
    for flip in slab.flips:
        assert sorted(flip) == list(range(5))
        assert slab.units[flip[0]] is slab.units[4]


@pytest.mark.parametrize("repeats", [((1, 0), (0, 1)), ((2, 0), (0, 1)), ((1, 1), (-1, 1)), ((1, 0), (0, 2))])
def test_a_larger_surface_cell_is_the_same_slab(repeats):
    slab = cut((1, 0, 0), 3, "Br")
    larger = slab.repeated(repeats)
    size = round(np.linalg.det(repeats))

    assert len(larger.units) == size * len(slab.units)
    assert larger.area_ang2 == pytest.approx(size * slab.area_ang2)
    assert larger.thickness_ang == pytest.approx(slab.thickness_ang)
    assert larger.in_plane_ang[0, 1] == pytest.approx(0.0, abs=1e-12)
    shortest = [np.sort(one.to_structure(10.0).get_neighbor_list(5.0)[3]) for one in (slab, larger)]
    np.testing.assert_allclose(np.repeat(shortest[0], size), shortest[1], atol=1e-9)


def test_structure_keeps_its_vacuum_and_its_middle():
    slab = cut((1, 1, 0), 4)
    structure = slab.to_structure(13.5)
    z = structure.cart_coords[:, 2]

    assert structure.lattice.c - np.ptp(z) == pytest.approx(13.5, abs=1e-9)
    assert (z.max() + z.min()) / 2 == pytest.approx(structure.lattice.c / 2, abs=1e-9)
    assert structure.site_properties["layer"] == sorted(structure.site_properties["layer"])
    assert structure.site_properties["molecule"] == [-1] * len(structure)


def test_ions_taken_away_are_gone():
    slab = cut((1, 0, 0), 5, "Cs").repeated(((2, 0), (0, 1)))
    smaller = slab.without([0, len(slab.units) - 1], "Cs (half)")

    assert chemical_formula(smaller.units) == "Cs4Br4"
    assert smaller.charge == 0
    assert smaller.termination == "Cs (half)"
