"""Measured powder patterns, as instruments write them as text: two columns, 2θ in degrees and an intensity."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from dftflow.errors import InputError
from dftflow.input_file import read_named, shortened
from dftflow.model.powder import MeasuredPattern
from dftflow.model.printable import shown

__all__ = ["read_measured_pattern"]

MOST_BYTES = 1 << 24
LEAST_POINTS, MOST_POINTS = 10, 100_000
MOST_HEADER = 200
"""Lines in front of the numbers."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_COMMENTS = ("#", "!", "%", "//", "'", '"', "*")


def read_measured_pattern(file: Path) -> MeasuredPattern:
    """A pattern from a text file.

    Columns are parted by blanks, tabs, semicolons or commas, and the first two count. Comma as the decimal sign is
    understood where blanks, tabs or semicolons part the columns. Lines before the first two numbers are a header;
    lines that begin with a sign of a comment, and empty ones, are passed over.

    Raises
    ------
    InputError
        It cannot be read, is no text, has too few points, or a line that is no pair of numbers; with the line. Angles
        that do not rise, or lie outside 0 to 180 degrees; intensities that are all the same.
    """
    where = shortened(file)
    content = read_named(file, limit_bytes=MOST_BYTES, what="the measured pattern")
    text = _decoded(content, where)
    rows: list[tuple[float, float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = _words(line)
        pair = _pair(words)
        if pair is not None:
            _check(pair, rows, f"{where}:{number}")
            rows.append(pair)
        elif words and (rows or number > MOST_HEADER):
            raise InputError(
                f"{shown(line.strip())} is no angle and intensity",
                fix="leave two columns of numbers: 2θ in degrees, and the intensity",
                where=f"{where}:{number}",
            )
    return _pattern(rows, file.stem, where)


def _decoded(content: bytes, where: str) -> str:
    for encoding in ("utf-8-sig", "utf-16") if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError("the measured pattern is no text", fix="export it as two columns of numbers", where=where)


def _words(line: str) -> list[str]:
    """The columns of a line; none of a comment or an empty line."""
    line = line.strip()
    if not line or line.startswith(_COMMENTS):
        return []
    words = re.split(r"\s*;\s*|\s+", line.strip("; "))
    if len(words) > 1 and all(_DECIMAL_COMMA.fullmatch(word) or _NUMBER.fullmatch(word) for word in words[:2]):
        return [word.replace(",", ".") for word in words]
    return re.split(r"\s*[,;]\s*|\s+", line.strip(",; "))


def _pair(words: list[str]) -> tuple[float, float] | None:
    if len(words) < 2 or not all(_NUMBER.fullmatch(word) for word in words[:2]):
        return None
    return float(words[0]), float(words[1])


def _check(pair: tuple[float, float], rows: list[tuple[float, float]], where: str) -> None:
    angle, intensity = pair
    if not 0 <= angle <= 180 or not math.isfinite(intensity):
        raise InputError(
            f"{angle:g} and {intensity:g} are no angle 2θ and intensity",
            reason="angles lie between 0 and 180 degrees, intensities are finite",
            fix="give 2θ in degrees in the first column",
            where=where,
        )
    if rows and not angle > rows[-1][0]:
        raise InputError(
            f"the angle {angle:g} does not lie above the one before it, {rows[-1][0]:g}",
            reason="a pattern is read by rising angle, and not with decimal commas where commas part the columns, too",
            fix="sort the file, leave one pattern in it, and write points for decimal commas",
            where=where,
        )
    if len(rows) >= MOST_POINTS:
        raise InputError(f"there are more than {MOST_POINTS} points", fix="average some of them", where=where)


def _pattern(rows: list[tuple[float, float]], name: str, where: str) -> MeasuredPattern:
    if len(rows) < LEAST_POINTS:
        raise InputError(
            f"the measured pattern has {len(rows)} points",
            reason=f"at least {LEAST_POINTS} lines of two numbers are needed",
            fix="export it as two columns: 2θ in degrees, and the intensity",
            where=where,
        )
    angles, counts = np.array(rows).T
    if np.ptp(counts) == 0:
        raise InputError(
            "all intensities of the measured pattern are the same",
            fix="look whether the second column is the intensity",
            where=where,
        )
    return MeasuredPattern(name=name, two_theta_deg=angles, intensity=counts)
