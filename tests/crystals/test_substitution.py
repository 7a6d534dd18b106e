from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Composition, PeriodicSite, Structure

from dftflow.crystals.contacts import shortest_contacts
from dftflow.crystals.molecules import MOLECULES, Molecule, load_molecule
from dftflow.crystals.orientation import parse_orientation
from dftflow.crystals.oriented_crystals import enumerate_orientations
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.substitution import substitute
from dftflow.crystals.symmetry import point_operations, space_group
from dftflow.errors import ClashError, StructureError

CUBIC = load_shipped("CsPbBr3_Pm-3m").structure
PNMA = load_shipped("CsPbBr3_Pnma").structure

indices = st.integers(-3, 3)
directions = st.tuples(indices, indices, indices).filter(any)


def molecules_of(structure: Structure) -> list[list[PeriodicSite]]:
    numbers = structure.site_properties["molecule"]
    return [[structure[k] for k, n in enumerate(numbers) if n == m] for m in range(max(numbers) + 1)]


def inner_distances(sites: list[PeriodicSite]) -> np.ndarray:
    positions = np.array([site.coords for site in sites])
    return np.linalg.norm(positions[:, None] - positions[None], axis=2)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def all_distances(structure: Structure, cutoff_ang: float = 3.3) -> list[float]:
    return sorted(c.distance_ang for c in shortest_contacts(structure, cutoff_ang=cutoff_ang))


@pytest.mark.parametrize(
    ("shipped", "by", "orientation", "a_ang"),
    [
        ("FAPbBr3_Pm-3m_FA100", "FA", "100", 5.99),
        ("FAPbBr3_Pm-3m_FA110", "FA", "110", 5.99),
        ("MAPbBr3_Pm-3m_MA100", "MA", "100", 5.93),
    ],
)
def test_cubic_caesium_lead_bromide_becomes_the_shipped_crystal(
    shipped: str, by: str, orientation: str, a_ang: float
) -> None:
    expected = load_shipped(shipped)
    built = substitute(CUBIC, site="Cs", by=by, orientation=orientation, pseudocubic_ang=a_ang)
    rms, largest = StructureMatcher(primitive_cell=False, scale=False).get_rms_dist(built, expected.structure)
    assert rms < 1e-4
    assert largest < 1e-4
    np.testing.assert_allclose(built.lattice.matrix, expected.structure.lattice.matrix, atol=1e-6)
    np.testing.assert_allclose(all_distances(built), all_distances(expected.structure), atol=1e-3)
    assert space_group(built).symbol == expected.space_group


def test_composition_electrons_and_charge() -> None:
    built = substitute(CUBIC, site="Cs", by="FA", supercell=(2, 1, 1))
    assert built.composition.formula == "H10 Pb2 C2 Br6 N4"
    # CH(NH2)2+ has 6 + 2 * 7 + 5 - 1 = 24 electrons, Cs+ has 54: the neutral cell loses 30 a site.
    electrons = sum(site.specie.Z for site in built)
    assert electrons == 2 * (sum(site.specie.Z for site in CUBIC) - 30)
    assert built.properties["molecule_charges"] == (1, 1)
    anions_and_lead = {"Pb": 2, "Br": -1}
    outside = [site for site in built if site.properties["molecule"] == -1]
    assert sum(anions_and_lead[site.specie.symbol] for site in outside) + sum(built.properties["molecule_charges"]) == 0


def test_formamidinium_points_where_it_is_told() -> None:
    for orientation, long, second in (
        ("100", [1, 0, 0], [0, 1, 0]),
        ("010", [0, 1, 0], [0, 0, 1]),
        ("110", [1, 1, 0], [-1, 1, 0]),
        ("100/001", [1, 0, 0], [0, 0, 1]),
        ("001/-100", [0, 0, 1], [-1, 0, 0]),
        ("[1 -1 0] / [0 0 1]", [1, -1, 0], [0, 0, 1]),
    ):
        (ion,) = molecules_of(substitute(CUBIC, site="Cs", by="FA", orientation=orientation, pseudocubic_ang=6.2))
        nitrogen = [site.coords for site in ion if site.specie.symbol == "N"]
        carbon = next(site for site in ion if site.specie.symbol == "C")
        hydrogen = min((s for s in ion if s.specie.symbol == "H"), key=carbon.distance)
        assert abs(unit(nitrogen[0] - nitrogen[1]) @ unit(np.array(long, float))) == pytest.approx(1)
        np.testing.assert_allclose(unit(hydrogen.coords - carbon.coords), unit(np.array(second, float)), atol=1e-9)


