"""Orderings against the lemma of Burnside and Cauchy, worked out with operations that are written down here."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product
from math import comb, factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.crystals.orderings import (
    Frame,
    MixedSites,
    alike_turned,
    distinct_orderings,
    orbit_of_arrangement,
    site_permutations,
)
from dftflow.errors import StructureError

Repeats = tuple[int, int, int]
CUBE = Frame(cell_ang=4.0 * np.eye(3), frac=np.zeros((1, 3)), kinds=(55,))


def places(repeats: Repeats) -> np.ndarray:
    return np.array([np.array(step) / repeats for step in product(*(range(n) for n in repeats))])


def cubic_sites(repeats: Repeats, *contents: int, frame: Frame = CUBE) -> MixedSites:
    frac = places(repeats)
    return MixedSites(
        cell_ang=frame.cell_ang * np.array(repeats)[:, None],
        frac=frac,
        sublattice=(0,) * len(frac),
        contents=(contents,),
        permutations=site_permutations(frame, repeats, frac),
    )


def all_operations(repeats: Repeats) -> list[list[tuple[int, ...]]]:
    """Images of all sites of a simple cubic supercell under signed permutations of the axes and translations."""
    sites = list(product(*(range(n) for n in repeats)))
    found = []
    for axes in permutations(range(3)):
        if tuple(repeats[axis] for axis in axes) != repeats:
            continue
        for signs in product((1, -1), repeat=3):
            for step in sites:
                found.append(
                    [
                        tuple((sign * site[axis] + shift) % n
                              for sign, axis, shift, n in zip(signs, axes, step, repeats, strict=True))
                        for site in sites
                    ]
                )  # fmt: skip
    return found


def by_burnside(repeats: Repeats, chosen: int) -> int:
    """Mean number of arrangements that an operation leaves as they are, from its cycles."""
    sites = list(product(*(range(n) for n in repeats)))
    total, operations = 0, all_operations(repeats)
    for images in operations:
        to = dict(zip(sites, images, strict=True))
        polynomial = Counter({0: 1})  # product over the cycles of (1 + x^length)
        left = set(sites)
        while left:
            start = here = next(iter(left))
            length = 0
            while here in left:
                left.remove(here)
                here, length = to[here], length + 1
            polynomial = polynomial + Counter({power + length: n for power, n in polynomial.items()})
            assert start == here
        total += polynomial[chosen]
    assert total % len(operations) == 0
    return total // len(operations)


@pytest.mark.parametrize("repeats", [(2, 2, 2), (2, 2, 3), (1, 2, 4), (3, 3, 1), (2, 2, 4)])
def test_numbers_of_orderings_in_simple_cubic_supercells(repeats: Repeats) -> None:
    size = prod(repeats)
    for chosen in range(1, min(size, 6)):
        orbits = list(distinct_orderings(cubic_sites(repeats, size - chosen, chosen)))
        assert len(orbits) == by_burnside(repeats, chosen)
        assert sum(orbit.degeneracy for orbit in orbits) == comb(size, chosen)
        assert all(sum(orbit.occupants) == chosen for orbit in orbits)


def test_the_six_ways_to_colour_half_the_corners_of_a_cube() -> None:
    """Of 70, by rotations and reflections: 6 (with rotations alone 7), of sizes that are known."""
    orbits = list(distinct_orderings(cubic_sites((2, 2, 2), 4, 4)))
    assert len(orbits) == by_burnside((2, 2, 2), 4) == 6
    # a face 6; two opposite edges 6; a corner with its neighbours 8; a zigzag of three edges 24; three corners of a
    # face with one that is off 24; the corners of a tetrahedron 2
    assert sorted(orbit.degeneracy for orbit in orbits) == [2, 6, 6, 8, 24, 24]


def test_three_kinds_of_ions() -> None:
    sites = cubic_sites((2, 2, 2), 4, 2, 2)
    orbits = list(distinct_orderings(sites))
    assert sum(orbit.degeneracy for orbit in orbits) == sites.arrangements == factorial(8) // factorial(4) // 4
    assert all(Counter(orbit.occupants) == {0: 4, 1: 2, 2: 2} for orbit in orbits)


def test_two_sublattices_are_ordered_together() -> None:
    """Corners and centres of a doubled CsCl cell, one of the two exchanged on either: 4 arrangements, 1 ordering."""
    frame = Frame(cell_ang=4.0 * np.eye(3), frac=np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), kinds=(1, 2))
    frac = np.array([[0, 0, 0], [0, 0, 0.5], [0.5, 0.5, 0.25], [0.5, 0.5, 0.75]])
    sites = MixedSites(
        cell_ang=np.diag([4.0, 4.0, 8.0]),
        frac=frac,
        sublattice=(0, 0, 1, 1),
        contents=((1, 1), (1, 1)),
        permutations=site_permutations(frame, (1, 1, 2), frac),
    )
    (orbit,) = distinct_orderings(sites)
    assert orbit.degeneracy == sites.arrangements == 4


@settings(max_examples=30, deadline=None)
@given(data=st.data(), repeats=st.sampled_from([(2, 2, 2), (1, 2, 3), (2, 2, 3)]))
def test_an_arrangement_and_its_images_are_one_ordering(data: st.DataObject, repeats: Repeats) -> None:
    size = prod(repeats)
    sites = cubic_sites(repeats, size - 2, 2)
    one = np.array(data.draw(st.permutations([0] * (size - 2) + [1, 1])), dtype=np.uint8)
    orbit = orbit_of_arrangement(one, sites)
    numbers = {site: k for k, site in enumerate(product(*(range(n) for n in repeats)))}
    images = data.draw(st.sampled_from(all_operations(repeats)))
    moved = np.empty_like(one)
    moved[[numbers[image] for image in images]] = one
    assert orbit_of_arrangement(moved, sites) == orbit
    assert orbit in list(distinct_orderings(sites))


def test_a_molecule_that_points_lowers_the_symmetry_of_the_sites() -> None:
    """A rod along [100] leaves of m-3m what keeps that axis: 16 of 48; an arrow 8. They can point in 3 and 6 ways."""
    rod = (np.array([[1.0, 0, 0], [-1.0, 0, 0]]), (1, 1))
    arrow = (rod[0], (1, 9))
    for rigid, ways in ((rod, 3), (arrow, 6)):
        frame = Frame(cell_ang=CUBE.cell_ang, frac=CUBE.frac, kinds=CUBE.kinds, rigid=(rigid,))
        assert alike_turned(frame, (1, 1, 1)) == ways
    frame = Frame(cell_ang=CUBE.cell_ang, frac=CUBE.frac, kinds=CUBE.kinds, rigid=(rod,))
    plain = len(list(distinct_orderings(cubic_sites((2, 2, 2), 6, 2))))
    pointing = list(distinct_orderings(cubic_sites((2, 2, 2), 6, 2, frame=frame)))
    # pairs along an edge, a face diagonal and a body diagonal; the first two now lie along the rod or across it
    assert (plain, len(pointing)) == (3, 5)
    assert sorted(orbit.degeneracy for orbit in pointing) == [4, 4, 4, 8, 8]


def test_a_site_that_is_carried_to_no_site_is_refused() -> None:
    with pytest.raises(StructureError, match="to a place that is none"):
        site_permutations(CUBE, (1, 1, 1), np.array([[0.1, 0.2, 0.3]]))
