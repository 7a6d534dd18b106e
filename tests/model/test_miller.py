"""Indices as people write them: a text and numbers mean the same, and four of them hold h + k + i = 0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.errors import SurfaceError
from dftflow.model.miller import miller_text, read_miller, third_index_holds

INDEX = st.integers(-12, 12)


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("011", (0, 1, 1)),
        ("1-10", (1, -1, 0)),
        ("(1 -1 0)", (1, -1, 0)),
        ("[0, 1, -12]", (0, 1, -12)),
        ("+1 0 0", (1, 0, 0)),
        ("1-210", (1, -2, 1, 0)),
        ("11-20", (1, 1, -2, 0)),
        ("10 0 -10 1", (10, 0, -10, 1)),
    ],
)
def test_a_text_is_its_numbers(text: str, indices: tuple[int, ...]) -> None:
    assert read_miller(text) == indices == read_miller(indices)


@given(h=INDEX, k=INDEX, m=INDEX)
def test_what_is_shown_is_read_again(h: int, k: int, m: int) -> None:
    for indices in ((h, k, m), (h, k, -h - k, m)):
        if any(indices):
            assert read_miller(miller_text(indices)) == indices


@given(h=INDEX, k=INDEX, i=INDEX, m=INDEX)
def test_the_third_of_four_is_minus_the_sum_of_the_first_two(h: int, k: int, i: int, m: int) -> None:
    indices = (h, k, i, m)
    assert third_index_holds(indices) == (i == -(h + k))
    if not third_index_holds(indices):
        with pytest.raises(SurfaceError, match="name no plane") as caught:
            read_miller(indices)
        if not any((h, k, m)):
            return
        assert read_miller(caught.value.fix.removeprefix("write ").partition("), ")[0]) == (h, k, -h - k, m)


@pytest.mark.parametrize("miller", ["01", "01111", "o11", "", "1.5 0 0", (0, 1), (0.5, 1, 1), 11, "000", (0, 0, 0, 0)])
def test_what_is_no_plane(miller) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SurfaceError) as caught:
        read_miller(miller)
    assert caught.value.fix
