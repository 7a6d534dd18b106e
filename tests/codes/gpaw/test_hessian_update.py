"""The update of a Hessian by a step, on steps of known curvature."""

from __future__ import annotations

import numpy as np

from dftflow.codes.gpaw.hessian_update import updated


def test_the_secant_holds_after_an_update() -> None:
    dice = np.random.default_rng(1)
    half = dice.normal(size=(6, 6))
    true = half @ half.T + np.eye(6)
    move = dice.normal(size=6)
    np.testing.assert_allclose(updated(3 * np.eye(6), move, true @ move) @ move, true @ move)


def test_a_step_along_which_the_slope_falls_leaves_it_positive() -> None:
    move = np.array([0.1, 0, 0])
    found = updated(np.eye(3), move, np.array([-0.5, 0.1, 0]))
    assert np.linalg.eigvalsh(found).min() > 0.05
    np.testing.assert_array_equal(updated(np.eye(3), np.zeros(3), np.ones(3)), np.eye(3))


def test_next_to_no_curvature_makes_nothing_stiff() -> None:
    """The plain update would add 0.1^2 / 1e-5 = 1000 across the step."""
    found = updated(np.eye(3), np.array([0.1, 0, 0]), np.array([1e-4, 0.1, 0]))
    assert np.linalg.eigvalsh(found).max() < 6
