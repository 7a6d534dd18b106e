"""Vacuum levels of model potentials: wells, ramps, decays of known length, jumps, noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.analysis.potential_profile import potential_profile
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.errors import VacuumError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import PotentialGrid

ZERO = EnergyZero("slab", "cell_average")
THICKNESS = 12.0


def distances(length, centre, n):
    """Signed distance of each grid point from the slab's middle, within half a cell."""
    z = np.arange(n) * length / n
    return (z - centre + length / 2) % length - length / 2


def profile_of(potential, *, vacuum=15.0, centre=None, n=None, thickness=THICKNESS):
    """Profile of `potential(distance from the slab's middle)` in a cell of thickness + vacuum."""
    length = thickness + vacuum
    centre = length / 2 if centre is None else centre
    n = n or round(10 * length)
    planar = potential(distances(length, centre, n))
    grid = PotentialGrid(
        values_ev=planar.reshape(1, 1, -1), cell_ang=np.diag([5.0, 5.0, length]), kind="electrostatic", zero=ZERO
    )
    atoms = (centre + np.linspace(-thickness / 2, thickness / 2, 31)) / length
    return potential_profile(grid, atoms, 6.0)


def decay(d, *, length_ang, depth=8.0, level=3.0):
    """`level` minus `depth` times an exponential of the distance from the outermost atom; -5 eV inside."""
    outside = np.abs(d) - THICKNESS / 2
    return level - depth * np.exp(-np.maximum(outside, 0) / length_ang)


def dipole_layer(d, *, step, at, vacuum=15.0, width=0.5):
    """What a dipole correction leaves: flat on either side, `step` higher above the slab, a jump `at` Å above it."""
    position = THICKNESS / 2 + at
    wrapped = np.where(d < position - (THICKNESS + vacuum), d + THICKNESS + vacuum, d)
    jump = 0.5 * (1 - np.tanh((wrapped - position) / (width / 4)))
    beyond = np.where(wrapped > 0, jump, 0.0)
    return step * np.where(np.abs(d) < THICKNESS / 2, 0.5, beyond)


def test_square_well():
    low, high = vacuum_levels(profile_of(lambda d: np.where(np.abs(d) < 7, -4.0, 2.5)), ZERO)
    for level in (low, high):
        assert level.level.value_ev == pytest.approx(2.5, abs=1e-12)
        assert level.level.zero == ZERO
        assert level.spread_ev == pytest.approx(0, abs=1e-12)
        assert level.slope_ev_per_ang == pytest.approx(0, abs=1e-12)
    assert (low.side, high.side) == ("low", "high")


def test_the_windows_lie_between_decay_and_middle():
    """12 Å slab from 7.5 to 19.5 Å in a 27 Å cell: windows within 1.5 to 6.75 Å of the outermost atoms."""
    low, high = vacuum_levels(profile_of(lambda d: np.zeros_like(d)), ZERO)
    assert low.window_ang == pytest.approx((0.75, 6.0), abs=0.11)
    assert high.window_ang == pytest.approx((21.0, 26.25), abs=0.11)


@pytest.mark.parametrize("length_ang", [0.2, 0.33, 0.5])
def test_the_level_is_the_limit_of_the_decay_not_its_mean(length_ang):
    """The flattest 2 Å start 4.75 Å out: the level is off by less than 5 meV or twice the tail there."""
    low, high = vacuum_levels(profile_of(lambda d: decay(d, length_ang=length_ang)), ZERO)
    bound = max(0.005, 2 * 8 * np.exp(-4.65 / length_ang))
    assert 3 - bound < high.level.value_ev <= 3
    assert high.level.value_ev == pytest.approx(low.level.value_ev, abs=1e-9)
    assert high.slope_ev_per_ang > 0 > low.slope_ev_per_ang
    assert high.spread_ev <= bound


