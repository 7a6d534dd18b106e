"""How a slab of a crystal with molecules gets two faces that are alike, where the one asked for has not.

A molecule that points to one face makes the other one different. Turned, or seen along another axis of the frame, it
lies the same way to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.orientation import parse_orientation
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.substitution import common_orientation
from dftflow.errors import DftflowError
from dftflow.model.surface import Plane, SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["way_to_alike_faces"]

MOST_ATOMS = 300
"""Of a crystal for which other orientations and planes are tried."""

_ALONG_AXES = [f"{long}/{second}" for long, second in permutations(("100", "010", "001"), 2)]

Cuts = Callable[["Structure", Plane], Sequence[SlabModel]]


def way_to_alike_faces(crystal: Structure, plane: Plane, cuts: Cuts) -> str:
    """What a person can write instead, so that a slab is fit to be calculated; ``""`` where nothing was found.

    Parameters
    ----------
    crystal, plane
        Of which no slab is.
    cuts
        The slabs of a crystal and a plane, of the size asked for.
    """
    if len(crystal) > MOST_ATOMS or all(len(unit.symbols) == 1 for unit in ionic_units(crystal)):
        return ""
    for name, turned in _turned(crystal):
        if _any_fit(turned, plane, cuts):
            return f'turn the molecules, orientation = "{name}" (--orientation {name}): with it the faces are alike'
    for other in _other_planes(crystal, plane):
        if _any_fit(crystal, other, cuts):
            h, k, m = other.miller
            return (
                f'take a plane whose faces are alike, miller = [{h}, {k}, {m}], setting = "{other.setting}" '
                f"(--miller {h} {k} {m} --setting {other.setting}), or turn the molecules"
            )
    return ""


def _any_fit(crystal: Structure, plane: Plane, cuts: Cuts) -> bool:
    try:
        return any(not slab.refused for slab in cuts(crystal, plane))
    except DftflowError:
        return False


def _turned(crystal: Structure) -> Iterator[tuple[str, Structure]]:
    """A crystal whose molecules were put in alike, with them along each two axes; none where they were not."""
    orientation = common_orientation(crystal)
    if orientation is None:
        return
    lattice_ang = crystal.lattice.matrix
    back = parse_orientation(orientation).rotation(lattice_ang).T
    molecules = [unit for unit in ionic_units(crystal) if len(unit.symbols) > 1]
    for name in _ALONG_AXES:
        turn = parse_orientation(name).rotation(lattice_ang) @ back
        turned = crystal.copy()
        for unit in molecules:
            places_ang = (unit.positions_ang - unit.centre_ang) @ turn.T + unit.centre_ang
            for site, place_ang in zip(unit.indices, places_ang, strict=True):
                turned[site].coords = place_ang
        yield name, turned


def _other_planes(crystal: Structure, plane: Plane) -> Iterator[Plane]:
    """Planes of the same indices in another order, in the same setting."""
    seen = {tuple(np.abs(plane.miller).tolist())}
    for miller in permutations(plane.miller):
        key = tuple(np.abs(miller).tolist())
        if key not in seen and not plane.four_indices:
            seen.add(key)
            yield resolve_plane(crystal, miller, plane.setting)
