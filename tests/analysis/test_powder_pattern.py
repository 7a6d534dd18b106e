"""Widths, areas and mixtures of powder patterns, by their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from dftflow.analysis.powder_pattern import angles_deg, mixture, pattern, scherrer_width_deg
from dftflow.model.powder import PowderLine, PowderLines

CU = 1.5405
ONE = PowderLine(two_theta_deg=40.0, d_ang=2.25, intensity=7.0, planes=((1, 1, 0),))


def width_of(at: np.ndarray, intensity: np.ndarray) -> float:
    above = at[intensity >= intensity.max() / 2]
    return float(above[-1] - above[0])


@given(st.floats(5, 150), st.floats(1, 200))
def test_width_of_scherrer(angle: float, size_nm: float) -> None:
    radians = 0.9 * CU / (10 * size_nm * math.cos(math.radians(angle / 2)))
    assert scherrer_width_deg(angle, CU, size_nm) == pytest.approx(math.degrees(radians))


def test_a_line_of_20_nm_is_as_wide_as_the_formula_says() -> None:
    at = np.linspace(35, 45, 20001)
    found = pattern([ONE], at, wavelength_ang=CU, size_nm=20)
    assert width_of(at, found) == pytest.approx(0.4226, abs=0.002)
    assert at[found.argmax()] == pytest.approx(40.0)


def test_without_size_to_speak_of_the_width_is_that_of_the_instrument() -> None:
    at = np.linspace(38, 42, 20001)
    assert width_of(at, pattern([ONE], at, wavelength_ang=CU, size_nm=1e5, instrument_deg=0.3)) == pytest.approx(
        0.3, abs=2e-3
    )


@pytest.mark.parametrize(("size_nm", "instrument_deg"), [(5.0, 0.0), (50.0, 0.0), (50.0, 0.2), (50.0, 1e-300)])
def test_broadening_keeps_the_area(size_nm: float, instrument_deg: float) -> None:
    """A Lorentzian of half width w has 1 - 2/π w/r of its area within r."""
    reach = 200 * scherrer_width_deg(40.0, CU, size_nm)
    at = np.linspace(40 - reach, 40 + reach, 200001)
    area = trapezoid(pattern([ONE], at, wavelength_ang=CU, size_nm=size_nm, instrument_deg=instrument_deg), at)
    assert area == pytest.approx(7.0 * (1 - 2 / math.pi / 400), rel=1e-4)


def test_steps_resolve_the_lines() -> None:
    for size_nm in (1.0, 20.0, 300.0):
        at = angles_deg((10, 50), CU, size_nm)
        assert (at[0], at[-1]) == (10, 50)
        assert at[1] - at[0] < scherrer_width_deg(10, CU, size_nm) / 5


def test_a_mixture_counts_by_mass_and_by_what_a_mass_diffracts() -> None:
    crystals = [
        PowderLines(crystal=name, setting="", cell="", wavelength_ang=CU, lines=(ONE,), per_mass=per_mass)
        for name, per_mass in (("a", 10.0), ("b", 40.0), ("c", 1.0))
    ]
    assert mixture(crystals, {"a": 2.0, "b": 1.0}) == {"a": 0.5, "b": 1.0}
    assert mixture(crystals, {}) == {}
