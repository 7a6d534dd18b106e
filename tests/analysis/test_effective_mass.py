"""Effective masses of bands in closed form: tensors at any orientation, bands that bend, degenerate ones, none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation  # type: ignore[import-untyped]

from dftflow.analysis.effective_mass import degenerate_bands, directional_masses, mass_tensor, shells
from dftflow.analysis.mass_stencil import DIRECTIONS, is_its_own_opposite, stencil_points
from dftflow.errors import AnalysisError
from dftflow.model.effective_mass import Carrier, EdgePoints, MassTensor
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands

KINETIC_EV_ANG2 = 3.80998212  # hbar^2 / 2 m_e, CODATA 2018
STEP = 0.03
RECIPROCAL = np.array([[1.05, 0.1, 0.0], [0.0, 0.9, 0.2], [0.05, 0.0, 1.2]])
Band = Callable[[NDArray[np.float64]], NDArray[np.float64]]
R = (0.5, 0.5, 0.5)


def bands_of(*conduction: Band, k: tuple[float, float, float] = R, gap_ev: float = 1.5) -> Bands:
    """A free hole, and bands above it, as functions of the displacement from `k` (1/Å), at the points of a stencil."""
    points = stencil_points(np.array(k), STEP, RECIPROCAL)
    moved = (points - np.array(k)) @ RECIPROCAL
    hole = -KINETIC_EV_ANG2 * (moved**2).sum(axis=1)
    values = np.sort(np.stack([hole, *(gap_ev + band(moved) for band in conduction)], axis=1), axis=1)
    n = len(points)
    return Bands(
        eigenvalues_ev=values[None],
        kpoints_frac=points,
        labels=("",) * n,
        on_path=(-1,) * n,
        reciprocal_per_ang=RECIPROCAL,
        n_electrons=(2.0,),
        fermi_ev=0.7,
        zero=EnergyZero("run", "cell_average"),
    )


def found_in(bands: Bands, carrier: Carrier = "electron", k: tuple[float, float, float] = R) -> MassTensor:
    return mass_tensor(shells(bands, EdgePoints(vbm=k, cbm=k, step_per_ang=STEP), carrier))


def quadratic(inverse: NDArray[np.float64]) -> Band:
    return lambda q: KINETIC_EV_ANG2 * np.einsum("ni,ij,nj->n", q, inverse, q)


def test_directions_are_thirteen_and_no_two_opposite() -> None:
    assert DIRECTIONS.shape == (13, 3)
    np.testing.assert_allclose(np.linalg.norm(DIRECTIONS, axis=1), 1)
    assert np.triu(np.abs(DIRECTIONS @ DIRECTIONS.T), 1).max() < 0.999


def test_time_reversal_halves_the_stencil_of_special_points_alone() -> None:
    assert is_its_own_opposite(np.array(R)) and not is_its_own_opposite(np.array([0.42, 0.0, 0.42]))
    assert len(stencil_points(np.array(R), STEP, RECIPROCAL)) == 27
    assert len(stencil_points(np.array([0.42, 0.0, 0.42]), STEP, RECIPROCAL)) == 53


@given(
    st.tuples(*[st.floats(0.05, 5.0)] * 3),
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.sampled_from([R, (0.0, 0.0, 0.0), (0.42, 0.1, 0.3)]),
)
def test_a_parabolic_band_has_its_tensor_at_any_orientation(
    masses: tuple[float, float, float], angles: tuple[float, float, float], k: tuple[float, float, float]
) -> None:
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    inverse = turn @ np.diag(1 / np.array(masses)) @ turn.T
    found = found_in(bands_of(quadratic(inverse), k=k), k=k)
    np.testing.assert_allclose(found.masses, sorted(masses), rtol=1e-6)
    for mass, axis in zip(found.masses, found.axes, strict=True):
        np.testing.assert_allclose(inverse @ axis, np.array(axis) / mass, atol=1e-5)
    assert found.parabolic < 1e-6 and found.residual_ev < 1e-9
    assert found.density_of_states == pytest.approx(np.prod(masses) ** (1 / 3), rel=1e-6)
    assert found.conductivity == pytest.approx(3 / sum(1 / mass for mass in masses), rel=1e-6)


def test_a_free_hole_has_the_mass_of_an_electron() -> None:
    found = found_in(bands_of(quadratic(np.eye(3))), "hole")
    np.testing.assert_allclose(found.masses, 1.0, rtol=1e-7)


def test_fourth_order_changes_the_mass_as_the_square_of_the_step_and_within_the_range() -> None:
    """E = ħ²q²/2m (1 - b q²): the inverse mass over a step h is (1 - b h²)/m, over two (1 - 4 b h²)/m."""
    bend = 30.0
    found = found_in(bands_of(lambda q: KINETIC_EV_ANG2 / 0.2 * (q**2).sum(1) * (1 - bend * (q**2).sum(1))))
    exact = 0.2
    assert found.masses[0] == pytest.approx(exact / (1 - bend * STEP**2), rel=1e-6)
    assert found.parabolic == pytest.approx(3 * bend * STEP**2 / (1 - bend * STEP**2), rel=1e-6)
    low, high = found.ranges[0]
    assert found.masses[0] + low <= exact <= found.masses[0] + high


def test_two_bands_that_repel_have_the_mass_of_the_two_band_model() -> None:
    """Kane: E(1 + E/Eg) = ħ²q²/2m, of which the curvature at the edge is that of m."""
    gap_ev, mass = 1.5, 0.13
    kinetic = lambda q: KINETIC_EV_ANG2 / mass * (q**2).sum(1)  # noqa: E731
    found = found_in(bands_of(lambda q: gap_ev / 2 * (np.sqrt(1 + 4 * kinetic(q) / gap_ev) - 1)))
    assert found.masses[0] == pytest.approx(mass, rel=0.03)
    assert found.masses[0] + found.ranges[0][0] <= mass <= found.masses[0] + found.ranges[0][1]
    assert 0.03 < found.parabolic < 0.15


def test_an_extremum_beside_the_point_is_said_and_one_far_off_is_refused() -> None:
    k = (0.42, 0.1, 0.3)
    near = found_in(bands_of(lambda q: KINETIC_EV_ANG2 * ((q - [0.01, 0, 0]) ** 2).sum(1), k=k), k=k)
    assert near.offset_per_ang == pytest.approx(0.01, rel=1e-6) and near.masses[0] == pytest.approx(1, rel=1e-6)
    with pytest.raises(AnalysisError, match=r"extremum lies 0\.0500"):
        found_in(bands_of(lambda q: KINETIC_EV_ANG2 * ((q - [0.05, 0, 0]) ** 2).sum(1), k=k), k=k)


@pytest.mark.parametrize("along_z", [-0.5, 0.0])
def test_a_saddle_or_a_flat_direction_is_no_extremum(along_z: float) -> None:
    with pytest.raises(AnalysisError, match="not an extremum") as caught:
        found_in(bands_of(quadratic(np.diag([1.0, 1.0, along_z]))))
    assert "flat in a direction" in caught.value.reason


def test_a_band_that_is_not_parabolic_is_refused() -> None:
    with pytest.raises(AnalysisError, match="not parabolic") as caught:
        found_in(bands_of(lambda q: KINETIC_EV_ANG2 * (q**2).sum(1) * (1 - 100 * (q**2).sum(1))))
    assert "step_per_ang" in caught.value.fix


def test_degenerate_bands_have_masses_along_directions() -> None:
    """Heavy and light holes of Luttinger, here as electrons: E = A q² ± sqrt(B² q⁴ + C² (x²y² + ...)), in ħ²/2m."""
    a, b, c = 4.0, 1.5, 3.0

    def root(q: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y, z = (q**2).T
        return np.sqrt(b**2 * (q**2).sum(1) ** 2 + c**2 * (x * y + y * z + z * x))

    light, heavy = (lambda q, s=s: KINETIC_EV_ANG2 * (a * (q**2).sum(1) + s * root(q)) for s in (1, -1))
    around = shells(bands_of(light, heavy), EdgePoints(vbm=R, cbm=R, step_per_ang=STEP), "electron")
    assert degenerate_bands(around) == 2
    found = {(one.direction, one.band): one.mass for one in directional_masses(around, 2)}
    for direction, split in (("[100]", b), ("[110]", np.sqrt(b**2 + c**2 / 4)), ("[111]", np.sqrt(b**2 + c**2 / 3))):
        assert found[direction, 1] == pytest.approx(1 / (a - split), rel=1e-6)
        assert found[direction, 2] == pytest.approx(1 / (a + split), rel=1e-6)


def test_a_pair_of_spinors_is_one_band() -> None:
    band = quadratic(np.eye(3) / 0.3)
    around = shells(bands_of(band, band), EdgePoints(vbm=R, cbm=R, step_per_ang=STEP), "electron")
    assert degenerate_bands(around) == 1
    assert mass_tensor(around).masses[0] == pytest.approx(0.3)


def test_the_channel_of_the_edge_counts_and_points_of_the_next_zone_too() -> None:
    """Spin up has a mass of 0.2 at the edge, spin down one of 0.4 half an eV beyond it."""
    up, down = (bands_of(quadratic(np.eye(3) / mass), gap_ev=gap) for mass, gap in ((0.2, 1.5), (0.4, 2.0)))
    moved = up.kpoints_frac - np.arange(len(up.kpoints_frac))[:, None] % 2 * np.array([1, 0, -1])
    for first, second in ((up, down), (down, up)):
        values = np.concatenate([first.eigenvalues_ev, second.eigenvalues_ev])
        both = replace(up, eigenvalues_ev=values, kpoints_frac=moved, n_electrons=(1.0, 1.0))
        assert found_in(both).masses == pytest.approx((0.2,) * 3)


def test_states_elsewhere_tell_no_mass() -> None:
    with pytest.raises(AnalysisError, match="were not calculated"):
        found_in(bands_of(quadratic(np.eye(3))), k=(0.0, 0.0, 0.0))
