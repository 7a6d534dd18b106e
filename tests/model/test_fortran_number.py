"""Numbers as CASTEP takes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.model.fortran_number import fortran_number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_in_every_notation(value: float) -> None:
    assert fortran_number(repr(value)) == value
    assert fortran_number(f"{value:.17E}".replace("E", "D")) == value


@pytest.mark.parametrize("word", ["", "-", ".", "1_0", "nan", "inf", "1e999", "0x1F", "1e+", "****", "1.0-10"])
@pytest.mark.parametrize("form", ["{}", "1/{}", "{}/2", "1{}9x"])
def test_what_is_no_number(word: str, form: str) -> None:
    assert fortran_number(form.format(word)) is None


@pytest.mark.parametrize("word", ["1/0", "1/2/3", "٣", "9" * 5000])
def test_what_only_looks_like_a_number(word: str) -> None:
    assert fortran_number(word) is None


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1/3", 1 / 3),
        ("-1/3", -1 / 3),
        ("2*2.937", 5.874),
        ("5.874/0.529177", 5.874 / 0.529177),
        ("sqrt(3)/2", math.sqrt(3) / 2),
        ("4.2*SQRT(2)", 4.2 * math.sqrt(2)),
        ("(1+2)/4", 0.75),
        ("1/2+0.25", 0.75),
        ("-(1-0.75)", -0.25),
        ("1.5d0/3", 0.5),
    ],
)
def test_sums(word: str, value: float) -> None:
    assert fortran_number(word) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "word", ["(", "()", "1+", "*2", "2**3", "sqrt(-1)", "sqrt2", "1 + 2", "(1", "x", "1//2", "(" * 60]
)
def test_what_is_no_sum(word: str) -> None:
    assert fortran_number(word) is None
