"""Published numbers beside ours: two agree when some value lies within the reach of both."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.derive.published import stand_beside
from dftflow.model.point import Point
from dftflow.model.published import PublishedNumber, StandsBeside
from dftflow.model.quantity import Missing, Quantity

GAP = Quantity(name="band gap", subject="Cs4PbBr6", unit="eV", value=4.0, origin=("Cs4PbBr6/bulk-bands",))
OPTICAL = PublishedNumber(quantity="band gap", subject="Cs4PbBr6", value=3.95, unit="eV", source="10.1/x")


def beside(published: PublishedNumber, *quantities: Quantity) -> StandsBeside:
    (row,) = stand_beside([published], quantities)
    return row


def test_without_any_reach_nothing_is_decided() -> None:
    row = beside(OPTICAL, GAP)
    assert row.verdict == "open" and row.difference == pytest.approx(0.05) and row.ours is GAP


@pytest.mark.parametrize(
    ("plus_minus", "good_to", "own", "verdict"),
    [
        (0.05, None, None, "agree"),
        (0.04, None, None, "differ"),
        (None, 0.05, None, "agree"),
        (0.02, 0.02, None, "differ"),
        (0.02, 0.02, (-0.01, 0.0), "agree"),
        (0.02, 0.02, (0.0, 0.5), "differ"),
        (0.0, None, None, "differ"),
    ],
)
def test_reaches_add_up_each_in_its_direction(
    plus_minus: float | None, good_to: float | None, own: tuple[float, float] | None, verdict: str
) -> None:
    holds = "potentials" if good_to is not None else ""
    published = replace(OPTICAL, plus_minus=plus_minus, good_to=good_to, good_to_holds=holds)
    ours = replace(GAP, uncertainty=own, uncertainty_holds="" if own is None else "the grid")
    assert beside(published, ours).verdict == verdict


@given(shift=st.floats(-100, 100), difference=st.floats(-2, 2), reach=st.floats(0, 2))
def test_only_the_difference_counts(shift: float, difference: float, reach: float) -> None:
    here = replace(GAP, value=shift + difference)
    there = replace(OPTICAL, value=shift, plus_minus=reach)
    if abs(abs(difference) - reach) > 1e-6:
        assert beside(there, here).verdict == ("agree" if abs(difference) <= reach else "differ")


def test_a_missing_number_says_why() -> None:
    why = Missing(kind="metallic", reason="bands cross")
    row = beside(replace(OPTICAL, plus_minus=0.1), replace(GAP, value=None, missing=why))
    assert (row.verdict, row.why, row.missing) == ("none", "bands cross", why)


def test_a_number_of_another_point_or_unit_is_not_ours() -> None:
    swept = replace(GAP, point=Point.of({"cutoff_ev": 300.0}))
    assert beside(OPTICAL, swept).verdict == "none"
    row = beside(replace(OPTICAL, unit="meV"), GAP)
    assert row.verdict == "none" and "published in meV, and calculated in eV" in row.why


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": "Cs4PbBr"}, "no quantity of Cs4PbBr; it has some of Cs4PbBr6"),
        ({"quantity": "gap"}, "no gap of Cs4PbBr6; it has its band gap"),
        ({"method": "HSE06"}, "no band gap of Cs4PbBr6 by HSE06; it has one way alone: leave method out"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(change: dict[str, str], said: str) -> None:
    row = beside(replace(OPTICAL, **change), GAP)
    assert row.verdict == "none" and row.ours is None and said in row.why


def test_words_are_compared_as_words() -> None:
    word = replace(GAP, name="type", unit="", value="type II")
    published = replace(OPTICAL, quantity="type", unit="", value="type II")
    assert beside(published, word).verdict == "agree"
    assert beside(replace(published, value="type I"), word).verdict == "differ"


def test_which_of_several_ways_is_meant_is_not_guessed() -> None:
    ways = [replace(GAP, method=method, value=value) for method, value in (("bands", 4.0), ("optical", 3.9))]
    row = beside(replace(OPTICAL, plus_minus=0.2), *ways)
    assert row.verdict == "none" and row.ours is None and "bands; optical" in row.why
    assert beside(replace(OPTICAL, plus_minus=0.1, method="optical"), *ways).difference == pytest.approx(-0.05)
    failed = replace(ways[0], value=None, missing=Missing(kind="failed", reason="died"))
    assert beside(replace(OPTICAL, plus_minus=0.1), failed, ways[1]).verdict == "agree", "one way alone has a value"
