"""The horizontal axis of a band structure: how far along its path every k-point lies, and where legs of it end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np

from dftflow.errors import AnalysisError
from dftflow.figures.labels import kpoint_name, kpoint_text
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.results import Bands, FloatArray

__all__ = ["PathAxis", "PathPart", "on_one_axis", "path_axis"]

_SAME_K = 1e-4
_CORNER_COS = 0.999
FEW_POINTS = 8
"""A leg with fewer points, both ends counted, is drawn as points: the bands between them are not known."""


@dataclass(frozen=True, eq=False, slots=True)
class PathPart:
    """An unbroken run along the path: which k-points, and how far each lies along the axis (1/Å)."""

    points: tuple[int, ...]
    distance: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class PathAxis:
    """A band path laid out along an axis.

    Attributes
    ----------
    parts
        From left to right; where the path jumps the next one begins where the last one ended.
    corners
        (distance, number of the k-point) of every point that ends a leg.
    """

    bands: Bands
    parts: tuple[PathPart, ...]
    corners: tuple[tuple[float, int], ...]

    @property
    def length(self) -> float:
        """Length of the path, jumps left out, in 1/Å (2π included)."""
        return float(self.parts[-1].distance[-1])

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Place and name of every corner; where the path jumps the two names share one tick (``X|R``).

        A point that has no name is named by its coordinates, two of them on two lines.
        """
        names: list[tuple[float, list[str]]] = []
        for x, point in self.corners:
            if not names or x - names[-1][0] > 1e-9:
                names.append((x, []))
            name = self._name(point)
            if name not in names[-1][1]:
                names[-1][1].append(name)
        return [(x, ("\n" if any(" " in name for name in here) else "|").join(here)) for x, here in names]

    @property
    def is_sparse(self) -> bool:
        """Whether the legs of the path have few points on average."""
        legs = sum(b[0] - a[0] > 1e-9 for a, b in pairwise(self.corners))
        points = sum(len(part.points) for part in self.parts)
        return points < (FEW_POINTS - 1) * max(legs, 1)

    def places(self, k: tuple[float, float, float]) -> list[float]:
        """Where along the path `k`, -k, or either plus a reciprocal lattice vector, is met."""
        return list(dict.fromkeys(self._met(k)))

    def _met(self, k: tuple[float, float, float]) -> Iterator[float]:
        for part in self.parts:
            for point, x in zip(part.points, part.distance, strict=True):
                if same_kpoint(self.bands.kpoints_frac[point], np.array(k), _SAME_K):
                    yield float(x)

    def _name(self, point: int) -> str:
        label = self.bands.labels[point]
        if label:
            return kpoint_name(label)
        frac = self.bands.kpoints_frac[point]
        return "Γ" if np.abs(frac).max() < _SAME_K else " ".join(map(_coordinate, frac))


def _coordinate(value: float) -> str:
    """A simple fraction where it is one, as files print it with four decimals or more, else three decimals."""
    simple = Fraction(float(value)).limit_denominator(12)
    return (str(simple) if abs(simple - value) < _SAME_K else f"{value:.3f}").replace("-", "\N{MINUS SIGN}")


def path_axis(bands: Bands) -> PathAxis:
    """Lay the band path out along an axis.

    A leg ends at a point that has a name, where the path turns or jumps, and at its ends. Points of a grid and extra
    edge points are no part of it.

    Raises
    ------
    AnalysisError
        When no k-point lies on a path.
    """
    on_path = [i for i, number in enumerate(bands.on_path) if number >= 0]
    if not on_path:
        raise AnalysisError(
            "there is no band path to draw",
            reason=f"the {len(bands.on_path)} k-points follow no path that their file names, or that they show",
            fix="calculate the bands along a path; `dftflow plot dos` draws the states of a regular grid",
        )
    parts: list[PathPart] = []
    start = 0.0
    for _, group in groupby(on_path, key=lambda i: bands.on_path[i]):
        points = tuple(group)
        steps = np.linalg.norm(np.diff(_cartesian(bands, points), axis=0), axis=1)
        distance = start + np.concatenate([[0.0], np.cumsum(steps)])
        parts.append(PathPart(points, distance))
        start = float(distance[-1])
    corners = [corner for part in parts for corner in _corners(bands, part)]
    return PathAxis(bands, tuple(parts), tuple(corners))


def on_one_axis(names: Sequence[str], axes: Sequence[PathAxis]) -> list[PathAxis]:
    """Band paths over the first one, leg by leg, however many points and which lattice constants each has.

    Raises
    ------
    AnalysisError
        When one runs through other corners (fractional coordinates).
    """
    first = axes[0]
    ends = [x for x, _ in first.corners]
    for name, axis in zip(names[1:], axes[1:], strict=True):
        why = _why_other_path(first, axis)
        if why:
            raise AnalysisError(
                f"the bands of {name} cannot be drawn over those of {names[0]}",
                reason=why,
                fix="draw them beside each other (without --overlay)",
            )
    return [
        replace(axis, parts=tuple(_stretched(part, [x for x, _ in axis.corners], ends) for part in axis.parts),
                corners=tuple((x, point) for x, (_, point) in zip(ends, axis.corners, strict=True)))
        for axis in axes
    ]  # fmt: skip


def _why_other_path(first: PathAxis, other: PathAxis) -> str:
    if len(first.corners) != len(other.corners) or len(first.parts) != len(other.parts):
        named = " and ".join("-".join(name for _, name in axis.ticks) for axis in (first, other))
        return f"the paths are {named}"
    for (_, here), (_, there) in zip(first.corners, other.corners, strict=True):
        points = first.bands.kpoints_frac[here], other.bands.kpoints_frac[there]
        if not same_kpoint(*points, _SAME_K):
            return f"one path runs through {' and the other through '.join(kpoint_text(list(p)) for p in points)}"
    return ""


def _stretched(part: PathPart, corners: list[float], onto: list[float]) -> PathPart:
    return PathPart(part.points, np.asarray(np.interp(part.distance, corners, onto), dtype=np.float64))


def _cartesian(bands: Bands, points: tuple[int, ...]) -> FloatArray:
    return np.asarray(bands.kpoints_frac[list(points)] @ bands.reciprocal_per_ang, dtype=np.float64)


def _corners(bands: Bands, part: PathPart) -> Iterator[tuple[float, int]]:
    """The points of a part that end a leg: its ends, where it turns, and what has a name."""
    turns = _turns(_cartesian(bands, part.points))
    for i, (point, x) in enumerate(zip(part.points, part.distance, strict=True)):
        if bands.labels[point] or turns[i] or i in (0, len(turns) - 1):
            yield float(x), point


def _turns(points: FloatArray) -> list[bool]:
    steps = np.diff(points, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    found = [False] * len(points)
    for i in range(1, len(points) - 1):
        both = lengths[i - 1] * lengths[i]
        found[i] = both > 0 and float(steps[i - 1] @ steps[i]) < _CORNER_COS * both
    return found
