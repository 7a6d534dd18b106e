"""The tables in GPAW's text log: atoms, cell, forces and stress, as old and new versions print them.

Up to GPAW 24 a table is rows of numbers under a heading (``Positions:``); since 26 its columns stand between bars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from dftflow.model.results import FloatArray

__all__ = ["GEOMETRY", "NUMBER", "atoms_in", "cell_in", "forces_in", "stress_in"]

GEOMETRY = re.compile(r"^(?:Positions:|Atoms +#.*)$", re.MULTILINE)
"""First line of a geometry."""

NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_DECIMAL = r"[-+]?\d+\.\d+"
_CELL = re.compile(r"^Unit cell(?::| +#.*)$", re.MULTILINE | re.IGNORECASE)
_FORCES = re.compile(r"^Forces(?: in eV/Ang:| +# eV/Ang)$", re.MULTILINE)
_STRESS = re.compile(r"^Stress tensor(?::| +# eV/Ang\^3)$", re.MULTILINE)
_ATOM_ROW = re.compile(rf"^\W*(\d+)\W+([A-Z][a-z]?)[\s|]+({_DECIMAL})[\s|]+({_DECIMAL})[\s|]+({_DECIMAL})(?:[\s|]|$)")
_CELL_ROW = re.compile(
    rf"^(?: *[123]\. axis:|\|) +(?:yes|no)[\s|]+({_DECIMAL})[\s|]+({_DECIMAL})[\s|]+({_DECIMAL})(?:[\s|]|$)",
    re.IGNORECASE,
)
_FORCE_ROW = re.compile(
    rf"^(?: *\d+ +[A-Z][a-z]? +|\| *)({_DECIMAL})[\s|]+({_DECIMAL})[\s|]+({_DECIMAL})[\s|]*(?:# [A-Z][a-z]? +\d+ *)?$"
)
_STRESS_ROW = re.compile(rf"^[\s|]*({_DECIMAL})[\s|]+({_DECIMAL})[\s|]+({_DECIMAL})[\s|]*$")
_CELL_TITLES = re.compile(r"^ *periodic +x +y +z", re.IGNORECASE)


def atoms_in(text: str) -> tuple[tuple[str, ...], FloatArray] | None:
    """Elements and positions (n, 3) in Å of the last table of atoms; None when there is none.

    Raises
    ------
    ValueError
        A row is none.
    """
    rows = _rows(text, GEOMETRY)
    if rows is None:
        return None
    found = [_match(_ATOM_ROW, row) for row in rows]
    if [int(match[1]) for match in found] != list(range(len(found))):
        raise ValueError("the atoms of the last geometry are not numbered from 0")
    return tuple(match[2] for match in found), _numbers(match.groups()[2:] for match in found)


def cell_in(text: str) -> FloatArray | None:
    """Lattice vectors (3, 3) in Å of the last table of the cell; None when there is none. Raises as `atoms_in`."""
    rows = _rows(text, _CELL)
    return None if rows is None else _three(_numbers(_match(_CELL_ROW, row).groups() for row in rows), "cell")


def forces_in(text: str) -> FloatArray | None:
    """Forces (n, 3) in eV/Å of the last table; None when there is none. Raises as `atoms_in`."""
    rows = _rows(text, _FORCES)
    return None if rows is None else _numbers(_match(_FORCE_ROW, row).groups() for row in rows)


def stress_in(text: str) -> FloatArray | None:
    """Stress (3, 3) in eV/Å³ of the last table, tension positive; None when there is none. Raises as `atoms_in`."""
    rows = _rows(text, _STRESS)
    return None if rows is None else _three(_numbers(_match(_STRESS_ROW, row).groups() for row in rows[:3]), "stress")


def _rows(text: str, heading: re.Pattern[str]) -> list[str] | None:
    """Lines of numbers under the last heading, up to an empty line; titles and rules left out. None without any."""
    headings = list(heading.finditer(text))
    if not headings:
        return None
    lines = text[headings[-1].end() + 1 :].splitlines()
    table = lines[: lines.index("")] if "" in lines else lines
    titles = 2 if table and table[0].startswith("|") else 1 if table and _CELL_TITLES.match(table[0]) else 0
    return table[titles:]


def _match(pattern: re.Pattern[str], row: str) -> re.Match[str]:
    match = pattern.match(row)
    if match is None:
        raise ValueError(f"this is no row of its table: {row.strip()[:60]!r}")
    return match


def _numbers(rows: Iterator[Sequence[str]]) -> FloatArray:
    found = np.array([[float(word) for word in row] for row in rows], dtype=np.float64).reshape(-1, 3)
    if not np.isfinite(found).all():
        raise ValueError("a table holds a number beyond all reason")
    return found


def _three(table: FloatArray, name: str) -> FloatArray:
    if table.shape != (3, 3):
        raise ValueError(f"the table of the {name} has {len(table)} rows")
    return table