def test_methylammonium_points_from_carbon_to_nitrogen() -> None:
    (ion,) = molecules_of(substitute(CUBIC, site="Cs", by="MA", orientation="111", pseudocubic_ang=6.2))
    carbon, nitrogen = (next(s.coords for s in ion if s.specie.symbol == element) for element in "CN")
    np.testing.assert_allclose(unit(nitrogen - carbon), np.ones(3) / 3**0.5, atol=1e-9)


def test_centre_of_mass_lies_on_the_site() -> None:
    built = substitute(PNMA, site="Cs", by="FA", pseudocubic_ang=6.1)
    scale = (4 * 6.1**3 / PNMA.volume) ** (1 / 3)
    sites = [site.coords * scale for site in PNMA if site.specie.symbol == "Cs"]
    for ion, site in zip(molecules_of(built), sites, strict=True):
        masses = np.array([float(atom.specie.atomic_mass) for atom in ion])
        centre = masses @ np.array([atom.coords for atom in ion]) / masses.sum()
        np.testing.assert_allclose(centre, site, atol=1e-3)


def test_host_is_left_alone_and_its_lattice_kept() -> None:
    before = CUBIC.as_dict()
    built = substitute(CUBIC, site="Cs", by="MA")
    assert CUBIC.as_dict() == before
    np.testing.assert_array_equal(built.lattice.matrix, CUBIC.lattice.matrix)


