"""Pairs of ordered cells against textbook orderings and published special quasirandom structures."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.disorder import get_warren_cowley_parameters
from pymatgen.core import Structure

from dftflow.crystals.ordering_choice import listed_orderings, ordering_of
from dftflow.crystals.orderings import Frame, MixedSites, site_permutations
from dftflow.crystals.quasirandom import correlation_errors, pairs_of, searched, shuffled
from dftflow.errors import StructureError


def mixed(cell: np.ndarray, cartesian: np.ndarray, occupants: list[int]) -> MixedSites:
    """Sites on which nothing is known to be alike."""
    return MixedSites(
        cell_ang=cell,
        frac=cartesian @ np.linalg.inv(cell),
        sublattice=(0,) * len(occupants),
        contents=(tuple(np.bincount(occupants).tolist()),),
        permutations=np.arange(len(occupants))[None],
    )


def cubic(repeats: tuple[int, int, int], *contents: int) -> MixedSites:
    frame = Frame(cell_ang=4.0 * np.eye(3), frac=np.zeros((1, 3)), kinds=(55,))
    frac = np.array([np.array(step) / repeats for step in product(*(range(n) for n in repeats))])
    return MixedSites(
        cell_ang=4.0 * np.diag(repeats).astype(float),
        frac=frac,
        sublattice=(0,) * len(frac),
        contents=(contents,),
        permutations=site_permutations(frame, repeats, frac),
    )


def shells(sites: MixedSites, occupants: list[int]) -> list[float]:
    """Error of each shell by itself."""
    row = np.array([occupants], dtype=np.uint8)
    return [float(correlation_errors(row, sites, [pairs])[0]) for pairs in pairs_of(sites)]


CONVENTIONAL = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


@pytest.mark.parametrize(
    ("name", "cell", "places", "occupants", "alpha"),
    [
        # Warren-Cowley parameters of the nearest shells, textbook values (e.g. 10.1103/PhysRev.77.669)
        ("L1_0", np.eye(3), CONVENTIONAL, [0, 1, 1, 0], [-1 / 3, 1.0, -1 / 3]),
        ("L1_2", np.eye(3), CONVENTIONAL, [0, 1, 0, 0], [-1 / 3, 1.0, -1 / 3]),
        ("L1_1", np.array([[0.5, -0.5, 0], [0, 0.5, -0.5], [1, 1, 0]]), np.array([[0, 0, 0], [0.5, 0.5, 0]]), [0, 1],
         [0.0, -1.0, 0.0]),
        ("CsCl", np.eye(3), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), [0, 1], [-1.0, 1.0, 1.0]),
        ("rock salt of a simple cube", 2 * np.eye(3), np.array(list(product((0, 1), repeat=3)), dtype=float),
         [0, 1, 1, 0, 1, 0, 0, 1], [-1.0, 1.0, -1.0]),
    ],
)  # fmt: skip
def test_textbook_orderings(
    name: str, cell: np.ndarray, places: np.ndarray, occupants: list[int], alpha: list[float]
) -> None:
    assert shells(mixed(cell, places, occupants), occupants) == pytest.approx(np.abs(alpha), abs=1e-8), name


def layered(sequence: str) -> tuple[MixedSites, list[int]]:
    """fcc with one ion a layer along [113], in the order of the letters: layers are (113) planes, a plane apart."""
    normal = np.array([-1, 1, 3])
    points = [np.array(p) / 2 for p in product(range(-6, 7), repeat=3) if sum(p) % 2 == 0]
    height = {tuple(p): round(float(2 * normal @ p)) for p in points}
    unit = min(h for h in height.values() if h > 0)
    in_plane = sorted((p for p in points if height[tuple(p)] == 0 and p.any()), key=np.linalg.norm)
    a = in_plane[0]
    b = next(p for p in in_plane if np.linalg.norm(np.cross(a, p)) > 1e-9)
    up = min((p for p in points if height[tuple(p)] == unit), key=np.linalg.norm)
    cell = np.array([a, b, len(sequence) * up])
    assert abs(np.linalg.det(cell)) == pytest.approx(len(sequence) / 4)
    occupants = ["AB".index(letter) for letter in sequence]
    return mixed(cell, np.array([n * up for n in range(len(sequence))]), occupants), occupants


def test_the_special_quasirandom_structure_of_eight_fcc_atoms() -> None:
    """A2 B3 A2 B1 along [113]: pairs of the three nearest shells 0, 0, 1/24 (10.1103/PhysRevB.42.9622)."""
    sites, occupants = layered("AABBBAAB")
    assert shells(sites, occupants) == pytest.approx([0.0, 0.0, 1 / 24], abs=1e-8)


def test_the_error_is_that_of_short_range_order_as_pymatgen_has_it() -> None:
    rng = np.random.default_rng(3)
    sites = cubic((3, 3, 3), 18, 9)
    occupants = rng.permutation([0] * 18 + [1] * 9).tolist()
    crystal = Structure(sites.cell_ang, ["Cs" if o == 0 else "Rb" for o in occupants], sites.frac)
    expected = []
    for far in (4.0, 4.0 * 2**0.5, 4.0 * 3**0.5):
        alpha = get_warren_cowley_parameters(crystal, r=far, dr=0.1)
        expected.append(abs(next(v for (a, b), v in alpha.items() if a != b)))
    assert shells(sites, occupants) == pytest.approx(expected, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**40), contents=st.sampled_from([(8, 4), (6, 6), (6, 4, 2), (4, 4, 4)]))
def test_errors_lie_between_random_and_segregated_and_know_no_symmetry(seed: int, contents: tuple[int, ...]) -> None:
    sites = cubic((2, 2, 3), *contents)
    drawn = shuffled(sites, seed)
    assert np.bincount(drawn).tolist() == list(contents)
    images = drawn[sites.permutations]
    errors = correlation_errors(images, sites, pairs_of(sites))
    assert np.ptp(errors) < 1e-8
    assert 0 <= errors[0] <= 1 + 1e-9


def test_full_segregation_is_one() -> None:
    """Two halves of a long rod, seen in the shells that lie across it, and one shell along it with two borders."""
    sites = cubic((1, 1, 20), 10, 10)
    occupants = [0] * 10 + [1] * 10
    # of the 6 neighbours 4 are images, all alike; of the 2 along the rod 18 of 20 pairs are: alpha (4 + 2 * 0.8) / 6
    assert shells(sites, occupants)[0] == pytest.approx((4 + 2 * 0.8) / 6)


def test_random_draws_have_every_ordering_as_often_as_it_has_arrangements() -> None:
    sites = cubic((1, 1, 4), 2, 2)  # alternating 2 of 6, in pairs 4 of 6
    numbers = [ordering_of(sites, "random", seed).degeneracy for seed in range(600)]
    assert set(numbers) == {2, 4}
    assert numbers.count(4) / 600 == pytest.approx(2 / 3, abs=4 * (2 / 9 / 600) ** 0.5)


def test_the_sequence_of_a_seed_is_the_same_everywhere() -> None:
    """Python gives 0.1344, 0.8474, 0.7638 ... for the seed 1 in every version: positions 7, 6, 5 of 8 and on."""
    drawn = [0, 0, 0, 0, 1, 1, 1, 1]
    uniform = [0.13436424411240122, 0.8474337369372327, 0.763774618976614, 0.2550690257394217, 0.49543508709194095,
               0.4494910647887381, 0.651592972722763]  # fmt: skip
    for k, number in zip(range(7, 0, -1), uniform, strict=True):
        j = int(number * (k + 1))
        drawn[k], drawn[j] = drawn[j], drawn[k]
    assert shuffled(cubic((2, 2, 2), 4, 4), 1).tolist() == drawn


def test_the_most_random_one_of_a_list_is_taken_and_seeds_go_through_those_that_are_alike() -> None:
    sites = cubic((2, 2, 4), 8, 8)
    every = listed_orderings(sites)
    assert [one.number for one in every] == list(range(1, len(every) + 1))
    assert sum(one.degeneracy for one in every) == 12870
    least = min(one.correlation_error for one in every)
    alike = every[0].alike
    assert alike is not None
    assert alike > 1
    taken = [ordering_of(sites, "quasirandom", seed) for seed in range(alike + 1)]
    assert all(one.correlation_error == least for one in taken)
    assert len({one.occupants for one in taken[:alike]}) == alike
    assert taken[0] == taken[alike]
    assert ordering_of(sites, 5, None).occupants == every[4].occupants


def test_exchanges_find_cells_without_an_error_in_the_three_nearest_shells() -> None:
    sites = cubic((4, 4, 4), 32, 32)
    found = [searched(sites, pairs_of(sites), seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    for one in found:
        assert np.bincount(one).tolist() == [32, 32]
        assert correlation_errors(one[None], sites, pairs_of(sites))[0] == 0
    ordering = ordering_of(sites, "quasirandom", 1)
    assert (ordering.distinct, ordering.correlation_error) == (None, 0.0)
    assert len(sites.permutations) % ordering.degeneracy == 0


@pytest.mark.parametrize(
    ("asked", "seed", "says"),
    [("best", 1, "no ordering 'best'"), ("random", None, "needs a seed"), (0, 1, "from 1 to 6"), (7, 1, "from 1 to 6")],
)
def test_what_is_no_ordering(asked: str | int, seed: int | None, says: str) -> None:
    with pytest.raises(StructureError) as caught:
        ordering_of(cubic((2, 2, 2), 4, 4), asked, seed)
    assert says in str(caught.value)


def test_too_many_to_list() -> None:
    with pytest.raises(StructureError, match="arrangements of the ions"):
        listed_orderings(cubic((4, 4, 4), 32, 32))
