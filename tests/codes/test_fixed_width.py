"""Numbers from bytes: identical to what float() makes of the same text, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.fixed_width import ByteArray, decimals, exponentials, integers


def columns(texts: list[str]) -> ByteArray:
    return np.ascontiguousarray(np.array([list(text.encode()) for text in texts], dtype=np.uint8).T)


@given(st.lists(st.floats(-9e7, 9e7), min_size=1, max_size=30))
def test_decimals_are_those_of_float(values: list[float]) -> None:
    texts = [f"{value:20.6f}" for value in values]
    found = decimals(columns(texts), 6)
    assert found is not None
    np.testing.assert_array_equal(found, [float(text) for text in texts])


@given(st.lists(st.integers(0, 999_999), min_size=1, max_size=30))
def test_integers_are_those_of_int(values: list[int]) -> None:
    found = integers(columns([f"{value:6d}" for value in values]))
    assert found is not None
    assert found.tolist() == values


@pytest.mark.parametrize(
    "text",
    ["    ********", "  1 2.345678", "  1-2.345678", "  -- .345678", "   -.3456780", "   12.34567 ", "   12.3456E0",
     "   12,345678", "   12.34a678", "            ", "  nan.000000", "9999999999.5"],
)  # fmt: skip
def test_what_is_no_such_number_is_not_read(text: str) -> None:
    assert decimals(columns(["   12.345678", text]), 6) is None


@pytest.mark.parametrize("text", ["      ", "    -1", "   1.0", "1 2   ", "****** "[:6]])
def test_what_is_no_index_is_not_read(text: str) -> None:
    assert integers(columns(["     1", text])) is None


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
        found = exponentials(columns(texts), n_decimals)
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
    assert exponentials(columns([" 0.12345678901E+02", text]), 11) is None
