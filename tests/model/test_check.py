"""Checks: what two files tell of the same number."""

from __future__ import annotations

import pytest

from dftflow.model.check import Check


def compared(here: float | None, there: float | None, *, tolerance: float = 0.0, unit: str = "") -> Check:
    return Check.of_two_files(
        "energy of A = energy of B", ("A", here), ("B", there), tolerance=tolerance, concerns=("status",), unit=unit
    )


@pytest.mark.parametrize(("here", "missing"), [(None, "A"), (1.0, "B")])
def test_what_a_file_does_not_tell_is_no_agreement(here: float | None, missing: str) -> None:
    check = compared(here, None)
    assert check.passed is None and check.detail == f"{missing} gives none"


@pytest.mark.parametrize(("there", "passed"), [(1.0, True), (1.01, True), (1.02, False), (0.98, False)])
def test_within_the_tolerance(there: float, passed: bool) -> None:
    assert compared(1.0, there, tolerance=0.0101).passed is passed


def test_both_numbers_are_told_in_the_order_of_the_files() -> None:
    assert compared(1.5, 2.0, unit=" eV").detail == "1.500000 and 2.000000 eV"
    assert compared(26.0, 28).detail == "26 and 28"


def test_infinite_numbers_agree_with_themselves() -> None:
    assert compared(float("inf"), float("inf")).passed is True
