"""Up to which energy a density of states holds the electrons, and how many states there are."""

from __future__ import annotations

from math import ceil

import numpy as np

from dftflow.errors import AnalysisError
from dftflow.model.dos import DensityOfStates
from dftflow.model.results import Bands

__all__ = ["difference_at_shared_points_ev", "filled_up_to_ev", "states_at"]

WHOLE = 1e-6
SAME_K = 1e-5


def filled_up_to_ev(dos: DensityOfStates, n_electrons: float) -> float:
    """The energy below which the states hold `n_electrons`; in a gap the middle between where they do and do no more.

    Raises
    ------
    AnalysisError
        When all states together hold fewer.
    """
    step = float(dos.energies_ev[1] - dos.energies_ev[0])
    held = np.cumsum(dos.total.sum(axis=0)) * step
    reach = WHOLE * max(n_electrons, 1.0)
    if held[-1] < n_electrons - reach:
        raise AnalysisError(
            f"the states hold {held[-1]:.4f} electrons, of {n_electrons:g}", fix="calculate more empty bands"
        )
    first = int(np.searchsorted(held, n_electrons - reach))
    last = int(np.searchsorted(held, n_electrons + reach))
    upper = dos.energies_ev + step / 2  # `held` is up to the end of each step
    if last > first:
        return float((upper[first] + upper[min(last, len(upper)) - 1]) / 2)
    below = held[first - 1] if first else 0.0
    return float(upper[first] - step * (held[first] - n_electrons) / (held[first] - below))


def states_at(dos: DensityOfStates, energy_ev: float) -> float:
    """States per eV and cell at an energy, of both spins."""
    return float(np.interp(energy_ev, dos.energies_ev, dos.total.sum(axis=0)))


def difference_at_shared_points_ev(one: Bands, other: Bands) -> float | None:
    """Largest difference of filled states at the k-points that both have; None where they share none, or are unlike."""
    if len(one.eigenvalues_ev) != len(other.eigenvalues_ev) or one.n_electrons != other.n_electrons:
        return None
    apart = np.abs(one.kpoints_frac[:, None] - other.kpoints_frac[None]).max(axis=2)
    pairs = np.argwhere(apart < SAME_K)
    if not len(pairs):
        return None
    found = [
        np.abs(a[pairs[:, 0], :count] - b[pairs[:, 1], :count])
        for a, b, electrons in zip(one.eigenvalues_ev, other.eigenvalues_ev, one.n_electrons, strict=True)
        for count in [ceil(electrons / one.electrons_per_band)]
        if count and min(a.shape[1], b.shape[1]) >= count
    ]
    return max((float(part.max()) for part in found), default=None)
