"""How a slab gets two faces that are alike, where none of the plane asked for has.

A molecule that points to one face makes the other one different: turned, or seen along another axis of the frame, it
lies the same way to both. Along the polar axis of a crystal no slab has two like faces, and another plane may.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations, product
from typing import TYPE_CHECKING

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.layers import stack_layers
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
    if len(crystal) > MOST_ATOMS:
        return ""
    for name, turned in _turned(crystal):
        if any(not slab.refused for slab in _cuts(cuts, turned, plane)):
            return f'turn the molecules, orientation = "{name}" (--orientation {name}): with it the faces are alike'
    units = ionic_units(crystal)
    molecular = any(len(unit.symbols) > 1 for unit in units)
    never = not stack_layers(crystal, units, plane.miller_cell).turns_over
    if not molecular and not never and len({len(slab.layers) for slab in _cuts(cuts, crystal, plane)}) == 1:
        return ""  # of one number of layers: of another its faces are others
    other = _other_plane(crystal, plane, cuts)
    if other is not None:
        found = _named(other) + (", or turn the molecules" if molecular else "")
    elif molecular or not never:
        return ""
    else:
        found = "and of no other plane of low indices is one fit to be calculated"
    return f"{'no slab of this plane has two like faces, however thick it is: ' if never else ''}{found}"


def _named(plane: Plane) -> str:
    h, k, m = plane.miller
    return (
        f'take a plane whose faces are alike, miller = [{h}, {k}, {m}], setting = "{plane.setting}" '
        f"(--miller {h} {k} {m} --setting {shlex.quote(plane.setting)})"
    )


def _cuts(cuts: Cuts, crystal: Structure, plane: Plane) -> Sequence[SlabModel]:
    try:
        return cuts(crystal, plane)
    except DftflowError:
        return ()


def _other_plane(crystal: Structure, plane: Plane, cuts: Cuts) -> Plane | None:
    """The first that has a slab fit to be calculated, one that needs no compensation before others."""
    compensated = None
    for other in _other_planes(crystal, plane):
        first = next((slab for slab in _cuts(cuts, crystal, other) if not slab.refused), None)
        if first is not None and not first.compensated:
            return other
        compensated = compensated or (other if first is not None else None)
    return compensated


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
    """Planes of the same indices in another order, then those of low indices, in the same setting."""
    seen = {plane.miller}
    low = [hkl for hkl in product((1, 0, -1), repeat=3) if next(filter(None, hkl), -1) > 0]
    low.sort(key=lambda hkl: (sum(map(abs, hkl)), hkl.count(-1), hkl.index(1)))
    same = () if plane.four_indices else sorted(permutations(plane.miller), reverse=True)
    for h, k, m in (*same, *low):
        if (h, k, m) not in seen:
            seen.add((h, k, m))
            yield resolve_plane(crystal, (h, k, m), plane.setting)
