"""Offsets and alignment types: textbook heterojunctions, the rules' borders, and symmetries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dftflow.analysis.alignment import (
    TOLERANCES_EV,
    align,
    alignment_type,
    check_edges,
    edges_from_levels,
    edges_from_work_function,
    in_order,
    published_alignment,
    with_contradictions,
)
from dftflow.errors import AnalysisError
from dftflow.model.alignment import AbsoluteEdges
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import LineupSpread, SurfaceLevels, VacuumLevel
from dftflow.units import BOLTZMANN_EV_PER_K

# Valence-band maximum on a common scale and gap at Γ, 0 K: Vurgaftman, Meyer, Ram-Mohan, 10.1063/1.1368156.
III_V = {
    "GaAs": (-0.80, 1.519),
    "AlAs": (-1.33, 3.099),
    "InAs": (-0.59, 0.417),
    "GaSb": (-0.03, 0.812),
    "AlSb": (-0.41, 2.386),
}


def edges(name, vbm, gap, spread=0.0):
    return AbsoluteEdges(material=name, surface="", vbm_ev=vbm, cbm_ev=vbm + gap, range_ev=(-spread, spread))


def offsets(first, second, **more):
    return align(first, second, method="model", range_holds="model", **more)


def pair(valence_offset, conduction_offset, spread=0.0):
    """Two materials with these offsets, first minus second; the second has a gap of 2 eV."""
    second = edges("B", -6.0, 2.0)
    first = AbsoluteEdges(
        material="A",
        surface="",
        vbm_ev=second.vbm_ev + valence_offset,
        cbm_ev=second.cbm_ev + conduction_offset,
        range_ev=(-spread, spread),
    )
    return first, second


def type_of(valence_offset, conduction_offset, *, tolerance=0.1, spread=0.0):
    first, second = pair(valence_offset, conduction_offset, spread)
    return offsets(first, second, tolerance_ev=tolerance).type


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("GaAs", "AlAs", "type I"),
        ("GaSb", "AlSb", "type I"),
        ("InAs", "AlSb", "type II"),
        ("InAs", "GaSb", "type III"),
    ],
)
def test_textbook_heterojunctions(first, second, expected):
    a, b = edges(first, *III_V[first]), edges(second, *III_V[second])
    assert offsets(a, b).type == expected
    assert offsets(b, a).type == expected


def test_the_broken_gap_of_inas_and_gasb():
    """GaSb's VBM lies 0.143 eV above InAs's CBM: -0.03 - (-0.59 + 0.417)."""
    row = offsets(edges("InAs", *III_V["InAs"]), edges("GaSb", *III_V["GaSb"]))
    assert row.valence_band_offset_ev == pytest.approx(-0.56)
    assert row.conduction_band_offset_ev == pytest.approx(-0.56 + 0.417 - 0.812)
    assert row.second.vbm_ev - row.first.cbm_ev == pytest.approx(0.143)


@pytest.mark.parametrize(
    ("valence", "conduction", "expected"),
    [
        (0.5, 0.5, "type II"),
        (-0.5, -0.3, "type II"),
        (0.5, -0.5, "type I"),
        (-0.5, 0.5, "type I"),
        (0.021, 0.29, "quasi-type II"),
        (-0.29, 0.05, "quasi-type II"),
        (0.02, -0.09, "not resolved"),
        (2.1, 2.5, "type III"),
        (-2.5, -2.1, "type III"),
    ],
)
def test_the_rules(valence, conduction, expected):
    assert type_of(valence, conduction) == expected


@pytest.mark.parametrize(
    ("valence", "conduction", "spread", "expected"),
    [
        # |VBO| stays below the tolerance, CBO above it
        (0.021, 0.29, 0.07, "quasi-type II"),
        # VBO may reach 0.101: staggered
        (0.021, 0.29, 0.08, "not resolved"),
        # VBO may fall to 0.1
        (0.3, 0.5, 0.19, "type II"),
        (0.3, 0.5, 0.21, "not resolved"),
        (0.3, -0.4, 0.19, "type I"),
        (0.3, -0.4, 0.25, "not resolved"),
        # the gaps stop overlapping when VBO reaches the second gap, 2 eV
        (1.9, 2.4, 0.05, "type II"),
        (1.9, 2.4, 0.15, "not resolved"),
        (2.1, 2.6, 0.05, "type III"),
        (2.1, 2.6, 0.15, "not resolved"),
    ],
)
def test_the_type_is_given_only_when_the_range_leaves_it(valence, conduction, spread, expected):
    assert type_of(valence, conduction, spread=spread) == expected


def test_a_type_that_changes_only_in_between_is_not_resolved():
    """Offsets 0 and 0.02, tolerance 0.015: shifts of ±0.04 end in type II, after passing through quasi-type II."""
    first, second = pair(0.0, 0.02)
    for shift in (-0.04, 0.04):
        moved = replace(first, vbm_ev=first.vbm_ev + shift, cbm_ev=first.cbm_ev + shift)
        assert alignment_type(moved, second, 0.015) == "type II"
    wide = replace(first, range_ev=(-0.04, 0.04))
    assert offsets(wide, second, tolerance_ev=0.015).type == "not resolved"


def test_the_types_for_other_tolerances_are_those_of_the_offsets_as_they_stand():
    first, second = pair(0.06, 0.15, spread=0.5)
    row = offsets(first, second)
    assert row.type == "not resolved"
    assert row.types_by_tolerance == ((0.026, "type II"), (0.10, "quasi-type II"), (0.20, "not resolved"))
    assert TOLERANCES_EV[0] == pytest.approx(BOLTZMANN_EV_PER_K * 300, abs=2e-4)


def test_ranges_of_offsets_hold_all_edges_within_their_own():
    """The first may lie 0.3 lower or 0.1 higher, the second 0.02 lower or 0.05 higher."""
    first = replace(edges("A", -5.0, 1.0), range_ev=(-0.3, 0.1))
    second = replace(edges("B", -6.0, 1.0), range_ev=(-0.02, 0.05))
    assert offsets(first, second).range_ev == pytest.approx((-0.35, 0.12))
    assert offsets(second, first).range_ev == pytest.approx((-0.12, 0.35))


@pytest.mark.parametrize("wrong", [-0.1, float("nan")])
def test_a_negative_tolerance_is_refused(wrong):
    with pytest.raises(AnalysisError, match="negative"):
        offsets(*pair(0.2, 0.2), tolerance_ev=wrong)


@pytest.mark.parametrize("wrong", [(0.1, 0.2), (-0.2, -0.1), (float("nan"), 0.0)])
def test_a_range_beside_its_number_is_refused(wrong):
    with pytest.raises(AnalysisError, match="does not hold 0"):
        offsets(replace(edges("A", -5.0, 1.0), range_ev=wrong), edges("B", -6.0, 1.0))


@pytest.mark.parametrize("vbm", [0.0, 0.4, float("nan"), float("-inf")])
def test_a_valence_band_that_is_not_below_the_vacuum_level_is_refused(vbm):
    """An ionisation potential of 0 or less, or none: no crystal would hold such electrons."""
    wrong = edges("A", vbm, 1.0)
    for both in ((wrong, edges("B", -6.0, 1.0)), (edges("B", -6.0, 1.0), wrong)):
        with pytest.raises(AnalysisError, match=r"vacuum level|no numbers"):
            offsets(*both)


def test_an_electron_affinity_may_be_negative():
    """Hydrogen-terminated diamond: the conduction band lies 1.3 eV above vacuum (10.1103/PhysRevB.64.165411)."""
    diamond = edges("diamond", -4.2, 5.5)
    assert diamond.cbm_ev == pytest.approx(1.3)
    check_edges(diamond)
    assert offsets(diamond, edges("GaAs", -5.6, 1.5)).type == "type II"


@pytest.mark.parametrize("change", [{"vbm_ev": float("nan")}, {"cbm_ev": float("inf")}, {"cbm_ev": float("nan")}])
def test_edges_that_are_no_numbers_are_refused(change):
    with pytest.raises(AnalysisError, match="are no numbers"):
        check_edges(replace(edges("A", -5.0, 1.0), **change))


def test_every_door_refuses_edges_without_a_gap():
    metal, other = edges("metal", -5.0, 0.0), edges("B", -6.0, 1.0)
    with pytest.raises(AnalysisError, match="metal has no gap"):
        check_edges(metal)
    for pair in ((metal, other), (other, metal)):
        with pytest.raises(AnalysisError, match="metal has no gap"):
            alignment_type(*pair, 0.1)


def test_a_material_without_gap_is_refused():
    with pytest.raises(AnalysisError, match="metal has no gap"):
        offsets(edges("metal", -5.0, 0.0), edges("B", -6.0, 1.0))
    with pytest.raises(AnalysisError, match="no band edges: it has no gap"):
        edges_from_work_function("metal", "(100)", 4.5, band_gap_ev=-0.1, slab_gap_ev=1.0)
    with pytest.raises(AnalysisError, match="its slab has no gap"):
        edges_from_work_function("metallic slab", "(100)", 4.5, band_gap_ev=1.0, slab_gap_ev=0.0)


@pytest.mark.parametrize(
    ("valence", "conduction", "expected"),
    [
        (0.2499, 0.5, "quasi-type II"),
        (0.25, 0.5, "not resolved"),
        (0.2501, 0.5, "type II"),
        (-0.5, 0.2499, "quasi-type II"),
        (-0.5, 0.25, "not resolved"),
        (1.9999, 2.5, "type II"),
        (2.0, 2.5, "not resolved"),
        (2.0001, 2.5, "type III"),
        (-2.5, -1.9999, "type II"),
        (-2.5, -2.0, "not resolved"),
        (-2.5, -2.0001, "type III"),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 1e-9, -1e-9])
@pytest.mark.parametrize("exchange", [False, True])
def test_on_a_border_between_two_types_none_is_given(valence, conduction, expected, noise, exchange):
    """An offset as large as the tolerance; a VBM as high as the other's CBM: neither noise nor the order decides."""
    second = edges("B", -6.0, 2.0)
    first = replace(second, material="A", vbm_ev=-6.0 + valence + noise, cbm_ev=-4.0 + conduction + noise)
    both = (second, first) if exchange else (first, second)
    assert alignment_type(*both, 0.25) == expected
    row = offsets(*both, tolerance_ev=0.25)
    assert row.type == expected


