"""The same plane in several settings: expectations from the metric and from the published settings of Pnma."""

from __future__ import annotations

import re
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.crystals.planes import coprime_indices, resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.substitution import substitute
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


def rhombohedral() -> Structure:
    """Cs4PbBr6, obverse hexagonal axes."""
    coords = [(0, 0.37596, 0.25), (0, 0, 0.25), (0, 0, 0), (0.02843, 0.19200, 0.39884)]
    return Structure.from_spacegroup("R-3c", Lattice.hexagonal(*HEX), ["Cs", "Cs", "Pb", "Br"], coords)


def tilted(symbol: str, lattice: Lattice, *sites: tuple[str, tuple[float, float, float]]) -> Structure:
    return Structure.from_spacegroup(symbol, lattice, [name for name, _ in sites], [xyz for _, xyz in sites])


def p4_mbm() -> Structure:
    bromides = [("Br", (0, 0, 0.5)), ("Br", (0.21, 0.29, 0))]
    return tilted("P4/mbm", Lattice.tetragonal(8.27, 5.90), ("Cs", (0, 0.5, 0.5)), ("Pb", (0, 0, 0)), *bromides)


def i4_mcm() -> Structure:
    bromides = [("Br", (0, 0, 0.25)), ("Br", (0.21, 0.29, 0))]
    return tilted("I4/mcm", Lattice.tetragonal(8.27, 11.8), ("Cs", (0, 0.5, 0.25)), ("Pb", (0, 0, 0)), *bromides)


def c2_c() -> Structure:
    lattice = Lattice.monoclinic(10.0, 6.0, 7.0, 100.0)
    return tilted("C2/c", lattice, ("Ca", (0, 0.13, 0.25)), ("Cl", (0.21, 0.37, 0.09)))


def silicon() -> Structure:
    return Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si0+"], [(0, 0, 0)])


def rotated(structure: Structure) -> Structure:
    """The same cell, lying in space in another way."""
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    return Structure(Lattice(structure.lattice.matrix @ turn), structure.species, structure.frac_coords)


