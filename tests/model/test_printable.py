"""What is printed of the text of others, and how values are shown in messages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.model.printable import is_line, only_printable, shown

MOVING = ["\x1b[2J", "\x9b2J", "\x07", "\r", "\x08", "\u202e", "\u2066", "\u200f", "\u2028", "\x85", "\ufeff", "\udc9b"]


@pytest.mark.parametrize("text", MOVING)
def test_what_moves_a_cursor_or_turns_text_is_told_by_its_code(text: str) -> None:
    assert not is_line(text)
    assert all(" " <= char <= "~" for char in only_printable(text))
    assert json.loads(f'"{only_printable(text)}"') == text


@pytest.mark.parametrize("text", ["Γ–X, 5.99 Å", "5\u00a0Å", "钙钛矿", "é", "e\u0301", "x" * 9999, ""])
def test_what_people_write_stays(text: str) -> None:
    assert is_line(text) and only_printable(text) == text


@given(st.text(st.characters()))
def test_what_was_made_printable_is(text: str) -> None:
    kept = only_printable(text, keep="\n")
    assert is_line(kept.replace("\n", "")) and only_printable(kept, keep="\n") == kept


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(st.characters()) | st.integers(-(10**6000), 10**6000),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    )
)
def test_a_value_of_any_kind_is_shown_on_one_short_line(value: object) -> None:
    text = shown(value)
    assert is_line(text) and len(text) < 3000


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 10**6)) == 80
    assert len(shown(list(range(10**6)))) < 60
    deep: object = 1
    for _ in range(10**5):
        deep = [deep]
    assert shown(deep) == "[[[...]]]"
    assert shown(16**50000).endswith("of about 60206 digits"), "16^50000 has 60206 digits"
