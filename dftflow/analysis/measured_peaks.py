"""The peaks of a measured powder pattern: their angles and heights, above its noise."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d  # type: ignore[import-untyped]
from scipy.signal import find_peaks  # type: ignore[import-untyped]

from dftflow.model.powder import MeasuredPattern, MeasuredPeak
from dftflow.model.results import FloatArray

__all__ = ["measured_peaks"]

SMOOTH_DEG = 0.04
"""Standard deviation of the Gaussian that the pattern is smoothed with before peaks are looked for."""
LEAST_SHARE, NOISES = 0.02, 5.0
"""A peak stands out by so much of the highest, and by so many standard deviations of the noise."""
MOST_PEAKS = 200
_NORMAL = 0.6745 * np.sqrt(2)


def measured_peaks(measured: MeasuredPattern, range_deg: tuple[float, float]) -> tuple[MeasuredPeak, ...]:
    """Peaks within a range of angles, by rising angle, as `scipy.signal.find_peaks` finds them in the smoothed pattern.

    A peak counts when it stands out from its surroundings (its prominence) by 2 % of the most prominent one and by
    five standard deviations of the noise, which is told by the differences of neighbouring points.
    """
    inside = (measured.two_theta_deg >= range_deg[0]) & (measured.two_theta_deg <= range_deg[1])
    angles, counts = measured.two_theta_deg[inside], measured.intensity[inside]
    if len(angles) < 5:
        return ()
    even = np.linspace(angles[0], angles[-1], len(angles))
    smooth = gaussian_filter1d(np.interp(even, angles, counts), SMOOTH_DEG / (even[1] - even[0]))
    noise = float(np.median(np.abs(np.diff(counts)))) / _NORMAL
    places, told = find_peaks(smooth, prominence=max(NOISES * noise, 1e-9 * float(np.ptp(counts)), 1e-300))
    heights = told["prominences"]
    if not len(places):
        return ()
    kept = [place for place, height in zip(places, heights, strict=True) if height >= LEAST_SHARE * heights.max()]
    share = dict(zip(places, 100 * heights / heights.max(), strict=True))
    found = [MeasuredPeak(two_theta_deg=_top(even, smooth, place), height=float(share[place])) for place in kept]
    highest = sorted(found, key=lambda peak: -peak.height)[:MOST_PEAKS]
    return tuple(sorted(highest, key=lambda peak: peak.two_theta_deg))


def _top(angles: FloatArray, counts: FloatArray, place: int) -> float:
    """Angle of the top of the parabola through a point and its neighbours."""
    low, mid, high = (float(counts[place + side]) for side in (-1, 0, 1))
    bend = low - 2 * mid + high
    off = 0.5 * (low - high) / bend if bend else 0.0
    return float(angles[place] + off * (angles[1] - angles[0]))
