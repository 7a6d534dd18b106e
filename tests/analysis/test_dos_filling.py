"""Up to which energy states hold the electrons, and how many there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from free_electrons import KINETIC_EV_ANG2, grid_bands
from scipy.optimize import brentq  # type: ignore[import-untyped]
from scipy.special import erf  # type: ignore[import-untyped]

from dftflow.analysis.dos_filling import difference_at_shared_points_ev, filled_up_to_ev, states_at
from dftflow.analysis.dos_of_eigenvalues import at_most_whole, density_of_states
from dftflow.errors import AnalysisError
from dftflow.model.energy import EnergyZero
from dftflow.model.projections import ProjectionGroup, Projections
from dftflow.model.results import Bands


def chain(points: int = 400, hopping_ev: float = 1.0) -> Bands:
    """One band of a chain of atoms: E = -2t cos(2 pi k)."""
    k = np.zeros((points, 3))
    k[:, 0] = (np.arange(points) + 0.5) / points - 0.5
    return Bands(
        eigenvalues_ev=(-2 * hopping_ev * np.cos(2 * np.pi * k[:, 0]))[None, :, None],
        kpoints_frac=k,
        labels=("",) * points,
        on_path=(-1,) * points,
        reciprocal_per_ang=np.eye(3),
        n_electrons=(1.0,),
        fermi_ev=0.0,
        zero=EnergyZero("run", "cell_average"),
        weights=np.full(points, 1 / points),
    )


def test_a_half_filled_chain_is_filled_to_its_middle_and_has_the_known_states_there() -> None:
    """D(E) = 2 / (pi sqrt(4t^2 - E^2)): 1 / (pi t) at E = 0, both spins."""
    dos = density_of_states(chain(), sigma_ev=0.05)
    fermi_ev = filled_up_to_ev(dos, 1.0)
    assert fermi_ev == pytest.approx(0.0, abs=0.01)
    assert states_at(dos, fermi_ev) == pytest.approx(1 / np.pi, rel=0.01)
    assert states_at(dos, 1.0) == pytest.approx(2 / (np.pi * np.sqrt(3)), rel=0.02)


def test_a_quarter_of_the_electrons_reach_where_the_cosine_has_it() -> None:
    dos = density_of_states(chain(), sigma_ev=0.02)
    assert filled_up_to_ev(dos, 0.5) == pytest.approx(-np.sqrt(2), abs=0.02)


def test_free_electrons_are_filled_to_the_fermi_energy() -> None:
    """E_F = hbar^2/2m (3 pi^2 n)^(2/3), with few electrons in a cube of 4 Å."""
    dos = density_of_states(grid_bands((24, 24, 24)), sigma_ev=0.1)
    expected_ev = KINETIC_EV_ANG2 * (3 * np.pi**2 * 0.4 / 64) ** (2 / 3)
    assert filled_up_to_ev(dos, 0.4) == pytest.approx(expected_ev, rel=0.05)


def test_in_a_gap_it_is_the_middle() -> None:
    bands = grid_bands()
    top, bottom = bands.eigenvalues_ev[..., 0].max(), bands.eigenvalues_ev[..., 1].min()
    fermi_ev = filled_up_to_ev(density_of_states(bands, sigma_ev=0.05), 2.0)
    assert fermi_ev == pytest.approx((top + bottom) / 2, abs=0.1)


@pytest.mark.parametrize(("channels", "electrons"), [(1, 4.0), (2, 4.0), (2, 7.3)])
def test_the_energy_is_that_of_the_sum_of_error_functions(channels: int, electrons: float) -> None:
    random, sigma_ev = np.random.default_rng(0), 0.02
    values, weights = np.sort(random.normal(0, 3, (channels, 40, 6)), axis=2), random.random(40)
    bands = replace(
        chain(40),
        eigenvalues_ev=values,
        weights=weights / weights.sum(),
        n_electrons=(electrons / channels,) * channels,
    )

    def more_ev(energy: float) -> float:
        parts = bands.electrons_per_band * (1 + erf((energy - values) / (np.sqrt(2) * sigma_ev))) / 2
        return float((parts.sum(axis=(0, 2)) @ bands.weights) - electrons)

    found = filled_up_to_ev(density_of_states(bands, sigma_ev=sigma_ev), electrons)
    assert found == pytest.approx(brentq(more_ev, -10, 10), abs=3e-4)


def test_more_electrons_than_states_are_refused() -> None:
    with pytest.raises(AnalysisError, match="the states hold 2"):
        filled_up_to_ev(density_of_states(chain(), sigma_ev=0.05), 3.0)


def test_filled_states_are_compared_where_both_have_them() -> None:
    one = grid_bands((4, 4, 4))
    moved = replace(grid_bands((2, 2, 2)), eigenvalues_ev=grid_bands((2, 2, 2)).eigenvalues_ev + 0.03)
    assert difference_at_shared_points_ev(one, moved) == pytest.approx(0.03)
    assert difference_at_shared_points_ev(one, grid_bands((4, 4, 4), n_spins=2)) is None


def test_parts_of_a_state_never_exceed_it() -> None:
    bands = grid_bands()
    share = np.full((*bands.eigenvalues_ev.shape, 2), [3.0, 1.0], dtype=np.float32)
    share[..., 4:, :] = [0.2, 0.3]
    groups = (ProjectionGroup(element="Pb"), ProjectionGroup(element="Br"))
    whole = at_most_whole(Projections(weights=share, groups=groups, method="made up"))
    np.testing.assert_allclose(whole.weights[..., 0, :], np.broadcast_to([0.75, 0.25], (1, 64, 2)))
    np.testing.assert_allclose(whole.weights[..., 5, :], share[..., 5, :])
    dos = density_of_states(bands, whole)
    assert dos.projected is not None
    assert (dos.projected.sum(axis=1) <= dos.total + 1e-6).all()
