"""Whether projections and density of states are of the states that the calculation has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dftflow.model.check import Check
from dftflow.model.dos import DensityOfStates
from dftflow.model.results import FloatArray, Results

__all__ = ["state_counts"]

STEPS = 2
WIDTHS = 4
"""So many steps of the energies and widths of the smearing beside the Fermi level count as at it."""
PRINTED = 1e-3
INTEGRATED = 2e-2
"""Parts of the electrons by which a sum may be off: one that the code gives, and one by trapezoids."""


def state_counts(results: Results) -> tuple[Check, ...]:
    """The checks on `Results.projections` and `Results.dos`."""
    return (*_projected_states(results), *_electrons(results))


def _projected_states(results: Results) -> Iterator[Check]:
    found, bands = results.projections, results.bands
    if found is None or bands is None:
        return
    here, there = found.weights.shape[:3], bands.eigenvalues_ev.shape
    yield Check(
        name="spins, k-points and bands of the projections = those of the eigenvalues",
        passed=here == there,
        detail=f"{here} and {there}",
        concerns=("projections",),
    )


def _electrons(results: Results) -> Iterator[Check]:
    dos, method, bands = results.dos, results.method, results.bands
    electrons = None if method is None else method.n_electrons
    if electrons is None and bands is not None:
        electrons = sum(bands.n_electrons)
    if dos is None or electrons is None:
        return
    name = "density of states up to the Fermi level = number of electrons"
    fermi_ev = results.fermi_ev if dos.fermi_ev is None else dos.fermi_ev
    why_not = _why_not_counted(dos, fermi_ev, None if bands is None else float(np.nanmin(bands.eigenvalues_ev)))
    if fermi_ev is None or why_not:
        yield Check(name=name, passed=None, detail=why_not, concerns=("dos",))
        return
    least, most = _count_at(dos, fermi_ev)
    allowed = electrons * (INTEGRATED if dos.integrated is None else PRINTED)
    passed: bool | None = least - allowed <= electrons <= most + allowed
    detail = f"{least:.3f} to {most:.3f} and {electrons:g} electrons"
    if not passed and dos.broadening_ev is None:
        passed, detail = None, f"{detail}; how wide the levels were smeared is not known"
    yield Check(name=name, passed=passed, detail=detail, concerns=("dos",))


def _why_not_counted(dos: DensityOfStates, fermi_ev: float | None, lowest_ev: float | None) -> str:
    if fermi_ev is None:
        return "no Fermi level is known"
    if not dos.energies_ev[0] <= fermi_ev <= dos.energies_ev[-1]:
        return "the Fermi level is outside its energies"
    if lowest_ev is None or lowest_ev < dos.energies_ev[0]:
        return "it does not begin, or is not known to begin, below all states"
    return ""


def _count_at(dos: DensityOfStates, fermi_ev: float) -> tuple[float, float]:
    """Least and largest number of electrons up to an energy at the Fermi level."""
    energies = dos.energies_ev
    sums: FloatArray = _integrated(dos) if dos.integrated is None else dos.integrated.sum(axis=0)
    reach_ev = STEPS * float(np.diff(energies).max()) + WIDTHS * (dos.broadening_ev or 0.0)
    near = sums[np.abs(energies - fermi_ev) <= reach_ev]
    return float(near.min()), float(near.max())


def _integrated(dos: DensityOfStates) -> FloatArray:
    total = dos.total.sum(axis=0)
    steps = np.diff(dos.energies_ev) * (total[1:] + total[:-1]) / 2
    return np.concatenate([np.zeros(1), np.cumsum(steps)])
