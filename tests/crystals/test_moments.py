"""Starting moments: what a crystal carries, what a person gives, and where open shells ask for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nickel_oxide import NIO
from pymatgen.core import Lattice, Structure
from pymatgen.electronic_structure.core import Magmom

from dftflow.crystals.ions import with_oxidation_states
from dftflow.crystals.moments import (
    MOMENT,
    check_open_shells,
    moments_of,
    open_shells,
    with_moments,
    with_moments_of,
)
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.errors import SpecError

ROCK_SALT = [[0, 0, 0], [0.5, 0.5, 0.5]]


def rock_salt(cation: str, anion: str = "O") -> Structure:
    return Structure(Lattice.from_parameters(2.95, 2.95, 2.95, 60, 60, 60), [cation, anion], ROCK_SALT)


def iron(n: int = 2) -> Structure:
    return Structure(Lattice.cubic(2.87), ["Fe"] * n, [[0.5 * i, 0.5 * i, 0.5 * i] for i in range(n)])


@pytest.mark.parametrize(("cation", "shells"), [
    ("Ni", ("Ni (3d8)",)), ("Mn", ("Mn (3d5)",)), ("Co", ("Co (3d7)",)), ("Mg", ()), ("Zn", ()), ("Ca", ()), ("Sr", ()),
])  # fmt: skip
def test_divalent_ions_of_rock_salt_have_the_d_electrons_of_textbooks(cation: str, shells: tuple[str, ...]) -> None:
    """d^n of M2+ is the number of its group less two: Mn 5, Co 7, Ni 8, Zn 10 (full)."""
    assert open_shells(rock_salt(cation)) == shells


@pytest.mark.parametrize(("symbols", "shells"), [(["Ti", "N"], ()), (["Fe", "N"], ("Fe",))])
def test_a_compound_without_charges_is_judged_as_a_metal(symbols: list[str], shells: tuple[str, ...]) -> None:
    nitride = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.24), symbols, [[0, 0, 0], [0.5] * 3])
    assert open_shells(nitride) == shells


@pytest.mark.parametrize(("metal", "magnetic"), [
    ("Fe", True), ("Co", True), ("Ni", True), ("Cr", True), ("Gd", True), ("Al", False), ("Cu", False), ("Au", False),
    ("Pt", False), ("Ti", False), ("Zn", False),
])  # fmt: skip
def test_metals(metal: str, magnetic: bool) -> None:
    crystal = Structure(Lattice.cubic(3.0), [metal], [[0, 0, 0]])
    assert bool(open_shells(crystal)) is magnetic


def test_the_charge_decides() -> None:
    """Ti4+ of TiO2 has no d electron, Ti3+ one; Ce4+ no f electron, Ce3+ one; Cu+ a full shell, Cu2+ nine."""
    for cation, charge, shells in [
        ("Ti", 2, ("Ti (3d2)",)), ("Cu", 2, ("Cu (3d9)",)), ("Ce", 2, ("Ce (4f2)",)), ("Eu", 2, ("Eu (4f7)",)),
    ]:  # fmt: skip
        assert open_shells(with_oxidation_states(rock_salt(cation), [charge, -charge])) == shells
    rutile = Structure(
        Lattice.tetragonal(4.594, 2.959),
        ["Ti", "Ti", "O", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.305, 0.305, 0], [0.695, 0.695, 0], [0.195, 0.805, 0.5], [0.805, 0.195, 0.5]],
    )
    assert open_shells(with_oxidation_states(rutile, [4, 4, -2, -2, -2, -2])) == ()
    assert open_shells(with_oxidation_states(rock_salt("U"), [4, -4])) == ("U (5f2)",)


def test_what_is_likely_magnetic_is_asked_for_once() -> None:
    with pytest.raises(SpecError, match=r"NiO is likely to have magnetic moments: Ni \(3d8\)") as raised:
        check_open_shells(NIO, fix="moments = {{ {element} = [{each}] }}")
    assert raised.value.fix == "moments = { Ni = [2.0, -2.0] }"
    check_open_shells(with_moments(rock_salt("Ni"), {"Ni": 2.0}), fix="")
    check_open_shells(rock_salt("Mg"), fix="")


# --- what is given ----------------------------------------------------------------------------------------------


def test_one_moment_for_all_atoms_or_one_each() -> None:
    assert moments_of(with_moments(iron(), {"Fe": 2.2})) == (2.2, 2.2)
    assert moments_of(with_moments(iron(), {"Fe": [2.0, -1.0]})) == (2.0, -1.0)
    assert moments_of(with_moments(iron(), {})) == ()
    with pytest.raises(SpecError, match="3 moments are given for 2 atoms of Fe"):
        with_moments(iron(), {"Fe": [1.0, 2.0, 3.0]})
    with pytest.raises(SpecError, match="given for Co, of which the crystal has none"):
        with_moments(iron(), {"Co": 1.0})


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=2), st.permutations([0, 1, 2]), st.booleans())
def test_moments_along_any_axis_are_those_along_it(moments: list[int], axes: list[int], upside_down: bool) -> None:
    """Turned as a whole they are the same up to a common sign, which has no meaning; numbers keep their sign."""
    crystal = iron()
    crystal.add_site_property(MOMENT, list(map(float, moments)))
    plain = moments_of(crystal)
    assert plain == (tuple(map(float, moments)) if any(moments) else ())
    turn = np.eye(3)[axes] * (-1 if upside_down else 1)
    crystal.add_site_property(MOMENT, [(turn @ [0.0, 0.6 * m, 0.8 * m]).tolist() for m in moments])
    turned = moments_of(crystal)
    assert turned == pytest.approx(plain) or turned == pytest.approx([-m for m in plain])


def test_what_is_no_moment_along_one_axis_is_refused() -> None:
    crystal = iron()
    for given_moments, says in [
        ([[1.0, 0, 0], [0, 1.0, 0]], "several directions"),
        (["up", "down"], "no magnetic moment"),
        ([99.0, 0.0], "no magnetic moment"),
        ([float("nan"), 0.0], "no magnetic moment"),
    ]:
        crystal.add_site_property(MOMENT, given_moments)
        with pytest.raises(SpecError, match=says):
            moments_of(crystal)
    crystal.add_site_property(MOMENT, [Magmom(2.0), Magmom(-2.0)])
    assert moments_of(crystal) == (2.0, -2.0)


def test_a_geometry_that_a_code_returns_keeps_its_moments_place_by_place() -> None:
    """Codes sort atoms by element and know no moments; a person's own run may have another order within an element."""
    asked = Structure(Lattice.cubic(4), ["O", "Ni", "O", "Ni"], [[0.5, 0, 0], [0, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0.5]])
    asked = with_moments(asked, {"Ni": [2.0, -2.0]})
    for order, moments in [((1, 3, 0, 2), (2.0, -2.0, 0.0, 0.0)), ((3, 1, 2, 0), (-2.0, 2.0, 0.0, 0.0))]:
        returned = Structure(Lattice.cubic(4.1), ["Ni", "Ni", "O", "O"], asked.frac_coords[list(order)] + 0.03)
        assert moments_of(with_moments_of(returned, asked)) == moments
    plain = Structure(asked.lattice, asked.species, asked.frac_coords)
    assert with_moments_of(plain, plain) is plain


