"""Parabolas come back, and noise is what the fit says of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.analysis.bowing import fit_bowing

energies = st.floats(-5, 5)
inner = st.lists(st.floats(0.05, 0.95), min_size=1, max_size=8, unique_by=lambda x: round(x, 3)).map(sorted)


@given(energies, energies, energies, inner)
def test_an_exact_parabola_returns_its_bowing(first: float, last: float, b: float, between: list[float]) -> None:
    x = np.array([0.0, *between, 1.0])
    found = fit_bowing(x, (1 - x) * first + x * last - b * x * (1 - x), [None] * len(x))
    assert found.bowing == pytest.approx(b, abs=1e-9)
    assert found.residual == pytest.approx(0, abs=1e-9) and found.from_spread is None
    assert found.curve(0.5) == pytest.approx((first + last) / 2 - b / 4, abs=1e-9)
    assert (found.from_scatter is None) == (len(between) == 1)


def test_published_bowing_of_an_alloy() -> None:
    """InGaAs at 300 K, 10.1063/1.1368156: gaps 1.424 and 0.354 eV and b = 0.477 give 0.74 eV at x = 0.53."""
    x = np.array([0, 0.25, 0.53, 0.75, 1])
    gaps = (1 - x) * 1.424 + x * 0.354 - 0.477 * x * (1 - x)
    assert gaps[2] == pytest.approx(0.738, abs=1e-3)
    assert fit_bowing(x, gaps, [None] * 5).bowing == pytest.approx(0.477)


def test_with_noise_the_errors_are_those_of_many_trials() -> None:
    """Of 3000 drawn sets the bowings scatter as each says of itself."""
    random = np.random.default_rng(1)
    x, sigma, b = np.array([0, 0.25, 0.5, 0.75, 1]), 0.02, 0.4
    exact = 2 - 0.5 * x - b * x * (1 - x)
    trials = [
        fit_bowing(x, exact + np.array([0, *random.normal(0, sigma, 3), 0]), [None, sigma, sigma, sigma, None])
        for _ in range(3000)
    ]
    spread = np.std([trial.bowing for trial in trials])
    assert trials[0].from_spread == pytest.approx(spread, rel=0.05)
    scatter = np.sqrt(np.mean([trial.from_scatter**2 for trial in trials if trial.from_scatter is not None]))
    assert scatter == pytest.approx(spread, rel=0.05)


def test_the_spread_of_an_end_counts_by_what_it_does_to_the_line() -> None:
    """One fraction between: b = (E(0) / 2 + E(1) / 2 - E(1/2)) / (1/4), so that 10 meV of an end are 20 meV of b."""
    for spreads, expected in (
        ([0.01, None, None], 0.02),
        ([None, None, 0.01], 0.02),
        ([0.01, 0.01, 0.01], 0.0024**0.5),
    ):
        assert fit_bowing([0, 0.5, 1], [2.0, 2.1, 2.5], spreads).from_spread == pytest.approx(expected)
    drawn = np.random.default_rng(2).normal(0, 0.02, 3000)
    x = np.array([0, 0.25, 0.75, 1])
    trials = [fit_bowing(x, 2 - 0.5 * x + np.array([0, 0, 0, off]), [None, None, None, 0.02]) for off in drawn]
    assert trials[0].from_spread == pytest.approx(np.std([trial.bowing for trial in trials]), rel=0.05)


@pytest.mark.parametrize("fractions", [(0, 1), (0, 0.5), (0.25, 0.5, 1), (0, 0.5, 0.75)])
def test_without_both_ends_and_one_between_there_is_no_fit(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="both ends"):
        fit_bowing(fractions, [1.0] * len(fractions), [None] * len(fractions))
