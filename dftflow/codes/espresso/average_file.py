"""Reads the table of average.x: height (bohr), plane average and macroscopic average (Ry).

It stands in ``avg.dat``; up to version 4 average.x printed it instead, so that it stands in what was printed
(``PP/src/average.f90``).
"""

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
HEAD_LINES = 200
UNITS_OF_SLACK = 5.0
_NUMBER = rb"\s*(-?\d{1,5}\.(\d{6}|\d{9}|\d{12}))"
_ROW = re.compile(_NUMBER * 3 + rb"\s*")
_PRINTED = re.compile(rb"^\s*Program AVERAGE\s", re.MULTILINE)


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
    numbered = _table(lines)
    rows = np.array([_row(line, f"{file}:{number}") for number, line in numbered])
    if len(rows) < FEWEST_ROWS:
        raise ParseError(f"the table has {len(rows)} rows: it is cut short, or none of average.x", where=str(file))
    heights_bohr = rows[:, 0]
    step_bohr = heights_bohr[-1] / (len(rows) - 1)
    uneven = np.abs(heights_bohr - step_bohr * np.arange(len(rows))) > UNITS_OF_SLACK * 10.0 ** -_decimals(numbered)
    if step_bohr <= 0 or uneven.any():
        at = numbered[int(uneven.argmax())][0]
        raise ParseError("the heights are not at equal distances", reason="a row is missing", where=f"{file}:{at}")
    return float(step_bohr * len(rows) * BOHR_ANG), np.asarray(rows[:, 1] * RYDBERG_EV)


def _row(line: bytes, where: str) -> tuple[float, float, float]:
    found = _ROW.fullmatch(line)
    if found is None:
        raise ParseError("this is no row of three numbers", where=where)
    return float(found[1]), float(found[3]), float(found[5])


def _table(lines: list[bytes]) -> list[tuple[int, bytes]]:
    """The lines of the table with their numbers: all of them, or those that stand in what average.x printed."""
    numbered = list(enumerate(lines, 1))
    if _PRINTED.search(b"\n".join(lines[:HEAD_LINES])):
        rows = [number for number, line in numbered if _ROW.fullmatch(line)]
        return numbered[rows[0] - 1 : rows[-1]] if rows else []
    while numbered and not numbered[-1][1].strip():
        numbered.pop()
    return numbered


def _decimals(numbered: list[tuple[int, bytes]]) -> int:
    found = _ROW.fullmatch(numbered[0][1])
    return 0 if found is None else len(found[2])
