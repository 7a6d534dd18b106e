"""Decodes columns of fixed-width Fortran numbers (``i6``, ``f20.6``) from bytes, without tokenizing.

Large files of these codes are tables of equal lines. Seen as a matrix of bytes, one row a character position, the
digits are put together in pairs, pairs of pairs and so on, in the smallest integers that hold them. The integer that
all digits make up is exact below 2^53, and so is the power of ten that it is divided by, so that the quotient is the
nearest double, as from ``strtod``.

A tokenizer reads the same at 80 MB/s (NumPy's ``loadtxt`` before 2.0) to 250 MB/s, where this reads 1 GB/s. Whatever is
not such a column (other widths, ``****``, a stray byte) gives None, and the caller reads it as text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dftflow.model.results import FloatArray

__all__ = ["ByteArray", "decimals", "integers"]

ByteArray = NDArray[np.uint8]
UnsignedArray = NDArray[np.unsignedinteger[Any]]

_SPACE, _DOT, _MINUS, _ZERO, _NINE = (ord(sign) for sign in " .-09")
_MOST_DIGITS = 15  # every integer of so many is exact as a double


def integers(columns: ByteArray) -> UnsignedArray | None:
    """Right-aligned unsigned integers of at most eight digits.

    Parameters
    ----------
    columns
        shape (width, n): one row a character position, as contiguous bytes.
    """
    found = _digits(columns)
    if found is None or found[1] is not None:
        return None
    eights = _eights(np.array(found[0]))
    return eights[0] if len(eights) == 1 else None


def decimals(columns: ByteArray, n_decimals: int) -> FloatArray | None:
    """Right-aligned signed numbers with `n_decimals` digits behind the point.

    Parameters
    ----------
    columns
        shape (width, n), as in `integers`.
    """
    point = len(columns) - n_decimals - 1
    if point < 1 or columns.shape[1] == 0 or (columns[point] != _DOT).any():
        return None
    behind = columns[point + 1 :]
    if behind.min() < _ZERO or behind.max() > _NINE:
        return None
    found = _digits(columns[:point])
    if found is None:
        return None
    digits, negative = found
    value = _number(np.array([*digits, *(behind - np.uint8(_ZERO))]))
    if value is None:
        return None
    value /= 10.0**n_decimals
    if negative is not None:
        value *= 1.0 - 2.0 * negative  # a product, which signs without order don't slow down
    return value


def _digits(columns: ByteArray) -> tuple[list[ByteArray], NDArray[np.bool_] | None] | None:
    """Digits of blanks, a minus sign or none, and digits to the end; and where there is a minus sign."""
    lowest, highest = columns.min(axis=1), columns.max(axis=1)
    blank = (lowest == _SPACE) & (highest == _SPACE)
    first = int(np.argmin(blank))
    if blank[-1] or lowest[-1] < _ZERO or highest[-1] > _NINE:
        return None
    digits: list[ByteArray] = []
    negative: NDArray[np.bool_] | None = None
    begun: NDArray[np.bool_] = np.zeros(columns.shape[1], dtype=np.bool_)  # where a sign or a digit has been
    for column, low, high in zip(columns[first:], lowest[first:], highest[first:], strict=True):
        digit = column - np.uint8(_ZERO)
        if low < _ZERO or high > _NINE:
            is_digit, is_blank, is_minus = digit <= 9, column == _SPACE, column == _MINUS
            if not (is_digit | is_blank | is_minus).all() or (begun & ~is_digit).any():
                return None
            negative = is_minus if negative is None else negative | is_minus
            begun |= ~is_blank
            digit = digit * is_digit
        else:
            begun[:] = True
        digits.append(digit)
    return digits, negative if negative is not None and negative.any() else None


def _number(digits: ByteArray) -> FloatArray | None:
    """The numbers that decimal digits make up, most significant first; None beyond what a double holds exactly."""
    if len(digits) > _MOST_DIGITS:
        return None
    eights = _eights(digits)
    value: FloatArray = eights[0].astype(np.float64)
    for eight in eights[1:]:
        value = value * 1e8 + eight
    return value


def _eights(digits: ByteArray) -> UnsignedArray:
    """Digits, one row a place, put together by eight, counted from the last."""
    pairs = _joined(digits, 10, np.uint8)
    fours = _joined(pairs, 100, np.uint16)
    return _joined(fours, 10_000, np.uint32)


def _joined(parts: UnsignedArray, base: int, kind: type[np.unsignedinteger[Any]]) -> UnsignedArray:
    """Neighbours put together, counted from the last."""
    odd = len(parts) % 2
    joined = np.empty((len(parts) // 2 + odd, parts.shape[1]), dtype=kind)
    joined[:odd] = parts[:odd]
    np.multiply(parts[odd::2], kind(base), out=joined[odd:], dtype=kind)
    joined[odd:] += parts[odd + 1 :: 2]
    return joined