def test_moments_are_not_lost_in_another_cell() -> None:
    asked = with_moments(NIO, {"Ni": [2.0, -2.0]})
    for other in (NIO * (2, 1, 1), Structure(NIO.lattice, ["Ni", "Ni", "Ni", "O"], NIO.frac_coords)):
        with pytest.raises(SpecError, match="moments of NiO cannot be given"):
            with_moments_of(other, asked)
    moved = NIO.copy()
    moved.translate_sites([0], [0.4, 0.1, 0.0])
    with pytest.raises(SpecError, match="cannot be given"):
        with_moments_of(moved, asked)
    assert moments_of(with_moments_of(NIO * (2, 1, 1), with_moments(NIO, {}))) == ()


# --- slabs ------------------------------------------------------------------------------------------------------


def test_a_slab_keeps_the_order_of_its_crystal() -> None:
    """AF II of NiO: a sheet of (111) has moments of one sign, one of (100) of both, in a cell twice as large."""
    crystal = with_moments(NIO, {"Ni": [2.0, -2.0]})
    for miller, signs in [((1, 0, 0), {0.0}), ((1, 1, 1), {2.0, -2.0})]:
        plane = resolve_plane(crystal, miller, "Fm-3m")
        slabs = enumerate_slabs(crystal, plane, min_thickness_ang=8.0, vacuum_ang=12.0)
        slab = choose_slab(slabs, slabs[0].termination, allow_refused=True).structure
        moments = np.array(moments_of(slab))
        assert len(moments) == len(slab)
        nickel = np.array([site.specie.symbol == "Ni" for site in slab])
        assert set(np.abs(moments[nickel])) == {2.0} and not moments[~nickel].any()
        heights = slab.cart_coords[:, 2].round(2)
        means = {float(moments[nickel & (heights == height)].mean()) for height in set(heights[nickel])}
        assert means == signs
    ferro = with_moments(NIO, {"Ni": 2.0})
    plane = resolve_plane(ferro, (1, 0, 0), "Fm-3m")
    (small, *_), (large, *_) = (
        enumerate_slabs(one, plane, min_thickness_ang=8.0, vacuum_ang=12.0) for one in (ferro, crystal)
    )
    assert len(large.structure) == 2 * len(small.structure)
    assert set(moments_of(small.structure)) == {0.0, 2.0}
