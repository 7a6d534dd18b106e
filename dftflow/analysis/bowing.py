"""How far a number of a mixture bows away from the line between its ends."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from dftflow.model.alloy import Bowing

__all__ = ["fit_bowing"]


def fit_bowing(fractions: Sequence[float], values: Sequence[float], spreads: Sequence[float | None]) -> Bowing:
    """Least squares of b in E(x) = (1 - x) E(0) + x E(1) - b x (1 - x), the ends being kept as they are.

    Parameters
    ----------
    fractions
        Ascending, from 0 to 1, with one or more between.
    values
        Of the number at each, the mean where it has several.
    spreads
        Standard deviation at each, None where it has one value.

    Raises
    ------
    ValueError
        Without both ends and a fraction between.
    """
    x, e = np.asarray(fractions, dtype=float), np.asarray(values, dtype=float)
    if len(x) < 3 or x[0] != 0 or x[-1] != 1:
        raise ValueError("a bowing takes both ends and a fraction between")
    inner = slice(1, -1)
    weight = (x * (1 - x))[inner]
    off = (e - (1 - x) * e[0] - x * e[-1])[inner]
    square = float(weight @ weight)
    bowing = -float(weight @ off) / square
    residuals = off + bowing * weight
    of_ends = float(weight @ (1 - x[inner])), float(weight @ x[inner])  # d off / d E(0) and d off / d E(1)
    slopes = (of_ends[0], *weight, of_ends[1])
    several = [slope * s for slope, s in zip(slopes, spreads, strict=True) if s is not None]
    scatter = None
    if len(weight) > 1:
        scatter = sqrt(float(residuals @ residuals) / (len(weight) - 1) / square)
    return Bowing(
        first=float(e[0]),
        last=float(e[-1]),
        bowing=bowing,
        from_spread=sqrt(sum(part**2 for part in several)) / square if several else None,
        from_scatter=scatter,
        residual=sqrt(float(np.mean(residuals**2))),
    )
