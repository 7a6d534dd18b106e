"""Mismatch and strain of lattices against hand-made ones, and other cells, turns and orders of the same crystals."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp

from dftflow.crystals.lattice_lengths import length_pairs
from dftflow.crystals.lattice_match import match_planes
from dftflow.crystals.plane_lattice import low_index_planes, plane_vectors_ang
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.shipped import load_shipped
from dftflow.model.mismatch import PlaneMatch, PlanePair


def zincblende(a_ang: float, first: str, second: str) -> Structure:
    return Structure.from_spacegroup("F-43m", Lattice.cubic(a_ang), [first, second], [[0, 0, 0], [0.25] * 3])


def cubic(a_ang: float) -> Structure:
    return Structure.from_spacegroup("Pm-3m", Lattice.cubic(a_ang), ["Po"], [[0, 0, 0]])


def tetragonal(a_ang: float, c_ang: float) -> Structure:
    return Structure.from_spacegroup("P4/mmm", Lattice.tetragonal(a_ang, c_ang), ["Po"], [[0, 0, 0]])


def fitted(
    first: Structure, second: Structure, plane: str = "100", other: str = "", setting: str | None = None,
    most_strain: float = 0.1, area: float = 150.0,
) -> PlanePair:  # fmt: skip
    planes = [resolve_plane(s, p, setting) for s, p in ((first, plane), (second, other or plane))]
    return match_planes((first, planes[0]), (second, planes[1]), max_area_ang2=area, most_strain=most_strain)


def small(pair: PlanePair) -> PlaneMatch:
    assert pair.smallest is not None, pair.missing
    return pair.smallest


GAAS, INAS = zincblende(5.6533, "Ga", "As"), zincblende(6.0583, "In", "As")


# --- planes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("plane", "area"), [("100", 1 / 2), ("110", 1 / math.sqrt(2)), ("111", math.sqrt(3) / 4)])
def test_areas_of_planes_of_a_face_centred_lattice(plane: str, area: float) -> None:
    vectors = plane_vectors_ang(GAAS, resolve_plane(GAAS, plane))
    assert np.linalg.norm(np.cross(*vectors)) == pytest.approx(area * 5.6533**2)


@settings(max_examples=80, deadline=None)
@given(st.tuples(*[st.integers(-7, 7)] * 3).filter(lambda one: math.gcd(*one) == 1))
def test_vectors_span_the_whole_lattice_of_any_plane(miller: tuple[int, int, int]) -> None:
    """They are in the plane, and its cell times its spacing is the volume of the primitive cell."""
    structure = load_shipped("CsPbBr3_mono").structure
    vectors = plane_vectors_ang(structure, resolve_plane(structure, miller, "given"))
    normal = np.array(miller) @ structure.lattice.reciprocal_lattice_crystallographic.matrix
    assert np.allclose(vectors @ normal, 0, atol=1e-9)
    assert np.linalg.norm(np.cross(*vectors)) / np.linalg.norm(normal) == pytest.approx(structure.volume, rel=1e-6)


def test_planes_that_the_lattice_makes_alike_stand_once() -> None:
    assert [plane.text for plane in low_index_planes(GAAS, 1)] == ["(100)", "(110)", "(111)"]
    named = [str(plane) for plane in low_index_planes(load_shipped("CsPbBr3_Pnma").structure, 1)]
    assert named == [f"({text}) Pnma" for text in ("100", "010", "001", "110", "101", "011", "111")]


def test_a_molecule_in_a_cubic_frame_makes_no_more_planes() -> None:
    assert len(low_index_planes(load_shipped("FAPbBr3_Pm-3m_FA100").structure, 1)) == 3


# --- lengths ----------------------------------------------------------------------------------------------------


def test_indium_arsenide_on_gallium_arsenide() -> None:
    """7.16 % of GaAs, 6.7 % of InAs, which is compressed by 6.7 %."""
    along = next(pair for pair in length_pairs(INAS, GAAS) if (pair.first, pair.second) == ("a", "a"))
    assert along.percent == pytest.approx(7.16, abs=0.01)
    assert along.of_first_percent == pytest.approx(6.69, abs=0.01)
    assert along.strain_percent == pytest.approx(-6.69, abs=0.01)
    assert "a = 6.0583 Å | a = 5.6533 Å" in along.compared
    other = next(pair for pair in length_pairs(GAAS, INAS) if (pair.first, pair.second) == ("a", "a"))
    assert other.strain_percent == pytest.approx(7.16, abs=0.01)


def test_silicon_and_germanium() -> None:
    silicon, germanium = (
        Structure.from_spacegroup("Fd-3m", Lattice.cubic(a), [element], [[0, 0, 0]])
        for a, element in ((5.4310, "Si"), (5.6579, "Ge"))
    )
    assert [round(pair.percent, 1) for pair in length_pairs(germanium, silicon)] == [4.2, 4.2]


def test_the_published_mismatch_of_the_perovskites_is_that_along_one_axis() -> None:
    """3.4 % is 5.9944 Å beside c/√2 of Pnma; by volume it is 2.8 %, along b 2.2 %, and 2.1 % of the cubic cell."""
    hybrid = load_shipped("FAPbBr3_Pm-3m_FA100").structure.copy()
    hybrid.scale_lattice(5.9944**3)
    found = {pair.second: pair for pair in length_pairs(hybrid, load_shipped("CsPbBr3_Pnma").structure)}
    assert found["c/√2"].second_ang == pytest.approx(5.7970, abs=1e-4)
    assert {name: round(pair.percent, 1) for name, pair in found.items()} == {
        "(V/4)^(1/3)": 2.8, "a/√2": 2.8, "b/2": 2.2, "c/√2": 3.4,
    }  # fmt: skip
    of_cubic = length_pairs(hybrid, load_shipped("CsPbBr3_Pm-3m").structure)
    assert [round(pair.percent, 2) for pair in of_cubic] == [2.05, 2.05]


def test_volumes_of_formula_units_that_count_otherwise_are_not_compared() -> None:
    pairs = length_pairs(load_shipped("CsPbBr3_Pm-3m").structure, load_shipped("CsBr_Pm-3m").structure)
    assert not [pair for pair in pairs if "V" in pair.first]


# --- planes on each other ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", ["100", "110", "111"])
def test_a_crystal_fits_itself(plane: str) -> None:
    pair = fitted(GAAS, GAAS, plane)
    for match in (pair.smallest, pair.least):
        assert match is not None and match.cells == (1, 1)
        assert match.principal_percent == pytest.approx((0, 0), abs=1e-6)
        assert match.von_mises_percent == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("plane", ["100", "110", "111"])
def test_a_cubic_film_is_strained_alike_in_each_direction(plane: str) -> None:
    match = small(fitted(INAS, GAAS, plane))
    strain = 100 * (5.6533 / 6.0583 - 1)
    assert match.principal_percent == pytest.approx((strain, strain))
    assert [vectors.strain_percent for vectors in match.vectors] == pytest.approx([strain, strain])
    assert match.von_mises_percent == pytest.approx(abs(strain) * 2 / 3)
    assert match.mean_percent == pytest.approx(100 * math.log(6.0583 / 5.6533))


def test_the_diagonal_of_a_square_fits_a_square() -> None:
    match = small(fitted(cubic(4.0), cubic(4.0 * math.sqrt(2)), setting="given"))
    assert match.cells == (2, 1)
    assert match.principal_percent == pytest.approx((0, 0), abs=1e-6)
    assert {sum(map(abs, vectors.first)) for vectors in match.vectors} == {2.0}


def test_a_rectangle_is_strained_in_one_direction() -> None:
    match = small(fitted(tetragonal(4.0, 6.0), tetragonal(4.0, 6.3)))
    assert match.principal_percent == pytest.approx((0, 5))
    assert sorted(vectors.strain_percent for vectors in match.vectors) == pytest.approx([0, 5])
    assert match.von_mises_percent == pytest.approx(5 * 2 / 3)


def test_a_sheared_lattice_is_strained_along_both_diagonals() -> None:
    """A square, and a rhombus of the same sides with 84 degrees between them: √2 cos 42°, √2 sin 42°."""
    rhombus = Structure(Lattice.from_parameters(4.0, 4.0, 7.0, 90, 90, 84), ["Po"], [[0, 0, 0]])
    match = small(fitted(tetragonal(4.0, 7.0), rhombus, "001", setting="given"))
    wanted = sorted(math.sqrt(2) * part(math.radians(42)) for part in (math.sin, math.cos))
    assert match.stretches == pytest.approx(wanted)
    assert sorted(match.angles_deg) == pytest.approx([84, 90])


def test_the_perovskites_share_twice_the_plane_of_the_cube() -> None:
    hybrid, caesium = (load_shipped(name).structure for name in ("FAPbBr3_Pm-3m_FA100", "CsPbBr3_Pnma"))
    planes = resolve_plane(hybrid, "100", "cubic"), resolve_plane(caesium, "010", "Pnma")
    match = small(match_planes((hybrid, planes[0]), (caesium, planes[1]), max_area_ang2=150, most_strain=0.1))
    assert match.cells == (2, 1)
    assert match.principal_percent == pytest.approx(
        (100 * (8.1982 / 5.99 / math.sqrt(2) - 1), 100 * (8.2440 / 5.99 / math.sqrt(2) - 1)), abs=1e-6
    )


def test_what_fits_nothing_says_so() -> None:
    pair = fitted(cubic(4.0), cubic(5.0), most_strain=0.02, area=20.0)
    assert pair.smallest is None and pair.missing is not None
    assert "no cell of at most 20 Å²" in pair.missing.reason and "2 % or less" in pair.missing.reason


def strains(first: Structure, second: Structure) -> dict[tuple[str, str], tuple[float, ...]]:
    found = {}
    for one, other in product(low_index_planes(first, 1), low_index_planes(second, 1)):
        pair = match_planes((first, one), (second, other), max_area_ang2=120, most_strain=0.08)
        if pair.least is not None:
            found[str(one), str(other)] = (*pair.least.stretches, pair.least.mean_percent)
    return found


def test_the_order_of_the_crystals_turns_the_strain_round() -> None:
    first, second = (load_shipped(name).structure for name in ("CsPbBr3_Pm-3m", "CsPbBr3_Pnma"))
    forth, back = strains(first, second), strains(second, first)
    assert {(b, a) for a, b in back} == forth.keys() and forth
    for (a, b), (low, high, mean) in forth.items():
        assert back[b, a] == pytest.approx((1 / high, 1 / low, mean), abs=1e-6)


def test_turns_supercells_and_primitive_cells_change_nothing() -> None:
    film, base = load_shipped("CsPbBr3_Pnma").structure, load_shipped("CsPbBr3_Pm-3m").structure
    expected = strains(film, base)
    turned = film.copy()
    turned.apply_operation(SymmOp.from_axis_angle_and_translation([1, 2, 3], 50))
    for other in (turned, film.make_supercell((2, 1, 1), in_place=False)):
        found = strains(other, base)
        assert found.keys() == expected.keys()
        assert all(found[key] == pytest.approx(expected[key], abs=1e-4) for key in found)
    primitive = strains(primitive_cell_of(GAAS), INAS)
    whole = strains(GAAS, INAS)
    assert primitive.keys() == whole.keys()
    assert all(primitive[key] == pytest.approx(whole[key], abs=1e-6) for key in primitive)
