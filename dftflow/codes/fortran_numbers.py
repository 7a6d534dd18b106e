"""Numbers of a line that Fortran has printed."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["numbers_of"]

NO_E = re.compile(r"(\d)([-+]\d{3})(?!\d)")


def numbers_of(line: str) -> list[float]:
    """All numbers of `line`; Fortran leaves the E out where an exponent has three digits.

    Raises
    ------
    ValueError
        Something in it is no finite number.
    """
    numbers = [float(word) for word in NO_E.sub(r"\1E\2", line).split()]
    if "_" in line or not np.isfinite(numbers).all():
        raise ValueError(f"{line.strip()[:60]!r} holds what is no number")
    return numbers