def test_a_slow_decay_is_refused_and_mended_by_vacuum():
    """With 1.5 Å decay length the tail at 4.75 Å varies by 8 e^(-4.75/1.5)(1 - e^(-2/1.5)) = 0.25 eV over 2 Å."""
    with pytest.raises(VacuumError, match="no plateau") as caught:
        vacuum_levels(profile_of(lambda d: decay(d, length_ang=1.5)), ZERO)
    assert "0.24" in caught.value.reason or "0.25" in caught.value.reason
    assert "add vacuum" in caught.value.fix
    _, high = vacuum_levels(profile_of(lambda d: decay(d, length_ang=1.5), vacuum=30.0), ZERO)
    assert high.level.value_ev == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("slope", [0.012, -0.05, 0.4])
def test_a_ramp_is_refused(slope):
    """The periodic answer to a slab dipole: a uniform field in the vacuum, an opposite one in the slab."""
    length = THICKNESS + 15.0

    def ramp(d):
        from_top = (d - THICKNESS / 2) % length
        inside = from_top > 15.0
        return np.where(inside, slope * 15 * (length - from_top) / THICKNESS, slope * from_top) + decay(
            d, length_ang=0.3
        )

    with pytest.raises(VacuumError, match="ramp") as caught:
        vacuum_levels(profile_of(ramp), ZERO)
    assert f"{slope:+.3f}" in caught.value.summary
    assert "dipole correction" in caught.value.fix
    assert "equal faces" in caught.value.fix


@pytest.mark.parametrize("step", [-1.97, 0.3, 4.0])
@pytest.mark.parametrize("at", [7.0, 7.5, 8.0])
def test_the_jump_of_a_dipole_correction_is_in_neither_window(step, at):
    potential = profile_of(lambda d: decay(d, length_ang=0.33) + dipole_layer(d, step=step, at=at))
    low, high = vacuum_levels(potential, ZERO)
    assert low.level.value_ev == pytest.approx(3, abs=0.005)
    assert high.level.value_ev == pytest.approx(3 + step, abs=0.005)


@pytest.mark.parametrize("step", [-1.0, 1.0])
@pytest.mark.parametrize("at", [4.5, 5.0, 10.0])
def test_a_jump_off_the_middle_ends_the_plateau_next_to_the_surface(step, at):
    low, high = vacuum_levels(profile_of(lambda d: decay(d, length_ang=0.2) + dipole_layer(d, step=step, at=at)), ZERO)
    assert low.level.value_ev == pytest.approx(3, abs=0.005)
    assert high.level.value_ev == pytest.approx(3 + step, abs=0.005)


def test_a_jump_down_next_to_the_surface_is_noticed():
    """The plateau behind the jump belongs to the other face; no potential falls towards vacuum."""
    potential = profile_of(lambda d: decay(d, length_ang=0.2) + dipole_layer(d, step=1.0, at=2.5))
    with pytest.raises(VacuumError, match="does not belong") as caught:
        vacuum_levels(potential, ZERO)
    assert "middle of its cell" in caught.value.fix


@pytest.mark.parametrize("vacuum", [0.5, 4.0, 8.4])
def test_too_little_vacuum(vacuum):
    with pytest.raises(VacuumError, match=f"{vacuum:.2f} Å thick") as caught:
        vacuum_levels(profile_of(np.zeros_like, vacuum=vacuum), ZERO)
    assert "8.5 Å" in caught.value.fix


def test_a_crystal_has_no_vacuum():
    n, length = 120, 12.0
    values = (3 * np.cos(2 * np.pi * np.arange(n) / 60)).reshape(1, 1, -1)
    grid = PotentialGrid(values_ev=values, cell_ang=np.diag([5, 5, length]), kind="electrostatic", zero=ZERO)
    with pytest.raises(VacuumError, match="too thin"):
        vacuum_levels(potential_profile(grid, np.arange(4) / 4, 6.0), ZERO)


def test_too_coarse_a_grid():
    with pytest.raises(VacuumError, match="grid points"):
        vacuum_levels(profile_of(np.zeros_like, n=12), ZERO)


