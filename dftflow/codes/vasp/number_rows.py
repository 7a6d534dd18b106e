"""Rows of numbers out of the XML, all rows of a set at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from dftflow.model.results import FloatArray

__all__ = ["equal_rows"]

_SPACE = ord(" ")
_LETTERS = b"0123456789+-.eE \t\r\n"


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
    if not length or len(letters) != length * len(texts) or letters.translate(None, _LETTERS):
        return None
    if any(len(text) != length for text in texts):
        return None
    inside = np.frombuffer(letters, dtype=np.uint8).reshape(len(texts), length) > _SPACE
    words = inside[:, 0] + (inside[:, 1:] > inside[:, :-1]).sum(axis=1)
    n_columns = int(words[0])
    if not n_columns or (words != n_columns).any() or (inside[:-1, -1] & inside[1:, 0]).any():
        return None
    numbers = _numbers(letters)
    return None if numbers is None or numbers.size != words.sum() else numbers.reshape(len(texts), n_columns)


def _numbers(letters: bytes) -> FloatArray | None:
    """All numbers in `letters`; None where it holds anything else, at which NumPy would stop and warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(letters, dtype=np.float64, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