@settings(max_examples=40, deadline=None)
@given(long=directions, second=directions, name=st.sampled_from(sorted(MOLECULES)), host=st.sampled_from([CUBIC, PNMA]))
def test_molecules_stay_rigid(
    long: tuple[int, int, int], second: tuple[int, int, int], name: str, host: Structure
) -> None:
    assume(np.any(np.cross(long, second)))
    orientation = "/".join(" ".join(map(str, direction)) for direction in (long, second))
    built = substitute(host, site="Cs", by=name, orientation=orientation, pseudocubic_ang=8.0)
    reference = load_molecule(name)
    expected = np.linalg.norm(reference.positions_ang[:, None] - reference.positions_ang[None], axis=2)
    for ion in molecules_of(built):
        np.testing.assert_allclose(inner_distances(ion), expected, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_random_orientations_are_rigid_and_come_back_with_the_seed(seed: int) -> None:
    first, second = (
        substitute(CUBIC, site="Cs", by="FA", orientation="random", seed=seed, supercell=(2, 1, 1), pseudocubic_ang=8.0)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.cart_coords, second.cart_coords)
    ions = molecules_of(first)
    np.testing.assert_allclose(inner_distances(ions[0]), inner_distances(ions[1]), atol=1e-6)
    axes = [unit(ion[2].coords - ion[3].coords) for ion in ions]
    assert abs(axes[0] @ axes[1]) < 1 - 1e-9, "each site draws its own rotation"


def test_random_orientations_are_spread_evenly() -> None:
    # The mean of n n^T over the sphere is 1/3; 512 draws leave a deviation of about 0.3 / sqrt(512) = 0.013.
    cells = (8, 8, 8)
    built = substitute(CUBIC, site="Cs", by="FA", orientation="random", seed=7, supercell=cells, pseudocubic_ang=8.0)
    positions = built.cart_coords[np.array(built.site_properties["molecule"]) >= 0].reshape(512, 8, 3)
    axes = positions[:, 2] - positions[:, 3]
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    np.testing.assert_allclose(axes.T @ axes / 512, np.eye(3) / 3, atol=0.06)


@pytest.mark.parametrize("repeats", [(2, 1, 1), (1, 2, 2)])
def test_supercell_has_the_same_contacts(repeats: tuple[int, int, int]) -> None:
    single = substitute(CUBIC, site="Cs", by="FA", pseudocubic_ang=5.99)
    repeated = substitute(CUBIC, site="Cs", by="FA", pseudocubic_ang=5.99, supercell=repeats)
    count = int(np.prod(repeats))
    assert len(repeated) == count * len(single)
    assert repeated.volume == pytest.approx(count * single.volume)
    assert max(repeated.site_properties["molecule"]) == count - 1
    np.testing.assert_allclose(all_distances(repeated), np.repeat(all_distances(single), count), atol=1e-6)


def test_pnma_host_scaled_to_the_volume_of_formamidinium_lead_bromide() -> None:
    built = substitute(PNMA, site="Cs", by="FA", pseudocubic_ang=5.99)
    assert built.volume == pytest.approx(4 * 5.99**3)
    assert built.composition.reduced_formula == substitute(CUBIC, site="Cs", by="FA").composition.reduced_formula
    np.testing.assert_allclose(built.lattice.b / built.lattice.a, PNMA.lattice.b / PNMA.lattice.a)


def test_each_site_its_own_orientation() -> None:
    mixed = substitute(CUBIC, site="Cs", by="FA", orientation=["100", "001"], supercell=(2, 1, 1), pseudocubic_ang=6.1)
    axes = [unit(ion[2].coords - ion[3].coords) for ion in molecules_of(mixed)]
    assert axes[0] @ axes[1] == pytest.approx(0, abs=1e-9)
    with pytest.raises(StructureError, match="3 orientations were given for 2 sites"):
        substitute(CUBIC, site="Cs", by="FA", orientation=["100"] * 3, supercell=(2, 1, 1))


def test_a_second_substitution_goes_on_counting() -> None:
    caesium_and_rubidium = CUBIC.copy().make_supercell((2, 1, 1))
    caesium_and_rubidium.replace(0, "Rb")
    mixed = substitute(substitute(caesium_and_rubidium, site="Cs", by="FA"), site="Rb", by="MA")
    assert mixed.properties["molecule_charges"] == (1, 1)
    assert [len(ion) for ion in molecules_of(mixed)] == [8, 8]


def test_any_molecule_file(tmp_path: Path) -> None:
    (tmp_path / "ammonium.xyz").write_text(
        "5\n\nN 0 0 0\nH .59 .59 .59\nH -.59 -.59 .59\nH -.59 .59 -.59\nH .59 -.59 -.59\n"
    )
    ammonium = load_molecule("ammonium.xyz", base_dir=tmp_path)
    built = substitute(CUBIC, site="Cs", by=ammonium)
    assert built.composition == Composition("NH4PbBr3")
    assert built.properties["molecule_charges"] == (1,)


@pytest.mark.parametrize(
    ("orientation", "pair", "distance_ang"),
    [
        # Along [100] two neighbouring ions meet head on: the outermost H is 2.0231 Å from the middle.
        ("100", ("H", "H"), 5.2 - 2 * 2.0231),
        # Along [110] that H, at (2.0231, 0.3736) Å from the centre of mass, points at the halogen, which lies at
        # a/sqrt(2) along the same axis.
        ("110", ("H", "Cl"), np.hypot(5.2 / 2**0.5 - 2.0231, 0.3736)),
    ],
)
def test_formamidinium_does_not_fit_a_small_chloride(
    orientation: str, pair: tuple[str, str], distance_ang: float
) -> None:
    host = load_shipped("CsPbCl3_Pm-3m").structure
    with pytest.raises(ClashError) as caught:
        substitute(host, site="Cs", by="FA", orientation=orientation, pseudocubic_ang=5.2)
    found = re.fullmatch(r"(\w+) \(atom \d+\) and (\w+) \(atom \d+\) are ([\d.]+) Å apart", caught.value.summary)
    assert found is not None
    assert sorted(found.groups()[:2]) == sorted(pair)
    assert float(found.group(3)) == pytest.approx(distance_ang, abs=2e-3)
    assert f"orientation {orientation}" in caught.value.where


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"site": "K"}, "the ions of the crystal are Br, Cs, Pb"),
        ({"by": "GA"}, "no molecule 'GA'"),
        ({"orientation": "000"}, "no lattice direction"),
        ({"orientation": "12"}, "no lattice direction"),
        ({"orientation": "sideways"}, "no lattice direction"),
        ({"orientation": "100/200"}, "same direction twice"),
        ({"orientation": "100/010/001"}, "more than two"),
        ({"orientation": "random"}, "needs a seed"),
        ({"orientation": "enumerate"}, "enumerate_orientations"),
        ({"supercell": (0, 1, 1)}, "supercell"),
        ({"supercell": (1, 1)}, "supercell"),
        ({"pseudocubic_ang": -5.0}, "pseudocubic_ang"),
        ({"pseudocubic_ang": float("nan")}, "pseudocubic_ang"),
    ],
)
def test_bad_requests(keys: dict, says: str) -> None:
    with pytest.raises(StructureError) as caught:
        substitute(CUBIC, **{"site": "Cs", "by": "FA", **keys})
    assert says in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=12))
def test_any_text_is_an_orientation_or_a_clear_error(text: str) -> None:
    try:
        orientation = parse_orientation(text)
    except StructureError as error:
        assert error.fix  # noqa: PT017
    else:
        rotation = orientation.rotation(np.eye(3))
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1)


