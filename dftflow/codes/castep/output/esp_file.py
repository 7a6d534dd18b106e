"""Reads ``<seed>.cst_esp``, the potential that CASTEP writes unasked and Materials Studio shows.

Own code on top of the record walk: castep_outputs (0.3.3) gives the bare records; c2x is a program of its own.

Format: Fortran unformatted, big-endian. Records: number of spins; grid n_a, n_b, n_c; then one record a column along c,
for each spin n_a n_b of them: its indices a and b from 1, and n_c complex numbers whose real part is the potential in
Hartree, of the sign and content of ``.pot_fmt``. There is no lattice in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dftflow.codes.castep.output.content import whole_content
from dftflow.codes.castep.output.fortran_records import record_places
from dftflow.codes.reading import zero_of
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray, PotentialGrid
from dftflow.units import HARTREE_EV

__all__ = ["read_esp"]

COMPLEX_BYTES = 16
LARGEST_HARTREE = 1e6


def read_esp(file: Path, cell_ang: FloatArray) -> PotentialGrid:
    """The local potential of a run; that of the two spins is averaged.

    Parameters
    ----------
    file
        ``<seed>.cst_esp``.
    cell_ang
        shape (3, 3); rows are the lattice vectors, from ``.castep`` or ``.cell``.

    Raises
    ------
    ParseError
        The file is cut short or damaged, or a column is missing or double.
    """
    data = whole_content(file)
    places = list(record_places(file, data))
    n_spins, shape = _head(file, data, places)
    n_a, n_b, n_c = shape
    columns = places[2:]
    if len(columns) != n_spins * n_a * n_b or any(length != 8 + COMPLEX_BYTES * n_c for _, length in columns):
        raise ParseError(
            f"{len(columns)} columns, expected {n_spins * n_a * n_b} of {n_c} points",
            reason="the file is cut short or damaged",
            where=str(file),
        )
    values: FloatArray = np.full((n_spins, n_a, n_b, n_c), np.nan)
    for number, (start, _) in enumerate(columns):
        a, b = np.frombuffer(data, dtype=">i4", count=2, offset=start)
        if not (1 <= a <= n_a and 1 <= b <= n_b):
            raise ParseError(f"column ({a}, {b}) lies outside the grid", where=str(file))
        column = np.frombuffer(data, dtype=">c16", count=n_c, offset=start + 8)
        values[number // (n_a * n_b), a - 1, b - 1] = column.real
    _refuse_odd_values(file, values)
    return PotentialGrid(
        values_ev=values.mean(axis=0) * HARTREE_EV,
        cell_ang=cell_ang,
        kind="local",
        zero=zero_of(file.parent, file.stem),
        n_spins=n_spins,
        tells_cell=False,
    )


def _head(file: Path, data: bytes, places: list[tuple[int, int]]) -> tuple[int, tuple[int, int, int]]:
    if len(places) < 3 or places[0][1] != 4 or places[1][1] != 12:
        raise ParseError("this is no .cst_esp file: its first records have other lengths", where=str(file))
    n_spins = int(np.frombuffer(data, dtype=">i4", count=1, offset=places[0][0])[0])
    n_a, n_b, n_c = (int(n) for n in np.frombuffer(data, dtype=">i4", count=3, offset=places[1][0]))
    if n_spins not in (1, 2) or min(n_a, n_b, n_c) < 1:
        raise ParseError(f"{n_spins} spins on a grid of {n_a} x {n_b} x {n_c} points", where=str(file))
    return n_spins, (n_a, n_b, n_c)


def _refuse_odd_values(file: Path, values: FloatArray) -> None:
    if np.isnan(values).any():
        raise ParseError("columns are missing and as many are double, or hold no number", where=str(file))
    if not np.abs(values).max() < LARGEST_HARTREE:
        raise ParseError("a potential beyond any atom's", reason=f"{np.abs(values).max():g} Hartree", where=str(file))