@pytest.mark.parametrize("noise", [0.0, 1e-9, -1e-9])
def test_the_types_by_tolerance_do_not_hang_on_rounding_either(noise):
    """-5.9 - -6.0 is 0.0999999999999996: an offset on the border of 0.1 eV, and of no other tolerance."""
    row = offsets(edges("A", -5.9 + noise, 2.5), edges("B", -6.0, 2.0))
    assert [type for _, type in row.types_by_tolerance] == ["type II", "not resolved", "quasi-type II"]


def test_the_borders_of_the_first_material_s_gap():
    second = edges("B", -4.0, 2.0)
    assert alignment_type(edges("A", -6.0, 2.0001), second, 0.25) == "type II"
    assert alignment_type(edges("A", -6.0, 2.0), second, 0.25) == "not resolved", "VBM of B at the CBM of A"
    assert alignment_type(edges("A", -6.0, 1.9999), second, 0.25) == "type III"


def test_without_tolerance_every_offset_counts_that_is_no_rounding():
    assert type_of(0.001, 0.001, tolerance=0.0) == "type II"
    assert type_of(-0.001, 0.001, tolerance=0.0) == "type I"
    assert type_of(0.0, 0.001, tolerance=0.0) == "not resolved"


def types_of_all_shifts(first, second, tolerance):
    """Looked at in the middle of every 0.1 meV, where no border is."""
    low, high = first.range_ev
    ends = np.linspace(low, high, round((high - low) / 1e-4) + 1)
    shifts = (ends[1:] + ends[:-1]) / 2
    moved = (replace(first, vbm_ev=first.vbm_ev + x, cbm_ev=first.cbm_ev + x) for x in shifts)
    return {alignment_type(one, second, tolerance) for one in moved}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("valence", "gaps", "tolerance", "low", "expected"),
    [
        # VBM offset 0, CBM offset 0.11: both are more than the tolerance from 0 only for shifts from -0.06 to -0.05
        (0.0, (1.11, 1.0), 0.05, -0.159, {"type I", "quasi-type II"}),
        # the same without reaching there
        (0.0, (1.11, 1.0), 0.05, -0.0499, {"quasi-type II"}),
        # VBM of the first 0.1 above the CBM of the second; two gaps of 0.01 overlap for shifts from -0.12 to -0.1 alone
        (0.11, (0.01, 0.01), 0.5, -1.0, {"type III", "not resolved"}),
        (0.11, (0.01, 0.01), 0.5, -0.0999, {"type III"}),
        # offsets of 0.3 vanish for shifts from -0.31205 to -0.28795
        (0.3, (2.0, 2.0), 0.01205, -1.2, {"type II", "not resolved"}),
    ],
)
def test_a_type_that_holds_but_for_a_small_part_of_the_range_is_not_resolved(
    valence, gaps, tolerance, low, expected, turned
):
    """Turned: all energies mirrored at -10 eV, so that the range lies above."""
    second = edges("B", -6.0, gaps[1])
    first = replace(edges("A", -6.0 + valence, gaps[0]), range_ev=(low, 0.0))
    if turned:
        first, second = (
            replace(one, vbm_ev=-20.0 - one.cbm_ev, cbm_ev=-20.0 - one.vbm_ev, range_ev=(0.0, -one.range_ev[0]))
            for one in (first, second)
        )
    types = types_of_all_shifts(first, second, tolerance)
    assert types == expected
    assert offsets(first, second, tolerance_ev=tolerance).type == (types.pop() if len(types) == 1 else "not resolved")


