"""Reads CASTEP's formatted grids: ``.pot_fmt``, ``.den_fmt``, ``.elf_fmt`` and ``.chdiff_fmt``.

Own code, because the rows come in any order (a run that is parallel over G-vectors writes whole columns in the order of
its processes) and have to be placed by their index; castep_outputs (0.3.3) keeps the order of the file and drops
lattice and shape, parse-fmt reads 3 MB/s, and none looks for a missing or a double point.

Format: a head with the lattice (its unit stands in it), the number of spins and the grid, then ``a b c value ...``, one
row a point, indices from 1. Potentials are in Hartree: the potential energy of an electron in the total local
potential, ions + Hartree + exchange-correlation, on the zero of the run's eigenvalues. Densities are electrons times
the number of points over the number of points, so that the mean of the column is the number of electrons in the cell.
A run with a meta-GGA appends a second block, which is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dftflow.codes.castep.output.grid_rows import GridRows
from dftflow.codes.reading import zero_of
from dftflow.errors import ParseError
from dftflow.model.fortran_number import required_number
from dftflow.model.results import FloatArray, PotentialGrid, readonly
from dftflow.units import BOHR_ANG, HARTREE_EV

__all__ = ["FormattedGrid", "GridKind", "PlaneAverages", "plane_averages", "read_grid", "read_potential"]

GridKind = Literal["potential", "density", "electron localisation function", "charge difference"]

MOST_HEADER_BYTES = 8192
SMALLEST_CELL_ANG3 = 1e-3
_UNIT = re.compile(r"Real Lattice\((\w+)\)", re.IGNORECASE)
_CONTENT = re.compile(r'data is "?<a b c>\s*([^"]*?)"?(?:\s+in units of\s+(.*))?$')
_LENGTHS_ANG = {"a": 1.0, "ang": 1.0, "bohr": BOHR_ANG}
_KINDS: dict[str, GridKind] = {
    ".pot_fmt": "potential",
    ".den_fmt": "density",
    ".elf_fmt": "electron localisation function",
    ".chdiff_fmt": "charge difference",
}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class FormattedGrid:
    """A whole grid.

    Attributes
    ----------
    columns
        Names of the values as the file has them: ``("pot",)``, ``("charge", "spin")``.
    values
        shape (n_columns, n_a, n_b, n_c); eV for potentials, as printed otherwise.
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    n_spins, non_collinear
        As the head says.
    """

    kind: GridKind
    columns: tuple[str, ...]
    values: FloatArray
    cell_ang: FloatArray
    n_spins: int
    non_collinear: bool

    @property
    def means(self) -> tuple[float, ...]:
        """Mean of each column: of a density the electrons per cell, then the net spin."""
        return tuple(float(column.mean()) for column in self.values)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PlaneAverages:
    """Averages over the planes that are parallel to two lattice vectors.

    Attributes
    ----------
    axis
        The third lattice vector: 0, 1 or 2.
    mean, deviation
        shape (n_columns, n_planes); mean and standard deviation within each plane, in the units of `FormattedGrid`.
    cell_ang
        shape (3, 3).
    """

    kind: GridKind
    axis: int
    mean: FloatArray
    deviation: FloatArray
    cell_ang: FloatArray

    def __post_init__(self) -> None:
        for name in ("mean", "deviation"):
            object.__setattr__(self, name, readonly(getattr(self, name), (None, None), name))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    kind: GridKind
    cell_ang: FloatArray
    n_spins: int
    non_collinear: bool
    columns: tuple[str, ...]
    rows: GridRows


def read_grid(file: Path) -> FormattedGrid:
    """The whole grid in `file`, every point where its index says.

    Raises
    ------
    ParseError
        The file is cut short or damaged, or a point is missing or double.
    """
    header = _header(file)
    values: FloatArray = np.full((header.rows.n_columns, header.rows.n_points), np.nan)
    for flat, numbers in header.rows.chunks():
        for column, found in zip(values, numbers, strict=True):
            column[flat] = found
    _refuse_gaps(file, int(np.isnan(values[0]).sum()))
    if header.kind == "potential":
        values *= HARTREE_EV
    return FormattedGrid(
        kind=header.kind,
        columns=header.columns,
        values=values.reshape(header.rows.n_columns, *header.rows.shape),
        cell_ang=header.cell_ang,
        n_spins=header.n_spins,
        non_collinear=header.non_collinear,
    )


def read_potential(file: Path) -> PotentialGrid:
    """The local potential of a run; that of the two spins is averaged.

    Raises
    ------
    ParseError
        The file is not a potential, is cut short or damaged, or comes from a non-collinear run, of whose columns no
        documentation says which is the scalar part.
    """
    header = _header(file)
    if header.kind != "potential":
        raise ParseError("this is no potential in Hartree", reason=f"it holds a {header.kind}", where=str(file))
    if header.non_collinear:
        raise ParseError("the potential of a non-collinear run has no documented scalar part", where=str(file))
    grid = read_grid(file)
    return PotentialGrid(
        values_ev=grid.values[0] if len(grid.values) == 1 else grid.values.mean(axis=0),
        cell_ang=grid.cell_ang,
        kind="local",
        zero=zero_of(file.parent, file.stem),
        n_spins=grid.n_spins,
    )


def plane_averages(file: Path, axis: int = 2) -> PlaneAverages:
    """Averages over the planes normal to a reciprocal lattice vector, in one pass and without holding the grid.

    Takes one bit a grid point, to see that each comes once, and a few megabytes besides.

    Parameters
    ----------
    axis
        The lattice vector that is left: 2 for planes parallel to a and b.

    Raises
    ------
    ParseError
        As `read_grid`.
    """
    header = _header(file)
    rows = header.rows
    planes = rows.shape[axis]
    sums = np.zeros((2, rows.n_columns, planes))
    seen = np.zeros((rows.n_points + 7) // 8, dtype=np.uint8)
    after = int(np.prod(rows.shape[axis + 1 :]))
    for flat, numbers in rows.chunks():
        np.bitwise_or.at(seen, flat >> 3, (1 << (flat & 7)).astype(np.uint8))
        plane = (flat // after) % planes
        for column, values in enumerate(numbers):
            sums[0, column] += np.bincount(plane, weights=values, minlength=planes)
            sums[1, column] += np.bincount(plane, weights=values**2, minlength=planes)
    _refuse_gaps(file, rows.n_points - int(np.bitwise_count(seen).sum()))
    mean, square = sums * planes / rows.n_points
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    scale = HARTREE_EV if header.kind == "potential" else 1.0
    return PlaneAverages(
        kind=header.kind, axis=axis, mean=scale * mean, deviation=scale * deviation, cell_ang=header.cell_ang
    )


def _refuse_gaps(file: Path, missing: int) -> None:
    if missing:
        raise ParseError(f"{missing} grid points are missing and as many are double", where=str(file))


# --- head -------------------------------------------------------------------------------------------------------


def _header(file: Path) -> _Header:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MOST_HEADER_BYTES)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    lines = raw.decode("latin-1").split("\n")[:-1]
    try:
        end = next(i for i, line in enumerate(lines) if "END header" in line)
        top = next(i for i, line in enumerate(lines) if "Real Lattice" in line)
        unit = _LENGTHS_ANG[_UNIT.findall(lines[top])[0].lower()]
        spin_words = lines[end - 2].split("!")[0].split()
        a, b, c = map(int, lines[end - 1].split("!")[0].split())
        cell = (
            np.array([list(map(required_number, line.split()[:3])) for line in lines[top + 1 : top + 4]]).reshape(3, 3)
            * unit
        )
        n_spins = int(spin_words[0])
    except (StopIteration, KeyError, IndexError, ValueError) as error:
        raise ParseError("the head of the formatted grid is damaged", reason=repr(error), where=str(file)) from error
    kind, names = _content(file, lines[end], end)
    if min(a, b, c) < 1 or n_spins not in (1, 2) or not abs(np.linalg.det(cell)) > SMALLEST_CELL_ANG3:
        raise ParseError("the head of the formatted grid announces no grid", where=f"{file}:{end}")
    body = end + 2 if end + 1 < len(lines) and not lines[end + 1].strip() else end + 1
    if body >= len(lines):
        raise ParseError("there are no rows behind the head", reason="the file is cut short", where=f"{file}:{body}")
    non_collinear = spin_words[1:] == ["T"]
    n_columns = len(lines[body].split()) - 3
    _check_columns(file, body, kind, n_columns, n_spins, names, non_collinear=non_collinear)
    start = sum(len(line) + 1 for line in lines[:body])
    rows = GridRows(file=file, start=start, header_lines=body, shape=(a, b, c), n_columns=n_columns)
    rows.refuse_too_short()
    return _Header(
        kind=kind,
        cell_ang=cell,
        n_spins=n_spins,
        non_collinear=non_collinear,
        columns=names if len(names) == n_columns else tuple(f"column {n + 1}" for n in range(n_columns)),
        rows=rows,
    )


def _content(file: Path, line: str, end: int) -> tuple[GridKind, tuple[str, ...]]:
    """What the grid holds: by its own line, and only where several kinds say the same by the file's name."""
    found = _CONTENT.search(line.strip())
    if found is None:
        raise ParseError("the head does not say what the grid holds", reason=line.strip(), where=f"{file}:{end + 1}")
    names, unit = tuple(found[1].split()), found[2] or ""
    if names and names[0].startswith("pot") and "Hartree" in unit:
        return "potential", names
    if names and names[0].startswith("chi"):
        return "electron localisation function", names
    if names and names[0].startswith("charge"):
        by_name = _KINDS.get(file.suffix, "density")
        return by_name if by_name == "charge difference" else "density", names
    raise ParseError(
        "this is no potential in Hartree, density or localisation function",
        reason=line.strip(),
        where=f"{file}:{end + 1}",
    )


def _check_columns(
    file: Path,
    body: int,
    kind: GridKind,
    n_columns: int,
    n_spins: int,
    names: tuple[str, ...],
    *,
    non_collinear: bool,
) -> None:
    if non_collinear:
        right = n_columns in (1, 3, 4)
    elif kind == "electron localisation function":
        right = n_columns in (n_spins, len(names))
    else:
        right = n_columns == n_spins
    if not right:
        raise ParseError(
            f"a row has {n_columns} columns of values, and the head says {n_spins} spins",
            reason="the file is damaged",
            where=f"{file}:{body + 1}",
        )
