"""Decodes numbers with an exponent from bytes, eight letters at a time in one 64-bit integer, without tokenizing.

Grids of VASP and pp.x, and the XML of pw.x, hold millions of numbers whose letters stand at known places from the
point. Digits are put together in pairs, fours and eights by one product each for all eight (D. Lemire, *Software:
Practice and Experience* 51, 1700, 2021, doi:10.1002/spe.2984). Integer and power of ten are both exact, so that
their quotient is the nearest double, as from ``strtod``; where they are not, NaN tells the caller to take ``float``.

``strtod`` reads the same at 50 to 100 MB/s. Whatever is laid out otherwise gives None, and is read as text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dftflow.codes.fixed_width import ByteArray
from dftflow.model.results import FloatArray

__all__ = ["exponentials", "sixteen_digits"]

Unsigned = TypeVar("Unsigned", bound=np.unsignedinteger[Any])
Words = NDArray[np.uint64]

_BLANK, _MINUS, _DOT, _ZERO, _E = (ord(letter) for letter in " -.0e")
_FEWEST_DECIMALS, _MOST_DECIMALS = 4, 11
_MOST_POWER = 22  # 10^22 is exact as a double, and so is every smaller power
_MOST_WHOLE = 1 << 53  # and every integer up to here
_TAIL = b"0000E+00"
_MINUS_PLACE = 100 * (_TAIL[5] ^ _MINUS)  # what a minus sign in the exponent adds to it
_NEGATIVE_PLACE = 10_000  # what one before the number adds
_LONG = re.compile(rb"-?\d\.\d{15}e-?\d{1,3}")
_LONGEST = 24  # letters that such a number has at most
_LONG_DIVISORS = np.array([np.nan, *(10.0**power if power <= _MOST_POWER else np.nan for power in range(24, 5, -1))])
"""By which sixteen digits are divided, for the exponents -9 to 9; before them that of any other."""


def _lanes(letters: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(letters, "little"))


_PAIRS, _FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_BY_PAIRS, _BY_FOURS, _BY_EIGHTS = np.uint64(10 << 8 | 1), np.uint64(100 << 16 | 1), np.uint64(10_000 << 32 | 1)
_LOW = np.uint64(0xFFFFFFFF)


def exponentials(letters: ByteArray, n_decimals: int) -> FloatArray | None:
    """Right-aligned signed numbers with an exponent: ``0.123E+02``, ``-.123E+02``, ``1.234E-01``.

    Parameters
    ----------
    letters
        shape (..., width), the last axis contiguous.
    n_decimals
        Digits between the point and the E, behind which a sign and two digits stand: 4 to 11.

    Returns
    -------
    values
        shape (n,); NaN where one division does not give the nearest double, exponents of less than `n_decimals` - 22 or
        of more than `n_decimals`, and where the exponent is none.
    """
    width = letters.shape[-1]
    point = width - n_decimals - 5
    if point < 2 or width < 16 or not _FEWEST_DECIMALS <= n_decimals <= _MOST_DECIMALS or letters.size == 0:
        return None
    lead = _lead(letters[..., :point])
    first = _digits(letters[..., -16:-8], (b"%8s" % (b"." + b"0" * (n_decimals - 4)))[-8:])
    last = _digits(letters[..., -8:], _TAIL)
    if lead is None or first is None or last is None:
        return None
    digits = _eight(_fours(first))
    if digits.max() >= 10 ** (n_decimals - 4):  # what stands in the point's place is none
        return None
    last = _fours(last)
    digits *= np.uint64(10_000)
    digits += last & _LOW
    if lead[0].any():
        digits += lead[0] * np.uint64(10**n_decimals)
    last >>= np.uint64(32)
    last += lead[1] * np.uint64(_NEGATIVE_PLACE)
    values: FloatArray = digits.view(np.int64).astype(np.float64)
    values /= _divisors(n_decimals).take(last.view(np.int64), mode="clip")
    return values


def _digits(letters: ByteArray, layout: bytes) -> Words | None:
    """Eight letters as digits, 0 where `layout` has that letter; blanks in it stand for any. None where more than 9."""
    words: Words = letters.view("<u8")[..., 0].ravel().astype(np.uint64, copy=False)
    words ^= _lanes(layout)
    if _BLANK in layout:
        words &= _lanes(bytes(0 if letter == _BLANK else 255 for letter in layout))
    return None if words.view(np.uint8).max() > 9 else words


def _fours(words: Words) -> Words:
    """Four digits and four in the halves of each word, in place."""
    words *= _BY_PAIRS
    words >>= np.uint64(8)
    words &= _PAIRS
    words *= _BY_FOURS
    words >>= np.uint64(16)
    words &= _FOURS
    return words


def _eight(words: Words) -> Words:
    words *= _BY_EIGHTS
    words >>= np.uint64(32)
    return words


def _lead(columns: ByteArray) -> tuple[NDArray[np.uint16], NDArray[np.bool_]] | None:
    """The digit before the point, 0 where there is none; and where there is a minus sign, before it or in its place."""
    if columns.shape[-1] > 2 and (columns[..., :-2] != _BLANK).any():
        return None
    pairs = columns[..., -2:].view("<u2")[..., 0].ravel()
    digit = (pairs >> np.uint16(8)) - np.uint16(_ZERO)
    before, is_digit = pairs & np.uint16(255), digit <= 9
    signed, in_its_place = before == _MINUS, pairs == (_MINUS << 8 | _BLANK)
    with_digit = is_digit & (signed | (before == _BLANK))
    if not (with_digit | in_its_place | (pairs == (_BLANK << 8 | _BLANK))).all():
        return None
    digit *= is_digit
    return digit, signed | in_its_place


@cache
def _divisors(n_decimals: int) -> FloatArray:
    """What digits are to be divided by, in the place of sign and exponent; NaN where that is not exact, or is none."""
    divisors = np.full(2 * _NEGATIVE_PLACE, np.nan)
    for exponent in range(-99, 100):
        power = n_decimals - exponent
        if 0 <= power <= _MOST_POWER:
            divisors[abs(exponent) + (_MINUS_PLACE if exponent < 0 else 0)] = 10.0**power
    divisors[_NEGATIVE_PLACE:] = -divisors[:_NEGATIVE_PLACE]
    return divisors


def sixteen_digits(text: bytes) -> FloatArray | None:
    """The numbers in `text`, shape (n,), where all are printed as ``-1.234567890123456e-1`` with blanks between them.

    None where anything else stands there. Letters before the blank count as blanks: in XML they are.
    """
    padded = b"  " + text + b" " * _LONGEST
    letters = np.frombuffer(padded, dtype=np.uint8)
    points = np.flatnonzero(letters == _DOT)
    if not points.size or points[0] < 2 or points[-1] > letters.size - _LONGEST:
        return None
    leads = _gathered(padded, points - 2, np.uint16)
    whole = _sixteen(leads, _gathered(padded, points, np.uint64), _gathered(padded, points + 8, np.uint64))
    if whole is None:
        return None
    negative = (leads & np.uint16(255)) == _MINUS
    exponents, n_letters = _short_exponents(_gathered(padded, points + 16, np.uint32))
    values: FloatArray = whole.view(np.int64).astype(np.float64)
    values /= _LONG_DIVISORS[exponents]
    values *= 1.0 - 2.0 * negative
    values[whole > _MOST_WHOLE] = np.nan
    n_letters += 17 + negative
    for number in np.flatnonzero(np.isnan(values)):  # what one division cannot give
        start = int(points[number]) - 1 - int(negative[number])
        word = padded[start : start + _LONGEST].split(maxsplit=1)[0]
        if _LONG.fullmatch(word) is None:
            return None
        values[number], n_letters[number] = float(word), len(word)
    return values if n_letters.sum() == np.count_nonzero(letters > _BLANK) else None


def _gathered(text: bytes, places: NDArray[np.intp], kind: type[Unsigned]) -> NDArray[Unsigned]:
    """The letters of `text` from `places` on, as integers of `kind`."""
    size = np.dtype(kind).itemsize
    every = np.ndarray((len(text) - size + 1,), f"<u{size}", text, strides=(1,))
    return every[places].astype(kind, copy=False)


def _sixteen(leads: NDArray[np.uint16], first: Words, last: Words) -> Words | None:
    """The digit before the point, and fifteen behind it, as integers; None where a letter is no digit."""
    lead = (leads >> np.uint16(8)) - np.uint16(_ZERO)
    before = leads & np.uint16(255)
    first ^= _lanes(b".0000000")
    last ^= _lanes(b"00000000")
    if lead.max() > 9 or ((before > _BLANK) & (before != _MINUS)).any():
        return None
    if first.view(np.uint8).max() > 9 or last.view(np.uint8).max() > 9:
        return None
    whole = lead * np.uint64(10**15)
    whole += _eight(_fours(first)) * np.uint64(10**8)
    whole += _eight(_fours(last))
    return whole


def _short_exponents(tails: NDArray[np.uint32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Exponents of one digit, as places in `_LONG_DIVISORS`, 0 for others; and how many letters they have."""
    negative = (tails >> np.uint32(8)) & np.uint32(255) == _MINUS
    tails_from = np.where(negative, tails >> np.uint32(16), tails >> np.uint32(8))
    digit = (tails_from & np.uint32(255)) - np.uint32(_ZERO)
    good = (tails & np.uint32(255) == _E) & (digit <= 9) & (tails_from >> np.uint32(8) & np.uint32(255) <= _BLANK)
    signed = np.where(negative, -digit.astype(np.intp), digit.astype(np.intp))
    return np.where(good, signed + 10, 0), 2 + negative.astype(np.intp)