@pytest.mark.parametrize("wrong", [0, 1])
def test_either_material_may_be_the_one_that_is_refused(wrong):
    pair_of = [edges("A", -5.0, 1.0), edges("B", -6.0, 1.0)]
    metal = [replace(one, cbm_ev=one.vbm_ev) if n == wrong else one for n, one in enumerate(pair_of)]
    with pytest.raises(AnalysisError, match=f"{'AB'[wrong]} has no gap"):
        offsets(*metal)
    beside = [replace(one, range_ev=(0.1, 0.2)) if n == wrong else one for n, one in enumerate(pair_of)]
    with pytest.raises(AnalysisError, match=f"of {'AB'[wrong]} does not hold 0"):
        offsets(*beside)


def test_unless_said_otherwise_a_row_is_of_a_relaxed_surface_without_charge():
    row = offsets(*pair(0.5, 0.5))
    assert row.polar is False and row.relaxed is True and row.remarks == ()


# --- symmetries -------------------------------------------------------------------------------------------------

levels_ev = st.floats(-9, -1)
gaps_ev = st.floats(0.05, 4)
errors_ev = st.floats(0, 0.5)
materials = st.builds(lambda vbm, gap, error: edges("X", vbm, gap, error), levels_ev, gaps_ev, errors_ev)
tolerances = st.floats(0.001, 1)


