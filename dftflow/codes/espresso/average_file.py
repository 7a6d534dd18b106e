"""Reads the table that average.x leaves as ``avg.dat``: height (bohr), plane average and macroscopic average (Ry)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dftflow.errors import ParseError
from dftflow.model.results import FloatArray
from dftflow.units import BOHR_ANG, RYDBERG_EV

__all__ = ["read_average"]

MAX_BYTES = 50_000_000
FEWEST_ROWS = 4
SPACING_SLACK_BOHR = 5e-9
_ROW = re.compile(rb"\s*(-?\d{1,5}\.\d{9})\s*(-?\d{1,5}\.\d{9})\s*(-?\d{1,5}\.\d{9})\s*")


def read_average(file: Path) -> tuple[float, FloatArray]:
    """Length of the cell along the normal, and the plane averages at equal distances from 0.

    Returns
    -------
    length_ang
        Number of heights times their distance.
    planar_ev
        shape (n,).

    Raises
    ------
    ParseError
        The file cannot be read, or a row is damaged, missing or there twice.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ParseError("the file is too large for a table of average.x", where=str(file))
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(file)) from error
    while lines and not lines[-1].strip():
        lines.pop()
    rows = np.array([_row(line, f"{file}:{number}") for number, line in enumerate(lines, 1)])
    if len(rows) < FEWEST_ROWS:
        raise ParseError(f"the table has {len(rows)} rows: it is cut short, or none of average.x", where=str(file))
    heights_bohr = rows[:, 0]
    step_bohr = heights_bohr[-1] / (len(rows) - 1)
    uneven = np.abs(heights_bohr - step_bohr * np.arange(len(rows))) > SPACING_SLACK_BOHR
    if step_bohr <= 0 or uneven.any():
        at = int(uneven.argmax()) + 1
        raise ParseError("the heights are not at equal distances", reason="a row is missing", where=f"{file}:{at}")
    return float(step_bohr * len(rows) * BOHR_ANG), np.asarray(rows[:, 1] * RYDBERG_EV)


def _row(line: bytes, where: str) -> tuple[float, float, float]:
    found = _ROW.fullmatch(line)
    if found is None:
        raise ParseError("this is no row of three numbers", where=where)
    return float(found[1]), float(found[2]), float(found[3])
