"""A model whose ionisation potential is known: a cosine crystal, cut into a slab with a step to vacuum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.analysis.potential_profile import bulk_average_ev, potential_profile, slab_centre_average
from dftflow.analysis.surface_levels import surface_levels
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.errors import AnalysisError, ReferenceMismatch
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import BandEdges
from dftflow.model.results import PotentialGrid

PERIOD = 6.0
STEP = 9.0
"""From the crystal's average potential to vacuum, eV."""
VBM, GAP = 3.2, 1.7
"""VBM above the crystal's average potential; IP = 9.0 - 3.2 and EA = IP - 1.7."""
BULK, SLAB = EnergyZero("bulk", "cell_average"), EnergyZero("slab", "cell_average")


def grid(planar, length, zero):
    return PotentialGrid(
        values_ev=planar.reshape(1, 1, -1), cell_ang=np.diag([4.0, 4.0, length]), kind="electrostatic", zero=zero
    )


def bulk(shift):
    """Band edges and average of the crystal, its zero moved by `shift`."""
    z = np.arange(48) * PERIOD / 48
    average = bulk_average_ev(grid(shift + 5 * np.cos(2 * np.pi * z / PERIOD), PERIOD, BULK))
    edges = BandEdges(
        vbm=Energy(shift + VBM, BULK),
        cbm=Energy(shift + VBM + GAP, BULK),
        vbm_k=(0.5, 0.5, 0.5),
        cbm_k=(0.5, 0.5, 0.5),
        vbm_label="R",
        cbm_label="R",
        direct=True,
        fermi_ev=shift + VBM,
        fermi_in_gap=True,
    )
    return {"bulk_edges": edges, "bulk_average": Energy(average, BULK)}


def slab(shift, *, periods=4, vacuum=15.0, centre=0.5, step=0.0):
    """The same crystal, `periods` thick; `step` is added above the slab, up to the middle of the vacuum."""
    thickness = periods * PERIOD
    length = thickness + vacuum
    n = round(8 * length)
    d = (np.arange(n) * length / n - centre * length + length / 2) % length - length / 2
    inside = 1 / (1 + np.exp((np.abs(d) - thickness / 2 - 0.5) / 0.15))
    planar = shift + STEP * (1 - inside) + 5 * np.cos(2 * np.pi * d / PERIOD) * inside
    planar = planar + step * (d > 0) * (1 - inside)
    atoms = centre + np.linspace(-thickness / 2, thickness / 2, 2 * periods + 1) / length
    return potential_profile(grid(planar, length, SLAB), atoms, PERIOD)


def levels(profile, *, side=1, fermi, bulk_shift=0.0):
    return surface_levels(
        profile=profile,
        vacuum=vacuum_levels(profile, SLAB)[side],
        fermi=Energy(fermi, SLAB),
        slab_edges=None,
        why_no_slab_edges="metallic",
        **bulk(bulk_shift),
    )


@given(bulk_shift=st.floats(-30, 30), slab_shift=st.floats(-30, 30), centre=st.floats(0, 1), periods=st.integers(3, 5))
@settings(max_examples=60, deadline=None)
def test_levels_do_not_depend_on_the_zeros_nor_on_the_cell(bulk_shift, slab_shift, centre, periods):
    profile = slab(slab_shift, centre=centre, periods=periods)
    found = levels(profile, fermi=slab_shift + 4.0, bulk_shift=bulk_shift)
    assert found.ionisation_potential_ev == pytest.approx(STEP - VBM, abs=2e-3)
    assert found.electron_affinity_ev == pytest.approx(STEP - VBM - GAP, abs=2e-3)
    assert found.work_function_ev == pytest.approx(STEP - 4.0, abs=2e-3)
    assert found.bulk_average_ev == pytest.approx(bulk_shift, abs=1e-9)
    assert found.slab_centre_average_ev == pytest.approx(slab_shift, abs=2e-3)
    assert found.spread.total_ev < 0.02


def test_the_fermi_level_moves_the_work_function_alone():
    profile = slab(0.0)
    first, second = (levels(profile, fermi=fermi) for fermi in (3.3, 4.8))
    assert first.work_function_ev - second.work_function_ev == pytest.approx(1.5)
    assert first.ionisation_potential_ev == second.ionisation_potential_ev
    assert first.electron_affinity_ev == second.electron_affinity_ev


def test_two_faces_have_two_ionisation_potentials():
    profile = slab(0.0, step=0.8)
    low, high = (levels(profile, fermi=4.0, side=side) for side in (0, 1))
    assert low.ionisation_potential_ev == pytest.approx(STEP - VBM, abs=0.05)
    assert high.ionisation_potential_ev - low.ionisation_potential_ev == pytest.approx(0.8, abs=2e-3)
    assert high.work_function_ev - low.work_function_ev == pytest.approx(0.8, abs=2e-3)


