"""A powder pattern from lines: each as wide as small crystallites and the instrument make it, mixtures by mass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import voigt_profile  # type: ignore[import-untyped]

from dftflow.model.powder import PowderLine, PowderLines
from dftflow.model.results import FloatArray

__all__ = ["SHAPE", "angles_deg", "mixture", "pattern", "scherrer_width_deg"]

SHAPE = 0.9
"""Scherrer's constant for the full width at half maximum (Patterson, 10.1103/PhysRev.56.978). It is 0.83 to 0.94 by the
shape of crystallites and the plane (Langford and Wilson, 10.1107/S0021889878012844), so that a width tells a size to
some 10 %."""
STEP_DEG, LEAST_STEP_DEG = 0.02, 0.001
PER_WIDTH = 6
NO_WIDTH = 1e-6
"""Of a Gaussian beside a Lorentzian; of less scipy's profile underflows."""
_GAUSS = 2 * np.sqrt(2 * np.log(2))


def scherrer_width_deg(two_theta_deg: float, wavelength_ang: float, size_nm: float) -> float:
    """Full width at half maximum, in degrees of 2θ, of a line of crystallites of one size: K λ / (L cos θ)."""
    return float(np.degrees(SHAPE * wavelength_ang / (10 * size_nm * np.cos(np.radians(two_theta_deg / 2)))))


def angles_deg(range_deg: tuple[float, float], wavelength_ang: float, size_nm: float) -> FloatArray:
    """Angles 2θ of a pattern, in steps that resolve its lines; shape (n,)."""
    width = scherrer_width_deg(range_deg[0], wavelength_ang, size_nm)
    step = min(STEP_DEG, max(width / PER_WIDTH, LEAST_STEP_DEG))
    return np.linspace(*range_deg, round((range_deg[1] - range_deg[0]) / step) + 1)


def pattern(
    lines: Sequence[PowderLine],
    at_deg: FloatArray,
    *,
    wavelength_ang: float,
    size_nm: float,
    instrument_deg: float = 0.0,
) -> FloatArray:
    """Intensity at angles, of shape (n,): each line a Voigt profile whose area, in degrees, is its intensity.

    Its Lorentzian part has Scherrer's width of the size (full width at half maximum), its Gaussian part that of the
    instrument; without the latter it is a Lorentzian.
    """
    total = np.zeros_like(at_deg)
    sigma = instrument_deg / _GAUSS
    for line in lines:
        half = scherrer_width_deg(line.two_theta_deg, wavelength_ang, size_nm) / 2
        gauss = sigma if sigma > NO_WIDTH * half else 0.0
        total += line.intensity * voigt_profile(at_deg - line.two_theta_deg, gauss, half)
    return total


def mixture(crystals: Sequence[PowderLines], weights: Mapping[str, float]) -> dict[str, float]:
    """Name of a crystal -> by what its pattern counts in that of a mixture, the largest 1.

    Parameters
    ----------
    weights
        Name -> share of the mass, of any sum. A mass diffracts as its `per_mass`, as in Rietveld's method (Hill and
        Howard, 10.1107/S0021889887086199); that crystals absorb each other's beams is left out.
    """
    counts = {one.crystal: weights[one.crystal] * one.per_mass for one in crystals if one.crystal in weights}
    largest = max(counts.values(), default=1.0)
    return {name: count / largest for name, count in counts.items()}