HEX = (13.73, 17.32)
A, B, C = 8.2440, 11.7351, 8.1982
P, ROOT = 5.874, 2**0.5
EDGE = (HEX[0] ** 2 / 3 + HEX[1] ** 2 / 9) ** 0.5
"""Of the rhombohedron: a third of the long diagonal up, a/√3 out."""
WIDE = (100 + 49 + 2 * 70 * np.cos(np.radians(100))) ** 0.5
"""a + c of the monoclinic cell."""
I2_A = [[1, 0, 1], [0, 1, 0], [0, 0, -1]]
OBLIQUE = [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
REVERSE = [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]
RHOMBIC = [[2 / 3, 1 / 3, 1 / 3], [-1 / 3, 1 / 3, 1 / 3], [-1 / 3, -2 / 3, 1 / 3]]


def rectangle(first: float, second: float) -> tuple[float, float, float]:
    return min(first, second), max(first, second), first * second


def isosceles(side: float, base: float) -> tuple[float, float, float]:
    """Of two vectors of one length whose difference is `base` long, when they are the two shortest ones."""
    return side, side, base * (side**2 - base**2 / 4) ** 0.5


@pytest.mark.parametrize(
    ("crystal", "miller", "cell"),
    [
        # Cubic: (hkl) of the given cell, turned by hand into the cubic plane that the comment names.
        pytest.param(with_basis(cubic_cspbbr3(), TURNED), (1, 0, 0), rectangle(P, ROOT * P), id="root2 (110)"),
        pytest.param(with_basis(cubic_cspbbr3(), TURNED), (1, 1, 0), rectangle(P, P), id="root2 (010)"),
        pytest.param(with_basis(cubic_cspbbr3(), TURNED), (1, 1, 1), rectangle(P, ROOT * P), id="root2 (011)"),
        pytest.param(cubic_cspbbr3() * (2, 1, 1), (1, 1, 0), rectangle(P, 5**0.5 * P), id="2x1x1 (120)"),
        pytest.param(cubic_cspbbr3() * (2, 1, 1), (1, 0, 0), rectangle(P, P), id="2x1x1 (100)"),
        pytest.param(cubic_cspbbr3() * (2, 2, 2), (1, 1, 0), rectangle(P, ROOT * P), id="2x2x2 (110)"),
        pytest.param(rotated(cubic_cspbbr3()), (1, 1, 0), rectangle(P, ROOT * P), id="rotated (110)"),
        pytest.param(rotated(cubic_cspbbr3() * (1, 2, 1)), (1, 1, 0), rectangle(P, 5**0.5 * P), id="rotated 1x2x1"),
        pytest.param(with_basis(rock_salt(), FCC), (0, 0, 1), isosceles(6 / ROOT, 6 / ROOT), id="fcc (111)"),
        pytest.param(with_basis(rock_salt(), FCC), (1, 1, 0), rectangle(6 / ROOT, 6 / ROOT), id="fcc (001)"),
        pytest.param(with_basis(silicon(), FCC), (0, 0, 1), isosceles(5.43 / ROOT, 5.43 / ROOT), id="Si (111)"),
        pytest.param(with_basis(silicon(), FCC), (1, 1, 0), rectangle(5.43 / ROOT, 5.43 / ROOT), id="Si (001)"),
        # Pnma in cells of its own.
        pytest.param(cspbbr3_pnma() * (1, 1, 2), (0, 1, 1), rectangle(A, np.hypot(B, 2 * C)), id="1x1x2 (021)"),
        pytest.param(cspbbr3_pnma() * (2, 1, 1), (1, 1, 0), rectangle(C, np.hypot(2 * A, B)), id="2x1x1 (120)"),
        pytest.param(with_basis(cspbbr3_pnma(), OBLIQUE), (1, 0, 0), rectangle(B, np.hypot(A, C)), id="oblique (10-1)"),
        pytest.param(with_axes(cspbbr3_pnma(), (2, 0, 1)), (0, 1, 1), rectangle(C, np.hypot(A, B)), id="Pbnm (011)"),
        # Rhombohedral: a face of the rhombohedron; with reverse axes (101) is no such face but holds 3 times as much.
        pytest.param(with_basis(rhombohedral(), RHOMBIC), (1, 0, 0), isosceles(EDGE, HEX[0]), id="R (100)"),
        pytest.param(rhombohedral(), (1, 0, 1), isosceles(EDGE, HEX[0]), id="obverse (101)"),
        pytest.param(
            with_basis(rhombohedral(), REVERSE), (1, 0, 1), (HEX[0], np.hypot(*HEX), 3 * isosceles(EDGE, HEX[0])[2]),
            id="reverse (101)",
        ),
        # Tetragonal.
        pytest.param(p4_mbm() * (1, 1, 2), (1, 0, 1), rectangle(8.27, np.hypot(8.27, 11.8)), id="P4/mbm (201)"),
        pytest.param(i4_mcm() * (2, 1, 1), (1, 1, 0), rectangle(11.8, 5**0.5 * 8.27), id="I4/mcm (120)"),
        # C2/c given as I2/a, whose a is a + c and whose c is -c of C2/c.
        pytest.param(with_basis(c2_c(), I2_A), (0, 0, 1), rectangle(6, WIDE), id="I2/a (001)"),
    ],
)  # fmt: skip
def test_slabs_lie_along_the_plane_of_the_given_cell(crystal, miller, cell):
    plane = resolve_plane(crystal, miller, "given")
    slab = next(
        one for one in enumerate_slabs(crystal, plane, min_thickness_ang=8, vacuum_ang=10) if not one.compensated
    )
    a, b, _ = slab.structure.lattice.abc
    assert (*sorted((a, b)), slab.area_ang2) == pytest.approx(cell, rel=1e-4)


def test_axes_that_describe_the_crystal_alike_keep_their_names():
    """Of a and c of P2/m spglib makes the shorter one a."""
    sites = [("Cs", (0, 0, 0)), ("Br", (0.31, 0, 0.18))]
    sites.append(("Br", (0.27, 0.5, 0.41)))
    crystal = tilted("P2/m", Lattice.monoclinic(9.0, 5.0, 7.0, 95.0), *sites, ("Pb", (0.5, 0.5, 0.5)))
    crystal.append("Cs", (0, 0, 0.5))
    for miller in [(1, 0, 0), (0, 0, 1), (2, 0, 1)]:
        assert resolve_plane(crystal, miller, "P2/m").miller_cell == miller


def test_the_settings_of_one_monoclinic_crystal():
    """(001) of C2/c holds a and b, that of I2/a holds a + c and b; C2/c is the space group's name as well."""
    crystal = with_basis(c2_c(), I2_A)
    assert resolve_plane(crystal, (0, 0, 1), "I2/a").miller_cell == (0, 0, 1)
    for name in ("C12/c1", "C2/c"):
        cell = resolve_plane(crystal, (0, 0, 1), name).miller_cell
        assert crystal.lattice.d_hkl(cell) == pytest.approx(7.0 * np.sin(np.radians(100)))
    assert resolve_plane(c2_c(), (0, 0, 1), "C2/c").miller_cell == (0, 0, 1)
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(crystal, (0, 0, 1))
    assert "in C12/c1 it is (10-1) of the given cell" in caught.value.reason


def test_reverse_hexagonal_axes_are_not_those_of_the_tables():
    crystal = with_basis(rhombohedral(), REVERSE)
    face = resolve_plane(crystal, (1, 0, 1), "R-3c:H")

    assert face.miller_cell == (-1, 0, 1)
    assert dict(face.equivalents)["R-3c:R"] == (1, 0, 0)
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(crystal, (1, 0, 1))
    assert "in R-3c:H it is (-101) of the given cell" in caught.value.reason


@pytest.mark.parametrize("rows", [[[2, 1, 0], [0, 1, 1], [1, 0, 2]], [[1, 1, 0], [0, 1, 1], [1, 1, 1]]])
def test_an_oblique_cell_of_a_cubic_crystal_is_asked_about(rows):
    crystal = with_basis(cubic_cspbbr3(), rows)
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(crystal, (1, 0, 0))
    assert caught.value.fix.endswith("Pm-3m")
    normal_of = np.linalg.inv(rows)[:, 0]
    assert dict(resolve_plane(crystal, (1, 0, 0), "given").equivalents)["Pm-3m"] == coprime_indices(normal_of)


def test_a_supercell_of_a_triclinic_crystal_is_asked_about():
    lattice = Lattice.from_parameters(5, 6, 7, 80, 85, 95)
    crystal = Structure.from_spacegroup("P-1", lattice, ["Na", "Cl"], [(0.1, 0.2, 0.3), (0.4, 0.1, 0.8)])

    assert resolve_plane(crystal, (1, 1, 0)).miller_cell == (1, 1, 0)
    assert resolve_plane(crystal * (2, 1, 1), (1, 0, 0)).miller_cell == (1, 0, 0)
    assert resolve_plane(crystal * (2, 1, 1), (1, 1, 0), "P-1").miller_cell == (2, 1, 0)
    with pytest.raises(SurfaceError, match="is ambiguous"):
        resolve_plane(crystal * (2, 1, 1), (1, 1, 0))


@pytest.mark.parametrize(
    ("lattice", "told"),
    [
        (Lattice.orthorhombic(6.00, 6.50, 6.25), ["6.00, 6.50, 6.25 Å", "differ by 8.0 % (at most 5 %)", "up to 0.0°"]),
        (
            Lattice.from_parameters(6, 6, 6, 90, 94, 90),
            ["0.0 %", "90.0, 94.0, 90.0°, up to 4.0° from 90° (at most 3°)"],
        ),
    ],
)
@pytest.mark.parametrize("name", ["cubic", "pseudocubic"])
def test_a_cell_that_is_not_cubic_is_told_by_how_much(lattice, told, name):
    """Its Pb is put off the symmetry that its frame would have."""
    crystal = fa_lead_bromide()
    crystal.lattice = lattice
    with pytest.raises(SurfaceError, match=f"is not a crystal of setting '{name}'") as caught:
        resolve_plane(crystal, (0, 1, 0), name)

    for text in told:
        assert text in caught.value.reason
    assert caught.value.fix.startswith('for (010) of the given cell, setting = "given"')
    assert resolve_plane(crystal, (0, 1, 0), "given").miller_cell == (0, 1, 0)
    for setting in caught.value.fix.partition("or name another: ")[2].split(", "):
        resolve_plane(crystal, (0, 1, 0), setting)


def test_a_symmetry_that_hardly_holds_is_named_with_its_tolerance():
    crystal = cspbbr3_pnma()
    crystal.translate_sites(0, (0.0, 0.05, 0.0), frac_coords=False)
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(crystal, (0, 1, 1))
    assert "in Pbnm (a symmetry that holds only within 0.1 Å) it is (110) of the given cell" in caught.value.reason
    assert resolve_plane(crystal, (0, 1, 1), "Pbnm").miller_cell == (1, 1, 0)


def test_planes_are_named_with_their_cell():
    cubic = with_basis(cubic_cspbbr3(), TURNED)
    assert str(resolve_plane(cubic, (1, 0, 0), "given")) == "(100) of the given cell"
    assert resolve_plane(cubic, (1, 0, 0), "given").short == "(100) of the given cell"
    assert resolve_plane(cubic, (1, 0, 0), "Pm-3m").short == "(100) Pm-3m"
    assert resolve_plane(cspbbr3_pnma(), (0, 1, 1), "Pnma").short == "(011)"
    assert str(resolve_plane(cspbbr3_pnma(), (11, 0, -1), "Pnma")) == "(11 0 -1) Pnma"


@pytest.mark.parametrize("setting", [None, "given", "R-3c:H"])
def test_four_indices_name_the_plane_of_the_first_second_and_fourth(setting):
    """(1-210) of Cs4PbBr6 holds c and stands upright on b, of which it has the spacing a/2."""
    plane = resolve_plane(rhombohedral(), (1, -2, 1, 0), setting)
    assert plane.miller == plane.miller_cell == (1, -2, 0)
    assert str(plane) == f"(1-210) {'of the given cell' if setting == 'given' else 'R-3c:H'}"
    assert rhombohedral().lattice.d_hkl(plane.miller_cell) == pytest.approx(HEX[0] / 2)
    along_b = rhombohedral().lattice.matrix[1] / HEX[0]
    assert abs(normal(rhombohedral().lattice, (1, -2, 0)) @ along_b) == pytest.approx(1)


@given(h=st.integers(-3, 3), k=st.integers(-3, 3), m=st.integers(-3, 3))
@settings(max_examples=30, deadline=None)
def test_four_indices_that_symmetry_makes_alike_have_one_spacing(h, k, m):
    """What (hkil) is written for: turned by 120° about c, the first three go round."""
    assume(any((h, k, m)))
    i = -h - k
    spacings = [
        rhombohedral().lattice.d_hkl(resolve_plane(rhombohedral(), four, "R-3c:H").miller_cell)
        for four in ((h, k, i, m), (k, i, h, m), (i, h, k, m))
    ]
    assert spacings == pytest.approx([spacings[0]] * 3)


@pytest.mark.parametrize(
    ("crystal", "setting"),
    [
        (rhombohedral(), "R-3c:R"),
        (with_basis(rhombohedral(), RHOMBIC), "given"),
        (cubic_cspbbr3(), None),
        (cspbbr3_pnma(), None),
        (cspbbr3_pnma(), "Pnma"),
        (with_basis(rock_salt(), FCC), "given"),
        # Axes 60° apart: a third one alike is b - a, not -a - b.
        (with_basis(rhombohedral(), [[1, 0, 0], [1, 1, 0], [0, 0, 1]]), "given"),
    ],
)
def test_four_indices_belong_to_hexagonal_axes(crystal, setting):
    with pytest.raises(SurfaceError, match=r"\(1-210\) has four indices") as caught:
        resolve_plane(crystal, (1, -2, 1, 0), setting)
    named = re.search(r'setting = "(.+?)"', caught.value.fix)
    if named:
        assert resolve_plane(crystal, (1, -2, 1, 0), named[1]).four_indices
    assert "--miller 1 -2 0 (miller = [1, -2, 0])" in caught.value.fix


def test_a_hexagonal_cell_of_a_cubic_crystal_takes_four_indices():
    """fcc along [111]: a = b = a_c/√2 at 120°, c = √3 a_c."""
    cell = with_basis(rock_salt(), [[0.5, -0.5, 0], [0, 0.5, -0.5], [1, 1, 1]])
    assert resolve_plane(cell, (0, 0, 0, 1)).miller_cell == (0, 0, 1)
    assert resolve_plane(cell, (1, 1, -2, 0), "given").miller_cell == (1, 1, 0)


def test_reverse_hexagonal_axes_are_asked_about_with_four_indices():
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(with_basis(rhombohedral(), REVERSE), (1, 0, -1, 1))
    assert "R-3c:R" not in caught.value.fix


@pytest.mark.parametrize("orientation", ["100/001", "110/001", "111/1-10"])
@pytest.mark.parametrize("molecule", ["FA", "MA"])
def test_cells_with_molecules_have_cubic_as_the_first_name_of_their_frame(molecule, orientation):
    """However the molecule lies, whose orientation makes another space group of the cell."""
    cell = substitute(cubic_cspbbr3(), site="Cs", by=molecule, orientation=orientation, pseudocubic_ang=6.3)
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(cell, (1, 2, 0))
    assert caught.value.fix.partition("or name another: ")[2].split(", ")[0] in ("cubic", "Pm-3m")
    assert resolve_plane(cell, (1, 2, 0), "cubic").miller_cell == (1, 2, 0)


def relaxed_fa_lead_iodide() -> Structure:
    """A pseudocubic cell as DFT may relax it: three lengths, ions up to 0.5 Å off their sites."""
    sites = """C .500 .520 .500/N .682 .426 .500/N .318 .426 .500/H .500 .696 .500/H .812 .520 .500/H .702 .263 .500
    H .298 .263 .500/H .188 .520 .500/Pb .000 .966 .000/I .500 .984 .000/I .000 .463 .000/I .000 .920 .500"""
    rows = [row.split() for row in sites.replace("\n", "/").split("/")]
    coords = [[float(number) for number in row[1:]] for row in rows]
    return Structure(Lattice.orthorhombic(6.41, 6.27, 6.34), [row[0] for row in rows], coords)


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 2, 2), (1, 2, 1)])
def test_a_relaxed_pseudocubic_cell_offers_itself_first_and_has_cubic_names(repeats):
    """Its (010) holds the vectors of 6.41 and 6.34 Å, by each of these names."""
    crystal = relaxed_fa_lead_iodide() * repeats
    with pytest.raises(SurfaceError, match="is ambiguous") as caught:
        resolve_plane(crystal, (0, 1, 0))
    assert caught.value.fix.startswith('for (010) of the given cell, setting = "given" (--setting given)')
    named = caught.value.fix.partition("or name another: ")[2].split(", ")
    assert named[0] == "cubic" and all(resolve_plane(crystal, (0, 1, 0), name) for name in named)
    for name in ("given", "cubic", "pseudocubic"):
        assert resolve_plane(crystal, (0, 1, 0), name).miller_cell == (0, 1, 0)


