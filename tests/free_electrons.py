"""Bands that are known in closed form: nearly free electrons of a cube, on any path or grid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dftflow.model.energy import EnergyZero
from dftflow.model.kpoint_grid import Counts, Shift, grid_points
from dftflow.model.method import Method
from dftflow.model.results import Bands, Results

CUBE_ANG = 4.0
KINETIC_EV_ANG2 = 3.80998212  # hbar^2 / 2 m_e, CODATA 2018
CORNERS = {"G": (0.0, 0.0, 0.0), "X": (0.0, 0.5, 0.0), "M": (0.5, 0.5, 0.0), "R": (0.5, 0.5, 0.5)}
ZERO = EnergyZero("run", "cell_average")


def free_energies(points: NDArray[np.float64], n_bands: int = 9) -> NDArray[np.float64]:
    """Lowest `n_bands` energies of a free electron at fractional `points` of a cube, shape (n_points, n_bands)."""
    waves = np.array(list(product(range(-3, 4), repeat=3)))
    k = (points[:, None, :] + waves[None]) * 2 * np.pi / CUBE_ANG
    return np.sort(KINETIC_EV_ANG2 * (k**2).sum(axis=2), axis=1)[:, :n_bands]


def path_points(corners: str, per_leg: int) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
    """Points along ``"GXM|RG"``, `per_leg` steps a leg; names of the corners; numbers of the parts."""
    points, labels, parts = [], [], []
    for number, part in enumerate(corners.split("|")):
        for i, name in enumerate(part):
            if i:
                start, end = (np.array(CORNERS[corner]) for corner in (part[i - 1], name))
                steps = np.linspace(start, end, per_leg + 1)[1:]
            else:
                steps = np.array([CORNERS[name]])
            points += list(steps)
            labels += [""] * (len(steps) - 1) + [name]
            parts += [number] * len(steps)
    return np.array(points), tuple(labels), tuple(parts)


def bands_of(
    points: NDArray[np.float64],
    labels: Sequence[str],
    on_path: Sequence[int],
    *,
    gap_ev: float = 1.5,
    shift_ev: float = 0.0,
    weights: NDArray[np.float64] | None = None,
    n_spins: int = 1,
    spinor: bool = False,
) -> Bands:
    """Free electrons with one filled band and all others `gap_ev` higher; the second channel is 0.3 eV above."""
    values = free_energies(points)
    values[:, 1:] += gap_ev + 12.0
    channels = np.stack([values + 0.3 * spin for spin in range(n_spins)]) + shift_ev
    per_band = 1.0 if spinor or n_spins == 2 else 2.0
    return Bands(
        eigenvalues_ev=channels,
        kpoints_frac=points,
        labels=tuple(labels),
        on_path=tuple(on_path),
        reciprocal_per_ang=np.eye(3) * 2 * np.pi / CUBE_ANG,
        n_electrons=(per_band,) * n_spins,
        fermi_ev=12.0 + shift_ev,
        zero=ZERO,
        weights=weights,
        spinor=spinor,
    )


def path_bands(corners: str = "GXM|RG", per_leg: int = 10, **options: object) -> Bands:
    """Bands along a path."""
    return bands_of(*path_points(corners, per_leg), **options)  # type: ignore[arg-type]


def grid_bands(counts: Counts = (4, 4, 4), shift: Shift = (0.0, 0.0, 0.0), **options: object) -> Bands:
    """Bands on a whole regular grid, all of one weight."""
    points = grid_points(counts, shift)
    count = len(points)
    return bands_of(points, ("",) * count, (-1,) * count, weights=np.full(count, 1 / count), **options)  # type: ignore[arg-type]


def results_of(bands: Bands, **method: object) -> Results:
    """Finished results that hold `bands` alone, by one method."""
    settings = {"functional": "PBE", "cutoff_ev": 400.0, **method}
    return Results(
        code="espresso", code_version="7", status="finished", bands=bands,
        method=Method(code="espresso", code_version="7", **settings),  # type: ignore[arg-type]
    )  # fmt: skip
