"""Plane and macroscopic averages of potentials whose averages are known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.analysis.potential_profile import (
    bulk_average_ev,
    macroscopic_average,
    planar_average,
    potential_profile,
    slab_centre_average,
)
from dftflow.errors import AnalysisError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import PotentialGrid

ZERO = EnergyZero("slab", "cell_average")


def grid(values, cell):
    return PotentialGrid(values_ev=values, cell_ang=cell, kind="electrostatic", zero=ZERO)


def column(planar, length):
    return grid(np.asarray(planar, dtype=float).reshape(1, 1, -1), np.diag([4.0, 4.0, length]))


def test_in_plane_waves_average_out():
    a, b, c = np.meshgrid(np.arange(6) / 6, np.arange(8) / 8, np.arange(20) / 20, indexing="ij")
    values = 3 * np.cos(2 * np.pi * a) + np.sin(2 * np.pi * (2 * b + c)) + 5 * np.cos(2 * np.pi * c) - 1.5
    made = grid(values, np.diag([4.0, 5.0, 10.0]))
    z, planar = planar_average(made)
    np.testing.assert_allclose(z, np.arange(20) / 2)
    np.testing.assert_allclose(planar, 5 * np.cos(2 * np.pi * z / 10) - 1.5, atol=1e-12)
    assert bulk_average_ev(made) == pytest.approx(-1.5)


@pytest.mark.parametrize("c", [(0.0, 0.0, 12.0), (1.7, -2.3, 12.0), (3.0, 2.0, -12.0)])
def test_height_is_along_the_normal_of_an_oblique_cell(c):
    cell = np.array([[4.0, 0, 0], [1.0, 5.0, 0], c])
    z, planar = planar_average(grid(np.arange(24.0).reshape(1, 1, 24), cell))
    np.testing.assert_allclose(z, np.arange(24) / 2)
    np.testing.assert_allclose(planar, np.arange(24.0))


def test_height_does_not_depend_on_the_frame():
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    cell = np.array([[4.0, 0, 0], [1.0, 5.0, 0], [1.7, -2.3, 12.0]])
    values = np.zeros((1, 1, 24))
    turned = planar_average(grid(values, cell @ rotation))[0]
    np.testing.assert_allclose(turned, planar_average(grid(values, cell))[0], atol=1e-12)


@pytest.mark.parametrize("width", [0.37, 2.0, 3.3, 5.0, 7.123])
def test_box_average_of_a_wave(width):
    """1/w times the integral of cos(qx) from z - w/2 to z + w/2 is cos(qz) sin(qw/2)/(qw/2), for any width."""
    z = np.arange(45) * 9 / 45
    q = 2 * np.pi * 4 / 9
    expected = 2 + np.cos(q * z) * np.sin(q * width / 2) / (q * width / 2)
    np.testing.assert_allclose(macroscopic_average(2 + np.cos(q * z), 9.0, width), expected, atol=1e-12)


def test_box_average_agrees_with_an_integral_by_quadrature():
    def potential(x):
        return np.exp(np.cos(2 * np.pi * x / 11)) + np.sin(6 * np.pi * x / 11)

    z = np.arange(60) * 11 / 60
    x, weight = np.polynomial.legendre.leggauss(40)
    expected = potential(z[:, None] + 3.4 / 2 * x) @ weight / 2
    np.testing.assert_allclose(macroscopic_average(potential(z), 11.0, 3.4), expected, atol=1e-10)


@given(values=st.lists(st.floats(-20, 20), min_size=3, max_size=40), fraction=st.floats(0.01, 1))
@settings(deadline=None)
def test_the_mean_is_kept_and_a_window_of_one_cell_leaves_only_it(values, fraction):
    planar = np.array(values)
    assert macroscopic_average(planar, 7.0, 7.0 * fraction).mean() == pytest.approx(planar.mean(), abs=1e-9)
    np.testing.assert_allclose(macroscopic_average(planar, 7.0, 7.0), planar.mean(), atol=1e-9)


def test_a_crystal_is_flat_after_averaging_over_its_period():
    z = np.arange(96) * 24 / 96
    rippled = -3 + 6 * np.cos(2 * np.pi * z / 6) + 2 * np.sin(4 * np.pi * z / 6)
    np.testing.assert_allclose(macroscopic_average(rippled, 24.0, 6.0), -3, atol=1e-12)


@pytest.mark.parametrize(
    ("frac_z", "low", "high"),
    [
        ([0.3, 0.5, 0.7], 6.0, 14.0),
        ([0.9, 0.0, 0.1], 18.0, 22.0),
        ([-0.1, 0.0, 0.1], 18.0, 22.0),
        ([0.95, 1.05, 2.15], 19.0, 23.0),
        ([-1e-18, 0.2], 0.0, 4.0),
        ([0.4], 8.0, 8.0),
    ],
)
def test_the_slab_is_unwrapped_at_its_vacuum(frac_z, low, high):
    profile = potential_profile(column(np.zeros(40), 20.0), np.array(frac_z), 4.0)
    assert profile.atoms_ang == pytest.approx((low, high))


@given(
    frac_z=st.lists(st.floats(0.0, 0.6), min_size=2, max_size=8),
    move=st.floats(-3, 3),
    images=st.integers(-2, 2),
)
@settings(deadline=None)
def test_thickness_does_not_depend_on_where_the_slab_sits(frac_z, move, images):
    """Atoms within 0.6 of the cell but spread so that the gap above them is the largest."""
    atoms = np.array([0.0, 0.15, 0.3, 0.45, 0.6, *frac_z])
    low, high = potential_profile(column(np.zeros(40), 20.0), atoms + move + images, 4.0).atoms_ang
    assert high - low == pytest.approx(12.0, abs=1e-9)
    assert 0 <= low < 20.0 + 1e-9


@pytest.mark.parametrize("period", [0.0, -1.0, 20.1, float("nan")])
def test_a_period_that_does_not_fit_is_refused(period):
    with pytest.raises(AnalysisError, match="window"):
        potential_profile(column(np.zeros(40), 20.0), np.array([0.3, 0.7]), period)


def test_no_atoms_is_refused():
    with pytest.raises(AnalysisError, match="none"):
        potential_profile(column(np.zeros(40), 20.0), np.array([]), 4.0)


def bulk_like_slab(thickness, period, *, length=60.0, centre=30.0, bend=0.0, n=600):
    """-7 eV on average inside, rippled with `period`, 2 eV outside; `bend` (eV/Å²) curves the inside."""
    z = np.arange(n) * length / n
    d = (z - centre + length / 2) % length - length / 2
    inside = 1 / (1 + np.exp((np.abs(d) - thickness / 2) / 0.15))
    planar = 2 + inside * (-9 + 4 * np.cos(2 * np.pi * d / period) + bend * d**2)
    ends = np.array([centre - thickness / 2, centre, centre + thickness / 2]) / length
    atoms = np.linspace(ends[0], ends[2], 9)
    return potential_profile(column(planar, length), atoms, period)


@pytest.mark.parametrize("centre", [30.0, 0.0, 17.33, 59.0])
def test_the_middle_of_a_thick_slab_is_the_bulk(centre):
    middle = slab_centre_average(bulk_like_slab(24.0, 6.0, centre=centre))
    assert middle.mean_ev == pytest.approx(-7, abs=1e-3)
    assert middle.half_variation_ev < 1e-3
    assert np.ptp(middle.window_ang) == pytest.approx(6.0)
    assert np.mean(middle.window_ang) % 60 == pytest.approx(centre % 60)


def test_a_bent_middle_shows_in_the_variation():
    """The box average of b x² is b (z² + p²/12): over |z| <= p/2 it varies by b p²/4, with mean b p²/6."""
    middle = slab_centre_average(bulk_like_slab(36.0, 6.0, bend=0.01))
    assert middle.mean_ev == pytest.approx(-7 + 0.01 * 36 / 6, abs=2e-3)
    assert middle.half_variation_ev == pytest.approx(0.01 * 36 / 8, rel=0.05)


def test_a_bent_middle_shows_between_windows_and_in_the_centre():
    """The mean of b (z² + p²/12) over |z| <= w/2 is b (w² + p²)/12: b p²/16 between w = p/2 and p; b p²/12 at z = 0."""
    middle = slab_centre_average(bulk_like_slab(36.0, 6.0, bend=0.01))
    assert middle.windows_ev == pytest.approx(0.01 * 36 / 16, rel=0.05)
    assert middle.centre_ev == pytest.approx(-7 + 0.01 * 36 / 12, abs=2e-3)


def test_the_tail_of_a_face_is_more_than_the_spread_shows():
    """A face's tail of 2.6 Å, as CsBr faces have: at 12 Å the line-up is 0.1 eV off, and looks flat to 0.02 eV."""
    length, thickness, decay = 60.0, 11.75, 2.6
    z = np.arange(1200) * length / 1200
    d = (z - 30.0 + 30.0) % length - 30.0
    tail = 0.95 * np.exp(-thickness / 2 / decay) * np.cosh(np.clip(d, -thickness / 2, thickness / 2) / decay)
    atoms = (30.0 + np.linspace(-thickness / 2, thickness / 2, 5)) / length
    profile = potential_profile(column(-7.0 + tail, length), atoms, 5.875)
    middle = slab_centre_average(profile)
    spread = middle.half_variation_ev + middle.windows_ev + abs(middle.mean_ev - middle.centre_ev)
    assert middle.mean_ev + 7.0 == pytest.approx(0.12, abs=0.03)
    assert 0.01 < spread < 0.5 * (middle.mean_ev + 7.0), "it bounds no error"


