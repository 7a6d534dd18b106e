"""Density of states from the eigenvalues of a regular grid: each state a Gaussian of a stated width."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import erf  # type: ignore[import-untyped]

from dftflow.analysis.band_path import on_path_or_recognised
from dftflow.errors import AnalysisError
from dftflow.model.dos import DensityOfStates
from dftflow.model.kpoint_grid import Counts, common_shift
from dftflow.model.projections import Projections
from dftflow.model.results import Bands, FloatArray, Results

__all__ = [
    "SIGMA_EV",
    "at_most_whole",
    "complete_up_to_ev",
    "density_of_states",
    "grid_of_states",
    "without_empty_bands",
]

SIGMA_EV = 0.1
"""Width of a state where none is asked for: finer structure than 0.2 eV needs more k-points than most grids have."""

STEPS_PER_SIGMA = 8
REACH = 6.0
SAME_WEIGHT = 1e-6
WHOLE = 1e-3
"""Electrons by which the number of a file may differ from a whole one."""

_GRID_FIX = (
    "keep beside them what names their grid (a .castep with its MP grid, pw.x's .xml, vasprun.xml), or let the code "
    "write its density of states"
)
_FIX = "calculate the eigenvalues on a regular grid, or let the code write its density of states"


def grid_of_states(results: Results) -> tuple[Bands, Projections | None]:
    """The eigenvalues on the points of a regular grid that fills the zone, and what the states are made of.

    The points and their weights have to be those of a grid: the grid is told and every point lies on it, or the weights
    differ, as those of a path never do.

    Raises
    ------
    AnalysisError
        When there are no eigenvalues, no weights, or nothing shows that the points fill the zone evenly.
    """
    bands = results.bands
    if bands is None:
        raise AnalysisError("there are no eigenvalues and no density of states", fix=_FIX)
    if bands.weights is None:
        why = "the weights of the k-points are not told"
        raise AnalysisError("there is no density of states", reason=why, fix=_FIX)
    recognised = on_path_or_recognised(bands)
    kept = [i for i, part in enumerate(recognised.on_path) if part < 0 and bands.weights[i] > 0]
    if not kept:
        raise AnalysisError(
            "there is no density of states", reason="the k-points lie on a band path, which does not fill the zone",
            fix=_FIX,
        )  # fmt: skip
    weights = bands.weights[kept]
    grid = bands.grid or (
        None if results.bands_run is not None or results.method is None else results.method.kpoints_grid
    )
    weights = weights / weights.sum()
    if not _on_grid(bands.kpoints_frac[kept], weights, grid) and float(np.ptp(weights)) <= SAME_WEIGHT:
        raise AnalysisError(
            "there is no density of states",
            reason=f"nothing tells that these {len(kept)} k-points are a regular grid: their weights are equal, and "
            + ("no file names one" if grid is None else f"they do not fill the {'x'.join(map(str, grid))} of the log"),
            fix=_GRID_FIX,
        )
    projections = results.projections
    if projections is not None:
        projections = replace(projections, weights=projections.weights[:, kept])
    return _only(bands, kept, weights), projections


def _on_grid(points: FloatArray, weights: FloatArray, grid: Counts | None) -> bool:
    """Whether every point lies on the grid and stands for a whole number of its points."""
    if grid is None or min(grid) < 1:
        return False
    stands_for = weights * np.prod(grid)
    whole = bool(np.allclose(stands_for, np.round(stands_for), rtol=0, atol=1e-5 * float(np.prod(grid)) + 1e-6))
    return whole and bool((stands_for > 0.5).all()) and common_shift(points, grid) is not None


def _only(bands: Bands, kept: list[int], weights: FloatArray) -> Bands:
    return replace(
        bands,
        eigenvalues_ev=bands.eigenvalues_ev[:, kept],
        kpoints_frac=bands.kpoints_frac[kept],
        labels=tuple(bands.labels[i] for i in kept),
        on_path=(-1,) * len(kept),
        weights=weights,
    )


def density_of_states(
    bands: Bands, projections: Projections | None = None, *, sigma_ev: float = SIGMA_EV
) -> DensityOfStates:
    """Every state of a grid as a Gaussian of standard deviation `sigma_ev`, weighted as its k-point.

    A state holds one electron of a spin channel or a spinor, else two: the integral up to the middle of a gap is the
    number of electrons. The value at each energy is the mean over its step, from the error function, so that the sum of
    the values times the step is that integral however narrow the Gaussians are.

    Parameters
    ----------
    bands
        On a grid, with weights (`grid_of_states`).
    projections
        Of the same states; gives the part of each group.

    Raises
    ------
    AnalysisError
        For a width that is none.
    """
    if not sigma_ev > 0:
        raise AnalysisError(f"a state cannot be {sigma_ev:g} eV wide", fix="give a width above zero, as 0.1")
    assert bands.weights is not None
    values = bands.eigenvalues_ev
    low, high = float(np.nanmin(values)) - REACH * sigma_ev, float(np.nanmax(values)) + REACH * sigma_ev
    step = sigma_ev / STEPS_PER_SIGMA
    borders: FloatArray = low + step * np.arange(int(np.ceil((high - low) / step)) + 1, dtype=np.float64)
    weights = np.broadcast_to(bands.weights[:, None, None] * bands.electrons_per_band, (*values.shape[1:], 1))
    total = np.stack([_smeared(channel, weights, borders, sigma_ev)[0] for channel in values])
    projected, groups_are = None, ""
    if projections is not None:
        groups_are = f"; groups are {projections.method}"
        shares = np.nan_to_num(np.asarray(projections.weights, dtype=np.float64))
        projected = np.stack(
            [_smeared(channel, weights * own, borders, sigma_ev) for channel, own in zip(values, shares, strict=True)]
        )
    return DensityOfStates(
        energies_ev=(borders[1:] + borders[:-1]) / 2,
        total=total,
        projected=projected,
        groups=() if projections is None else projections.groups,
        fermi_ev=bands.fermi_ev,
        zero=bands.zero,
        broadening_ev=sigma_ev,
        source=f"eigenvalues at {len(bands.kpoints_frac)} k-points of a grid{groups_are}",
    )


def _smeared(values: FloatArray, weights: FloatArray, borders: FloatArray, sigma_ev: float) -> FloatArray:
    """States per eV, shape (n_weights, len(borders) - 1), of eigenvalues (n_kpoints, n_bands).

    Weights have the shape (n_kpoints, n_bands, n_weights). A state counts within its reach alone.
    """
    step = borders[1] - borders[0]
    density = np.zeros((weights.shape[2], len(borders) - 1))
    for k, band in np.argwhere(np.isfinite(values)):
        value = values[k, band]
        first = max(0, int((value - REACH * sigma_ev - borders[0]) / step))
        last = min(density.shape[1], int((value + REACH * sigma_ev - borders[0]) / step) + 2)
        filled = erf((borders[first : last + 1] - value) / (np.sqrt(2) * sigma_ev)) / 2
        density[:, first:last] += weights[k, band][:, None] * np.diff(filled) / step
    return density


def complete_up_to_ev(bands: Bands) -> float:
    """The energy above which bands may be missing that were not calculated.

    The lowest energy of the highest band of each channel; where all the bands of a channel are full, its highest
    eigenvalue: what was not calculated is empty there.
    """
    highest = [np.nanmax(channel, axis=1) for channel in bands.eigenvalues_ev]
    full = without_empty_bands(bands)
    return float(min(top.max() if whole else top.min() for top, whole in zip(highest, full, strict=True)))


def without_empty_bands(bands: Bands) -> tuple[bool, ...]:
    """Of each channel whether its electrons fill every band that was calculated."""
    counts = np.isfinite(bands.eigenvalues_ev).any(axis=1).sum(axis=1)
    return tuple(
        bool(abs(bands.electrons_per_band * count - electrons) < WHOLE)
        for count, electrons in zip(counts, bands.n_electrons, strict=True)
    )


def at_most_whole(projections: Projections) -> Projections:
    """Weights of which those of no state sum to more than one: where they do, all of that state are scaled alike.

    Functions that overlap, or are not normalised, hold more of a state than there is, and a part of a density of states
    would exceed the whole.
    """
    sums = np.nan_to_num(projections.captured)[..., None]
    scaled = np.asarray(projections.weights / np.maximum(sums, 1), dtype=np.float32)
    return replace(projections, weights=scaled)
