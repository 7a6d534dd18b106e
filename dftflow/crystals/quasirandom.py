"""How random the pairs of an ordered mixture are, and the ordering in which they are most so.

A special quasirandom cell (10.1103/PhysRevLett.65.353) has the pairs of the random mixture as nearly as its sites
allow. Where all orderings of the cell can be listed the best one is known; elsewhere exchanges of two ions look for
it. It is searched here and not by sqsgenerator 0.5: that draws arrangements at random (of 32 in 64 sites of a simple
cubic lattice 100,000 draws leave an error where exchanges leave none), by a sequence that its C++ library makes, which
is another one on another platform, and knows neither the degeneracies nor which orderings are one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.orderings import MixedSites

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SHELLS", "Pairs", "correlation_errors", "pairs_of", "searched", "shuffled"]

SHELLS = 3
"""Of neighbours on a sublattice, the nearest ones."""

SHELL_WIDTH = 1.08
"""A shell ends where a distance is longer than its first by this factor; the nearest shells of lattices are apart by
more (1.10 and above), and those that a distortion splits by less."""

STEPS_A_SITE, MOST_STEPS = 150, 12_000
FIRST_THRESHOLD = 0.05
NO_ERROR = 1e-9


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Pairs:
    """One shell of neighbours between two sublattices, or on one.

    Attributes
    ----------
    first, second
        Numbers of the sublattices.
    distance_ang
        The shortest of the shell.
    counts
        shape (n_first, n_second): how many images of the second site are in the shell around the first.
    """

    first: int
    second: int
    distance_ang: float
    counts: NDArray[np.float64]


def pairs_of(sites: MixedSites) -> tuple[Pairs, ...]:
    """The `SHELLS` nearest shells on each sublattice and between each two; images of a site itself count."""
    return tuple(
        pairs
        for first, second in combinations_with_replacement(range(len(sites.contents)), 2)
        for pairs in _shells(sites, first, second)
    )


def _shells(sites: MixedSites, first: int, second: int) -> list[Pairs]:
    here, there = sites.members[first], sites.members[second]
    reach = 1.5 * (abs(np.linalg.det(sites.cell_ang)) / len(there)) ** (1 / 3)
    while True:
        row, column, far = _within(sites, here, there, reach)
        starts = _starts(far)
        if len(starts) > SHELLS:
            break
        reach *= 1.4
    found = []
    for start, end in pairwise(starts[: SHELLS + 1]):
        counts = np.zeros((len(here), len(there)))
        inside = (far >= start) & (far < end)
        np.add.at(counts, (row[inside], column[inside]), 1.0)
        found.append(Pairs(first=first, second=second, distance_ang=float(start), counts=counts))
    return found


def _within(
    sites: MixedSites, here: NDArray[np.int64], there: NDArray[np.int64], reach_ang: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows of `here` and of `there`, and their distances up to `reach_ang`, every image but the site itself counted."""
    from pymatgen.core import Lattice, Structure

    folded = sites.frac % 1.0
    crystal = Structure(Lattice(sites.cell_ang), ["H"] * len(folded), folded)
    first, second, _, distance = crystal.get_neighbor_list(reach_ang, exclude_self=True)
    wanted = np.isin(first, here) & np.isin(second, there)
    row, column = (np.searchsorted(*pair).astype(np.int64) for pair in ((here, first[wanted]), (there, second[wanted])))
    return row, column, np.asarray(np.round(distance[wanted], 4), dtype=np.float64)


def _starts(distances_ang: NDArray[np.float64]) -> list[float]:
    """The first distance of each shell."""
    starts: list[float] = []
    for distance in np.unique(distances_ang).tolist():
        if not starts or distance > SHELL_WIDTH * starts[-1]:
            starts.append(distance)
    return starts


def correlation_errors(occupants: NDArray[np.uint8], sites: MixedSites, pairs: Sequence[Pairs]) -> NDArray[np.float64]:
    """How far the pairs of arrangements are from those of the random mixture, mean over the shells, shape (n,).

    Of a shell it is half the sum of abs(p(A, B) - x(A) x(B)) over all kinds of pairs, in units of what full
    segregation gives: of two kinds of ions on one sublattice the magnitude of the short-range order parameter of
    Warren and Cowley (10.1103/PhysRev.77.669), 0 for the random mixture.

    Parameters
    ----------
    occupants
        shape (n, n_sites).
    """
    kinds = [
        (occupants[:, members, None] == np.arange(len(counts))).astype(np.float64)
        for members, counts in zip(sites.members, sites.contents, strict=True)
    ]
    shares = [np.array(counts) / sum(counts) for counts in sites.contents]
    width = [float(share @ (1.0 - share)) for share in shares]
    total = np.zeros(len(occupants))
    for shell in pairs:
        found = np.einsum("nia,nib->nab", kinds[shell.first], shell.counts @ kinds[shell.second])
        random_pairs = np.outer(shares[shell.first], shares[shell.second])
        off = np.abs(found / shell.counts.sum() - random_pairs).sum(axis=(1, 2)) / 2
        total += off / np.sqrt(width[shell.first] * width[shell.second])
    return np.asarray(np.round(total / len(pairs), 9), dtype=np.float64)


def shuffled(sites: MixedSites, seed: int) -> NDArray[np.uint8]:
    """An arrangement drawn evenly from all, the same one for the same `seed` everywhere.

    Python promises the sequence of `random.Random.random` for all its versions; numpy promises none of the kind.
    """
    return _shuffled(sites, random.Random(seed))


def _shuffled(sites: MixedSites, rng: random.Random) -> NDArray[np.uint8]:
    whole = np.zeros(len(sites.frac), dtype=np.uint8)
    for members, counts in zip(sites.members, sites.contents, strict=True):
        drawn = [kind for kind, count in enumerate(counts) for _ in range(count)]
        for k in range(len(drawn) - 1, 0, -1):
            j = int(rng.random() * (k + 1))
            drawn[k], drawn[j] = drawn[j], drawn[k]
        whole[members] = drawn
    return whole


def searched(sites: MixedSites, pairs: Sequence[Pairs], seed: int) -> NDArray[np.uint8]:
    """The best arrangement that exchanges of two ions have found, beginning with `shuffled`.

    An exchange is taken when it makes the error larger by less than a threshold that falls to 0 (threshold accepting,
    10.1016/0021-9991(90)90201-B).
    """
    rng = random.Random(seed)
    here = _shuffled(sites, rng)
    error = float(correlation_errors(here[None], sites, pairs)[0])
    best, least = here.copy(), error
    steps = min(STEPS_A_SITE * len(here), MOST_STEPS)
    for step in range(steps):
        if least < NO_ERROR:
            break
        first, second = _exchange(here, sites, rng)
        here[[first, second]] = here[[second, first]]
        changed = float(correlation_errors(here[None], sites, pairs)[0])
        if changed > error + FIRST_THRESHOLD * (1 - step / steps):
            here[[first, second]] = here[[second, first]]
            continue
        error = changed
        if error < least:
            best, least = here.copy(), error
    return best


def _exchange(here: NDArray[np.uint8], sites: MixedSites, rng: random.Random) -> tuple[int, int]:
    """Two sites of one sublattice with different ions."""
    first = int(rng.random() * len(here))
    members = sites.members[sites.sublattice[first]]
    others = members[here[members] != here[first]]
    return first, int(others[int(rng.random() * len(others))])
