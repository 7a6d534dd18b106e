"""Peaks of patterns whose peaks are known."""

from __future__ import annotations

import numpy as np
import pytest

from dftflow.analysis.measured_peaks import measured_peaks
from dftflow.model.powder import MeasuredPattern

AT = np.linspace(10, 50, 2001)


def measured(heights: dict[float, float], noise: int = 0, slope: float = 0.0) -> MeasuredPattern:
    counts = 300 + slope * (AT - 10) + sum(h / (1 + ((AT - place) / 0.1) ** 2) for place, h in heights.items())
    if noise:
        counts = np.random.default_rng(noise).poisson(counts).astype(float)
    return MeasuredPattern(name="m", two_theta_deg=AT, intensity=counts)


def test_places_and_heights_are_found() -> None:
    found = measured_peaks(measured({15.13: 400.0, 21.5: 1000.0, 30.737: 800.0}), (10, 50))
    assert [peak.two_theta_deg for peak in found] == pytest.approx([15.13, 21.5, 30.737], abs=0.005)
    assert [peak.height for peak in found] == pytest.approx([40, 100, 80], abs=2)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_noise_and_a_sloping_background_make_no_peaks(seed: int) -> None:
    found = measured_peaks(measured({15.13: 400.0, 21.5: 1000.0}, noise=seed, slope=10.0), (10, 50))
    assert [peak.two_theta_deg for peak in found] == pytest.approx([15.13, 21.5], abs=0.04)
    assert measured_peaks(measured({}, noise=seed), (10, 50)) == ()


def test_the_range_alone_is_looked_at() -> None:
    there = measured({15.13: 400.0, 21.5: 1000.0})
    assert [round(peak.two_theta_deg, 1) for peak in measured_peaks(there, (18, 30))] == [21.5]
    assert measured_peaks(there, (60, 90)) == ()


def test_the_unit_of_the_intensity_does_not_matter() -> None:
    there = measured({15.13: 400.0, 21.5: 1000.0}, noise=1)
    small = MeasuredPattern(name="m", two_theta_deg=AT, intensity=there.intensity * 1e-9)
    assert len(measured_peaks(small, (10, 50))) == len(measured_peaks(there, (10, 50))) == 2
