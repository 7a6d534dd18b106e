"""Rows that are read all at once: the numbers of float(), or left to those who read them one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.vasp.number_rows import equal_rows


@given(st.lists(st.tuples(st.floats(-9e4, 9e4), st.floats(0, 1)), min_size=1, max_size=40))
def test_numbers_are_those_of_float(rows: list[tuple[float, float]]) -> None:
    texts = [f"{energy:12.4f}{filled:10.4f} " for energy, filled in rows]
    np.testing.assert_array_equal(equal_rows(texts), [[float(word) for word in text.split()] for text in texts])


@pytest.mark.parametrize(
    "text", ["  **** 1.0", "   nan 1.0", "  1_0 1.0 ", "  1.0-2.0 ", " 1.0.5 1.0", " 1.0 2.0 3", "   1.0    ",
             "          ",
             " 1.0 2.0e ", " 1.0 2,0  ", " 1.0 2.0", " 0x10 1.0 ", " \u0661.0 2.0  "]
)  # fmt: skip
def test_what_is_no_such_row_is_left(text: str) -> None:
    assert equal_rows([" 1.00 2.0 ", " 3.00 4.0 "]) is not None
    for texts in ([" 1.00 2.0 ", text], [text, " 1.00 2.0 "]):
        assert equal_rows(texts) is None


def test_words_do_not_run_from_one_row_into_the_next() -> None:
    assert equal_rows(["1.0 2.0", "3.0 4.0"]) is None
    assert equal_rows([]) is None
