"""Numbers from eight letters at once: identical to what float() makes of the same text, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.fixed_width import ByteArray
from dftflow.codes.packed_digits import exponentials, sixteen_digits


def letters(texts: list[str]) -> ByteArray:
    return np.array([list(text.encode()) for text in texts], dtype=np.uint8)


def fortran(value: float, n_decimals: int = 11) -> str:
    """As ``1x,e17.11`` prints `value`: the point first, and no zero before it where a sign takes its place."""
    if not value:
        return f" {'-.' if np.signbit(value) else '0.'}{'0' * n_decimals}E+00"
    mantissa, exponent = f"{abs(value):.{n_decimals - 1}E}".split("E")
    return f" {'-.' if value < 0 else '0.'}{mantissa.replace('.', '')}E{int(exponent) + 1:+03d}"


@given(st.lists(st.floats(-1e6, 1e6) | st.floats(-1e-9, 1e-9) | st.floats(-1e20, 1e20), min_size=1, max_size=30))
def test_exponentials_are_those_of_float_wherever_one_division_gives_them(values: list[float]) -> None:
    values = [value if abs(value) > 1e-80 else 0.0 * value for value in values]
    for texts, n_decimals in (
        ([fortran(value) for value in values], 11),
        ([f"{value:17.9E}" for value in values], 9),
    ):
        found = exponentials(letters(texts), n_decimals)
        assert found is not None
        expected = np.array([float(text) for text in texts])
        exact = np.array([n_decimals - 22 <= int(text[-3:]) <= n_decimals for text in texts])
        np.testing.assert_array_equal(found[exact], expected[exact])
        np.testing.assert_array_equal(np.signbit(found[exact]), np.signbit(expected[exact]))
        assert np.isnan(found[~exact]).all()


@pytest.mark.parametrize(
    "text",
    [" 0.12345678901-100", "              NaN ", " *****************", " 0.12345678901D+02", " 0.12345678901E+1 ",
     " 0.12345678901E,01", " 0.1234567890_E+01", " 0.1234567x901E+01", "x0.12345678901E+01", " +.12345678901E+01",
     "-0.12345678901E+0a", "--.12345678901E+01", " 0,12345678901E+01", "5-.12345678901E+01"],
)  # fmt: skip
def test_what_is_no_such_exponential_is_not_read(text: str) -> None:
    found = exponentials(letters([" 0.12345678901E+02", text]), 11)
    assert found is None or np.isnan(found[1])  # of which float() tells that it is none


@pytest.mark.parametrize("n_decimals", [3, 12])
def test_other_numbers_of_decimals_are_left_to_the_text(n_decimals: int) -> None:
    assert exponentials(letters([f"{1.5:20.{n_decimals}E}"]), n_decimals) is None


def test_what_stands_in_the_place_of_the_point_is_none() -> None:
    assert exponentials(letters([" 0/12345678901E+02"]), 11) is None


def of_pw(value: float) -> str:
    """As the XML of pw.x has it: sixteen digits, an exponent without a plus sign or zeros before it."""
    mantissa, exponent = f"{value:.15e}".split("e")
    return f"{mantissa}e{int(exponent)}"


NUMBERS = st.floats(-1, 1) | st.floats(-1e9, 1e9) | st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.builds(lambda whole, sign: sign * whole, st.integers(10**15, 10**16 - 1), st.sampled_from([-1, 1]))


@given(values=st.lists(NUMBERS, min_size=1, max_size=30), blank=st.sampled_from([" ", "\n   ", "\t", "\r\n"]))
def test_sixteen_digits_are_those_of_float(values: list[float], blank: str) -> None:
    texts = [of_pw(value) for value in values]
    for text in (blank.join(texts), blank + blank.join(texts) + blank):
        found = sixteen_digits(text.encode())
        assert found is not None
        expected = [float(text) for text in texts]
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@given(wholes=st.lists(WHOLE, min_size=1, max_size=30), exponent=st.integers(-12, 12))
def test_every_integer_of_sixteen_digits_is_rounded_as_float_rounds_it(wholes: list[int], exponent: int) -> None:
    texts = [f"{'-' * (whole < 0)}{str(abs(whole))[0]}.{str(abs(whole))[1:]}e{exponent}" for whole in wholes]
    found = sixteen_digits(" ".join(texts).encode())
    np.testing.assert_array_equal(found, [float(text) for text in texts])


@pytest.mark.parametrize(
    "text",
    [".", "1.5", "1.234567890123456", "1.234567890123456E-1", "1.234567890123456e+1", "1.23456789012345e-1", "*******",
     "1.2345678901234567e-1", "1.23456789012345_e-1", "1.234567890123456e-1_0", "1.234567890123456e", "nan",
     "--1.234567890123456e1", "+1.234567890123456e1", "11.234567890123456e1", "1.234567890123456e1 x", "7",
     "x 1.234567890123456e1", "1.234567890123456e1.", "1.234567890123456e-1-1.234567890123456e-1",
     "1.234567890123456e11.234567890123456e1", "1.234567890123456e-1234", "1.23456789:123456e-1",
     "1,234567890123456e-1", "/.234567890123456e-1"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "1.000000000000000e0 {}", "{} -1.000000000000000e0"])
def test_what_is_no_such_number_is_left_to_the_text(text: str, around: str) -> None:
    assert sixteen_digits(around.format(text).encode()) is None
