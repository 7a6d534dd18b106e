"""Band edges of tight-binding bands, whose extrema are known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.analysis.band_edges import find_band_edges, grid_band_gap_ev, missing_points
from dftflow.errors import BandEdgeError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands
from dftflow.model.spec import KPoint

ZERO = EnergyZero("bulk", "cell_average")
GAMMA, R = KPoint(label="G", frac=(0.0, 0.0, 0.0)), KPoint(label="R", frac=(0.5, 0.5, 0.5))
X_POINTS = np.array([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])


def monkhorst_pack(n):
    """10.1103/PhysRevB.13.5188, equation 3: u_r = (2r - n - 1)/2n."""
    u = (2 * np.arange(1, n + 1) - n - 1) / (2 * n)
    return np.array([[a, b, c] for a in u for b in u for c in u])


def away(kpoints, edge):
    """0 at `edge`, 6 at the far corner of the zone."""
    return (1 - np.cos(2 * np.pi * (np.asarray(kpoints) - np.asarray(edge)))).sum(axis=1)


def two_band_crystal(kpoints, *, vbm=1.0, cbm=2.6, valence_at=R.frac, conduction_at=R.frac, labels=None, on_path=None):
    """A deep band, a valence band with its top `vbm` and two conduction bands with their bottom `cbm`; 4 electrons."""
    kpoints = np.asarray(kpoints, dtype=float)
    valence = vbm - 0.2 * away(kpoints, valence_at)
    conduction = cbm + 0.3 * away(kpoints, conduction_at)
    return Bands(
        eigenvalues_ev=np.stack([valence - 8, valence, conduction, conduction + 1], axis=1)[None],
        kpoints_frac=kpoints,
        labels=labels or ("",) * len(kpoints),
        on_path=on_path or (-1,) * len(kpoints),
        reciprocal_per_ang=np.eye(3),
        n_electrons=(4.0,),
        fermi_ev=1.5,
        zero=ZERO,
    )


def with_points(grid, *points):
    kpoints = np.concatenate([grid, [point.frac for point in points]])
    labels = ("",) * len(grid) + tuple(point.label for point in points)
    return {"kpoints": kpoints, "labels": labels}


def test_gap_at_r():
    edges = find_band_edges(two_band_crystal(**with_points(monkhorst_pack(2), GAMMA, R)), required=(R,))
    assert edges.vbm.value_ev == pytest.approx(1.0)
    assert edges.cbm.value_ev == pytest.approx(2.6)
    assert edges.band_gap_ev == pytest.approx(1.6)
    assert (edges.vbm_k, edges.vbm_label, edges.cbm_label, edges.direct) == (R.frac, "R", "R", True)
    assert edges.vbm.zero == edges.cbm.zero == ZERO


def test_indirect_gap():
    edges = find_band_edges(two_band_crystal([GAMMA.frac, R.frac], conduction_at=GAMMA.frac, labels=("G", "R")))
    assert (edges.vbm_label, edges.cbm_label, edges.direct) == ("R", "G", False)
    assert edges.band_gap_ev == pytest.approx(1.6)


@pytest.mark.parametrize("n", [2, 4])
def test_an_even_grid_misses_the_edge_by_what_the_dispersion_says(n):
    """The nearest point of an even grid to R is 1/2n away along each axis: 3(0.2 + 0.3)(1 - cos(π/n)) eV too much."""
    bands = two_band_crystal(**with_points(monkhorst_pack(n), R))
    assert find_band_edges(bands).band_gap_ev == pytest.approx(1.6)
    assert grid_band_gap_ev(bands) == pytest.approx(1.6 + 3 * 0.5 * (1 - np.cos(np.pi / n)))


def test_grid_gap_leaves_out_the_path_and_named_points():
    path_only = two_band_crystal([GAMMA.frac, R.frac], labels=("G", "R"), on_path=(0, 0))
    assert grid_band_gap_ev(path_only) is None
    mixed = two_band_crystal([[0.25] * 3, [0.4] * 3, R.frac], labels=("", "", "R"), on_path=(-1, 0, -1))
    assert grid_band_gap_ev(mixed) == pytest.approx(1.6 + 0.5 * 3)


@pytest.mark.parametrize(("fermi_ev", "inside"), [(1.0, True), (1.8, True), (2.6, True), (0.6, False), (3.0, False)])
def test_the_fermi_level_is_reported_and_not_used(fermi_ev, inside):
    bands = two_band_crystal([GAMMA.frac, R.frac])
    edges = find_band_edges(replace(bands, fermi_ev=fermi_ev))
    assert edges.band_gap_ev == pytest.approx(1.6)
    assert (edges.fermi_ev, edges.fermi_in_gap) == (fermi_ev, inside)


@pytest.mark.parametrize("same_as_r", [(-0.5, 0.5, -0.5), (1.5, -0.5, 0.5), (0.49995, 0.5, 0.5)])
def test_a_required_point_may_be_given_in_any_zone(same_as_r):
    edges = find_band_edges(two_band_crystal([GAMMA.frac, same_as_r]), required=(R,))
    assert edges.band_gap_ev == pytest.approx(1.6, abs=1e-6)


def test_a_required_point_may_be_the_time_reversed_one():
    point = KPoint(label="Q", frac=(0.1, 0.2, 0.3))
    bands = two_band_crystal([(0.9, -0.2, -0.3)])
    find_band_edges(bands, required=(point,))
    with pytest.raises(BandEdgeError, match="expected at Q"):
        find_band_edges(bands, required=(KPoint(label="Q", frac=(0.1, -0.2, 0.3)),))


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("point", [GAMMA, R])
def test_an_even_grid_has_neither_gamma_nor_r(n, point):
    with pytest.raises(BandEdgeError, match=f"expected at {point.label}") as caught:
        find_band_edges(two_band_crystal(monkhorst_pack(n)), required=(point,))
    assert f"add {point.label}" in caught.value.fix
    find_band_edges(two_band_crystal(monkhorst_pack(n + 1)), required=(GAMMA,))


def test_an_unnamed_point_gets_the_name_of_an_equal_one():
    kpoints = [(0.5, 0.5, -0.5), GAMMA.frac, R.frac]
    bands = two_band_crystal(kpoints, labels=("", "G", "R"))
    values = bands.eigenvalues_ev.copy()
    values[0, 0, 1] += 1e-6
    edges = find_band_edges(replace(bands, eigenvalues_ev=values))
    assert edges.vbm_label == edges.cbm_label == "R"
    assert edges.direct


def test_degenerate_edges_are_direct_when_one_pair_coincides():
    """Valence tops at X, Y and Z alike, the conduction bottom at Z: direct at Z though X comes first."""
    bands = two_band_crystal(X_POINTS, labels=("X", "Y", "Z"))
    values = bands.eigenvalues_ev.copy()
    values[0, :, 1] = [1.0, 0.9995, 0.9998]
    values[0, :, 2] = [2.9, 2.9, 2.6]
    edges = find_band_edges(replace(bands, eigenvalues_ev=values))
    assert (edges.vbm_label, edges.cbm_label, edges.direct) == ("Z", "Z", True)
    assert edges.band_gap_ev == pytest.approx(1.6)
    values[0, 2, 1] = 0.998
    edges = find_band_edges(replace(bands, eigenvalues_ev=values))
    assert (edges.vbm_label, edges.cbm_label, edges.direct) == ("X", "Z", False)


def spin_polarised(n_electrons, up_shift=0.0):
    one = two_band_crystal([GAMMA.frac, R.frac], labels=("G", "R"))
    channel = one.eigenvalues_ev[0]
    return replace(one, eigenvalues_ev=np.stack([channel + up_shift, channel]), n_electrons=n_electrons)


def test_two_spin_channels_each_fill_their_own_bands():
    assert find_band_edges(spin_polarised((2.0, 2.0))).band_gap_ev == pytest.approx(1.6)
    shifted = find_band_edges(spin_polarised((2.0, 2.0), up_shift=0.25))
    assert shifted.vbm.value_ev == pytest.approx(1.25)
    assert shifted.cbm.value_ev == pytest.approx(2.6)


def test_a_channel_with_one_more_electron():
    """Up also fills its first conduction band, with its top 2.6 + 6·0.3 - 3 eV at Γ; down stays empty from 2.6 eV."""
    bands = spin_polarised((3.0, 2.0))
    values = bands.eigenvalues_ev.copy()
    values[0] += [-3.0, -3.0, -3.0, 1.0]
    edges = find_band_edges(replace(bands, eigenvalues_ev=values))
    assert edges.vbm.value_ev == pytest.approx(1.4)
    assert edges.cbm.value_ev == pytest.approx(2.6)
    assert (edges.vbm_label, edges.cbm_label) == ("G", "R")


def test_an_empty_channel_has_only_conduction_bands():
    edges = find_band_edges(spin_polarised((1.0, 0.0), up_shift=-20.0))
    assert edges.vbm.value_ev == pytest.approx(1.0 - 8 - 20)


@pytest.mark.parametrize(
    ("n_electrons", "message"),
    [
        ((4.5,), "not whole"),
        ((3.0,), "odd"),
        ((8.0,), "no empty band"),
        ((10.0,), "no empty band"),
        ((0.0,), "no filled"),
    ],
)
def test_counts_that_give_no_edges(n_electrons, message):
    bands = replace(two_band_crystal([GAMMA.frac]), n_electrons=n_electrons)
    for function in (find_band_edges, grid_band_gap_ev):
        with pytest.raises(BandEdgeError, match=message):
            function(bands)


def test_half_an_electron_in_a_spin_channel():
    with pytest.raises(BandEdgeError, match="not whole"):
        find_band_edges(spin_polarised((2.5, 1.5)))


def test_bands_that_were_not_calculated():
    bands = two_band_crystal([GAMMA.frac, R.frac])
    values = bands.eigenvalues_ev.copy()
    values[0, 1, 2:] = np.nan
    with pytest.raises(BandEdgeError, match="no empty band"):
        find_band_edges(replace(bands, eigenvalues_ev=values))


def test_overlapping_bands_are_a_metal():
    bands = two_band_crystal([GAMMA.frac, R.frac], cbm=0.9, conduction_at=GAMMA.frac, labels=("G", "R"))
    with pytest.raises(BandEdgeError, match="overlap") as caught:
        find_band_edges(bands)
    assert "R (0.5, 0.5, 0.5), lies 0.100 eV above" in caught.value.reason
    assert "G (0, 0, 0)" in caught.value.reason


@given(shift=st.floats(-50, 50), seed=st.integers(0, 2**31), n=st.sampled_from([2, 3]))
@settings(deadline=None)
def test_shift_of_zero_and_order_of_points_do_not_matter(shift, seed, n):
    bands = two_band_crystal(**with_points(monkhorst_pack(n), GAMMA, R), conduction_at=GAMMA.frac)
    order = np.random.default_rng(seed).permutation(len(bands.labels))
    other = find_band_edges(
        replace(
            bands,
            eigenvalues_ev=bands.eigenvalues_ev[:, order] + shift,
            kpoints_frac=bands.kpoints_frac[order],
            labels=tuple(bands.labels[i] for i in order),
            fermi_ev=bands.fermi_ev + shift,
        )
    )
    edges = find_band_edges(bands)
    assert other.vbm.value_ev == pytest.approx(edges.vbm.value_ev + shift)
    assert other.band_gap_ev == pytest.approx(edges.band_gap_ev)
    assert (other.vbm_label, other.cbm_label, other.direct) == ("R", "G", False)
    assert other.fermi_in_gap == edges.fermi_in_gap


# --- where the lines are drawn ----------------------------------------------------------------------------------


def with_edges(bands, valence, conduction):
    """`bands` with these eigenvalues of the valence and the lower conduction band, one a k-point."""
    values = bands.eigenvalues_ev.copy()
    values[0, :, 1], values[0, :, 2] = valence, conduction
    return replace(bands, eigenvalues_ev=values)


@pytest.mark.parametrize(("off", "is_met"), [(0.5e-4, True), (1.5e-4, False)])
def test_a_point_is_met_within_1e_4(off, is_met):
    bands = two_band_crystal([GAMMA.frac, (0.5 - off, 0.5, 0.5)])
    assert missing_points(bands, [GAMMA, R]) == (() if is_met else (R,))


@pytest.mark.parametrize(("off_ev", "direct"), [(0.5e-3, True), (1.5e-3, False)])
def test_a_state_counts_as_the_edge_within_a_millivolt(off_ev, direct):
    """The other edge is at X alone, where this one is `off_ev` from its extremum at Y."""
    bands = two_band_crystal(X_POINTS, labels=("X", "Y", "Z"))
    below_top = with_edges(bands, [1.0 - off_ev, 1.0, 0.0], [2.6, 2.9, 2.9])
    above_bottom = with_edges(bands, [1.0, 0.0, 0.0], [2.6 + off_ev, 2.6, 2.9])
    assert find_band_edges(below_top).direct == find_band_edges(above_bottom).direct == direct


@pytest.mark.parametrize(("off_ev", "inside"), [(0.5e-3, True), (1.5e-3, False)])
def test_the_fermi_level_may_lie_a_millivolt_outside_the_gap(off_ev, inside):
    bands = two_band_crystal([GAMMA.frac, R.frac])
    for fermi_ev in (1.0 - off_ev, 2.6 + off_ev):
        assert find_band_edges(replace(bands, fermi_ev=fermi_ev)).fermi_in_gap == inside


def test_edges_that_touch_leave_no_gap():
    with pytest.raises(BandEdgeError, match="overlap"):
        find_band_edges(two_band_crystal([GAMMA.frac, R.frac], cbm=1.0, conduction_at=GAMMA.frac))


def test_an_indirect_gap_has_two_places():
    """Tops at X, bottom at Z; at Y the conduction band is highest and the valence band lowest."""
    bands = with_edges(two_band_crystal(X_POINTS, labels=("X", "Y", "Z")), [1.0, 0.0, 0.5], [3.0, 3.5, 2.6])
    edges = find_band_edges(bands)
    assert (edges.vbm_k, edges.cbm_k) == ((0.5, 0.0, 0.0), (0.0, 0.0, 0.5))
    assert (edges.vbm_label, edges.cbm_label, edges.direct) == ("X", "Z", False)


@pytest.mark.parametrize(
    ("at_y", "expected"), [((0.9999, 2.6), "Y"), ((0.9992, 2.6), "X"), ((1.0, 2.6009), "X"), ((1.0, 2.6004), "Y")]
)
def test_of_two_direct_places_the_one_with_the_smaller_gap_is_named(at_y, expected):
    """At X 1.0 and 2.6005 eV, a gap of 1.6005 eV."""
    valence_y, conduction_y = at_y
    bands = two_band_crystal(X_POINTS, labels=("X", "Y", "Z"))
    edges = find_band_edges(with_edges(bands, [1.0, valence_y, 0.0], [2.6005, conduction_y, 4.0]))
    assert (edges.vbm_label, edges.cbm_label, edges.direct) == (expected, expected, True)


@pytest.mark.parametrize("other", [(0.9995, 2.6004), (0.99, 2.65)])
def test_a_point_that_was_calculated_twice_keeps_both_places(other):
    """R and -R: the valence top is the higher one at R, the conduction bottom the lower one at -R."""
    bands = two_band_crystal([(0.5, 0.5, 0.5), (-0.5, -0.5, -0.5)])
    edges = find_band_edges(with_edges(bands, [1.0, other[0]], [other[1], 2.6]))
    assert (edges.vbm_k, edges.cbm_k, edges.direct) == ((0.5, 0.5, 0.5), (-0.5, -0.5, -0.5), True)


def test_only_the_bands_that_are_needed_have_to_be_there():
    bands = two_band_crystal(X_POINTS)
    values = bands.eigenvalues_ev.copy()
    values[0, :, 3] = np.nan
    assert find_band_edges(replace(bands, eigenvalues_ev=values)) == find_band_edges(bands)
    values[0, 2, 2] = np.nan
    with pytest.raises(BandEdgeError, match="no empty band"):
        find_band_edges(replace(bands, eigenvalues_ev=values))


@pytest.mark.parametrize("channel", [0, 1])
def test_both_spin_channels_need_an_empty_band(channel):
    bands = spin_polarised((2.0, 2.0))
    values = bands.eigenvalues_ev.copy()
    values[channel, :, 2:] = np.nan
    with pytest.raises(BandEdgeError, match="no empty band"):
        find_band_edges(replace(bands, eigenvalues_ev=values))


def test_without_k_points_or_spin_channels_there_is_no_edge():
    bands = two_band_crystal([GAMMA.frac])
    no_channels = replace(bands, eigenvalues_ev=np.zeros((0, 1, 4)), n_electrons=())
    for nothing in (two_band_crystal(np.zeros((0, 3))), no_channels):
        with pytest.raises(BandEdgeError, match="no filled bands"):
            find_band_edges(nothing)


@pytest.mark.parametrize(("electrons", "is_whole"), [(4.0005, True), (3.9995, True), (3.998, False), (4.002, False)])
def test_electrons_are_counted_to_a_thousandth(electrons, is_whole):
    bands = replace(two_band_crystal([GAMMA.frac, R.frac]), n_electrons=(electrons,))
    if is_whole:
        assert find_band_edges(bands).band_gap_ev == pytest.approx(1.6)
    else:
        with pytest.raises(BandEdgeError, match="not whole"):
            find_band_edges(bands)