def borders(first, second, tolerance):
    """Distances from where the type changes, for every end of the range."""
    error = first.range_ev[1] + second.range_ev[1]
    valence, conduction = first.vbm_ev - second.vbm_ev, first.cbm_ev - second.cbm_ev
    values = [abs(valence + s) - tolerance for s in (-error, 0, error)]
    values += [abs(conduction + s) - tolerance for s in (-error, 0, error)]
    values += [first.vbm_ev - second.cbm_ev + s for s in (-error, 0, error)]
    values += [second.vbm_ev - first.cbm_ev + s for s in (-error, 0, error)]
    return values


@given(materials, materials, tolerances)
@settings(deadline=None)
def test_exchanging_the_materials_turns_the_signs_and_keeps_the_type(first, second, tolerance):
    assume(min(map(abs, borders(first, second, tolerance))) > 3e-6)
    row = offsets(first, second, tolerance_ev=tolerance)
    other = offsets(second, first, tolerance_ev=tolerance)
    assert other.valence_band_offset_ev == -row.valence_band_offset_ev
    assert other.conduction_band_offset_ev == -row.conduction_band_offset_ev
    assert other.types_by_tolerance == row.types_by_tolerance
    assert other.type == row.type and other.range_ev == (-row.range_ev[1], -row.range_ev[0])


@given(materials, materials, tolerances, st.floats(-5, 0.9))
@settings(deadline=None)
def test_a_common_shift_changes_nothing(first, second, tolerance, shift):
    assume(min(map(abs, borders(first, second, tolerance))) > 3e-6)
    moved = [replace(e, vbm_ev=e.vbm_ev + shift, cbm_ev=e.cbm_ev + shift) for e in (first, second)]
    row, other = (offsets(*both, tolerance_ev=tolerance) for both in ((first, second), moved))
    assert other.type == row.type
    assert other.valence_band_offset_ev == pytest.approx(row.valence_band_offset_ev, abs=1e-12)


