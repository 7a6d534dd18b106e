"""Reads ``LOCPOT``, the potential on VASP's fine grid.

Own code: pymatgen's `Locpot` (2026.10) refuses a title that is not UTF-8, makes room for as many points as the file
announces, and takes the first blank line for the end of the head wherever it stands.

Format (https://vasp.at/wiki/LOCPOT): a POSCAR, a blank line, three grid sizes, then the potential energy of an electron
in eV, first index fastest, on the zero of the run's eigenvalues and higher in the vacuum than in the crystal
(https://vasp.at/wiki/Computing_the_work_function). Unlike the density of a CHGCAR it is *not* multiplied by the cell's
volume. With ISPIN = 2 there are two sets, spin up and spin down (not sum and difference), with the atoms' moments
between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

import numpy as np

from dftflow.codes.grid_body import LINES_AT_ONCE, RowLayout, gathered, normal_of_averages
from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Atoms, FloatArray, PotentialGrid

__all__ = ["read_locpot"]

LONGEST_LINE = 10_000
MOST_ATOMS = 100_000
LARGEST_EV = 1e6
SMALLEST_VOLUME_ANG3 = 0.5
BYTES_A_POINT = 2  # a digit and a blank: less room than that no point can have
_LOST_E = re.compile(r"(?<=\d)([+-]\d{3})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    cell_ang: FloatArray
    atoms: Atoms


class _Damage(Exception):
    """What is wrong, in words."""


def read_locpot(
    file: Path, *, kind: Literal["electrostatic", "local"], zero: EnergyZero, n_sets: Sequence[int] = ()
) -> PotentialGrid:
    """The potential of a run; that of the two spins is averaged.

    Of a file beyond `dftflow.codes.grid_body.LARGEST_WHOLE_BYTES` the plane averages alone are given, along the slab's
    normal or, without one, along the third lattice vector, and the grid is never held.

    Parameters
    ----------
    kind
        What the run wrote, which the file itself does not say: ``"electrostatic"`` with LVHAR, ``"local"`` with LVTOT.
    zero
        Zero of the run's eigenvalues.
    n_sets
        How many sets there may be; ``()`` when it is not known.

    Raises
    ------
    ParseError
        The file is no ``LOCPOT``, is cut short or damaged, or comes from a non-collinear run.
    """
    try:
        with file.open(encoding="latin-1") as stream, np.errstate(all="ignore"):
            head = _head(stream)
            values, count = _mean_of_sets(stream, head, file.stat().st_size)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    except (_Damage, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise ParseError("LOCPOT is cut short or damaged", reason=str(error), where=str(file)) from error
    if count > 2:
        raise ParseError(
            f"a LOCPOT with {count} sets cannot be read",
            reason="the potential of a non-collinear run is written in different ways by different versions of VASP",
            fix="calculate the potential without spin-orbit coupling",
            where=str(file),
        )
    if n_sets and count not in n_sets:
        raise ParseError(
            f"LOCPOT holds {count} sets, a run like this writes {' or '.join(map(str, dict.fromkeys(n_sets)))}",
            reason="it is cut short or of another run",
            where=str(file),
        )
    return PotentialGrid(
        values_ev=values,
        cell_ang=head.cell_ang,
        kind=kind,
        zero=zero,
        n_spins=None if kind == "electrostatic" else count,
        atoms=head.atoms,
    )


def _line(stream: TextIO) -> str:
    line = stream.readline(LONGEST_LINE)
    if not line.endswith("\n"):
        raise _Damage("the last line is not complete" if line else "the file ends in its head")
    return line


def _numbers(stream: TextIO, count: int) -> list[float]:
    """The first `count` numbers of a line."""
    words = _line(stream).split()[:count]
    if len(words) != count or any("_" in word for word in words):  # Python reads 1_0 as 10
        raise _Damage(f"there should be {count} numbers: {' '.join(words)[:60]!r}")
    return [float(word) for word in words]


def _head(stream: TextIO) -> _Head:
    _line(stream)  # the title: any bytes
    scale = _numbers(stream, 1)[0]
    cell = np.array([_numbers(stream, 3) for _ in range(3)])
    volume = abs(float(np.linalg.det(cell)))
    if scale < 0 and volume > 0:  # a negative one is the volume
        scale = (-scale / volume) ** (1 / 3)
    cell = cell * scale
    if not (np.isfinite(cell).all() and abs(np.linalg.det(cell)) > SMALLEST_VOLUME_ANG3):
        raise _Damage("the cell has no volume")
    elements = _elements(stream)
    places = _places(stream, len(elements), scale, cell)
    if _line(stream).strip():
        raise _Damage("there are more positions than atoms")
    return _Head(cell_ang=cell, atoms=Atoms(elements=elements, positions_frac=places))


def _elements(stream: TextIO) -> tuple[str, ...]:
    """Element of each atom; ``""`` where the file gives their numbers alone, as VASP 4 did.

    VASP 6 writes what its potentials are named: ``Ge_d``, ``Ge/8bd2b``.
    """
    words, names = _line(stream).split(), []
    if words and not words[0].isdigit():
        names, words = [re.split(r"[_/]", word)[0] for word in words], _line(stream).split()
    counts = [int(word) for word in words]
    if not counts or min(counts) < 1 or sum(counts) > MOST_ATOMS:
        raise _Damage(f"the numbers of atoms are {counts}")
    if len(names) != len(counts):
        names = [""] * len(counts)
    return tuple(name for name, count in zip(names, counts, strict=True) for _ in range(count))


def _places(stream: TextIO, count: int, scale: float, cell_ang: FloatArray) -> FloatArray:
    """Fractional coordinates, shape (count, 3)."""
    kind = _line(stream).strip()[:1].lower()
    if kind == "s":  # "Selective dynamics"
        kind = _line(stream).strip()[:1].lower()
    places = np.empty((count, 3))
    for number in range(count):
        places[number] = _numbers(stream, 3)
    if not np.isfinite(places).all():
        raise _Damage("the position of an atom is no number")
    cartesian = kind in ("c", "k")
    return np.asarray(scale * places @ np.linalg.inv(cell_ang) if cartesian else places, dtype=np.float64)


def _mean_of_sets(stream: TextIO, head: _Head, size: int) -> tuple[FloatArray, int]:
    """Mean of the first two sets, or the only one; and how many there are."""
    sizes = _line(stream).split()
    shape = _shape(sizes, size)
    normal = normal_of_averages(size, head.atoms, head.cell_ang)
    total, count = _grid(stream, shape, normal), 1
    while _next_set(stream, sizes, len(head.atoms.elements)):
        if (count + 1) * int(np.prod(shape)) * BYTES_A_POINT > size:
            raise _Damage("the grid has more points than the file has room for")
        further = _grid(stream, shape, normal)
        count += 1
        if count == 2:
            total += further
    if count > 1:
        total /= 2
    total.setflags(write=False)  # which spares the results a copy
    return total, count


def _shape(words: list[str], size: int) -> tuple[int, int, int]:
    a, b, c = (int(word) for word in words)
    if min(a, b, c) < 1 or a * b * c * BYTES_A_POINT > size:
        raise _Damage(f"a grid of {a} x {b} x {c} points is announced, for which the file has no room")
    return a, b, c


def _grid(stream: TextIO, shape: tuple[int, int, int], normal: int | None) -> FloatArray:
    return gathered(_values(stream, int(np.prod(shape))), shape, padded=None, normal=normal)


def _values(stream: TextIO, n_points: int) -> Iterator[FloatArray]:
    """All values of a set, some thousand lines at once."""
    start = stream.tell()
    first = _line(stream)
    columns = len(first.split())
    if columns == 0:
        raise _Damage("a row of the potential is empty")
    stream.seek(start)
    layout = RowLayout.of_next(stream)
    whole, rest = divmod(n_points, columns)
    for done in range(0, whole, LINES_AT_ONCE):
        n_lines = min(whole - done, LINES_AT_ONCE)
        values = None if layout is None else layout.read(stream, n_lines)
        yield _energies(_rows(_complete(stream, n_lines), n_lines * columns) if values is None else values)
    if rest:
        yield _energies(_rows(iter([_line(stream)]), rest))


def _energies(values: FloatArray) -> FloatArray:
    if not max(values.max(), -values.min()) < LARGEST_EV:  # refuses NaN too
        raise _Damage("the potential holds something that is no energy")
    return values


def _complete(stream: TextIO, count: int) -> Iterator[str]:
    for _ in range(count):
        yield _line(stream)


def _rows(lines: Iterator[str], count: int) -> FloatArray:
    """The numbers of `lines`, shape (count,); Fortran drops the E of an exponent with three digits."""
    values: FloatArray = np.loadtxt(map(_mended, lines), dtype=np.float64, comments=None, ndmin=2).ravel()
    if values.size != count:
        raise _Damage(f"{values.size} numbers where there should be {count}")
    return values


def _mended(line: str) -> str:
    if line.isspace():  # numpy would pass over it
        raise _Damage("a row of the potential is empty")
    return _LOST_E.sub(r"E\1", line)


def _next_set(stream: TextIO, sizes: list[str], n_atoms: int) -> bool:
    """Go past the atoms' moments to the next set; False at the end of the file."""
    moments = 0
    while line := stream.readline(LONGEST_LINE):
        words = line.split()
        if words == sizes:
            return True
        moments += len([float(word) for word in words])
        if moments > 3 * n_atoms:
            raise _Damage("there is more in the file than its head announces")
    return False
