"""Which ordering of a mixture is calculated: the most random one, one drawn at random, or one of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from dftflow.crystals.orderings import MixedSites, Orbit, distinct_orderings, orbit_of_arrangement
from dftflow.crystals.quasirandom import NO_ERROR, correlation_errors, pairs_of, searched, shuffled
from dftflow.errors import StructureError

__all__ = ["MOST_LISTED", "QUASIRANDOM", "RANDOM", "Ordering", "listed_orderings", "ordering_of"]

QUASIRANDOM, RANDOM = "quasirandom", "random"
MOST_LISTED = 50_000
"""Arrangements of a cell whose orderings are listed; it takes a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """An ordering of a mixture.

    Attributes
    ----------
    occupants
        Number of the occupant of each mixed site, from 0.
    degeneracy, arrangements
        How many arrangements of the ions are this ordering, of how many in all.
    correlation_error
        See `dftflow.crystals.quasirandom.correlation_errors`.
    number, distinct
        Its place in the list of all orderings, from 1, the most random ones first, and how many there are; None where
        there are too many to list.
    alike
        How many orderings have pairs that are as random.
    asked
        ``"quasirandom"``, ``"random"``, or the number.
    """

    occupants: tuple[int, ...]
    degeneracy: int
    arrangements: int
    correlation_error: float
    number: int | None = None
    distinct: int | None = None
    alike: int | None = None
    asked: str | int = QUASIRANDOM

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without the occupants."""
        plain = asdict(self)
        del plain["occupants"]
        return plain


def listed_orderings(sites: MixedSites) -> tuple[Ordering, ...]:
    """All of them, the most random ones first.

    Raises
    ------
    StructureError
        For more than `MOST_LISTED` arrangements.
    """
    if sites.arrangements > MOST_LISTED:
        raise StructureError(
            f"there are {sites.arrangements} arrangements of the ions in this cell",
            reason=f"orderings are listed of cells with at most {MOST_LISTED}",
            fix='choose a smaller supercell, or ordering = "quasirandom" or "random", with a seed',
        )
    orbits = list(distinct_orderings(sites))
    errors = _errors(orbits, sites)
    order = sorted(range(len(orbits)), key=lambda k: (errors[k], orbits[k].occupants))
    return tuple(
        Ordering(
            occupants=orbits[k].occupants,
            degeneracy=orbits[k].degeneracy,
            arrangements=sites.arrangements,
            correlation_error=errors[k],
            number=place,
            distinct=len(orbits),
            alike=errors.count(errors[k]),
            asked=place,
        )
        for place, k in enumerate(order, 1)
    )


def ordering_of(sites: MixedSites, asked: str | int, seed: int | None) -> Ordering:
    """The ordering that is asked for.

    Parameters
    ----------
    asked
        ``"quasirandom"``: the pairs as random as they can be; of orderings that are equally so, `seed` takes one after
        the other. ``"random"``: drawn evenly from all arrangements by `seed`. A number of `listed_orderings`.

    Raises
    ------
    StructureError
        For anything else, a number beyond the last, and a random one without a seed.
    """
    if isinstance(asked, int):
        return _numbered(listed_orderings(sites), asked)
    if asked not in (QUASIRANDOM, RANDOM):
        raise StructureError(
            f"there is no ordering {asked!r}",
            fix=f'choose "{QUASIRANDOM}", "{RANDOM}", or the number of one, from 1',
        )
    if asked == RANDOM and seed is None:
        raise StructureError("a random ordering needs a seed", fix="give a whole number, e.g. seed = 1")
    if asked == RANDOM:
        return _told(orbit_of_arrangement(shuffled(sites, seed or 0), sites), sites, RANDOM)
    if sites.arrangements > MOST_LISTED:
        found = searched(sites, pairs_of(sites), seed or 0)
        return _told(orbit_of_arrangement(found, sites), sites, QUASIRANDOM)
    every = listed_orderings(sites)
    best = [one for one in every if one.correlation_error - every[0].correlation_error < NO_ERROR]
    return replace(best[(seed or 0) % len(best)], asked=QUASIRANDOM)


def _numbered(every: Sequence[Ordering], number: int) -> Ordering:
    if not 1 <= number <= len(every):
        raise StructureError(
            f"there is no ordering {number}",
            reason=f"this cell has {len(every)}, which are the others by symmetry",
            fix=f"choose a number from 1 to {len(every)}",
        )
    return every[number - 1]


def _errors(orbits: Sequence[Orbit], sites: MixedSites) -> list[float]:
    occupants = np.array([orbit.occupants for orbit in orbits], dtype=np.uint8)
    pairs = pairs_of(sites)
    parts = [correlation_errors(occupants[k : k + 2000], sites, pairs) for k in range(0, len(occupants), 2000)]
    return [float(error) for error in np.concatenate(parts)]


def _told(orbit: Orbit, sites: MixedSites, asked: str) -> Ordering:
    (error,) = _errors([orbit], sites)
    return Ordering(
        occupants=orbit.occupants,
        degeneracy=orbit.degeneracy,
        arrangements=sites.arrangements,
        correlation_error=error,
        asked=asked,
    )
