"""How a molecule is turned on its site: two lattice directions of the host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from dftflow.errors import StructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FAMILIES", "RANDOM", "Orientation", "candidates", "parse_orientation", "rotations"]

Direction = tuple[int, int, int]
RANDOM = "random"
FAMILIES: Mapping[str, Direction] = {"<100>": (1, 0, 0), "<110>": (1, 1, 0), "<111>": (1, 1, 1)}
"""Of directions that the long axis of a molecule may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """Two lattice directions of the host: where the molecule's long axis and its second axis point.

    Attributes
    ----------
    long
        Direction [uvw] of the long axis.
    second
        Direction that the second axis leans to; only its part perpendicular to the long axis counts.
    """

    long: Direction
    second: Direction

    def __str__(self) -> str:
        return f"{_indices(self.long)}/{_indices(self.second)}"

    def rotation(self, lattice_ang: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rotation matrix, shape (3, 3), that turns the molecule's x and y into the two directions."""
        first = np.array(self.long) @ lattice_ang
        first /= np.linalg.norm(first)
        second = np.array(self.second) @ lattice_ang
        second = second - (second @ first) * first
        second /= np.linalg.norm(second)
        return np.column_stack([first, second, np.cross(first, second)])


def _indices(direction: Direction) -> str:
    return ("" if max(map(abs, direction)) < 10 else " ").join(map(str, direction))


def _direction(text: str, whole: str) -> Direction:
    stripped = text.strip().strip("[]").strip()
    compact = re.fullmatch(r"(-?\d)(-?\d)(-?\d)", stripped)
    spaced = re.fullmatch(r"(-?\d{1,3})[\s,]+(-?\d{1,3})[\s,]+(-?\d{1,3})", stripped)
    found = compact or spaced
    if found is None or not any(map(int, found.groups())):
        raise StructureError(
            f"orientation {whole!r} cannot be read",
            reason=f"{text.strip()!r} is no lattice direction",
            fix='write "100", "1-10", "100/001" (long axis / second axis), or "random" with a seed',
        )
    u, v, w = map(int, found.groups())
    return (u, v, w)


def parse_orientation(text: str) -> Orientation:
    """Orientation from ``"100"`` or ``"100/001"``.

    Without the second direction it is [010], or [001] when the long axis lies along [010].

    Raises
    ------
    StructureError
        For anything but one or two directions that are not parallel.
    """
    parts = text.split("/")
    if len(parts) > 2:
        raise StructureError(f"orientation {text!r} has more than two directions", fix='write it like "100/001"')
    long = _direction(parts[0], text)
    default = (0, 1, 0) if any((long[0], long[2])) else (0, 0, 1)
    second = _direction(parts[1], text) if len(parts) == 2 else default
    if not np.any(np.cross(long, second)):
        raise StructureError(
            f"orientation {text!r} names the same direction twice",
            fix=f'leave the second direction out, or choose another, e.g. "{_indices(long)}/{_indices(default)}"',
        )
    return Orientation(long=long, second=second)


def rotations(
    orientation: str | Sequence[str], lattice_ang: NDArray[np.float64], count: int, seed: int | list[int] | None
) -> Iterator[NDArray[np.float64]]:
    """One rotation matrix a site."""
    if orientation == RANDOM:
        if seed is None:
            raise StructureError("a random orientation needs a seed", fix="give a whole number, e.g. seed = 1")
        from scipy.spatial.transform import Rotation  # type: ignore[import-untyped]  # a quarter of a second, and rare

        # Normal deviates on the four axes are spread evenly over the unit quaternions, hence over all rotations.
        for quaternion in np.random.default_rng(seed).normal(size=(count, 4)):
            yield Rotation.from_quat(quaternion).as_matrix()
        return
    if orientation == "enumerate":
        raise StructureError(
            "enumerated orientations give several crystals",
            fix="name one orientation; dftflow.crystals.oriented_crystals.enumerate_orientations gives them all",
        )
    names = [orientation] * count if isinstance(orientation, str) else list(orientation)
    if len(names) != count:
        raise StructureError(
            f"{len(names)} orientations were given for {count} sites", fix="give one for all sites, or one for each"
        )
    for name in names:
        yield parse_orientation(name).rotation(lattice_ang)


def _family(direction: Direction) -> list[Direction]:
    """All directions that differ from `direction` by order and signs of the indices."""
    wanted = sorted(map(abs, direction))
    reach = range(-max(wanted), max(wanted) + 1)
    return [(u, v, w) for u, v, w in product(reach, repeat=3) if sorted((abs(u), abs(v), abs(w))) == wanted][::-1]


def candidates(directions: str) -> Iterator[Orientation]:
    """Long axes of the family `directions`, each with the <100>, <110> and <112> directions perpendicular to it."""
    if directions not in FAMILIES:
        raise StructureError(f"unknown family of directions {directions!r}", fix=f"choose {', '.join(FAMILIES)}")
    seconds = _family((1, 0, 0)) + _family((1, 1, 0)) + _family((1, 1, 2))
    for long in _family(FAMILIES[directions]):
        perpendicular = [second for second in seconds if np.dot(long, second) == 0]
        yield from (Orientation(long=long, second=second) for second in perpendicular)