def test_the_spread_adds_what_depends_on_where_the_line_up_is_made():
    profile = slab(0.0, periods=2)
    vacuum, middle = vacuum_levels(profile, SLAB)[1], slab_centre_average(profile)
    found = levels(profile, fermi=4.0)
    parts = (
        middle.half_variation_ev,
        middle.windows_ev,
        abs(middle.mean_ev - middle.centre_ev),
        vacuum.spread_ev,
    )
    spread = found.spread
    assert (spread.flatness_ev, spread.windows_ev, spread.centre_ev, spread.vacuum_ev) == pytest.approx(parts)
    assert spread.total_ev == pytest.approx(sum(parts)) and min(parts) >= 0
    assert found.vacuum == vacuum


def test_the_slab_s_own_edges_count_from_its_own_vacuum():
    """Own VBM 3.6 eV above the slab's zero, vacuum 9 eV above it: its own ionisation potential is 5.4 eV."""
    profile = slab(0.0)
    own = replace(bulk(0.0)["bulk_edges"], vbm=Energy(3.6, SLAB), cbm=Energy(5.7, SLAB))
    found = replace(levels(profile, fermi=4.0), slab_edges=own)
    assert found.slab_gap_ev == pytest.approx(2.1)
    assert found.slab_ionisation_potential_ev == pytest.approx(STEP - 3.6, abs=2e-3)
    assert found.slab_electron_affinity_ev == pytest.approx(STEP - 5.7, abs=2e-3)
    none = levels(profile, fermi=4.0)
    assert none.slab_gap_ev is none.slab_ionisation_potential_ev is none.slab_electron_affinity_ev is None


def test_edges_of_the_slab_are_taken_from_the_slab_s_run_alone():
    profile = slab(0.0)
    own = replace(bulk(0.0)["bulk_edges"], vbm=Energy(3.6, SLAB), cbm=Energy(5.7, SLAB))
    common = {"profile": profile, "vacuum": vacuum_levels(profile, SLAB)[1], "fermi": Energy(4.0, SLAB), **bulk(0.0)}
    assert surface_levels(**common, slab_edges=own).slab_edges == own
    with pytest.raises(ReferenceMismatch):
        surface_levels(**common, slab_edges=bulk(0.0)["bulk_edges"])


def test_a_potential_turned_over_in_the_slab_spreads_as_much():
    """The tip of a tent and of a pit lies as far from the mean: half of the window's 3 Å at 1 eV/Å."""
    profile = slab(0.0)
    middle = sum(profile.atoms_ang) / 2
    for sign in (1, -1):
        tent = replace(profile, macroscopic_ev=sign * np.abs(profile.z_ang - middle))
        assert levels(tent, fermi=4.0).spread.centre_ev == pytest.approx(1.5, abs=0.01)


def test_zeros_of_different_runs_are_not_mixed():
    profile = slab(0.0)
    vacuum = vacuum_levels(profile, SLAB)[1]
    given_bulk = bulk(0.0)
    common = {"profile": profile, "vacuum": vacuum, "slab_edges": None, "why_no_slab_edges": "metallic"}
    with pytest.raises(ReferenceMismatch):
        surface_levels(**common, **given_bulk, fermi=Energy(4.0, BULK))
    with pytest.raises(ReferenceMismatch):
        surface_levels(**(common | {"slab_edges": given_bulk["bulk_edges"]}), **given_bulk, fermi=Energy(4.0, SLAB))
    with pytest.raises(ReferenceMismatch):
        surface_levels(**common, **(given_bulk | {"bulk_average": Energy(0.0, SLAB)}), fermi=Energy(4.0, SLAB))


@pytest.mark.parametrize("fermi", [STEP, STEP + 4.65])
def test_a_vacuum_level_that_is_not_above_the_fermi_level_is_none(fermi):
    with pytest.raises(AnalysisError, match=r"does not lie above the Fermi level, .* eV"):
        levels(slab(0.0), fermi=fermi + 1e-3)


def test_a_slab_thinner_than_a_period_has_no_levels():
    profile = slab(0.0)
    thin = type(profile)(
        z_ang=profile.z_ang,
        planar_ev=profile.planar_ev,
        macroscopic_ev=profile.macroscopic_ev,
        length_ang=profile.length_ang,
        period_ang=profile.period_ang,
        atoms_ang=(17.0, 22.0),
        kind=profile.kind,
    )
    with pytest.raises(AnalysisError, match="too thin"):
        surface_levels(
            profile=thin,
            vacuum=vacuum_levels(profile, SLAB)[1],
            fermi=Energy(4.0, SLAB),
            slab_edges=None,
            why_no_slab_edges="metallic",
            **bulk(0.0),
        )
