"""Reads what VASP's files of values on its fine grid have in common: ``LOCPOT``, ``CHGCAR``.

Own code: pymatgen's `VolumetricData` (2026.10) refuses a title that is not UTF-8, makes room for as many points as the
file announces, and takes the first blank line for the end of the head wherever it stands.

Format (https://vasp.at/wiki/CHGCAR, https://vasp.at/wiki/LOCPOT): a POSCAR, a blank line, three grid sizes, then the
values of a set, first index fastest. What stands behind the values of a set is each file's own: in a ``CHGCAR`` the
augmentation occupancies of each atom (``"augmentation occupancies",2I4``: its number, and how many follow), in both the
atoms' moments. A further set begins with the same three sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from dftflow.codes.grid_body import LINES_AT_ONCE, RowLayout
from dftflow.model.results import Atoms, FloatArray

__all__ = ["Damage", "VolumeHead", "VolumeSets"]

LONGEST_LINE = 10_000
MOST_ATOMS = 100_000
MOST_OCCUPANCIES = 10_000
"""Of an atom."""
SMALLEST_VOLUME_ANG3 = 0.5
BYTES_A_POINT = 2  # a digit and a blank: less room than that no point can have
_LOST_E = re.compile(r"(?<=\d)([+-]\d{3})\b")
_OCCUPANCIES = re.compile(r"augmentation occupancies(?: \(imaginary part\))?\s*\d*?\s*(\d{1,4})\s*")


class Damage(Exception):
    """What is wrong, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeHead:
    """The POSCAR at its beginning.

    Attributes
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    """

    cell_ang: FloatArray
    atoms: Atoms

    @classmethod
    def read(cls, stream: TextIO) -> VolumeHead:
        """From the beginning of a file, which `stream` goes past."""
        _line(stream)  # the title: any bytes
        scale = _numbers(stream, 1)[0]
        cell = np.array([_numbers(stream, 3) for _ in range(3)])
        volume = abs(float(np.linalg.det(cell)))
        if scale < 0 and volume > 0:  # a negative one is the volume
            scale = (-scale / volume) ** (1 / 3)
        cell = cell * scale
        if not (np.isfinite(cell).all() and abs(np.linalg.det(cell)) > SMALLEST_VOLUME_ANG3):
            raise Damage("the cell has no volume")
        elements = _elements(stream)
        places = _places(stream, len(elements), scale, cell)
        if _line(stream).strip():
            raise Damage("there are more positions than atoms")
        return cls(cell_ang=cell, atoms=Atoms(elements=elements, positions_frac=places))


class VolumeSets:
    """The sets of a file, one after another; its `shape` is that of the first.

    Parameters
    ----------
    stream
        Behind the head.
    n_bytes
        Size of the file.
    largest
        No value is larger.

    Raises
    ------
    Damage, ValueError, IndexError, OverflowError
        While it is read: when it is cut short or damaged.
    """

    def __init__(self, stream: TextIO, head: VolumeHead, n_bytes: int, *, largest: float) -> None:
        self._stream, self._n_bytes, self._largest = stream, n_bytes, largest
        self._n_atoms = len(head.atoms.elements)
        self._sizes = _line(stream).split()
        self.shape = _shape(self._sizes, n_bytes)
        self.count = 0

    def values(self) -> Iterator[FloatArray]:
        """All values of the next set, each of shape (n,), some thousand lines at once."""
        self.count += 1
        n_points = int(np.prod(self.shape))
        if self.count * n_points * BYTES_A_POINT > self._n_bytes:
            raise Damage("the grid has more points than the file has room for")
        for values in _values(self._stream, n_points):
            if not max(values.max(), -values.min()) < self._largest:  # refuses NaN too
                raise Damage(f"it holds a value that is none: at most {self._largest:g} is one")
            yield values

    def goes_on(self) -> bool:
        """Whether there is a further set, which the stream is brought to; False at the end of the file."""
        others = 0
        while line := self._stream.readline(LONGEST_LINE):
            if match := _OCCUPANCIES.fullmatch(line):
                _pass_over(self._stream, int(match[1]))
                continue
            words = line.split()
            if words == self._sizes:
                return True
            others += len([float(word) for word in words])
            if others > 3 * self._n_atoms:
                raise Damage("there is more in the file than its head announces")
        return False


