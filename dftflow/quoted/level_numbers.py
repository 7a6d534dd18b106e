"""Numbers of a table of levels: what was written, how far it was rounded, and within which bounds it means anything."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from dftflow.errors import InputError
from dftflow.model.alignment import Range
from dftflow.model.printable import shown
from dftflow.quoted.level_file import LevelField

__all__ = ["ReadNumber", "read_number", "read_range"]

MOST_EV = 100.0
MOST_UNCERTAINTY_EV = 10.0
_NUMBER = re.compile(r"[+\-\N{MINUS SIGN}]?(?:\d+\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d{1,3}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNumber:
    """A number as written: how far the value that was rounded to it may lie from it, and where it stands."""

    value: float
    rounding: float
    field: LevelField


def read_number(field: LevelField) -> ReadNumber:
    """The number of a field, in eV.

    Raises
    ------
    InputError
        It is a list, no finite number, or larger than any level; with file and line.
    """
    if field.is_list or len(field.texts) != 1:
        raise InputError(f"{field.key} is a list, where one number is meant", where=field.where)
    return _read(field.texts[0].strip(), field)


def _read(text: str, field: LevelField) -> ReadNumber:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise InputError(f"{field.key} is {shown(text)}, which is no number", fix=_fix(text), where=field.where)
    value = float(text.replace("\N{MINUS SIGN}", "-"))
    if not abs(value) <= MOST_EV:
        raise InputError(
            f"{field.key} is {shown(text)}", reason="no level lies so far from the vacuum", fix="give it in eV",
            where=field.where,
        )  # fmt: skip
    decimals = len(match[1] or match[2] or "") - int(match[3] or 0)
    return ReadNumber(value=value, rounding=0.5 * 10.0**-decimals, field=field)


def _fix(text: str) -> str:
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        return f"decimals have a point: {text.replace(',', '.')}"
    if "±" in text or "+-" in text or "+/-" in text:
        number, _, reach = re.split(r"\s*(±|\+/?-)\s*", text, maxsplit=1)
        return f"give the number alone, {number}, and uncertainty = {reach}"
    return "give a finite number in eV, or leave the field out"


def read_range(field: LevelField) -> Range:
    """The range of a field: ``0.1`` is (-0.1, 0.1); a list is lowest and highest.

    Raises
    ------
    InputError
        It is no size, or no range that holds 0 and anything else; with file and line.
    """
    ends = [_read(text.strip().lstrip("±").strip(), field).value for text in field.texts]
    low, high = (-ends[0], ends[0]) if not field.is_list else ends if len(ends) == 2 else (math.nan, math.nan)
    if low <= 0 <= high and low < high and max(-low, high) <= MOST_UNCERTAINTY_EV:
        return low, high
    exact = bool(ends) and not any(ends)
    raise InputError(
        f"{field.key} is {shown(', '.join(field.texts))}",
        reason="no measured or calculated number is exact" if exact else f"at most {MOST_UNCERTAINTY_EV:g} eV",
        fix="leave it out where it is not known"
        if exact
        else "give a positive size, such as 0.1, or lowest and highest, such as [-0.2, 0.1]",
        where=field.where,
    )
