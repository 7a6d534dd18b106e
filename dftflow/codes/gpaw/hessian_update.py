"""What a step of a relaxation tells of the Hessian.

The update of Broyden, Fletcher, Goldfarb and Shanno, damped as Powell did (Nocedal and Wright, Numerical Optimization,
2006, procedure 18.2): along a step by which the slope falls, or hardly rises, the curvature becomes a fifth of what it
was. So noise in the forces makes no direction soft that is none, and the way down from a saddle, which has no Hessian
that a minimum could have, makes none stiff: one over a curvature next to nothing is what the plain update adds there.
"""

from __future__ import annotations

import numpy as np

__all__ = ["LEAST_MOVE_ANG", "updated"]

LEAST_OF_MODEL = 0.2  # Powell's
LEAST_MOVE_ANG = 1e-7  # of the largest degree of freedom: less is a geometry again, and tells no curvature


def updated(hessian: np.ndarray, move_ang: np.ndarray, slope_change: np.ndarray) -> np.ndarray:
    """`hessian` after a step that has changed the derivative by `slope_change`; positive definite if it was so."""
    if np.abs(move_ang).max() < LEAST_MOVE_ANG:
        return hessian
    expected = hessian @ move_ang
    model, seen = float(move_ang @ expected), float(move_ang @ slope_change)
    if seen < LEAST_OF_MODEL * model:
        part = (1 - LEAST_OF_MODEL) * model / (model - seen)
        slope_change = part * slope_change + (1 - part) * expected
    gain = np.outer(slope_change, slope_change) / float(move_ang @ slope_change)
    found: np.ndarray = hessian + gain - np.outer(expected, expected) / model
    return found