@given(long=directions, second=directions)
def test_orientations_survive_their_own_name(long: tuple[int, int, int], second: tuple[int, int, int]) -> None:
    assume(np.any(np.cross(long, second)))
    text = "/".join("".join(map(str, direction)) for direction in (long, second))
    assert str(parse_orientation(text)) == text


@pytest.mark.parametrize(
    ("directions", "count"),
    # The planar ion has the mirrors of mm2, and the cube an inversion: <100> leaves the second axis towards a face or
    # an edge; <110> leaves 001, 1-10 and 1-12; <111> leaves <110> and <112>, six equivalent directions each.
    [("<100>", 2), ("<110>", 3), ("<111>", 2)],
)
def test_distinct_orientations_of_formamidinium_in_a_cube(directions: str, count: int) -> None:
    found = enumerate_orientations(CUBIC, site="Cs", by="FA", directions=directions, pseudocubic_ang=6.3)
    assert len(found) == len({label for label, _ in found}) == count
    matcher = StructureMatcher(primitive_cell=False, scale=False, ltol=0.01, stol=0.02, angle_tol=0.1)
    for k, (_, first) in enumerate(found):
        assert not any(matcher.fit(first, second) for _, second in found[:k])


def test_enumeration_is_complete_in_a_cube() -> None:
    found = enumerate_orientations(CUBIC, site="Cs", by="FA", directions="<100>", pseudocubic_ang=6.3)
    matcher = StructureMatcher(primitive_cell=False, scale=False, ltol=0.01, stol=0.02, angle_tol=0.1)
    for orientation in ("010", "-100/00-1", "001/110", "100/0-11"):
        built = substitute(CUBIC, site="Cs", by="FA", orientation=orientation, pseudocubic_ang=6.3)
        assert sum(matcher.fit(built, kept) for _, kept in found) == 1


def test_lower_symmetry_keeps_more_orientations_and_labels_are_reproducible() -> None:
    cubic = enumerate_orientations(CUBIC, site="Cs", by="FA", pseudocubic_ang=6.4)
    orthorhombic = enumerate_orientations(PNMA, site="Cs", by="FA", pseudocubic_ang=6.4)
    assert len(orthorhombic) > len(cubic)
    label, structure = orthorhombic[-1]
    again = substitute(PNMA, site="Cs", by="FA", orientation=label, pseudocubic_ang=6.4)
    np.testing.assert_allclose(again.cart_coords, structure.cart_coords, atol=1e-12)


def test_unknown_family() -> None:
    with pytest.raises(StructureError, match="family"):
        enumerate_orientations(CUBIC, site="Cs", by="FA", directions="100")


def test_enumeration_says_which_orientation_does_not_fit() -> None:
    host = load_shipped("CsPbCl3_Pm-3m").structure
    with pytest.raises(ClashError) as caught:
        enumerate_orientations(host, site="Cs", by="FA", pseudocubic_ang=5.0)
    assert "orientation 100/" in caught.value.where


def test_a_linear_molecule_has_one_orientation() -> None:
    positions = np.array([[0.37, 0, 0], [-0.37, 0, 0]])
    dimer = Molecule(name="H2", symbols=("H", "H"), positions_ang=positions, charge=0, source="")
    assert len(enumerate_orientations(CUBIC, site="Cs", by=dimer, directions="<100>")) == 1
    assert len(point_operations(CUBIC)) == 48


@pytest.mark.parametrize("supercell", [(20, 20, 20), (100, 100, 100), (10**30, 1, 1)])
def test_a_supercell_beyond_sense_is_refused_before_it_is_made(supercell: tuple[int, int, int]) -> None:
    with pytest.raises(StructureError, match="the limit is 10000"):
        substitute(CUBIC, site="Cs", by="FA", supercell=supercell)


def test_the_atoms_of_the_molecules_count() -> None:
    """9^3 cells of CsPbBr3 hold 3645 atoms, and 8748 with formamidinium; 10^3 would hold 5000, and 12000."""
    with pytest.raises(StructureError, match="would hold 12000 atoms"):
        substitute(CUBIC, site="Cs", by="FA", supercell=(10, 10, 10))


@pytest.mark.parametrize("length", [1e300, float("inf"), float("nan"), 0.0, 1e-9])
def test_a_scale_beyond_sense_is_refused(length: float) -> None:
    with pytest.raises(StructureError, match="from 1 to 100 Å"):
        substitute(CUBIC, site="Cs", by="FA", pseudocubic_ang=length)


def test_a_direction_of_many_digits_is_none() -> None:
    with pytest.raises(StructureError, match="no lattice direction"):
        parse_orientation(f"{'9' * 400} 1 0")
