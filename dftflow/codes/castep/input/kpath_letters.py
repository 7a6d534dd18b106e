"""A k-path of letters, which CASTEP 25.1 places itself, found again among the k-points of the run.

Which convention CASTEP places letters by is not documented: in a rhombohedral cell it was seen to take ``K`` for that
of a face-centred cubic one. So the k-points say where the corners are, and a corner gets its letter as a name only
where it is the special point of that name in the lattice (Setyawan and Curtarolo, 10.1016/j.commatsci.2010.05.010).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from dftflow.codes.castep.input.kpath_points import agreeing_labels, named_points, plain_label
from dftflow.model.results import FloatArray
from dftflow.model.spec import KPath, KPoint

if TYPE_CHECKING:
    from pymatgen.core import Lattice

__all__ = ["LetterPath", "path_of_letters", "place_letters"]

SAME_STEP = 6e-8  # of the difference of two steps, where coordinates have 8 decimals
ROUNDING = 1e-5  # of a length, where the lattice has 6 decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPath:
    """The letters, segment by segment, and the largest step in 1/Å, 2π included."""

    segments: tuple[tuple[str, ...], ...]
    spacing_per_ang: float


def place_letters(
    path: LetterPath, kpoints_frac: FloatArray, reciprocal_per_ang: FloatArray
) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """Label and segment of each k-point; None when the k-points are on no path of so many corners.

    CASTEP takes ceil(length/spacing) equal steps between corners, so that a corner is where the step changes, and a
    BREAK where it is longer than the spacing. As many k-points as letters are the corners alone.

    Parameters
    ----------
    path
        As the deck has it.
    kpoints_frac
        shape (n_kpoints, 3); in the order of their index.
    reciprocal_per_ang
        shape (3, 3); rows are the reciprocal lattice vectors, 2π included.
    """
    steps = np.diff(kpoints_frac, axis=0)
    lengths = np.linalg.norm(steps @ reciprocal_per_ang, axis=1)
    counts = [len(letters) for letters in path.segments]
    if sum(counts) == len(kpoints_frac):
        starts = [0, *accumulate(counts)]
        places = [list(range(first, behind)) for first, behind in pairwise(starts)]
        return _labels(path, places, kpoints_frac, reciprocal_per_ang), _segments(starts)
    starts = [0, *(np.flatnonzero(lengths > path.spacing_per_ang * (1 + ROUNDING)) + 1).tolist(), len(kpoints_frac)]
    corners = [_corners(steps, first, behind - 1) for first, behind in pairwise(starts)]
    if len(corners) > len(counts) or sum(map(len, corners)) > sum(counts):
        return None
    legs = [(end - start, lengths[start]) for segment in corners for start, end in pairwise(segment)]
    if any((count * step) <= (count - 1) * path.spacing_per_ang * (1 - ROUNDING) for count, step in legs):
        return None
    return _labels(path, corners, kpoints_frac, reciprocal_per_ang), _segments(starts)


def path_of_letters(path: LetterPath, reciprocal_per_ang: FloatArray) -> KPath | None:
    """The path through the special points of these names; None when the lattice lacks one of them."""
    points = named_points(_lattice(reciprocal_per_ang))
    names = [[plain_label(letter.upper()) for letter in segment] for segment in path.segments]
    if not all(name in points for segment in names for name in segment):
        return None
    segments = tuple(tuple(KPoint(label=name, frac=_triple(points[name])) for name in segment) for segment in names)
    return KPath(segments=segments, spacing_per_ang=path.spacing_per_ang)


def _segments(starts: list[int]) -> tuple[int, ...]:
    return tuple(number for number, (first, behind) in enumerate(pairwise(starts)) for _ in range(behind - first))


def _lattice(reciprocal_per_ang: FloatArray) -> Lattice:
    from pymatgen.core import Lattice

    return Lattice(2 * np.pi * np.linalg.inv(reciprocal_per_ang).T)


def _triple(point: FloatArray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in point)
    return (x, y, z)


def _corners(steps: FloatArray, first: int, last: int) -> list[int]:
    """Both ends of the unbroken piece from `first` to `last`, and where its steps change."""
    turns = [at for at in range(first + 1, last) if np.abs(steps[at] - steps[at - 1]).max() > SAME_STEP]
    return [first, *turns, last] if last > first else [first]


def _labels(
    path: LetterPath, corners: list[list[int]], kpoints_frac: FloatArray, reciprocal_per_ang: FloatArray
) -> tuple[str, ...]:
    """Names of corners; none where one cannot be seen, because the path goes straight on in equal steps."""
    labels = [""] * len(kpoints_frac)
    if [*map(len, corners)] == [*map(len, path.segments)]:
        places = [at for segment in corners for at in segment]
        letters = [letter for segment in path.segments for letter in segment]
        points = [
            KPoint(label=plain_label(letter.upper()), frac=_triple(kpoints_frac[at]))
            for at, letter in zip(places, letters, strict=True)
        ]
        for at, label in zip(places, agreeing_labels(_lattice(reciprocal_per_ang), points), strict=True):
            labels[at] = label
    return tuple(labels)
