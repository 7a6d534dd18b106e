"""The atoms that symmetry operations make of listed sites; a site slightly off a special position is put on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

from dftflow.crystals.contacts import BONDED_FACTOR
from dftflow.crystals.symmetry_operations import SymmetryOperations

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Lattice

__all__ = ["Orbit", "orbit_of", "orbits_of"]

MERGED_ANG = 0.05
"""How far off a special position a site may be to be meant for it: 0.33 for 1/3 along 15 Å."""

SAME_PLACE_ANG = 1e-2


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Orbit:
    """A site and its images.

    Attributes
    ----------
    places
        shape (m, 3); fractional, folded into the cell, the site itself first where the identity comes first.
    frac
        shape (3,); the site, on its special position.
    off_ang
        How far it was listed from there.
    crowded_ang
        Distance to its own nearest image where that is too short for two atoms; 0 elsewhere.
    twin
        Number of an earlier site of the same element of which it is an image; None for a site of its own.
    """

    places: NDArray[np.float64]
    frac: NDArray[np.float64]
    off_ang: float
    crowded_ang: float
    twin: int | None = None


def orbit_of(frac: NDArray[np.float64], element: str, operations: SymmetryOperations, lattice: Lattice) -> Orbit:
    """The images of one site."""
    place, off_ang = _on_special(frac, operations, lattice)
    images = operations.images(place)
    images -= np.floor(images)
    images[1.0 - images < 1e-12] = 0.0  # of a coordinate that rounding left just below 0
    kept: list[int] = []
    matrix = lattice.matrix
    for k, image in enumerate(images):
        steps = images[kept] - image
        if not kept or np.linalg.norm((steps - np.rint(steps)) @ matrix, axis=1).min() > SAME_PLACE_ANG:
            kept.append(k)
    places = images[kept]
    steps = places[1:] - places[0]
    nearest = float(np.linalg.norm((steps - np.rint(steps)) @ matrix, axis=1).min()) if len(steps) else np.inf
    limit = 2 * BONDED_FACTOR * covalent_radii[atomic_numbers[element]]
    return Orbit(places=places, frac=place, off_ang=off_ang, crowded_ang=nearest if nearest < limit else 0.0)


def _on_special(
    frac: NDArray[np.float64], operations: SymmetryOperations, lattice: Lattice
) -> tuple[NDArray[np.float64], float]:
    """The special position that a site is meant for, or the site, and how far it is from there."""
    steps = operations.images(frac) - frac
    steps -= np.rint(steps)
    near = np.linalg.norm(steps @ lattice.matrix, axis=1) <= 2 * MERGED_ANG
    place = frac + steps[near].mean(axis=0)
    off_ang = float(np.linalg.norm((place - frac) @ lattice.matrix))
    again = operations.images(place)[near] - place
    holds = bool(np.abs(again - np.rint(again)).max() < 1e-6)
    return (place, off_ang) if holds and 1e-7 < off_ang <= MERGED_ANG else (frac, 0.0)


def orbits_of(
    sites: Sequence[tuple[str, NDArray[np.float64]]], operations: SymmetryOperations, lattice: Lattice
) -> tuple[Orbit, ...]:
    """The images of all sites, (element, place) each; one that lists an image of an earlier one again is its twin."""
    found = [orbit_of(frac, element, operations, lattice) for element, frac in sites]
    if len(operations) == 1:
        return tuple(found)
    nowhere = np.empty((0, 3))
    for number, earlier in _twins([element for element, _ in sites], found, lattice).items():
        frac = found[number].frac
        found[number] = Orbit(places=nowhere, frac=frac, off_ang=0.0, crowded_ang=0.0, twin=earlier)
    return tuple(found)


def _twins(elements: Sequence[str], orbits: Sequence[Orbit], lattice: Lattice) -> dict[int, int]:
    """Number of a site -> that of the first site of its element of which it is an image."""
    owner = np.repeat(np.arange(len(orbits)), [len(orbit.places) for orbit in orbits])
    places = np.concatenate([orbit.places for orbit in orbits]) % 1.0
    places[places >= 1.0] = 0.0
    reach = MERGED_ANG * max(lattice.reciprocal_lattice_crystallographic.abc)
    close = cKDTree(places, boxsize=1.0).query_pairs(reach, output_type="ndarray")
    found: dict[int, int] = {}
    for k, j in close[owner[close[:, 0]] != owner[close[:, 1]]]:
        first, second = sorted((int(owner[k]), int(owner[j])))
        step = places[k] - places[j]
        near = np.linalg.norm((step - np.rint(step)) @ lattice.matrix) <= MERGED_ANG
        alike = elements[first] == elements[second] and len(orbits[first].places) == len(orbits[second].places)
        if near and alike and first not in found:
            found[second] = min(first, found.get(second, first))
    return {number: earlier for number, earlier in found.items() if earlier not in found}
