"""The regular grid that a list of k-points is, if it is one."""

from __future__ import annotations

import numpy as np

from dftflow.model.kpoint_grid import Counts, Shift, shift_of_points
from dftflow.model.results import FloatArray

__all__ = ["grid_of_points"]

SAME_COORDINATE = 1e-6
MOST_POINTS = 1_000_000


def grid_of_points(points: FloatArray) -> tuple[Counts, Shift] | None:
    """Numbers and shift of the grid that `points` (n, 3), unreduced fractional coordinates, are; None for another set.

    >>> import numpy as np
    >>> grid_of_points(np.array([[0.25, 0, 0], [-0.25, 0, 0]]))
    ((2, 1, 1), (0.5, 0.0, 0.0))
    >>> grid_of_points(np.array([[0, 0, 0], [0.1, 0, 0]])) is None
    True
    """
    if not 0 < len(points) <= MOST_POINTS:
        return None
    a, b, c = (_different(points[:, axis]) for axis in range(3))
    shift = shift_of_points(points, (a, b, c))
    return None if shift is None else ((a, b, c), shift)


def _different(coordinates: FloatArray) -> int:
    """How many coordinates differ by more than whole numbers."""
    within = np.sort((coordinates + SAME_COORDINATE) % 1.0)
    return 1 + int(np.count_nonzero(np.diff(within) > 2 * SAME_COORDINATE))
