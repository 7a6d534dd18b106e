"""Points around a k-point at which a band tells its effective mass."""

from __future__ import annotations

from itertools import product

import numpy as np

from dftflow.model.results import FloatArray

__all__ = ["DIRECTIONS", "NAMED", "is_its_own_opposite", "stencil_points"]

SAME_K = 1e-6


def _directions() -> FloatArray:
    """Unit vectors along the axes, the diagonals of faces and those of the body of a cube, one of each pair."""
    found: list[tuple[int, ...]] = []
    for vector in product((1, 0, -1), repeat=3):
        opposite = tuple(-part for part in vector)
        if any(vector) and opposite not in found:
            found.append(vector)
    found.sort(key=lambda vector: sum(map(abs, vector)))
    vectors = np.array(found, dtype=np.float64)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1)[:, None], dtype=np.float64)


DIRECTIONS = _directions()
"""shape (13, 3)."""

NAMED = {
    "[100]": np.array([1.0, 0.0, 0.0]),
    "[110]": np.array([1.0, 1.0, 0.0]) / 2**0.5,
    "[111]": np.array([1.0, 1.0, 1.0]) / 3**0.5,
}
"""Directions by which bands are told that no tensor describes, along the Cartesian axes."""


def is_its_own_opposite(k: FloatArray) -> bool:
    """Whether k and -k differ by a reciprocal lattice vector: by time reversal the states at k + q and k - q are alike.

    Parameters
    ----------
    k
        shape (3,); fractional.
    """
    twice = 2 * np.asarray(k, dtype=np.float64)
    return bool(np.abs(twice - np.round(twice)).max() < SAME_K)


def stencil_points(k: FloatArray, step_per_ang: float, reciprocal_per_ang: FloatArray) -> FloatArray:
    """The k-point and points at one and two steps from it, shape (n, 3), fractional.

    One of q and -q where time reversal makes their states the same.

    Parameters
    ----------
    k
        shape (3,); fractional.
    step_per_ang
        2π included.
    reciprocal_per_ang
        shape (3, 3); rows are the reciprocal lattice vectors, 2π included.
    """
    signs = (1,) if is_its_own_opposite(k) else (1, -1)
    moves = [sign * times * step_per_ang * DIRECTIONS for times in (1, 2) for sign in signs]
    cartesian = np.concatenate([np.zeros((1, 3)), *moves])
    return np.asarray(np.asarray(k) + cartesian @ np.linalg.inv(reciprocal_per_ang), dtype=np.float64)