@given(materials, materials)
@settings(deadline=None)
def test_gap_difference_is_the_difference_of_the_offsets(first, second):
    row = offsets(first, second)
    gaps = (first.cbm_ev - first.vbm_ev) - (second.cbm_ev - second.vbm_ev)
    assert row.conduction_band_offset_ev - row.valence_band_offset_ev == pytest.approx(gaps, abs=1e-12)


@given(materials, materials, tolerances, tolerances)
@settings(deadline=None)
def test_a_wider_tolerance_never_resolves_more(first, second, one, other):
    certainty = {"not resolved": 0, "quasi-type II": 1, "type I": 2, "type II": 2, "type III": 3}
    narrow, wide = sorted((one, other))
    assume(min(map(abs, borders(replace(first, range_ev=(0, 0)), replace(second, range_ev=(0, 0)), narrow))) > 3e-6)
    assert certainty[alignment_type(first, second, wide)] <= certainty[alignment_type(first, second, narrow)]


@given(materials, materials, tolerances, errors_ev, errors_ev)
@settings(deadline=None)
def test_a_wider_range_never_resolves_more(first, second, tolerance, one, other):
    rows = [
        offsets(replace(first, range_ev=(-error, error)), second, tolerance_ev=tolerance)
        for error in sorted((one, other))
    ]
    assert rows[1].type in ("not resolved", rows[0].type)


@given(materials, materials, tolerances, st.floats(-1, 1))
@settings(deadline=None)
def test_a_given_type_holds_for_every_shift_within_the_range(first, second, tolerance, part):
    row = offsets(first, second, tolerance_ev=tolerance)
    assume(row.type != "not resolved")
    assume(min(map(abs, borders(first, second, tolerance))) > 3e-6)
    shift = part * row.range_ev[1]
    moved = replace(first, vbm_ev=first.vbm_ev + shift, cbm_ev=first.cbm_ev + shift)
    assert alignment_type(moved, second, tolerance) == row.type


on_a_grid = st.builds(
    lambda vbm, gap, error: edges("X", -vbm / 20, gap / 20, error / 20),
    st.integers(60, 140), st.integers(1, 60), st.integers(0, 4),
)  # fmt: skip
noises = st.tuples(*[st.floats(-1e-9, 1e-9)] * 4)


@given(on_a_grid, on_a_grid, st.integers(0, 10), noises, st.floats(-2, 0.9))
@settings(deadline=None, max_examples=400)
def test_noise_order_and_zero_decide_nothing_where_borders_are_met(first, second, steps, noise, shift):
    """Edges, ranges and tolerances in steps of 0.05 eV, so that many stand on a border."""
    noisy = [
        replace(one, vbm_ev=one.vbm_ev + shift + noise[n], cbm_ev=one.cbm_ev + shift + noise[n + 1])
        for one, n in ((first, 0), (second, 2))
    ]
    told = offsets(first, second, tolerance_ev=steps / 20)
    for both in ((second, first), noisy, noisy[::-1]):
        row = offsets(*both, tolerance_ev=steps / 20)
        assert (row.type, row.types_by_tolerance) == (told.type, told.types_by_tolerance)


# --- where the edges come from ----------------------------------------------------------------------------------


def test_edges_from_a_work_function():
    """E_F lies anywhere in the slab's gap of 2.1 eV, so the VBM lies between -W - 2.1 and -W: never above -W."""
    made = edges_from_work_function("CsPbBr3", "(011) Pnma", 5.5, band_gap_ev=1.9, slab_gap_ev=2.1)
    assert (made.material, made.surface) == ("CsPbBr3", "(011) Pnma")
    assert (made.vbm_ev, made.cbm_ev) == pytest.approx((-5.5, -3.6))
    assert made.range_ev == (-2.1, 0.0)


def test_offsets_from_work_functions_are_no_better_than_the_gaps_of_the_slabs():
    """Work functions 0.021 eV apart, the offset that 10.1021/acsami.1c18025 reports."""
    row = offsets(
        edges_from_work_function("CsPbBr3", "(011) Pnma", 5.500, band_gap_ev=1.9, slab_gap_ev=2.1),
        edges_from_work_function("FAPbBr3", "(010) cubic", 5.521, band_gap_ev=1.6, slab_gap_ev=1.8),
    )
    assert row.valence_band_offset_ev == pytest.approx(0.021)
    assert row.range_ev == pytest.approx((-2.1, 1.8))
    assert row.type == "not resolved"
    assert dict(row.types_by_tolerance)[0.10] == "quasi-type II"


