"""Reasons of many places: each said once, and never without end."""

from __future__ import annotations

from dftflow.model.reasons import shared_reasons


def test_three_reasons_with_three_places_each() -> None:
    told = [(f"run{number:02}", f"reason {number % 5}") for number in range(50)]
    lines = shared_reasons(told)
    assert lines[0] == "run00, run05, run10 and 7 more: reason 0"
    assert lines[3:] == ("and 2 more",) and max(map(len, lines)) < 60


def test_few_are_said_in_full() -> None:
    assert shared_reasons([]) == ()
    assert shared_reasons([("a", "x"), ("b", "y"), ("c", "x")]) == ("a, c: x", "b: y")