def _pass_over(stream: TextIO, count: int) -> None:
    """Go past the occupancies of an atom."""
    found = 0
    while found < min(count, MOST_OCCUPANCIES):
        found += len(_rows(iter([_line(stream)])))
    if found != count:
        raise Damage(f"an atom has {found} augmentation occupancies, and {count} are announced")


def _line(stream: TextIO) -> str:
    line = stream.readline(LONGEST_LINE)
    if not line.endswith("\n"):
        raise Damage("the last line is not complete" if line else "the file ends in its head")
    return line


def _numbers(stream: TextIO, count: int) -> list[float]:
    """The first `count` numbers of a line."""
    words = _line(stream).split()[:count]
    if len(words) != count or any("_" in word for word in words):  # Python reads 1_0 as 10
        raise Damage(f"there should be {count} numbers: {' '.join(words)[:60]!r}")
    return [float(word) for word in words]


def _elements(stream: TextIO) -> tuple[str, ...]:
    """Element of each atom; ``""`` where the file gives their numbers alone, as VASP 4 did.

    VASP 6 writes what its potentials are named: ``Ge_d``, ``Ge/8bd2b``.
    """
    words, names = _line(stream).split(), []
    if words and not words[0].isdigit():
        names, words = [re.split(r"[_/]", word)[0] for word in words], _line(stream).split()
    counts = [int(word) for word in words]
    if not counts or min(counts) < 1 or sum(counts) > MOST_ATOMS:
        raise Damage(f"the numbers of atoms are {counts}")
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
        raise Damage("the position of an atom is no number")
    cartesian = kind in ("c", "k")
    return np.asarray(scale * places @ np.linalg.inv(cell_ang) if cartesian else places, dtype=np.float64)


def _shape(words: list[str], size: int) -> tuple[int, int, int]:
    a, b, c = (int(word) for word in words)
    if min(a, b, c) < 1 or a * b * c * BYTES_A_POINT > size:
        raise Damage(f"a grid of {a} x {b} x {c} points is announced, for which the file has no room")
    return a, b, c


def _values(stream: TextIO, n_points: int) -> Iterator[FloatArray]:
    """All values of a set, some thousand lines at once."""
    start = stream.tell()
    first = _line(stream)
    columns = len(first.split())
    if columns == 0:
        raise Damage("a row of values is empty")
    stream.seek(start)
    layout = RowLayout.of_next(stream)
    whole, rest = divmod(n_points, columns)
    for done in range(0, whole, LINES_AT_ONCE):
        n_lines = min(whole - done, LINES_AT_ONCE)
        values = None if layout is None else layout.read(stream, n_lines)
        yield _counted(_rows(_complete(stream, n_lines)), n_lines * columns) if values is None else values
    if rest:
        yield _counted(_rows(iter([_line(stream)])), rest)


def _complete(stream: TextIO, count: int) -> Iterator[str]:
    for _ in range(count):
        yield _line(stream)


def _rows(lines: Iterator[str]) -> FloatArray:
    """The numbers of `lines`, shape (n,); Fortran drops the E of an exponent with three digits."""
    values: FloatArray = np.loadtxt(map(_mended, lines), dtype=np.float64, comments=None, ndmin=2).ravel()
    return values


def _counted(values: FloatArray, count: int) -> FloatArray:
    if values.size != count:
        raise Damage(f"{values.size} numbers where there should be {count}")
    return values


def _mended(line: str) -> str:
    if line.isspace():  # numpy would pass over it
        raise Damage("a row of values is empty")
    return _LOST_E.sub(r"E\1", line)