def tilted_oxide() -> Structure:
    """CaTiO3, Pnma (Sasaki et al. 1987, 10.1107/S0108270187087456), rounded."""
    coords = [(0.036, 0.25, 0.993), (0, 0, 0.5), (0.484, 0.25, 0.071), (0.289, 0.037, 0.711)]
    lattice = Lattice.orthorhombic(5.442, 7.640, 5.380)
    return Structure.from_spacegroup("Pnma", lattice, ["Ca", "Ti", "O", "O"], coords)


def with_charges(structure: Structure, charges: dict[str, int]) -> Structure:
    structure.add_site_property("oxidation_state", [charges[site.specie.symbol] for site in structure])
    return structure


def test_a_perovskite_of_any_charges_has_pseudocubic_axes():
    """Of Pnma a_p = (a + c)/2 and b_p = b/2 whether it is CsPbBr3 or an oxide; with another halide on one site, too."""
    oxide = with_charges(tilted_oxide(), {"Ca": 2, "Ti": 4, "O": -2})
    coords = [site.frac_coords for site in cspbbr3_pnma()]
    mixed = Structure(PNMA, ["Cs"] * 4 + ["Pb"] * 4 + ["Br"] * 8 + ["I"] * 4, coords)
    for crystal in (oxide, mixed):
        assert resolve_plane(crystal, (1, 0, 0), "pseudocubic").miller_cell == (1, 0, 1)
        assert resolve_plane(crystal, (0, 1, 0), "pseudocubic").miller_cell == (0, 1, 0)
