"""Where each phase is stable, in chemical potentials of the components relative to the components themselves.

A phase that holds n_i formula units of component i and costs F to make from them is in equilibrium where the sum of
n_i mu_i is F, and stable where no other phase q has more: sum of n_i(q) mu_i <= F(q); the components are phases with
F = 0 (10.1103/PhysRevB.85.155208 has energies of reactions, 10.1103/PhysRevLett.67.2339 such bounds).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dftflow.model.hull import Window
from dftflow.model.results import FloatArray

__all__ = ["stability_region", "stability_windows"]

MARGIN = 1e-9
"""In eV: what lies on the hull in rounding is on it."""


def stability_windows(amounts: FloatArray, formation_ev: FloatArray) -> list[tuple[Window, ...]]:
    """For each phase the range of the chemical potential of every component over which it is stable.

    Parameters
    ----------
    amounts
        shape (n_phases, n_components); formula units of each component in one of the phase.
    formation_ev
        shape (n_phases,); energy of making one formula unit of it from the components, those of the components being 0.

    Returns
    -------
    list
        One a phase: a (lowest, highest) for each component in eV, None where there is no end; ``()`` where it is
        stable at none.
    """
    amounts, formation_ev = np.asarray(amounts, dtype=float), np.asarray(formation_ev, dtype=float)
    return [_windows(amounts, formation_ev, number) for number in range(len(amounts))]


def _windows(amounts: FloatArray, formation_ev: FloatArray, number: int) -> tuple[Window, ...]:
    found = []
    for component in range(amounts.shape[1]):
        ends = [_extreme(amounts, formation_ev, number, component, sign) for sign in (1.0, -1.0)]
        if "nowhere" in ends:
            return ()
        found.append((_end(ends[0]), _end(ends[1])))
    return tuple(found)


def _end(value: float | str) -> float | None:
    return value if isinstance(value, float) else None


def _extreme(amounts: FloatArray, formation_ev: FloatArray, number: int, component: int, sign: float) -> float | str:
    """The lowest (`sign` 1) or highest (-1) potential; ``"nowhere"`` or ``"unbounded"``."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    costs = np.zeros(amounts.shape[1])
    costs[component] = sign
    others = np.delete(np.arange(len(amounts)), number)
    done = linprog(
        costs,
        A_ub=amounts[others],
        b_ub=formation_ev[others] + MARGIN,
        A_eq=amounts[[number]],
        b_eq=formation_ev[[number]],
        bounds=(None, 0.0),
        method="highs",
    )
    if done.status == 0:
        return float(done.x[component])
    return "nowhere" if done.status == 2 else "unbounded"


def stability_region(
    amounts: FloatArray, formation_ev: FloatArray, number: int, lowest_ev: Sequence[float]
) -> FloatArray:
    """Corners of the region of a phase of three components, in the potentials of the first two.

    Parameters
    ----------
    amounts, formation_ev
        As of `stability_windows`; three components.
    number
        Of the phase.
    lowest_ev
        Down to which potentials of the first two the region is looked for.

    Returns
    -------
    ndarray
        shape (n, 2), in order around it; n = 0 where there is no region: the phase holds none of the third component,
        or is stable nowhere.
    """
    amounts, formation_ev = np.asarray(amounts, dtype=float), np.asarray(formation_ev, dtype=float)
    own, own_ev = amounts[number], formation_ev[number]
    if own[2] <= MARGIN:
        return np.zeros((0, 2))
    corners = np.array([[lowest_ev[0], lowest_ev[1]], [0, lowest_ev[1]], [0, 0], [lowest_ev[0], 0]], dtype=float)
    third = np.array([0.0, 0.0, 1.0])
    bounds = [*zip(amounts, formation_ev, strict=True), (third, 0.0)]
    for place, (others, most_ev) in enumerate(bounds):
        if place != number:
            slope = others[:2] - others[2] * own[:2] / own[2]
            corners = _cut(corners, slope, float(most_ev - others[2] * own_ev / own[2]))
    return np.asarray(corners, dtype=np.float64)


def _cut(corners: FloatArray, slope: FloatArray, most: float) -> FloatArray:
    """What of a convex polygon has slope . x <= most (Sutherland and Hodgman, 10.1145/360767.360802)."""
    kept = []
    over = corners @ slope - most if len(corners) else np.zeros(0)
    for here in range(len(corners)):
        there = (here + 1) % len(corners)
        if over[here] <= MARGIN:
            kept.append(corners[here])
        if (over[here] <= MARGIN) != (over[there] <= MARGIN):
            part = over[here] / (over[here] - over[there])
            kept.append(corners[here] + part * (corners[there] - corners[here]))
    return np.array(kept).reshape(-1, 2)