def test_edges_from_levels():
    vacuum = VacuumLevel(
        side="high",
        level=Energy(2.0, EnergyZero("slab", "cell_average")),
        spread_ev=0.003,
        slope_ev_per_ang=0.001,
        window_ang=(20.0, 24.0),
    )
    levels = SurfaceLevels(
        vacuum=vacuum,
        work_function_ev=4.4,
        ionisation_potential_ev=5.8,
        electron_affinity_ev=3.9,
        spread=LineupSpread(flatness_ev=0.02, windows_ev=0.015, centre_ev=0.005, vacuum_ev=0.01),
        bulk_average_ev=0.0,
        slab_centre_average_ev=-7.0,
        slab_edges=None,
        why_no_slab_edges="metallic",
    )
    made = edges_from_levels("CsPbBr3", "(010) Pnma, CsBr", levels)
    assert (made.vbm_ev, made.cbm_ev) == (-5.8, -3.9)
    assert made.range_ev == pytest.approx((-0.05, 0.05))


# --- what others found ------------------------------------------------------------------------------------------


def paper(**changes):
    """10.1021/acsami.1c18025: the valence band of CsPbBr3 lies 0.021 eV above that of FAPbBr3."""
    row = {
        "method": "the paper",
        "first_name": "CsPbBr3",
        "second_name": "FAPbBr3",
        "valence_band_offset_ev": 0.021,
        "type": "quasi-type II",
        "tolerance_ev": 0.1,
        "source": "10.1021/acsami.1c18025",
    }
    return published_alignment(**(row | changes))


def test_a_published_row_keeps_what_was_claimed_and_invents_nothing():
    row = paper()
    assert (row.valence_band_offset_ev, row.type, row.source) == (0.021, "quasi-type II", "10.1021/acsami.1c18025")
    assert row.first is row.second is row.conduction_band_offset_ev is row.range_ev is None
    assert row.types_by_tolerance == ()


def test_a_published_row_is_turned_with_the_order_of_the_materials():
    assert in_order(paper(), "CsPbBr3", "FAPbBr3") == paper()
    turned = in_order(paper(conduction_band_offset_ev=0.3), "FAPbBr3", "CsPbBr3")
    assert (turned.valence_band_offset_ev, turned.conduction_band_offset_ev) == (-0.021, -0.3)
    assert (turned.first_name, turned.second_name, turned.type) == ("FAPbBr3", "CsPbBr3", "quasi-type II")
    assert in_order(paper(), "FAPbBr3", "CsPbBr3").conduction_band_offset_ev is None


def test_turning_a_calculated_row_is_the_same_as_exchanging_its_materials():
    first, second = edges("A", -5.0, 1.0, 0.03), edges("B", -6.0, 1.4, 0.04)
    assert in_order(offsets(first, second), "B", "A") == offsets(second, first)


def test_a_row_about_other_materials_is_refused():
    with pytest.raises(AnalysisError, match="between CsPbBr3 and FAPbBr3"):
        in_order(paper(), "CsPbBr3", "MAPbBr3")


# --- rows that contradict each other ----------------------------------------------------------------------------


def test_rows_that_leave_no_common_value_contradict_each_other():
    """-0.84 ± 0.10 and +0.46 ± 0.05 cannot both be; a range of a whole gap contradicts nothing."""
    polar = replace(offsets(*pair(-0.84, -0.69, 0.10)), method="(011)")
    other = replace(offsets(*pair(0.46, 0.61, 0.05)), method="(010)")
    functions = replace(other, method="work functions", range_ev=(-2.1, 1.8))
    rows = with_contradictions([polar, other, functions, paper(first_name="A", second_name="B")])
    assert [row.contradicts for row in rows] == [(2, 4), (1, 4), (), (1, 2)]


def test_rows_of_one_name_are_told_apart():
    """Two terminations of one plane: the third row agrees with the first and not with the second."""
    values = (0.40, -0.90, 0.41)
    rows = with_contradictions([replace(offsets(*pair(value, value + 0.2, 0.05)), method="(010)") for value in values])
    assert [row.contradicts for row in rows] == [(2,), (1, 3), (2,)]