def test_noise_averages_out_and_shows_in_the_spread():
    noise = np.random.default_rng(7).normal(0, 0.005, 270)
    low, high = vacuum_levels(profile_of(lambda d: decay(d, length_ang=0.33) + noise), ZERO)
    for level in (low, high):
        assert level.level.value_ev == pytest.approx(3, abs=0.005)
        assert 0.005 < level.spread_ev < 0.05


def test_noise_beyond_the_limit_is_refused():
    noise = np.random.default_rng(7).normal(0, 0.1, 270)
    with pytest.raises(VacuumError, match="no plateau"):
        vacuum_levels(profile_of(lambda d: decay(d, length_ang=0.33) + noise), ZERO)


@pytest.mark.parametrize(
    "limits", [{"max_spread_ev": 1e-4, "max_slope_ev_per_ang": 1e-4}, {"max_slope_ev_per_ang": 1e-4}]
)
def test_tighter_limits_refuse_what_the_default_takes(limits):
    profile = profile_of(lambda d: decay(d, length_ang=0.5))
    vacuum_levels(profile, ZERO)
    with pytest.raises(VacuumError, match="no plateau"):
        vacuum_levels(profile, ZERO, **limits)


@given(shift=st.floats(-100, 100), roll=st.integers(0, 269))
@settings(max_examples=60, deadline=None)
def test_invariant_under_a_shift_of_zero_and_of_the_slab(shift, roll):
    def potential(d):
        return decay(d, length_ang=0.33) + dipole_layer(d, step=0.7, at=7.5)

    reference = vacuum_levels(profile_of(potential, centre=13.5), ZERO)
    moved_profile = profile_of(lambda d: potential(d) + shift, centre=13.5 + roll * 0.1)
    moved = vacuum_levels(moved_profile, ZERO)
    for before, after in zip(reference, moved, strict=True):
        assert after.side == before.side
        assert after.level.value_ev == pytest.approx(before.level.value_ev + shift, abs=0.002)
        assert after.spread_ev == pytest.approx(before.spread_ev, abs=0.005)
        assert 0 <= after.window_ang[0] < moved_profile.length_ang
        inside = [(z - moved_profile.atoms_ang[0]) % moved_profile.length_ang for z in after.window_ang]
        assert min(inside) > THICKNESS + 1


@given(step=st.floats(-3, 3), length_ang=st.floats(0.15, 0.4))
@settings(max_examples=40, deadline=None)
def test_turning_the_slab_over_swaps_the_sides(step, length_ang):
    def potential(d):
        return decay(d, length_ang=length_ang) + dipole_layer(d, step=step, at=7.5)

    # 271 points and a slab about the origin: the grid is its own mirror image
    upright = vacuum_levels(profile_of(potential, centre=0.0, n=271), ZERO)
    flipped = vacuum_levels(profile_of(lambda d: potential(-d), centre=0.0, n=271), ZERO)
    for before, after in zip(upright, reversed(flipped), strict=True):
        assert after.level.value_ev == pytest.approx(before.level.value_ev, abs=1e-9)
        assert after.spread_ev == pytest.approx(before.spread_ev, abs=1e-9)
        assert after.slope_ev_per_ang == pytest.approx(-before.slope_ev_per_ang, abs=1e-9)
        assert np.ptp(after.window_ang) == pytest.approx(np.ptp(before.window_ang))
    assert [level.side for level in flipped] == ["low", "high"]


# --- which window is taken --------------------------------------------------------------------------------------
# Grid points 0.1 Å apart, the outermost atoms at 7.53 and 19.53 Å: the first point 1.5 Å or more above the slab is 1.57
# Å away from it, so that 2 Å reach from there to 3.57 Å.


def above_slab(potential, *, vacuum=15.0):
    """3 eV everywhere but above the slab, where it is `potential(distance from the outermost atom)`."""

    def on_both_sides(d):
        from_atom = d - THICKNESS / 2
        return np.where(from_atom > 0, potential(np.round(from_atom, 6)), 3.0)

    return profile_of(on_both_sides, centre=13.53 if vacuum == 15.0 else 21.03, vacuum=vacuum)


