"""Rows of numbers out of the XML, all rows of a set at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dftflow.codes.spaced_numbers import spaced_numbers
from dftflow.model.results import FloatArray

__all__ = ["equal_rows"]

_SPACE = ord(" ")


def equal_rows(texts: Sequence[str]) -> FloatArray | None:
    """The numbers of rows that are printed alike, shape (n_rows, n_columns), the same as from ``float``.

    None where rows differ in length or in how many words they have, or a word is no number: such rows are read one by
    one, which tells what is wrong with them.
    """
    length = len(texts[0]) if texts else 0
    try:
        letters = "".join(texts).encode("ascii")
    except UnicodeEncodeError:
        return None
    if not length or len(letters) != length * len(texts) or any(len(text) != length for text in texts):
        return None
    inside = np.frombuffer(letters, dtype=np.uint8).reshape(len(texts), length) > _SPACE
    words = inside[:, 0] + (inside[:, 1:] > inside[:, :-1]).sum(axis=1)
    n_columns = int(words[0])
    if not n_columns or (words != n_columns).any() or (inside[:-1, -1] & inside[1:, 0]).any():
        return None
    numbers = spaced_numbers(letters)
    return None if numbers is None else numbers.reshape(len(texts), n_columns)
