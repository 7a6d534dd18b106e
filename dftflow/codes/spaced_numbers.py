"""Long texts of numbers with blanks between them, without an object for each."""

from __future__ import annotations

import warnings

import numpy as np

from dftflow.model.results import FloatArray

__all__ = ["spaced_numbers"]

_SPACE = ord(" ")
_LETTERS = b"0123456789+-.eE \t\r\n"


def spaced_numbers(letters: bytes) -> FloatArray | None:
    """The numbers in `letters`, shape (n,), the same as from ``float`` of each word; None where a word is no number."""
    if letters.translate(None, _LETTERS):
        return None
    inside = np.frombuffer(letters, dtype=np.uint8) > _SPACE
    n_words = int(inside[:1].sum() + (inside[1:] > inside[:-1]).sum())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # at what is no number NumPy stops, and warns
        try:
            found: FloatArray = np.fromstring(letters, dtype=np.float64, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
    return found if found.size == n_words else None
