"""Numbers and comments as decks hold them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.deck_text import align_comments, decimal_text, plain_text


@given(st.floats(1e-9, 1e6))
def test_a_number_keeps_nine_digits(value: float) -> None:
    assert float(decimal_text(value)) == pytest.approx(value, rel=1e-9)


@given(st.text())
def test_nothing_in_a_plain_text_ends_a_line(text: str) -> None:
    plain = plain_text(text)
    assert plain.isascii() and "\n" not in plain and plain == plain.strip()


@pytest.mark.parametrize("mark", ["!", "#"])
def test_comments_stand_below_each_other(mark: str) -> None:
    text = f"a = 1 {mark} one\nbcd = 2 {mark} two\ne = 3 {mark} \n{mark} whole\n\nf = 4  {mark}  four\n"
    expected = f"a = 1    {mark} one\nbcd = 2  {mark} two\ne = 3\n{mark} whole\n\nf = 4  {mark} four\n"
    assert align_comments(text, mark) == expected