def high_level(potential, *, vacuum=15.0, **limits):
    """The level above the slab, and from where to where its window reaches, counted from the outermost atom."""
    profile = above_slab(potential, vacuum=vacuum)
    level = vacuum_levels(profile, ZERO, **limits)[1]
    return level, tuple(edge - profile.atoms_ang[1] for edge in level.window_ang)


def test_a_flat_vacuum_is_taken_whole():
    profile = above_slab(lambda t: 3.0 + 0 * t)
    low, high = vacuum_levels(profile, ZERO)
    assert low.window_ang == pytest.approx((0.8, 6.0)), "7.53 Å less 6.75 Å, and less 1.5 Å"
    assert high.window_ang == pytest.approx((21.1, 26.2)), "19.53 Å and 1.5 Å, and 6.75 Å"


def test_the_window_grows_by_what_varies_less_than_a_millivolt():
    """Flat from 3.57 to 5.57 Å; -0.8 mV before it, +0.1 mV behind it, and 1.5 mV off farther away."""

    def potential(t):
        return 3.0 + np.select([t < 3.0, t < 3.55, t < 5.6, t < 6.0], [-1.5e-3, -0.8e-3, 0.0, 0.1e-3], 1.5e-3)

    level, window = high_level(potential)
    assert window == pytest.approx((3.07, 5.97))
    assert level.spread_ev == pytest.approx(0.9e-3)
    assert level.level.value_ev == pytest.approx(3.0 + (5 * -0.8e-3 + 4 * 0.1e-3) / 30)


def test_the_window_grows_to_twice_its_spread_and_no_farther():
    """The flattest 2 Å, from 3.57 Å, vary by 1/256 eV; next to them it is 2/256 eV higher, and then 2.5/256 eV."""
    step = 1 / 256

    def potential(t):
        ripple = step * (np.round(t * 10 - 0.7).astype(int) % 2)
        return 3.0 + np.select(
            [t < 2.55, t < 3.55, t < 5.6, t < 6.1], [2.5 * step, 2 * step, ripple, 2 * step], 2.5 * step
        )

    level, window = high_level(potential)
    assert window == pytest.approx((2.57, 6.07))
    assert level.spread_ev == 2 * step


def test_the_limit_of_the_spread_is_allowed_itself():
    def potential(t):
        return 3.0 + (np.round(t * 10 - 0.7).astype(int) % 2) / 16

    assert high_level(potential, max_spread_ev=1 / 16)[0].spread_ev == 1 / 16
    with pytest.raises(VacuumError, match="no plateau"):
        high_level(potential, max_spread_ev=1 / 16.01)


@pytest.mark.parametrize(("amplitude", "is_flat"), [(0.022, True), (0.028, False), (0.04, False)])
def test_by_default_a_plateau_varies_by_less_than_50_millivolt(amplitude, is_flat):
    def wave(t):
        return 3.0 + amplitude * np.cos(2 * np.pi * t)

    if is_flat:
        assert high_level(wave)[0].level.value_ev == pytest.approx(3.0, abs=2e-3)
    else:
        with pytest.raises(VacuumError, match="no plateau on the high side"):
            high_level(wave)


@pytest.mark.parametrize("slope", [-0.015, 0.015])
def test_a_potential_that_leads_away_from_both_faces_is_no_plateau(slope):
    """0.03 eV in 2 Å are flat enough, 0.015 eV/Å are too steep, up as well as down."""
    with pytest.raises(VacuumError, match="no plateau"):
        vacuum_levels(profile_of(lambda d: 3.0 + slope * np.maximum(np.abs(d) - THICKNESS / 2, 0)), ZERO)
    vacuum_levels(profile_of(lambda d: 3.0 + slope / 2 * np.maximum(np.abs(d) - THICKNESS / 2, 0)), ZERO)


@pytest.mark.parametrize("step", [-1.0, 1.0])
def test_what_lies_behind_a_jump_is_not_taken_however_flat(step):
    """The only 2 Å before the jump rise by 5 mV, behind it all is flat."""

    def potential(t):
        return np.where(t < 3.6, 3.0 + 0.0025 * (t - 1.57), 3.0 + step)

    level, window = high_level(potential)
    assert window == pytest.approx((1.57, 3.57))
    assert (level.level.value_ev, level.spread_ev) == pytest.approx((3.0025, 0.005))
    assert level.slope_ev_per_ang == pytest.approx(0.0025)


