"""Slabs of perovskites and their relatives: terminations, charges, geometry, invariances, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Lattice, Structure

from dftflow.crystals.cuts import Cut
from dftflow.crystals.ions import with_charges
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slab_choice import tasker_type
from dftflow.crystals.slabs import choose_slab, cut_plane, enumerate_slabs
from dftflow.errors import DftflowError, SurfaceError
from dftflow.model.surface import SlabModel

Indices = tuple[int, int, int]


def pnma(lengths: Indices, halide: str, coords: list[tuple[float, float, float]]) -> Structure:
    return Structure.from_spacegroup("Pnma", Lattice.orthorhombic(*lengths), ["Cs", "Pb", halide, halide], coords)


def cubic(a_ang: float, halide: str) -> Structure:
    coords = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)]
    return Structure.from_spacegroup("Pm-3m", Lattice.cubic(a_ang), ["Cs", "Pb", halide], coords)


# 10.1021/cg400645t; the same crystal in Pbnm, from its own coordinates there.
CSPBBR3 = pnma(
    (8.2440, 11.7351, 8.1982),
    "Br",
    [(0.03100, 0.25, 0.49298), (0, 0, 0), (0.20653, 0.52389, 0.70607), (0.00370, 0.75, 0.04550)],
)
CSPBBR3_PBNM = Structure.from_spacegroup(
    "Pbnm",
    Lattice.orthorhombic(8.1982, 8.2440, 11.7351),
    ["Cs", "Pb", "Br", "Br"],
    [(0.00702, 0.5310, 0.25), (0, 0, 0), (0.0455, 0.0037, 0.75), (0.20607, 0.29347, 0.47611)],
)
CSPBBR3_P4MBM = Structure.from_spacegroup(
    "P4/mbm",
    Lattice.tetragonal(8.259, 5.897),
    ["Cs", "Pb", "Br", "Br"],
    [(0, 0.5, 0.5), (0, 0, 0), (0, 0, 0.5), (0.215, 0.715, 0)],
)
PEROVSKITES = {
    "CsPbBr3 Pnma": (CSPBBR3, "Pnma"),
    "CsPbBr3 Pbnm": (CSPBBR3_PBNM, "Pbnm"),
    "CsPbBr3 P4/mbm": (CSPBBR3_P4MBM, "P4/mbm"),
    "CsPbBr3 Pm-3m": (cubic(5.874, "Br"), "cubic"),
    "CsPbCl3 Pm-3m": (cubic(5.605, "Cl"), "cubic"),
}

FA = [("C", 0, 0), ("H", 0, 1.09), ("N", 1.1686, -0.60), ("N", -1.1686, -0.60)]
FA += [("H", 2.0231, -0.05), ("H", -2.0231, -0.05), ("H", 1.2734, -1.62), ("H", -1.2734, -1.62)]


def fa_lead_bromide(long_axis: int, dipole_axis: int) -> Structure:
    """Cubic frame of 5.99 Å; FA with N···N along one axis and C-H along another."""
    frame = Structure.from_spacegroup("Pm-3m", Lattice.cubic(5.99), ["Pb", "Br"], [(0, 0, 0), (0.5, 0, 0)])
    for symbol, along, across in FA:
        position = np.full(3, 2.995)
        position[long_axis] += along
        position[dipole_axis] += across + 0.35
        frame.append(symbol, position, coords_are_cartesian=True)
    return frame


def slabs_of(structure: Structure, miller: Indices, setting: str | None, **size: object) -> Sequence[SlabModel]:
    size = size or {"min_thickness_ang": 10.0}
    return enumerate_slabs(structure, resolve_plane(structure, miller, setting), vacuum_ang=15.0, **size)


def signature(slabs: tuple[SlabModel, ...]) -> list[tuple[object, ...]]:
    return sorted(
        (
            slab.termination.split(" #")[0],
            slab.formal_charge,
            slab.symmetric,
            slab.polar,
            slab.stoichiometric,
            round(slab.area_ang2, 3),
            round(slab.thickness_ang, 3),
            len(slab.structure),
        )
        for slab in slabs
    )


@pytest.mark.parametrize(
    ("miller", "terminations"),
    [
        ((0, 1, 0), {"CsBr": (0, True), "PbBr2": (0, True), "CsBr|PbBr2": (0, False)}),
        ((1, 0, 1), {"CsBr": (0, True), "PbBr2": (0, True), "CsBr|PbBr2": (0, False)}),
        ((1, 0, 0), {"CsPbBr": (4, True), "Br": (-4, True), "Br (half)": (0, True), "CsPbBr (half)": (0, True)}),
        ((0, 1, 1), {"Pb": (4, True), "Pb (half)": (0, True), "CsBr3 (half)": (0, True)}),
        ((1, 1, 0), {"Pb": (4, True), "CsBr3": (-4, True), "Pb (half)": (0, True), "CsBr3 (half)": (0, True)}),
    ],
)
def test_terminations_of_orthorhombic_cspbbr3(miller, terminations):
    """Layer table of the Pnma perovskite: Cs +1, Pb +2, Br -1."""
    slabs = slabs_of(CSPBBR3, miller, "Pnma")
    found = {(slab.termination.split(" #")[0], slab.formal_charge, slab.symmetric) for slab in slabs}

    assert {(name, *properties) for name, properties in terminations.items()} <= found
    assert len({slab.termination for slab in slabs}) == len(slabs)
    for slab in slabs:
        assert sum(layer.formal_charge for layer in slab.layers) == slab.formal_charge
        assert bool(slab.refused) == (slab.formal_charge != 0 or slab.polar or not slab.symmetric)


@pytest.mark.parametrize("name", PEROVSKITES)
@pytest.mark.parametrize("miller", [(0, 1, 0), (1, 0, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 0), (1, 1, 1)])
def test_the_default_slab_is_neutral_symmetric_and_not_polar(name, miller):
    structure, setting = PEROVSKITES[name]
    slab = choose_slab(slabs_of(structure, miller, setting))

    assert slab.formal_charge == 0
    assert slab.symmetric
    assert not slab.polar
    assert slab.thickness_ang >= 10.0


def test_the_thinnest_slab_of_the_polar_plane_is_small():
    """(011): CsBr3 / Pb2 / Cs2Br6 / Pb2 / Cs2Br6 / Pb2 / CsBr3, 30 atoms, stoichiometric."""
    slab = choose_slab(slabs_of(CSPBBR3, (0, 1, 1), "Pnma", n_layers=7))

    formulas = [layer.formula for layer in slab.layers]
    assert formulas == ["CsBr3", "Pb2", "Cs2Br6", "Pb2", "Cs2Br6", "Pb2", "CsBr3"]
    assert [layer.formal_charge for layer in slab.layers] == [-2, 4, -4, 4, -4, 4, -2]
    assert slab.structure.composition.formula == "Cs6 Pb6 Br18"
    assert slab.stoichiometric
    assert slab.termination == "CsBr3 (half)"


def test_a_stoichiometric_slab_of_the_polar_plane_is_refused_for_its_dipole():
    slabs = slabs_of(CSPBBR3, (1, 1, 0), "Pnma")
    polar = next(slab for slab in slabs if slab.termination == "CsBr3|Pb")

    assert polar.formal_charge == 0
    assert polar.polar
    assert "potential step" in polar.refused


@pytest.mark.parametrize(("miller", "repeats"), [((0, 1, 0), 2), ((1, 0, 1), 1), ((0, 1, 1), 1), ((1, 0, 0), 2)])
def test_geometry_of_the_cell(miller, repeats):
    """Pnma has two-fold screw axes along a and b: along them the plane averages repeat after half of the cell."""
    d_ang = CSPBBR3.lattice.d_hkl(miller)
    for slab in slabs_of(CSPBBR3, miller, "Pnma"):
        a, b, c = slab.structure.lattice.matrix
        z = slab.structure.cart_coords[:, 2]
        np.testing.assert_allclose([a[2], b[2], c[0], c[1], a[1]], 0.0, atol=1e-9)
        assert c[2] > 0
        assert c[2] - np.ptp(z) == pytest.approx(15.0, abs=1e-9)
        assert (z.min() + z.max()) / 2 == pytest.approx(c[2] / 2, abs=1e-9)
        assert slab.thickness_ang == pytest.approx(np.ptp(z), abs=1e-9)
        assert slab.period_ang == pytest.approx(d_ang / repeats, abs=1e-9)
        assert slab.area_ang2 == pytest.approx(CSPBBR3.volume / d_ang, rel=1e-9)
        heights = [layer.z_ang for layer in slab.layers]
        assert heights == sorted(heights)


@pytest.mark.parametrize("miller", [(0, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)])
def test_the_middle_of_the_slab_is_the_crystal(miller):
    bulk = {round(d, 4) for d in CSPBBR3.get_neighbor_list(3.5)[3]}
    slab = choose_slab(slabs_of(CSPBBR3, miller, "Pnma", min_thickness_ang=14.0)).structure
    middle = slab.lattice.c / 2
    inner = [site for site in slab if site.specie.symbol == "Pb" and abs(site.coords[2] - middle) < 3.0]

    assert inner
    for lead in inner:
        bonds = [neighbour.nn_distance for neighbour in slab.get_neighbors(lead, 3.5)]
        assert len(bonds) == 6
        assert {round(d, 4) for d in bonds} <= bulk


def shifted(structure: Structure, shift: tuple[float, float, float]) -> Structure:
    moved = structure.copy()
    moved.translate_sites(list(range(len(moved))), shift)
    return moved


PLANES = st.sampled_from([(0, 1, 0), (1, 0, 1), (0, 1, 1), (1, 0, 0)])


@given(shift=st.tuples(*[st.floats(0, 1)] * 3), miller=PLANES, repeats=st.sampled_from([(1, 1, 1), (1, 1, 2)]))
@settings(max_examples=10, deadline=None)
def test_origin_and_supercell_do_not_matter(shift, miller, repeats):
    other = shifted(CSPBBR3, shift) * repeats

    assert signature(slabs_of(other, miller, "Pnma")) == signature(slabs_of(CSPBBR3, miller, "Pnma"))


def of_group(symbol: str, lattice: Lattice, species: list[str], coords: list[tuple[float, float, float]]) -> Structure:
    return Structure.from_spacegroup(symbol, lattice, species, coords)


THIRDS = (1 / 3, 2 / 3)
SYSTEMS = {
    "NaCl": of_group("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)]),
    "rutile": of_group("P4_2/mnm", Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [(0, 0, 0), (0.3053, 0.3053, 0)]),
    "scheelite": of_group(
        "I4_1/a",
        Lattice.tetragonal(5.243, 11.376),
        ["W", "Ca", "O"],
        [(0, 0, 0), (0, 0, 0.5), (0.2415, 0.1504, 0.0861)],
    ),
    "CsPbBr3": CSPBBR3,
    "BiVO4": of_group(
        "I112/b",
        Lattice.from_parameters(5.1935, 5.0898, 11.6972, 90, 90, 90.387),
        ["Bi", "V", "O", "O"],
        [(0, 0.25, 0.6335), (0, 0.25, 0.130), (0.1465, 0.5077, 0.2082), (0.2606, 0.3810, 0.4493)],
    ),
    "wurtzite": of_group("P6_3mc", Lattice.hexagonal(3.2498, 5.2066), ["Zn", "O"], [(*THIRDS, 0), (*THIRDS, 0.3821)]),
    "calcite": of_group(
        "R-3c", Lattice.hexagonal(4.990, 17.061), ["Ca", "C", "O"], [(0, 0, 0), (0, 0, 0.25), (0.2568, 0, 0.25)]
    ),
    "quartz": of_group(
        "P3_221", Lattice.hexagonal(4.913, 5.4052), ["Si", "O"], [(0.4697, 0, 2 / 3), (0.4135, 0.2669, 0.7858)]
    ),
    "cobalt": of_group("P6_3/mmc", Lattice.hexagonal(2.507, 4.069), ["Co"], [(*THIRDS, 0.25)]),
}


@pytest.mark.parametrize("miller", [(0, 0, 1), (1, 0, 0), (1, 1, 1)], ids=lambda hkl: "".join(map(str, hkl)))
@pytest.mark.parametrize("name", SYSTEMS)
def test_terminations_are_those_of_the_crystal_whatever_the_cell(name: str, miller: Indices) -> None:
    """A supercell has only those rotations that keep its lattice, and the crystal all of its own."""

    def told(repeats: Indices) -> tuple[list[tuple[object, ...]], list[tuple[float, float]]]:
        cell = SYSTEMS[name] * repeats
        h, k, m = (index * times for index, times in zip(miller, repeats, strict=True))
        cuts = cut_plane(cell, resolve_plane(cell, (h, k, m), "given"), min_thickness_ang=6.0)
        rows = [((x.termination, tasker_type(x), bool(x.flips)), (x.thickness_ang, x.area_ang2)) for x in cuts.cuts]
        rows.sort(key=lambda row: (row[0], round(row[1][0], 2)))
        return [words for words, _ in rows], [sizes for _, sizes in rows]

    words, sizes = told((1, 1, 1))
    for repeats in ((2, 1, 1), (1, 2, 1), (1, 1, 2)):
        other_words, other_sizes = told(repeats)
        assert other_words == words
        np.testing.assert_allclose(other_sizes, sizes, rtol=1e-6)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_the_axes_does_not_matter(order):
    columns = list(order)
    other = Structure(Lattice(CSPBBR3.lattice.matrix[columns]), CSPBBR3.species, CSPBBR3.frac_coords[:, columns])

    assert signature(slabs_of(other, (0, 1, 1), "Pnma")) == signature(slabs_of(CSPBBR3, (0, 1, 1), "Pnma"))


@pytest.mark.parametrize(("pnma", "pbnm"), [((0, 1, 0), (0, 0, 1)), ((0, 1, 1), (1, 0, 1)), ((1, 0, 1), (1, 1, 0))])
def test_both_settings_give_the_same_slabs(pnma, pbnm):
    from_pnma = signature(slabs_of(CSPBBR3, pnma, "Pnma"))
    from_pbnm = signature(slabs_of(CSPBBR3_PBNM, pbnm, "Pbnm"))

    assert [entry[:5] for entry in from_pnma] == [entry[:5] for entry in from_pbnm]
    # The published Pbnm coordinates are rounded to 1e-5 to 1e-4 of the cell.
    np.testing.assert_allclose([e[5:] for e in from_pnma], [e[5:] for e in from_pbnm], atol=5e-3)


def test_a_relaxed_crystal_has_the_same_terminations():
    rng = np.random.default_rng(5)
    relaxed = CSPBBR3.copy()
    relaxed.lattice = Lattice.from_parameters(8.30, 11.70, 8.20, 90.02, 89.97, 90.03)
    for i in range(len(relaxed)):
        relaxed.translate_sites(i, rng.normal(scale=0.003, size=3), frac_coords=False)

    names = {slab.termination for slab in slabs_of(relaxed, (0, 1, 0), "Pnma") if not slab.refused}
    assert names == {"CsBr", "PbBr2"}
    assert choose_slab(slabs_of(relaxed, (0, 1, 1), "Pnma")).termination == "CsBr3 (half)"


@pytest.mark.parametrize(("long_axis", "dipole_axis"), [(0, 2), (2, 0)])
def test_fa_with_its_dipole_in_the_plane_has_two_sound_terminations(long_axis, dipole_axis):
    slabs = slabs_of(fa_lead_bromide(long_axis, dipole_axis), (0, 1, 0), "cubic", n_layers=5)

    sound = {slab.termination: slab for slab in slabs if not slab.refused}
    assert set(sound) == {"FABr", "PbBr2"}
    assert all(slab.symmetric and not slab.polar and slab.formal_charge == 0 for slab in sound.values())
    assert choose_slab(slabs).termination == "FABr"
    assert sound["FABr"].structure.composition == Composition("(CN2H5Br)3(PbBr2)2")
    assert sound["PbBr2"].structure.composition == Composition("(CN2H5Br)2(PbBr2)3")
    assert sound["PbBr2"].thickness_ang == pytest.approx(2 * 5.99)


def test_fa_with_its_dipole_along_the_normal_has_none():
    slabs = slabs_of(fa_lead_bromide(0, 1), (0, 1, 0), "cubic", n_layers=5)

    assert not any(slab.symmetric for slab in slabs)
    with pytest.raises(SurfaceError, match="no slab") as caught:
        choose_slab(slabs)
    assert "molecules point to one of them" in caught.value.reason
    assert "turn the molecules" in caught.value.fix
    assert choose_slab(slabs, "FABr", allow_refused=True).formal_charge == 0


def molecule_distances(structure: Structure, indices: list[int]) -> np.ndarray:
    points = structure.cart_coords[indices]
    return np.sort(np.linalg.norm(points[:, None] - points[None], axis=2).ravel())


@given(miller=st.tuples(*[st.integers(-2, 2)] * 3), shift=st.tuples(*[st.floats(0, 1)] * 3))
@settings(max_examples=15, deadline=None)
def test_no_plane_cuts_a_molecule(miller, shift):
    crystal = fa_lead_bromide(0, 2)
    whole = molecule_distances(crystal, list(range(len(crystal) - 8, len(crystal))))
    try:
        slabs = slabs_of(shifted(crystal, shift), miller, "cubic", min_thickness_ang=8.0)
    except DftflowError:
        assert miller == (0, 0, 0)
        return
    for slab in slabs:
        numbers = slab.structure.site_properties["molecule"]
        organic = [i for i, site in enumerate(slab.structure) if site.specie.symbol in "CNH"]
        assert organic == [i for i, number in enumerate(numbers) if number >= 0]
        for number in set(numbers) - {-1}:
            indices = [i for i, other in enumerate(numbers) if other == number]
            np.testing.assert_allclose(molecule_distances(slab.structure, indices), whole, atol=1e-6)
        assert len(slab.structure.properties["molecule_charges"]) == len(set(numbers) - {-1})


RELATIVES = {
    "Cs4PbBr6": Structure.from_spacegroup(
        "R-3c",
        Lattice.hexagonal(13.73, 17.32),
        ["Cs", "Cs", "Pb", "Br"],
        [(0, 0.37596, 0.25), (0, 0, 0.25), (0, 0, 0), (0.02843, 0.19200, 0.39884)],
    ),
    "CsPb2Br5": Structure.from_spacegroup(
        "I4/mcm",
        Lattice.tetragonal(8.483, 15.25),
        ["Cs", "Pb", "Br", "Br"],
        [(0, 0, 0.25), (0.158, 0.658, 0), (0, 0, 0), (0.163, 0.663, 0.370)],
    ),
    "CsBr": Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.291), ["Cs", "Br"], [(0, 0, 0), (0.5, 0.5, 0.5)]),
    "PbBr2": Structure.from_spacegroup(
        "Pnma",
        Lattice.orthorhombic(8.059, 4.7319, 9.540),
        ["Pb", "Br", "Br"],
        [(0.246, 0.25, 0.096), (0.851, 0.25, 0.071), (0.969, 0.25, 0.669)],
    ),
}


@pytest.mark.parametrize("name", RELATIVES)
@pytest.mark.parametrize("miller", [(0, 0, 1), (1, 0, 0), (1, 1, 0)])
def test_relatives_of_the_perovskite_have_a_neutral_slab(name, miller):
    setting = {"Cs4PbBr6": "R-3c", "PbBr2": "Pnma"}.get(name)
    slab = choose_slab(slabs_of(RELATIVES[name], miller, setting, min_thickness_ang=8.0))

    assert slab.formal_charge == 0
    assert slab.symmetric
    assert not slab.polar


def test_rock_salt_like_planes_of_caesium_bromide():
    """CsCl type: (110) holds both ions and is neutral; (100) is Cs or Br alone, 4 e/a² apart by a/2."""
    assert [slab.termination for slab in slabs_of(RELATIVES["CsBr"], (1, 1, 0), None)] == ["CsBr"]
    charges = {slab.termination: slab.formal_charge for slab in slabs_of(RELATIVES["CsBr"], (1, 0, 0), None)}
    assert {name: charges[name] for name in ("Cs", "Br", "Br|Cs")} == {"Cs": 1, "Br": -1, "Br|Cs": 0}


def test_number_of_layers_and_thickness_are_kept():
    for count in (5, 6, 7):
        assert all(len(slab.layers) == count for slab in slabs_of(CSPBBR3, (0, 1, 0), "Pnma", n_layers=count))
    thin = slabs_of(CSPBBR3, (0, 1, 0), "Pnma", min_thickness_ang=20.0)
    assert all(slab.thickness_ang >= 20.0 for slab in thin)
    assert all(slab.thickness_ang < 20.0 + 11.7351 for slab in thin)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"n_layers": 3}, "too thin"),
        ({"n_layers": 0}, "too thin"),
        ({"n_layers": 5, "min_thickness_ang": 30.0}, "thinner than 30"),
        ({"min_thickness_ang": -1.0}, "min_thickness_ang"),
        ({"min_thickness_ang": float("nan")}, "min_thickness_ang"),
        ({"min_thickness_ang": 1e9}, "atoms"),
        ({"n_layers": 10**7}, "atoms"),
        ({"n_layers": 5, "min_thickness_ang": None}, None),
        ({"min_thickness_ang": None}, "no size"),
    ],
)
def test_sizes_that_cannot_be_met(size, message):
    if message is None:
        assert slabs_of(CSPBBR3, (0, 1, 0), "Pnma", **size)
        return
    with pytest.raises(SurfaceError, match=message):
        slabs_of(CSPBBR3, (0, 1, 0), "Pnma", **size)


@pytest.mark.parametrize(
    ("name", "miller", "better"),
    [("rutile", (1, 1, 0), 6), ("NaCl", (1, 1, 1), 5), ("NaCl", (0, 0, 1), 2), ("wurtzite", (0, 0, 1), None)],
)
def test_of_the_number_of_layers_that_is_advised_a_slab_is_fit(name: str, miller: Indices, better: int | None) -> None:
    """Whole repeats O-Ti2O2-O of rutile, an odd number of planes of rock salt, none along a polar axis."""
    with pytest.raises(SurfaceError, match="too thin") as caught:
        slabs_of(SYSTEMS[name], miller, "given", n_layers=0)
    assert caught.value.fix.partition("better ")[2] == str(better or "")
    if better:
        assert not slabs_of(SYSTEMS[name], miller, "given", n_layers=better)[0].refused


def test_of_a_plane_that_is_not_polar_no_cut_says_that_it_is() -> None:
    """Seven layers of rutile (110) are one too many for whole repeats: only faces that are thinned out are neutral."""
    first = slabs_of(SYSTEMS["rutile"], (1, 1, 0), "given", n_layers=7)[0]
    assert first.compensated and first.why.startswith("each plain cut of 7 layers is refused")


@pytest.mark.parametrize("vacuum_ang", [0.0, -5.0, float("inf")])
def test_a_vacuum_must_be_a_length(vacuum_ang):
    plane = resolve_plane(CSPBBR3, (0, 1, 0), "Pnma")
    with pytest.raises(SurfaceError, match="vacuum_ang"):
        enumerate_slabs(CSPBBR3, plane, n_layers=5, vacuum_ang=vacuum_ang)


def test_charges_that_do_not_sum_to_zero_are_refused():
    """Cs2SnI6 holds tin(IV), which its balance tells and a file may deny."""
    coords = [(0, 0, 0), (0.25, 0.25, 0.25), (0.2435, 0, 0)]
    tin = Structure.from_spacegroup("Fm-3m", Lattice.cubic(11.65), ["Sn", "Cs", "I"], coords)
    plane = resolve_plane(tin, (1, 0, 0), "cubic")
    slab = choose_slab(enumerate_slabs(tin, plane, min_thickness_ang=10.0, vacuum_ang=15.0))
    assert slab.formal_charge == 0 and "Sn +4" in slab.charges

    tin.add_oxidation_state_by_element({"Sn": 2, "Cs": 1, "I": -1})
    with pytest.raises(SurfaceError, match="sum to -8") as caught:
        enumerate_slabs(tin, plane, n_layers=9, vacuum_ang=15.0)
    assert "--charge Sn=0" in caught.value.fix


def test_of_usual_charges_that_do_not_balance_two_states_are_shown_by_site() -> None:
    """Minium, Pb(II)2Pb(IV)O4, in P4_2/mbc; Pb(IV) is the one in octahedra."""
    minium = of_group(
        "P4_2/mbc",
        Lattice.tetragonal(8.811, 6.563),
        ["Pb", "Pb", "O", "O"],
        [(0, 0.5, 0.25), (0.1398, 0.1632, 0), (0.6718, 0.1718, 0.25), (0.0980, 0.6370, 0)],
    )
    with pytest.raises(SurfaceError, match="sum to -8") as caught:
        slabs_of(minium, (1, 0, 0), "given")
    assert "--charge Pb=2,2,2,2,2,2,2,2,4,4,4,4 " in caught.value.fix
    ordered = with_charges(minium, {"Pb": [4] * 4 + [2] * 8})
    assert slabs_of(ordered, (1, 0, 0), "given")


def test_the_cuts_of_a_plane_serve_every_vacuum():
    cuts = cut_plane(CSPBBR3, resolve_plane(CSPBBR3, (0, 1, 0), "Pnma"), min_thickness_ang=10.0)
    thin, wide = cuts.slabs(10.0)[0], cuts.slabs(25.0)[0]
    assert wide.structure.lattice.c - thin.structure.lattice.c == pytest.approx(15.0)
    assert (wide.termination, wide.thickness_ang) == (thin.termination, thin.thickness_ang)
    with pytest.raises(SurfaceError, match="vacuum_ang"):
        cuts.slabs(0.0)


def test_asking_for_a_termination():
    slabs = slabs_of(CSPBBR3, (0, 1, 0), "Pnma", n_layers=6) + slabs_of(CSPBBR3, (0, 1, 0), "Pnma", n_layers=5)

    assert choose_slab(slabs, "pbbr2").termination == "PbBr2"
    with pytest.raises(SurfaceError, match="no termination 'PbBr3'") as caught:
        choose_slab(slabs, "PbBr3")
    assert "'PbBr2'" in caught.value.fix
    with pytest.raises(SurfaceError, match="refused"):
        choose_slab(slabs, "CsBr|PbBr2")
    assert not choose_slab(slabs, "CsBr|PbBr2", allow_refused=True).symmetric


def test_of_all_terminations_the_one_that_is_wanted_is_made(monkeypatch: pytest.MonkeyPatch):
    made = []
    make = Cut.to_structure
    monkeypatch.setattr(Cut, "to_structure", lambda self, vacuum_ang: made.append(1) or make(self, vacuum_ang))
    slabs = slabs_of(CSPBBR3, (0, 1, 0), "Pnma")
    assert choose_slab(slabs).termination == "CsBr" and len(made) == 1
    assert slabs[0] is choose_slab(slabs) and len(made) == 1
    assert len(slabs) > 1 and len(list(slabs)) == len(made) == len(slabs)
    assert slabs[1:] == tuple(slabs)[1:] and slabs[-1] is list(slabs)[-1]


def test_an_even_number_of_layers_has_no_symmetric_slab():
    with pytest.raises(SurfaceError, match="no slab") as caught:
        choose_slab(slabs_of(CSPBBR3, (0, 1, 0), "Pnma", n_layers=6))
    assert caught.value.fix.startswith("ask for another thickness or number of layers")


@pytest.mark.parametrize(
    ("symbols", "miller", "types"),
    [(("Ni", "Al"), (1, 0, 0), {""}), (("Ni", "Al"), (1, 1, 0), {"I"}), (("Ni", "Ni"), (1, 0, 0), {"I"})],
)
def test_unlike_planes_without_charges_have_no_type(
    symbols: tuple[str, str], miller: tuple[int, int, int], types: set[str]
) -> None:
    """B2: (100) has planes of Ni and of Al in turn, (110) both in each; of an element all planes are alike."""
    crystal = Structure(Lattice.cubic(2.887), symbols, [[0, 0, 0], [0.5, 0.5, 0.5]])
    plane = resolve_plane(crystal, miller)
    slabs = enumerate_slabs(crystal, plane, min_thickness_ang=8.0, vacuum_ang=15.0)
    assert slabs and {slab.tasker for slab in slabs} == types
