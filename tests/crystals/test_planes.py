"""The same plane in several settings: expectations from the metric and from the published settings of Pnma."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.crystals.planes import coprime_indices, resolve_plane
from dftflow.errors import DftflowError, SurfaceError

PNMA = Lattice.orthorhombic(8.2440, 11.7351, 8.1982)
PBNM = Lattice.orthorhombic(8.1982, 8.2440, 11.7351)

MILLER = st.tuples(*[st.integers(-3, 3)] * 3).filter(any)


def cspbbr3_pnma() -> Structure:
    """Stoumpos et al. 2013, 10.1021/cg400645t."""
    coords = [(0.03100, 0.25, 0.49298), (0, 0, 0), (0.20653, 0.52389, 0.70607), (0.00370, 0.75, 0.04550)]
    return Structure.from_spacegroup("Pnma", PNMA, ["Cs", "Pb", "Br", "Br"], coords)


def with_axes(structure: Structure, order: tuple[int, int, int]) -> Structure:
    """The same crystal with its lattice vectors named in another order."""
    return Structure(
        Lattice(structure.lattice.matrix[list(order)]), structure.species, structure.frac_coords[:, list(order)]
    )


def cubic_cspbbr3() -> Structure:
    coords = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)]
    return Structure.from_spacegroup("Pm-3m", Lattice.cubic(5.874), ["Cs", "Pb", "Br"], coords)


def fa_lead_bromide() -> Structure:
    """Cubic frame, FA in the (001) plane with C-H along b: space group Pm2m."""
    fa = [("C", 0, 0.07), ("H", 0, 1.16), ("N", 1.1686, -0.53), ("N", -1.1686, -0.53)]
    fa += [("H", 2.0231, 0.02), ("H", -2.0231, 0.02), ("H", 1.2734, -1.55), ("H", -1.2734, -1.55)]
    frame = Structure.from_spacegroup("Pm-3m", Lattice.cubic(5.99), ["Pb", "Br"], [(0, 0, 0), (0.5, 0, 0)])
    for symbol, x, y in fa:
        frame.append(symbol, np.array([x, y, 0.0]) + 2.995, coords_are_cartesian=True)
    return frame


def normal(lattice: Lattice, miller: tuple[int, int, int]) -> np.ndarray:
    g = lattice.reciprocal_lattice_crystallographic.get_cartesian_coords(miller)
    return g / np.linalg.norm(g)


@given(miller=MILLER)
@settings(max_examples=30, deadline=None)
def test_pnma_and_pbnm_name_the_same_plane(miller):
    plane = resolve_plane(cspbbr3_pnma(), miller, "Pnma")
    other = dict(plane.equivalents)["Pbnm"]

    h, k, m = coprime_indices(miller)
    assert plane.miller_cell == (h, k, m)
    assert PBNM.d_hkl(other) == pytest.approx(PNMA.d_hkl((h, k, m)), abs=1e-9)
    # a_Pbnm = c_Pnma, b_Pbnm = a_Pnma, c_Pbnm = b_Pnma.
    np.testing.assert_allclose(normal(PNMA, (h, k, m)), np.roll(normal(PBNM, other), -1), atol=1e-9)
    back = resolve_plane(cspbbr3_pnma(), other, "Pbnm")
    assert dict(back.equivalents)["Pnma"] == (h, k, m)
    assert back.miller_cell == plane.miller_cell


@pytest.mark.parametrize(
    ("miller", "pbnm", "pseudocubic"),
    [
        ((0, 1, 0), (0, 0, 1), (0, 1, 0)),
        ((1, 0, 1), (1, 1, 0), (1, 0, 0)),
        ((1, 0, -1), (-1, 1, 0), (0, 0, -1)),
        ((1, 0, 0), (0, 1, 0), (1, 0, -1)),
        ((0, 0, 1), (1, 0, 0), (1, 0, 1)),
        ((0, 1, 1), (1, 0, 1), (1, 1, 1)),
        ((1, 1, 0), (0, 1, 1), (1, 1, -1)),
        ((1, 1, 1), (1, 1, 1), (2, 1, 0)),
    ],
)
def test_published_planes_of_orthorhombic_perovskites(miller, pbnm, pseudocubic):
    plane = resolve_plane(cspbbr3_pnma(), miller, "Pnma")

    assert dict(plane.equivalents) == {"Pbnm": pbnm, "pseudocubic": pseudocubic}
    assert resolve_plane(cspbbr3_pnma(), pseudocubic, "pseudocubic").miller_cell == miller


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("setting", ["Pnma", "Pbnm"])
def test_the_order_of_the_axes_does_not_matter(order, setting):
    structure = with_axes(cspbbr3_pnma(), order)
    plane = resolve_plane(structure, (0, 1, 1), setting)

    expected = PNMA if setting == "Pnma" else PBNM
    assert structure.lattice.d_hkl(plane.miller_cell) == pytest.approx(expected.d_hkl((0, 1, 1)), abs=1e-9)


def test_a_relaxed_crystal_without_exact_symmetry_keeps_its_setting():
    rng = np.random.default_rng(0)
    lattice = Lattice.from_parameters(8.74, 11.48, 8.16, 90.05, 89.96, 90.03)
    structure = cspbbr3_pnma()
    relaxed = Structure(lattice, structure.species, structure.frac_coords)
    relaxed.translate_sites(0, rng.normal(scale=0.003, size=3))

    plane = resolve_plane(relaxed, (0, 1, 1), "Pbnm")
    assert plane.miller_cell == (1, 1, 0)


def test_supercells_name_the_plane_of_their_cell():
    plane = resolve_plane(cspbbr3_pnma() * (2, 1, 1), (1, 1, 0), "Pnma")

    assert plane.miller_cell == (2, 1, 0)


def test_an_orthorhombic_plane_without_a_setting_is_ambiguous():
    with pytest.raises(SurfaceError, match=r"\(011\) is ambiguous") as caught:
        resolve_plane(cspbbr3_pnma(), (0, 1, 1))
    assert "in Pbnm it is (110)" in caught.value.reason
    assert "Pnma" in caught.value.fix


def test_a_plane_that_all_settings_agree_on_needs_none():
    assert resolve_plane(cspbbr3_pnma(), (1, 1, 1)).miller_cell == (1, 1, 1)
    assert resolve_plane(cubic_cspbbr3(), (0, 1, 0)).setting == "Pm-3m"


@pytest.mark.parametrize("setting", ["cubic", "Pm-3m", "P m -3 m"])
def test_the_frame_of_a_hybrid_perovskite_is_cubic(setting):
    plane = resolve_plane(fa_lead_bromide(), (0, 1, 0), setting)

    assert plane.miller_cell == (0, 1, 0)
    assert dict(plane.equivalents)["pseudocubic"] == (0, 1, 0)


def test_a_distorted_frame_is_cubic_within_five_percent():
    relaxed = fa_lead_bromide()
    relaxed.translate_sites([1], [0.03, 0.02, 0.0])
    relaxed.lattice = Lattice.from_parameters(5.95, 6.03, 6.00, 90.4, 89.8, 90.6)
    assert resolve_plane(relaxed, (0, 1, 0), "cubic").miller_cell == (0, 1, 0)

    relaxed.lattice = Lattice.from_parameters(5.95, 6.40, 6.00, 90, 90, 90)
    with pytest.raises(SurfaceError, match="not a crystal of setting 'cubic'"):
        resolve_plane(relaxed, (0, 1, 0), "cubic")


def test_a_hybrid_supercell_counts_in_cubic_cells():
    assert resolve_plane(fa_lead_bromide() * (1, 1, 2), (1, 0, 1), "cubic").miller_cell == (1, 0, 2)


def test_hexagonal_and_rhombohedral_axes_of_one_crystal():
    coords = [(0, 0.37596, 0.25), (0, 0, 0.25), (0, 0, 0), (0.02843, 0.19200, 0.39884)]
    lattice = Lattice.hexagonal(13.73, 17.32)
    crystal = Structure.from_spacegroup("R-3c", lattice, ["Cs", "Cs", "Pb", "Br"], coords)
    plane = resolve_plane(crystal, (0, 0, 1), "R-3c")

    assert plane.miller_cell == (0, 0, 1)
    assert dict(plane.equivalents)["R-3c:R"] == (1, 1, 1)


def test_a_setting_of_another_crystal_is_refused():
    with pytest.raises(SurfaceError, match="not a crystal of setting 'cubic'") as caught:
        resolve_plane(cspbbr3_pnma(), (0, 1, 0), "cubic")
    assert "Pnma" in caught.value.reason


@pytest.mark.parametrize("miller", [(0, 0, 0), (0.5, 1, 0), (1, 0), (1, 0, 0, 0), ("a", 1, 0), None])
def test_indices_that_are_no_plane(miller):
    with pytest.raises(SurfaceError):
        resolve_plane(cubic_cspbbr3(), miller, "cubic")


@given(miller=MILLER, setting=st.sampled_from([None, "", "cubic", "Pnma", "Pbnm", "P1", "pseudocubic", "?"]))
@settings(max_examples=40, deadline=None)
def test_any_input_gives_a_plane_or_an_error_of_dftflow(miller, setting):
    try:
        plane = resolve_plane(cspbbr3_pnma(), miller, setting)
    except DftflowError:
        return
    assert np.gcd.reduce(plane.miller_cell) == 1


@given(numbers=st.tuples(*[st.integers(-20, 20)] * 3), factor=st.integers(1, 7))
def test_coprime_indices_undo_a_common_factor(numbers, factor):
    assume(any(numbers) and np.gcd.reduce(numbers) == 1)
    assert coprime_indices(np.array(numbers) * factor) == numbers
    assert coprime_indices(np.array(numbers) / factor) == numbers


def with_basis(structure: Structure, rows: list[list[float]]) -> Structure:
    """The same crystal in another cell, a supercell or a smaller one."""
    lattice = Lattice(np.array(rows) @ structure.lattice.matrix)
    if abs(np.linalg.det(rows)) < 1:
        found = structure.get_primitive_structure()
        return Structure(lattice, found.species, found.cart_coords, coords_are_cartesian=True, to_unit_cell=True)
    return structure.copy().make_supercell(rows, in_place=False)


def rock_salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(6.0), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])


TURNED = [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]
FCC = [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


@pytest.mark.parametrize(
    ("crystal", "miller", "named", "given_ang", "named_ang"),
    [
        (with_basis(cubic_cspbbr3(), TURNED), (1, 0, 0), "Pm-3m", 5.874 * 2**0.5, 5.874),
        (with_basis(cubic_cspbbr3(), TURNED), (1, 1, 0), "Pm-3m", 5.874, 5.874 / 2**0.5),
        (cubic_cspbbr3() * (2, 1, 1), (1, 1, 0), "Pm-3m", 2 * 5.874 / 5**0.5, 5.874 / 2**0.5),
        (with_basis(rock_salt(), FCC), (0, 0, 1), "Fm-3m", 6.0 / 3**0.5, 6.0),
        (with_basis(rock_salt(), FCC), (1, 1, 0), "Fm-3m", 6.0 / 2, 6.0 / 2**0.5),
    ],
)
def test_another_plane_of_the_given_cell_is_asked_for(crystal, miller, named, given_ang, named_ang):
    assert crystal.lattice.d_hkl(miller) == pytest.approx(given_ang)
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(crystal, miller)
    assert 'setting = "given" (--setting given)' in caught.value.fix
    assert named in caught.value.fix

    asked = resolve_plane(crystal, miller, "given")
    assert asked.miller_cell == miller
    cell = np.array(resolve_plane(crystal, miller, named).miller_cell)
    ratio = crystal.lattice.d_hkl(cell) / named_ang
    assert max(ratio, 1 / ratio) == pytest.approx(round(max(ratio, 1 / ratio)), abs=1e-6)
    assert dict(resolve_plane(crystal, miller, named).equivalents)["given"] == tuple(cell)


@pytest.mark.parametrize(
    ("crystal", "miller"),
    [
        (with_basis(cubic_cspbbr3(), TURNED), (0, 0, 1)),
        (cubic_cspbbr3() * (2, 1, 1), (1, 0, 0)),
        (cubic_cspbbr3() * (2, 1, 1), (0, 1, 1)),
        (cubic_cspbbr3() * (2, 2, 2), (1, 1, 0)),
        (with_basis(rock_salt(), FCC), (1, 1, 1)),
    ],
)
def test_the_same_plane_of_the_given_cell_needs_no_name(crystal, miller):
    cell = resolve_plane(crystal, miller).miller_cell
    assert crystal.lattice.d_hkl(cell) == pytest.approx(crystal.lattice.d_hkl(miller))


@pytest.mark.parametrize("name", ["given", "cubic", "pseudocubic"])
@pytest.mark.parametrize("miller", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_a_relaxed_cubic_cell_counts_in_its_own_axes(name, miller):
    relaxed = fa_lead_bromide()
    relaxed.lattice = Lattice.orthorhombic(6.41, 6.27, 6.34)

    assert resolve_plane(relaxed, miller, name).miller_cell == miller
