"""Reads ``<seed>.pot_fmt``, the potential on CASTEP's fine grid.

Own code, because the rows come in any order (a run that is parallel over G-vectors writes whole columns in the order of
its processes) and have to be placed by their index; castep_outputs (0.3.3) keeps the order of the file and drops
lattice and shape.

Format: ``data is "<a b c> pot" in units of Hartrees``. The value is the potential energy of an electron in the total
local potential, ions + Hartree + exchange-correlation, on the zero of the run's eigenvalues.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import FloatArray, PotentialGrid
from dftflow.units import BOHR_ANG, HARTREE_EV

__all__ = ["read_potential"]

MOST_HEADER_LINES = 20
_UNIT = re.compile(r"Real Lattice\((\w+)\)", re.IGNORECASE)
_LENGTHS_ANG = {"a": 1.0, "ang": 1.0, "bohr": BOHR_ANG}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    cell_ang: FloatArray
    n_spins: int
    shape: tuple[int, int, int]
    lines: int


def read_potential(file: Path) -> PotentialGrid:
    """The local potential of a run; that of the two spins is averaged.

    Raises
    ------
    ParseError
        The file is not a potential, is cut short, repeats a point, or comes from a non-collinear run.
    """
    header = _header(file)
    _check_end(file)
    n_points = int(np.prod(header.shape))
    try:
        rows = np.loadtxt(file, skiprows=header.lines, max_rows=n_points, ndmin=2)
    except (OSError, ValueError) as error:
        raise ParseError("the potential is damaged", reason=str(error), where=str(file)) from error
    if len(rows) != n_points or rows.shape[1] != 3 + header.n_spins:
        raise ParseError(
            f"{len(rows)} rows with {rows.shape[1]} columns, expected {n_points} with {3 + header.n_spins}",
            reason="the file is cut short or damaged",
            where=f"{file}:{header.lines + len(rows)}",
        )
    return PotentialGrid(
        values_ev=_scatter(file, rows, header.shape) * HARTREE_EV,
        cell_ang=header.cell_ang,
        kind="local",
        zero=EnergyZero(run=file.parent.name, reference="cell_average"),
    )


def _check_end(file: Path) -> None:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        if stream.read() != b"\n":
            raise ParseError("the last line is not complete", reason="the file is cut short", where=str(file))


def _scatter(file: Path, rows: FloatArray, shape: tuple[int, int, int]) -> FloatArray:
    index = rows[:, :3].astype(int) - 1
    if np.any(index < 0) or np.any(index >= shape):
        raise ParseError("a grid point lies outside the grid", where=str(file))
    values: FloatArray = np.full(shape, np.nan)
    values[tuple(index.T)] = rows[:, 3:].mean(axis=1)
    missing = int(np.isnan(values).sum())
    if missing:
        raise ParseError(f"{missing} grid points are missing and as many are double", where=str(file))
    return values


def _header(file: Path) -> _Header:
    try:
        with file.open(errors="replace") as stream:
            head = [stream.readline() for _ in range(MOST_HEADER_LINES)]
        end = next(i for i, line in enumerate(head) if "END header" in line)
        top = next(i for i, line in enumerate(head) if "Real Lattice" in line)
        unit = _LENGTHS_ANG[_UNIT.findall(head[top])[0].lower()]
        spin_words = head[end - 2].split("!")[0].split()
        a, b, c = map(int, head[end - 1].split("!")[0].split())
        cell = np.array([line.split()[:3] for line in head[top + 1 : top + 4]], dtype=float).reshape(3, 3) * unit
        n_spins = int(spin_words[0])
    except (OSError, StopIteration, KeyError, IndexError, ValueError) as error:
        raise ParseError("the head of the formatted grid is damaged", reason=repr(error), where=str(file)) from error
    if "pot" not in head[end] or "Hartree" not in head[end]:
        raise ParseError("this is no potential in Hartree", reason=head[end].strip(), where=f"{file}:{end + 1}")
    if not any(line.strip() for line in head[end + 1 :]):
        raise ParseError(
            "there is no potential behind the head", reason="the file is cut short", where=f"{file}:{end + 1}"
        )
    if spin_words[1:] == ["T"]:
        raise ParseError("the potential of a non-collinear run cannot be read", where=f"{file}:{end - 1}")
    blank = 0 if end + 1 < len(head) and head[end + 1].strip() else 1
    return _Header(cell_ang=cell, n_spins=n_spins, shape=(a, b, c), lines=end + 1 + blank)
