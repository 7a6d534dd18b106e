"""Numbers as the input files of CASTEP and pw.x hold them, and small sums of them.

Own code, because ``float`` reads what Fortran does not (``1_000``, ``infinity``, digits of other scripts) and refuses
what Fortran writes: ``1.5D0``, and ``1.0-105``, an exponent of three digits that left no room for its letter.
"""

from __future__ import annotations

import math
import re

__all__ = ["fortran_integer", "fortran_number", "required_number"]

LONGEST_NUMBER = 64
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdD]([+-]?\d{1,4})|([+-]\d{3}))?", re.ASCII)
# Fortran reads 1.0-10 as 1.0e-10, a person as -9.
_WITHOUT_E = re.compile(r"(?:\d\.\d*|\.\d+)[+-]\d+(?![\d.])", re.ASCII)
_UNSIGNED = re.compile(r"(\d+\.?\d*|\.\d+)(?:[ed]([+-]?\d{1,4}))?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def fortran_number(word: str) -> float | None:
    """The finite number in `word`, which may be a sum without blanks: ``1/3``, ``2*5.874``, ``sqrt(3)/2``.

    None when it is none.

    Examples
    --------
    >>> fortran_number("1/4"), fortran_number("5.0D-001"), fortran_number("1.0-105"), fortran_number("1_0")
    (0.25, 0.5, 1e-105, None)
    >>> fortran_number("1/2+0.25"), fortran_number("-(1-0.75)"), fortran_number("1/0"), fortran_number("2**9**9")
    (0.75, -0.25, None, None)
    """
    single = _decimal(word)
    if single is not None or len(word) > LONGEST_NUMBER or _WITHOUT_E.search(word):
        return single
    return _Sum(word).value()


class _Sum:
    """A word of numbers, ``+ - * /``, brackets and ``sqrt``, read from left to right; ``1/2/3`` is none."""

    def __init__(self, word: str) -> None:
        self._rest = word.lower()

    def value(self) -> float | None:
        try:
            found = self._sum()
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return found if not self._rest and math.isfinite(found) else None

    def _take(self, *signs: str) -> str:
        sign = next((sign for sign in signs if self._rest.startswith(sign)), "")
        self._rest = self._rest[len(sign) :]
        return sign

    def _sum(self) -> float:
        found = self._product()
        while sign := self._take("+", "-"):
            found += self._product() if sign == "+" else -self._product()
        return found

    def _product(self) -> float:
        found = self._factor()
        divided = False
        while sign := self._take("*", "/"):
            if divided:
                raise ValueError(self._rest)
            divided = sign == "/"
            found = found / self._factor() if divided else found * self._factor()
        return found

    def _factor(self) -> float:
        if sign := self._take("+", "-"):
            return self._factor() if sign == "+" else -self._factor()
        opened = self._take("sqrt(", "(")
        if opened:
            inner = self._sum()
            if not self._take(")"):
                raise ValueError(self._rest)
            return math.sqrt(inner) if opened == "sqrt(" else inner
        number = _UNSIGNED.match(self._rest)
        if number is None:
            raise ValueError(self._rest)
        self._rest = self._rest[number.end() :]
        value = float(f"{number[1]}e{number[2] or 0}")
        if not math.isfinite(value):
            raise ValueError(self._rest)
        return value


def required_number(word: str) -> float:
    """The number in `word`; raises ValueError when it is none."""
    value = fortran_number(word)
    if value is None:
        raise ValueError(f"{word!r} is no number")
    return value


def fortran_integer(word: str) -> int | None:
    """The whole number in `word`; None when it is none."""
    return int(word) if _INTEGER.fullmatch(word) else None


def _decimal(word: str) -> float | None:
    found = _NUMBER.fullmatch(word) if len(word) <= LONGEST_NUMBER else None
    if found is None:
        return None
    value = float(f"{found[1]}e{found[2] or found[3] or 0}")
    return value if math.isfinite(value) else None
