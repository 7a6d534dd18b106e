"""Numbers as CASTEP's input files hold them.

Own code, because ``float`` reads what Fortran does not (``1_000``, ``infinity``, digits of other scripts) and refuses
what Fortran writes: ``1.5D0``, and ``1.0-105``, an exponent of three digits that left no room for its letter.
"""

from __future__ import annotations

import math
import re

__all__ = ["fortran_integer", "fortran_number", "required_number"]

LONGEST_NUMBER = 64
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdD]([+-]?\d{1,4})|([+-]\d{3}))?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def fortran_number(word: str) -> float | None:
    """The finite number in `word`; a fraction ``1/3`` is one too. None when it is none.

    Examples
    --------
    >>> fortran_number("1/4"), fortran_number("5.0D-001"), fortran_number("1.0-105"), fortran_number("1_0")
    (0.25, 0.5, 1e-105, None)
    """
    over, slash, under = word.partition("/")
    if not slash:
        return _decimal(word)
    numerator, denominator = _decimal(over), _decimal(under)
    if numerator is None or not denominator:
        return None
    ratio = numerator / denominator
    return ratio if math.isfinite(ratio) else None


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
