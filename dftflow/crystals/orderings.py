"""Orderings of a mixture on the sites of a cell: which are one by symmetry, and how many of each there are.

Two arrangements of the same ions on the same sites are one ordering when an operation of the crystal takes one into the
other (orbits of the permutations that the space group makes of the sites). No library is asked: those that enumerate
(enumlib, icet) choose the cells themselves and have to be compiled, and this takes the cell that is calculated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from math import comb, prod
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

from dftflow.crystals.symmetry import FROM_SYMPREC, SYMPREC_ANG, spglib_dataset
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Frame",
    "MixedSites",
    "Orbit",
    "alike_turned",
    "distinct_orderings",
    "orbit_of_arrangement",
    "site_permutations",
]

SAME_SITE = 1e-2
"""Of two fractional coordinates in a unit cell."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Frame:
    """What decides which sites of a cell are alike: the unit cell before it is repeated, and what sits in it.

    Attributes
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    frac, kinds
        shape (n_atoms, 3) and one number an atom; atoms are alike when their numbers are.
    rigid
        Molecules that come to lie on mixed sites, all turned alike: shapes (n, 3) about the site, in Å, with a number
        an atom. An operation that turns one of them into something else is none of the mixture.
    """

    cell_ang: NDArray[np.float64]
    frac: NDArray[np.float64]
    kinds: tuple[int, ...]
    rigid: tuple[tuple[NDArray[np.float64], tuple[int, ...]], ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class MixedSites:
    """The sites of a cell that a mixture is on.

    Attributes
    ----------
    cell_ang
        shape (3, 3).
    frac
        shape (n, 3).
    sublattice
        Number of the sublattice of each site, from 0.
    contents
        Of each sublattice how many of its sites each occupant takes.
    permutations
        shape (n_operations, n): where each operation of the crystal takes each site.
    """

    cell_ang: NDArray[np.float64]
    frac: NDArray[np.float64]
    sublattice: tuple[int, ...]
    contents: tuple[tuple[int, ...], ...]
    permutations: NDArray[np.int64]

    @cached_property
    def members(self) -> tuple[NDArray[np.int64], ...]:
        """Sites of each sublattice."""
        return tuple(np.flatnonzero(np.array(self.sublattice) == k) for k in range(len(self.contents)))

    @cached_property
    def arrangements(self) -> int:
        """How many ways there are to put the occupants on the sites, as if all sites were different."""
        return prod(_multinomial(counts) for counts in self.contents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit:
    """Arrangements that are one ordering.

    Attributes
    ----------
    occupants
        Number of the occupant of each site, from 0: the first of them in the order of these numbers.
    degeneracy
        How many arrangements there are of it.
    """

    occupants: tuple[int, ...]
    degeneracy: int


def _multinomial(counts: Sequence[int]) -> int:
    left, ways = sum(counts), 1
    for count in counts:
        ways *= comb(left, count)
        left -= count
    return ways


def distinct_orderings(sites: MixedSites) -> Iterator[Orbit]:
    """Every ordering once; the degeneracies add up to `MixedSites.arrangements`."""
    seen: set[bytes] = set()
    for arrangement in _all_arrangements(sites):
        if arrangement.tobytes() not in seen:
            images = _images(arrangement, sites)
            seen |= images
            yield _orbit(images)


def orbit_of_arrangement(occupants: NDArray[np.uint8], sites: MixedSites) -> Orbit:
    """The ordering that one arrangement is of."""
    return _orbit(_images(occupants, sites))


def _orbit(images: set[bytes]) -> Orbit:
    return Orbit(occupants=tuple(min(images)), degeneracy=len(images))


def _images(arrangement: NDArray[np.uint8], sites: MixedSites) -> set[bytes]:
    images = np.ascontiguousarray(arrangement[sites.permutations])
    return {image.tobytes() for image in images}


def _all_arrangements(sites: MixedSites) -> Iterator[NDArray[np.uint8]]:
    whole = np.zeros(len(sites.frac), dtype=np.uint8)
    for parts in product(*(tuple(_multisets(counts)) for counts in sites.contents)):
        for members, part in zip(sites.members, parts, strict=True):
            whole[members] = part
        yield whole.copy()


def _multisets(counts: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
    """Every order of counts[0] noughts, counts[1] ones and so on."""
    last = len(counts) - 1
    size = sum(counts)
    if last == 0:
        yield np.zeros(size, dtype=np.uint8)
        return
    for chosen in combinations(range(size), counts[last]):
        rest = np.delete(np.arange(size), chosen)
        for part in _multisets(counts[:last]):
            whole = np.full(size, last, dtype=np.uint8)
            whole[rest] = part
            yield whole


def site_permutations(
    frame: Frame, repeats: tuple[int, int, int], frac: NDArray[np.float64], *, symprec_ang: float = SYMPREC_ANG
) -> NDArray[np.int64]:
    """Where the operations of a crystal take sites of a supercell of it, shape (n_operations, n_sites).

    Parameters
    ----------
    frame
        The unit cell.
    repeats
        Of it along its lattice vectors.
    frac
        shape (n_sites, 3); in the supercell.

    Raises
    ------
    StructureError
        When no symmetry is found, or an operation takes a site to none.
    """
    size = np.array(repeats)
    tree = cKDTree(_folded(frac), boxsize=1.0)
    kept = [(r, t) for r, t in _operations(frame, repeats, symprec_ang) if _keeps(frame, r)]
    steps = [np.array(step) / size for step in product(*(range(n) for n in repeats))]
    turns = np.array([_permutation(frac @ _of_supercell(r, size).T + t / size, tree) for r, t in kept])
    moves = np.array([_permutation(frac + step, tree) for step in steps])
    return np.unique(moves[:, turns].reshape(-1, len(frac)), axis=0)


def alike_turned(frame: Frame, repeats: tuple[int, int, int], *, symprec_ang: float = SYMPREC_ANG) -> int:
    """How many ways of turning the molecules of `Frame.rigid` the crystal without them does not tell apart."""
    turns = {r.tobytes(): r for r, _ in _operations(frame, repeats, symprec_ang)}
    return len(turns) // sum(_keeps(frame, r) for r in turns.values())


def _operations(
    frame: Frame, repeats: tuple[int, int, int], symprec_ang: float
) -> list[tuple[NDArray[np.int32], NDArray[np.float64]]]:
    """Rotations and translations of the unit cell that the lattice of the supercell has too."""
    data = spglib_dataset(
        frame.cell_ang, frame.frac, frame.kinds, symprec_ang=symprec_ang, angle_tolerance_deg=FROM_SYMPREC
    )
    if data is None:
        raise StructureError(
            "the symmetry of the sites was not found",
            reason=f"spglib gave up at a tolerance of {symprec_ang} Å",
            fix="look at the shortest distances of the crystal",
        )
    size = np.array(repeats)
    pairs = zip(data.rotations, data.translations, strict=True)
    return [(r, t) for r, t in pairs if np.array_equal(turned := _of_supercell(r, size), np.rint(turned))]


def _of_supercell(rotation: NDArray[np.int32], size: NDArray[np.int64]) -> NDArray[np.float64]:
    """The rotation in the basis of the supercell."""
    return np.asarray(rotation * size[None, :] / size[:, None], dtype=np.float64)


def _keeps(frame: Frame, rotation: NDArray[np.int32]) -> bool:
    """Whether the molecules that are put in are their own images."""
    to_cart = frame.cell_ang.T
    cartesian = to_cart @ rotation @ np.linalg.inv(to_cart)
    for offsets, kinds in frame.rigid:
        apart = np.linalg.norm((offsets @ cartesian.T)[:, None] - offsets[None], axis=2)
        alike = np.array(kinds)[:, None] == np.array(kinds)[None]
        if not np.all(np.any((apart < SAME_SITE) & alike, axis=1)):
            return False
    return True


def _folded(frac: NDArray[np.float64]) -> NDArray[np.float64]:
    folded = np.asarray(frac % 1.0, dtype=np.float64)
    folded[folded >= 1.0] = 0.0
    return folded


def _permutation(images: NDArray[np.float64], tree: cKDTree) -> NDArray[np.int64]:
    far, found = tree.query(_folded(images))
    if far.max() > SAME_SITE or len(set(found.tolist())) != len(found):
        raise StructureError(
            "an operation of the crystal takes a mixed site to a place that is none",
            reason="molecules on sites that are alike by symmetry have their centres in different places",
            fix="start from the crystal with atoms on these sites, and put the molecules there",
        )
    return np.asarray(found, dtype=np.int64)