def test_rows_within_the_tolerance_of_each_other_agree():
    near = replace(offsets(*pair(0.09, 0.3)), method="near")
    quoted = paper(first_name="A", second_name="B")
    rows = with_contradictions([near, quoted])
    assert [row.contradicts for row in rows] == [(), ()]
    far = replace(offsets(*pair(0.13, 0.3)), method="far")
    assert with_contradictions([far, quoted])[0].contradicts == (2,)


def test_rows_of_other_materials_contradict_nothing():
    """A and B lie 0.5 eV apart, A and C 0.9 eV the other way: both can be."""
    a, b, c = edges("A", -5.0, 1.0), edges("B", -5.5, 1.0), edges("C", -4.1, 1.0)
    assert [row.contradicts for row in with_contradictions([offsets(a, b), offsets(a, c)])] == [(), ()]


def test_rows_told_the_other_way_round_are_turned_before_they_are_compared():
    a, b = edges("A", -5.0, 1.0), edges("B", -5.5, 1.0)
    assert [row.contradicts for row in with_contradictions([offsets(a, b), offsets(b, a)])] == [(), ()]
    wrong = replace(offsets(b, a), valence_band_offset_ev=0.5)
    assert [row.contradicts for row in with_contradictions([offsets(a, b), wrong])] == [(2,), (1,)]


def test_a_row_s_way_is_its_method_where_nothing_else_is_said():
    a, b = edges("A", -5.0, 1.0), edges("B", -5.5, 1.0)
    assert offsets(a, b).same_way == "model"
    assert offsets(a, b, way="line-up").same_way == "line-up"


@pytest.mark.parametrize(("tolerances", "contradict"), [((0.1, 0.5), True), ((0.3, 0.5), False), ((0.5, 0.1), True)])
def test_the_smaller_tolerance_of_two_rows_decides_whether_they_contradict(tolerances, contradict):
    """Offsets of 0.5 and 0.75 eV without a range."""
    rows = [
        paper(valence_band_offset_ev=offset, tolerance_ev=tolerance)
        for offset, tolerance in zip((0.5, 0.75), tolerances, strict=True)
    ]
    assert [row.contradicts for row in with_contradictions(rows)] == ([(2,), (1,)] if contradict else [(), ()])


def test_rows_that_just_meet_do_not_contradict():
    """0.5 and 0.75 eV are exactly as far apart as the tolerance."""
    rows = [paper(valence_band_offset_ev=offset, tolerance_ev=0.25) for offset in (0.5, 0.75)]
    assert [row.contradicts for row in with_contradictions(rows)] == [(), ()]


# --- edges that were found one by one ---------------------------------------------------------------------------


def levels_of(name: str, vbm_ev: float, cbm_ev: float, reach_ev: float) -> AbsoluteEdges:
    return AbsoluteEdges(material=name, surface="", vbm_ev=vbm_ev, cbm_ev=cbm_ev, range_ev=(-reach_ev, reach_ev))


@given(
    numbers=st.tuples(*[st.floats(0.2, 4.0)] * 4),
    reach=st.floats(0.0, 0.3),
    tolerance=st.floats(0.01, 0.3),
    shifts=st.tuples(*[st.floats(-1, 1)] * 4),
)
def test_a_type_holds_wherever_each_edge_moves_within_its_range(
    numbers: tuple[float, float, float, float],
    reach: float,
    tolerance: float,
    shifts: tuple[float, float, float, float],
) -> None:
    depth, gap, other_depth, other_gap = numbers
    first = levels_of("A", -4.0 - depth, -4.0 - depth + gap, reach)
    second = levels_of("B", -4.0 - other_depth, -4.0 - other_depth + other_gap, reach)
    told = align(first, second, method="m", range_holds="h", tolerance_ev=tolerance).type
    edges = [first.vbm_ev, first.cbm_ev, second.vbm_ev, second.cbm_ev]
    a, b, c, d = (edge + reach * shift for edge, shift in zip(edges, shifts, strict=True))
    if told == "not resolved" or not (a < b and c < d):
        return
    assert alignment_type(levels_of("A", a, b, 0.0), levels_of("B", c, d, 0.0), tolerance) == told