def test_the_window_keeps_clear_of_the_surfaces():
    """A 12 Å slab with a 6 Å period: averages within 2 Å of the middle end 1 Å or more inside."""
    middle = slab_centre_average(bulk_like_slab(12.0, 6.0))
    assert middle.window_ang == pytest.approx((28.0, 32.0))
    assert middle.mean_ev == pytest.approx(-7, abs=0.01)


def test_a_slab_of_one_period_has_a_large_uncertainty():
    """Its middle's averages reach half a period out of the slab, where the potential is 9 eV higher."""
    middle = slab_centre_average(bulk_like_slab(6.0, 6.0))
    assert middle.half_variation_ev > 0.3
    assert abs(middle.mean_ev + 7) < 3 * middle.half_variation_ev


@pytest.mark.parametrize(("thickness", "width"), [(6.0, 3.0), (10.9, 3.0), (11.5, 3.5), (14.0, 6.0), (30.0, 6.0)])
def test_the_window_is_half_a_period_to_a_whole_one(thickness, width):
    assert np.ptp(slab_centre_average(bulk_like_slab(thickness, 6.0)).window_ang) == pytest.approx(width)


def test_a_slab_thinner_than_a_period_is_refused():
    with pytest.raises(AnalysisError, match="too thin") as caught:
        slab_centre_average(bulk_like_slab(5.0, 6.0))
    assert "at least 14.0 Å" in caught.value.fix


