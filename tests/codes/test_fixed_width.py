"""Numbers from bytes: identical to what float() makes of the same text, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.fixed_width import ByteArray, decimals, integers


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
