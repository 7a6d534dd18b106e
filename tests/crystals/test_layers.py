"""Stacks of layers against the layer table of orthorhombic perovskites, and their invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.crystals.ions import chemical_formula, formal_charge, ionic_units, with_charges
from dftflow.crystals.layers import Stacking, stack_layers


def pnma_perovskite(lattice: Lattice, halide: str, coords: list[tuple[float, float, float]]) -> Structure:
    return Structure.from_spacegroup("Pnma", lattice, ["Cs", "Pb", halide, halide], coords)


# 10.1021/cg400645t
CSPBBR3 = pnma_perovskite(
    Lattice.orthorhombic(8.2440, 11.7351, 8.1982),
    "Br",
    [(0.03100, 0.25, 0.49298), (0, 0, 0), (0.20653, 0.52389, 0.70607), (0.00370, 0.75, 0.04550)],
)


def stack(structure: Structure, miller: tuple[int, int, int]) -> Stacking:
    return stack_layers(structure, ionic_units(structure), miller)


def table(stacking: Stacking) -> set[tuple[str, int]]:
    return {(chemical_formula(layer), formal_charge(layer)) for layer in stacking.layers}


@pytest.mark.parametrize(
    ("miller", "count", "layers"),
    [
        ((0, 1, 0), 4, {("Pb2Br4", 0), ("Cs2Br2", 0)}),
        ((1, 0, 1), 2, {("Pb4Br8", 0), ("Cs4Br4", 0)}),
        ((1, 0, -1), 2, {("Pb4Br8", 0), ("Cs4Br4", 0)}),
        ((1, 0, 0), 4, {("Cs2Pb2Br2", 4), ("Br4", -4)}),
        ((0, 0, 1), 4, {("Cs2Pb2Br2", 4), ("Br4", -4)}),
        ((0, 1, 1), 4, {("Pb2", 4), ("Cs2Br6", -4)}),
        ((1, 1, 0), 4, {("Pb2", 4), ("Cs2Br6", -4)}),
    ],
)
def test_layers_of_orthorhombic_cspbbr3(miller, count, layers):
    stacking = stack(CSPBBR3, miller)

    assert table(stacking) == layers
    assert len(stacking.layers) == count
    assert stacking.period_ang == pytest.approx(CSPBBR3.lattice.d_hkl(miller), abs=1e-9)


def test_the_corrugated_plane_has_neutral_layers_only():
    stacking = stack(CSPBBR3, (1, 1, 1))

    assert {charge for _, charge in table(stacking)} == {0}
    assert chemical_formula([unit for layer in stacking.layers for unit in layer]) == "Cs4Pb4Br12"


@pytest.mark.parametrize(
    ("miller", "layers"),
    [
        ((1, 0, 0), {("CsBr", 0), ("PbBr2", 0)}),
        ((1, 1, 0), {("CsPbBr", 2), ("Br2", -2)}),
        ((1, 1, 1), {("CsBr3", -2), ("Pb", 2)}),
    ],
)
def test_layers_of_the_cubic_perovskite(miller, layers):
    coords = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)]
    cubic = Structure.from_spacegroup("Pm-3m", Lattice.cubic(5.874), ["Cs", "Pb", "Br"], coords)

    assert table(stack(cubic, miller)) == layers


@given(
    shift=st.tuples(*[st.floats(0, 1)] * 3),
    miller=st.sampled_from([(0, 1, 0), (1, 0, 1), (0, 1, 1), (1, 0, 0), (1, 1, 1)]),
    repeats=st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 1, 2)]),
)
@settings(max_examples=25, deadline=None)
def test_origin_and_supercell_do_not_matter(shift, miller, repeats):
    moved = CSPBBR3.copy()
    moved.translate_sites(list(range(len(moved))), shift)
    moved.make_supercell(repeats)
    cell_indices = tuple(np.array(miller) * repeats)
    stacking, plain = stack(moved, cell_indices), stack(CSPBBR3, miller)

    assert table(stacking) == table(plain)
    assert len(stacking.layers) == len(plain.layers)
    assert stacking.period_ang == pytest.approx(plain.period_ang, abs=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(stacking.in_plane_ang, axis=1), np.linalg.norm(plain.in_plane_ang, axis=1), atol=1e-9
    )


@given(miller=st.tuples(*[st.integers(-3, 3)] * 3).filter(lambda hkl: np.gcd.reduce(hkl) == 1))
@settings(max_examples=40, deadline=None)
def test_one_repeat_holds_the_crystal(miller):
    stacking = stack(CSPBBR3, miller)
    a, b = stacking.in_plane_ang

    assert sum(len(layer) for layer in stacking.layers) == len(CSPBBR3)
    assert abs(a[1]) < 1e-9
    assert a[0] > 0
    volume = np.cross(a, b) @ stacking.repeat_ang
    assert volume == pytest.approx(CSPBBR3.volume, rel=1e-9)
    assert np.linalg.norm(a) <= np.linalg.norm(b) + 1e-9
    assert abs(a @ b) <= a @ a / 2 + 1e-6


@given(miller=st.tuples(*[st.integers(-2, 2)] * 3).filter(lambda hkl: np.gcd.reduce(hkl) == 1))
@settings(max_examples=20, deadline=None)
def test_the_stack_is_the_crystal(miller):
    """Put back into a periodic cell, one repeat has the interatomic distances of the crystal."""
    stacking = stack(CSPBBR3, miller)
    units = [unit for layer in stacking.layers for unit in layer]
    rebuilt = Structure(
        Lattice(np.vstack([stacking.in_plane_ang, stacking.repeat_ang])),
        [symbol for unit in units for symbol in unit.symbols],
        np.concatenate([unit.positions_ang for unit in units]),
        coords_are_cartesian=True,
    )

    def distances(structure: Structure) -> np.ndarray:
        return np.sort(structure.get_neighbor_list(5.0)[3])

    np.testing.assert_allclose(distances(rebuilt), distances(CSPBBR3), atol=1e-6)


def test_larger_tilts_do_not_split_a_layer():
    """The r2SCAN geometry of the Materials Project (mp-567629) spreads the Br4 layer of (100) by 0.83 Å."""
    lattice = Lattice.orthorhombic(8.45385, 11.87891, 8.10108)
    coords = [
        (0.06016347, 0.75, 0.01945212),
        (0, 0, 0.5),
        (0.20102217, 0.03170128, 0.80279189),
        (0.00625945, 0.25, 0.44033452),
    ]

    assert table(stack(pnma_perovskite(lattice, "Br", coords), (1, 0, 0))) == {("Cs2Pb2Br2", 4), ("Br4", -4)}


def test_symmetry_tells_which_layers_are_alike():
    """The screw axes of Pnma map the two PbBr2 layers of (010) on each other, the mirrors swap up and down."""
    stacking = stack(CSPBBR3, (0, 1, 0))
    faces = {(chemical_formula(stacking.layers[i]), stacking.face(i, up=up)) for i in range(4) for up in (False, True)}

    assert len(faces) == 2


def test_an_order_of_charges_is_part_of_the_crystal():
    """Planes of Bi3+ and of Bi5+ in turn, where the atoms alone repeat after each: BaO ends on one or on the other."""
    coords = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)]
    cubic = Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.35), ["Ba", "Bi", "O"], coords)
    ordered = with_charges(cubic * (1, 1, 2), {"Bi": [3, 5]})
    across, along = stack(ordered, (0, 0, 2)), stack(ordered, (1, 0, 0))

    assert sorted(map(formal_charge, across.layers)) == [-1, 0, 0, 1]
    assert across.period_ang == pytest.approx(8.70)
    assert len({across.face(number, up=up) for number in range(4) for up in (False, True)}) == 4
    assert [formal_charge(layer) for layer in along.layers] == [0, 0]
    assert np.linalg.norm(np.cross(*along.in_plane_ang)) == pytest.approx(2 * 4.35**2)
