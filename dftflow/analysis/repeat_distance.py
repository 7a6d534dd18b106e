"""The distance after which a crystal repeats along the normal of a slab, from the slab's own potential."""

from __future__ import annotations

import numpy as np

from dftflow.model.levels import PotentialProfile

__all__ = ["repeat_distance_ang"]

SKIN_ANG = 1.0
LEAST_ANG, STEP_ANG = 1.2, 0.01
MOST_OF_SLAB = 0.625
ALIKE, AS_GOOD = 0.2, 0.05
"""Root-mean-square difference of the average and itself, moved by one period, as a part of its own spread."""


def repeat_distance_ang(profile: PotentialProfile) -> float | None:
    """Distance after which the planar average inside the slab repeats; None where it does not.

    Of the distances at which the average, 1 Å or more inside the outermost atoms, and itself moved by that distance
    differ least and by less than a fifth of its own spread, it is the shortest that is as good as the best: layers of
    two kinds that look nearly alike are no period. Five eighths of that thickness are the most.
    """
    low, high = profile.atoms_ang[0] + SKIN_ANG, profile.atoms_ang[1] - SKIN_ANG
    shifts = np.arange(LEAST_ANG, MOST_OF_SLAB * (high - low), STEP_ANG)
    if len(shifts) < 3:
        return None
    differences = np.array([_difference(profile, low, high, float(shift)) for shift in shifts])
    inner = differences[1:-1]
    lowest = 1 + np.flatnonzero((inner <= differences[:-2]) & (inner < differences[2:]) & (inner < ALIKE))
    if not len(lowest):
        return None
    best = differences[lowest].min()
    return float(shifts[next(i for i in lowest if differences[i] <= best + AS_GOOD)])


def _difference(profile: PotentialProfile, low: float, high: float, shift: float) -> float:
    places = np.linspace(low, high - shift, 200)
    here, there = (
        np.interp(z, profile.z_ang, profile.planar_ev, period=profile.length_ang) for z in (places, places + shift)
    )
    return float(np.sqrt(np.mean((here - there) ** 2)) / max(float(np.std(here)), 1e-9))