def test_a_period_of_the_whole_cell_leaves_the_mean_alone():
    profile = potential_profile(column(np.arange(40.0), 20.0), np.array([0.3, 0.7]), 20.0)
    np.testing.assert_allclose(profile.macroscopic_ev, 19.5, atol=1e-9)


def test_a_potential_turned_over_varies_as_much():
    """What is said of a well is said of a barrier: sizes are sizes, and positions keep their place."""
    well = bulk_like_slab(36.0, 6.0, bend=0.01)
    barrier = replace(well, planar_ev=-well.planar_ev, macroscopic_ev=-well.macroscopic_ev)
    one, other = slab_centre_average(well), slab_centre_average(barrier)
    assert other.windows_ev == pytest.approx(one.windows_ev) and one.windows_ev > 0.02
    assert other.half_variation_ev == pytest.approx(one.half_variation_ev) and one.half_variation_ev > 0.04
    assert (other.mean_ev, other.centre_ev) == pytest.approx((-one.mean_ev, -one.centre_ev))
    assert other.window_ang == one.window_ang


def test_the_value_in_the_very_middle_is_taken_there():
    """A tip of 1 eV/Å: half a sample beside it would be 0.015 eV lower."""
    profile = bulk_like_slab(36.0, 6.0)
    tip = 5.0 - np.abs(profile.z_ang - 30.0)
    assert slab_centre_average(replace(profile, macroscopic_ev=tip)).centre_ev == pytest.approx(5.0, abs=1e-9)