@pytest.mark.parametrize("step", [-1.0, 1.0])
def test_the_plateau_reaches_up_to_the_jump(step):
    """Next to the slab it ripples by 10 mV, then by 2 mV up to the jump at 8 Å, behind which all is flat."""

    def potential(t):
        sign = (-1.0) ** np.round(t * 10 - 0.7).astype(int)
        return np.select([t < 4.0, t < 8.0], [3.0 + 5e-3 * sign, 3.0 + 1e-3 * sign], 3.0 + step)

    level, window = high_level(potential, vacuum=30.0)
    assert level.level.value_ev == pytest.approx(3.0, abs=1e-4) and level.spread_ev == pytest.approx(2e-3)
    assert window == pytest.approx((4.07, 7.97))


def test_a_plateau_ends_where_it_leaves_its_outer_end():
    """Up to 3.47 Å 3 eV, at 3.57 Å 45 mV more, and 90 mV more from there on: never farther than 50 mV at a time."""
    level, window = high_level(lambda t: 3.0 + np.select([t < 3.5, t < 3.6], [0.0, 0.045], 0.09))
    assert window == pytest.approx((3.67, 6.67))
    assert level.level.value_ev == pytest.approx(3.09)


def test_a_side_narrower_than_the_least_width_is_taken_whole():
    """9 Å of vacuum leave 1.5 to 3.75 Å, where 1.8, 2.4, 3.0 and 3.6 Å are the grid's: less than 2 Å."""
    profile = profile_of(lambda d: 3.0 + 0 * d, vacuum=9.0, centre=10.2, n=35)
    low, high = vacuum_levels(profile, ZERO)
    assert high.window_ang == pytest.approx((18.0, 19.8))
    assert low.window_ang == pytest.approx((0.6, 2.4))


@pytest.mark.parametrize(("n", "points"), [(20, 4), (16, 3)])
def test_four_points_of_a_side_are_enough_and_three_are_not(n, points):
    """27 Å in 20 steps of 1.35 Å: 2.1, 3.45, 4.8 and 6.15 Å from the atoms; in 16 steps 2.44, 4.13 and 5.81 Å."""
    profile = profile_of(lambda d: 3.0 + 0 * d, n=n)
    if points == 4:
        assert vacuum_levels(profile, ZERO)[1].level.value_ev == pytest.approx(3.0)
    else:
        with pytest.raises(VacuumError, match="only 3 grid points"):
            vacuum_levels(profile, ZERO)


def test_the_window_grows_down_to_the_first_point():
    _, window = high_level(lambda t: 3.0 + np.where(t < 1.6, 0.5e-3, 0.0))
    assert window == pytest.approx((1.57, 6.67))


def test_a_narrow_side_is_judged_with_its_first_point():
    """The four points of above, of which the first lies 20 mV lower: all of them are the plateau."""
    profile = profile_of(lambda d: np.where((d > 7.7) & (d < 7.9), 2.98, 3.0), vacuum=9.0, centre=10.2, n=35)
    level = vacuum_levels(profile, ZERO, max_slope_ev_per_ang=0.1)[1]
    assert (level.level.value_ev, level.spread_ev) == pytest.approx((2.995, 0.02))
    assert level.window_ang == pytest.approx((18.0, 19.8))


def test_the_field_of_a_ramp_is_the_mean_of_both_sides():
    """Along z it rises by 0.03 eV/Å below the slab and by 0.02 eV/Å above it."""

    def ramp(d):
        outwards = np.abs(d) - THICKNESS / 2
        return 3.0 + np.where(outwards > 0, outwards * np.where(d > 0, 0.02, -0.03), 0.0)

    with pytest.raises(VacuumError, match=r"a ramp of \+0\.0250 eV/Å"):
        vacuum_levels(profile_of(ramp), ZERO)
