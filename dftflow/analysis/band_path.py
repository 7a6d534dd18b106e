"""K-points of a list that nobody called a path: whether they follow each other along one.

The points of a path lie at equal steps on straight lines that have different directions. Those of a regular grid,
listed in whatever order of its axes, whole or reduced by symmetry, lie at equal steps along its fastest axis alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dftflow.model.results import Bands, FloatArray

__all__ = ["on_path_or_recognised"]

LEAST_POINTS = 8
LEAST_STRAIGHT = 0.5
SAME_DIRECTION = 1e-3
JUMP = 5.0
SAME_WEIGHT = 1e-6


def on_path_or_recognised(bands: Bands) -> Bands:
    """The bands as they are where their file names a path; with its parts numbered where the points are one."""
    if any(part >= 0 for part in bands.on_path) or not _equal_weights(bands.weights):
        return bands
    points = bands.kpoints_frac @ bands.reciprocal_per_ang
    if len(points) < LEAST_POINTS or not _is_path(points):
        return bands
    return replace(bands, on_path=_parts(points))


def _equal_weights(weights: FloatArray | None) -> bool:
    return weights is None or bool(np.ptp(weights) <= SAME_WEIGHT * max(float(np.max(weights)), SAME_WEIGHT))


def _is_path(points: FloatArray) -> bool:
    """Whether most steps repeat the one before, and those that do have more than one direction or are all there is."""
    steps = np.diff(points, axis=0)
    straight = _same_as_before(steps)
    if straight.mean() < LEAST_STRAIGHT:
        return False
    runs = steps[1:][straight]
    directions = runs / np.linalg.norm(runs, axis=1)[:, None]
    parallel = np.abs(directions @ directions[0]) > 1 - SAME_DIRECTION
    return not parallel.all() or bool(straight.all())


def _same_as_before(steps: FloatArray) -> NDArray[np.bool_]:
    """Of every step but the first whether it is that before it; shape (n_steps - 1,)."""
    lengths = np.linalg.norm(steps, axis=1)
    apart = np.linalg.norm(np.diff(steps, axis=0), axis=1)
    same: NDArray[np.bool_] = (lengths[1:] > 0) & (apart <= 0.02 * np.maximum(lengths[1:], lengths[:-1]))
    return same


def _parts(points: FloatArray) -> tuple[int, ...]:
    """Number of the unbroken part that every point belongs to: it ends where the next point lies far off."""
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    typical = np.array([np.median(lengths[max(0, i - 3) : i + 4]) for i in range(len(lengths))])
    jumps = lengths > JUMP * np.maximum(typical, 1e-9)
    return (0, *(int(number) for number in np.cumsum(jumps)))
