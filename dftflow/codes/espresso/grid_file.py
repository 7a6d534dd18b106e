"""Reads the formatted grid that pp.x leaves under ``filplot``.

Layout (``Modules/plot_io.f90``): title; ``nr1x nr2x nr3x nr1 nr2 nr3 nat ntyp``; ``ibrav celldm(6)``, in bohr; with
ibrav = 0 three lattice vectors in units of celldm(1); ``gcutm dual ecut plot_num``, the cutoff in Ry; species; atoms,
in units of alat; then nr1x * nr2x * nr3 values, five a line, the first index fastest. A potential is in Ry, as an
electron feels it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from dftflow.codes.espresso.limits import LARGEST_CELL_BOHR, LONGEST_LINE, MOST_ATOMS, SMALLEST_VOLUME_ANG3
from dftflow.codes.espresso.species import element_of
from dftflow.codes.grid_body import LINES_AT_ONCE, RowLayout, gathered, normal_of_averages
from dftflow.crystals.pw_lattice import bravais_cell
from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Atoms, FloatArray, PotentialGrid
from dftflow.units import BOHR_ANG, RYDBERG_EV

__all__ = ["read_potential_grid"]

LEAST_BYTES_A_POINT = 12
NUMBERS_A_LINE = 5
MAX_BYTES = 1 << 32
LARGEST_EV = 1e5
KINDS: dict[int, Literal["electrostatic", "local"]] = {11: "electrostatic", 1: "local"}
_INTEGER = re.compile(rb"-?\d{1,9}")
_DECIMAL = re.compile(rb"[+-]?\d{1,12}\.?\d{0,20}(?:[eEdD][+-]?\d{1,3})?")
_LOST_E = re.compile(rb"(\d)([+-]\d{3})(?!\d)")
_OF_NUMBERS = b"0123456789+-.eEdD \r\n\t"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Head:
    padded: tuple[int, int, int]
    shape: tuple[int, int, int]
    cell_ang: FloatArray
    atoms: Atoms
    cutoff_ev: float
    plot_num: int
    lines: int


def read_potential_grid(file: Path, zero: EnergyZero, *, alat_ang: float | None = None) -> PotentialGrid:
    """A potential on the grid of the density.

    Of a file beyond `dftflow.codes.grid_body.LARGEST_WHOLE_BYTES` the plane averages alone are given, along the slab's
    normal or, without one, along the third lattice vector, and the grid is never held.

    Parameters
    ----------
    zero
        Zero of the run's eigenvalues, which the potential shares.
    alat_ang
        Unit of the run's positions, which is that of the file's; without it that is celldm(1), as it is in a file that
        holds the lattice vectors. The two differ after a relaxation of the cell of a Bravais lattice.

    Raises
    ------
    ParseError
        The file cannot be read, is damaged or cut short, or holds another quantity than a potential.
    """
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise ParseError("the file is too large for a grid of pp.x", where=str(file))
        with file.open("rb") as stream:
            head = _read_head(stream, file, size, alat_ang)
            kind = _kind(head, file)
            values_ev = _grid(stream, head, file, size)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(file)) from error
    return PotentialGrid(
        values_ev=values_ev,
        cell_ang=head.cell_ang,
        kind=kind,
        zero=zero,
        atoms=head.atoms,
        cutoff_ev=head.cutoff_ev,
    )


def _kind(head: _Head, file: Path) -> Literal["electrostatic", "local"]:
    kind = KINDS.get(head.plot_num)
    if kind is None:
        raise ParseError(
            f"the grid is no potential: plot_num = {head.plot_num}",
            fix="run pp.x with plot_num = 11 (ions + Hartree)",
            where=f"{file}:{head.lines}",
        )
    return kind


class _Lines:
    """The lines of the head, as words, with their number."""

    def __init__(self, stream: BinaryIO, file: Path) -> None:
        self._stream, self._file, self.number = stream, file, 0

    def words(self) -> list[bytes]:
        """Words of the next line."""
        line = self._stream.readline(LONGEST_LINE)
        self.number += 1
        if not line.endswith(b"\n"):
            raise self.damage("the head is cut short, or is none of pp.x")
        return line.split()

    def integers(self, count: int) -> list[int]:
        """The next line, of `count` whole numbers."""
        words = self.words()
        if len(words) != count or not all(_INTEGER.fullmatch(word) for word in words):
            raise self.damage(f"there should be {count} whole numbers")
        return [int(word) for word in words]

    def damage(self, summary: str) -> ParseError:
        """An error at the current line."""
        return ParseError(summary, reason="the grid is damaged", where=f"{self._file}:{self.number}")

    def decimals(self, words: list[bytes]) -> FloatArray:
        """`words` as numbers."""
        if not all(_DECIMAL.fullmatch(word) for word in words):
            raise self.damage("something here is no number")
        return np.array([float(word.replace(b"D", b"E").replace(b"d", b"e")) for word in words])


def _read_head(stream: BinaryIO, file: Path, size: int, alat_ang: float | None) -> _Head:
    lines = _Lines(stream, file)
    lines.words()  # the title
    counts = lines.integers(8)
    padded, shape = (counts[0], counts[1], counts[2]), (counts[3], counts[4], counts[5])
    n_atoms, n_species = counts[6], counts[7]
    if min(counts) < 1 or any(wide < narrow for wide, narrow in zip(padded, shape, strict=True)):
        raise lines.damage(f"the grid has {shape} points in {padded}")
    if padded[0] * padded[1] * shape[2] * LEAST_BYTES_A_POINT > size or n_atoms > min(size, MOST_ATOMS):
        raise lines.damage(f"a grid of {padded} points is announced, for which the file has no room")
    cell_ang, unit_ang = _cell(lines, alat_ang)
    words = lines.words()
    if len(words) != 4 or not _INTEGER.fullmatch(words[3]):
        raise lines.damage("there should be three numbers and plot_num")
    cutoff_ev = float(lines.decimals(words[:3])[2]) * RYDBERG_EV
    plot_num, at = int(words[3]), lines.number
    elements, places = _atoms(lines, n_atoms, n_species)
    return _Head(
        padded=padded,
        shape=shape,
        cell_ang=cell_ang,
        atoms=Atoms(elements=elements, positions_frac=unit_ang * places @ np.linalg.inv(cell_ang)),
        cutoff_ev=cutoff_ev,
        plot_num=plot_num,
        lines=at,
    )


def _cell(lines: _Lines, alat_ang: float | None) -> tuple[FloatArray, float]:
    """Lattice vectors, and the unit of the positions, both in Å."""
    words = lines.words()
    if len(words) != 7 or not _INTEGER.fullmatch(words[0]):
        raise lines.damage("there should be ibrav and six lengths")
    ibrav, celldm = int(words[0]), lines.decimals(words[1:])
    alat_bohr = float(celldm[0])
    if ibrav == 0:
        return _in_reason(lines, alat_bohr * _vectors(lines)), alat_bohr * BOHR_ANG
    try:
        cell_bohr = bravais_cell(ibrav, celldm.tolist())
    except (ValueError, ZeroDivisionError) as error:
        raise lines.damage(str(error)) from None
    return _in_reason(lines, cell_bohr), alat_bohr * BOHR_ANG if alat_ang is None else alat_ang


def _vectors(lines: _Lines) -> FloatArray:
    rows = []
    for _ in range(3):
        vector = lines.words()
        if len(vector) != 3:
            raise lines.damage("a lattice vector should have three components")
        rows.append(lines.decimals(vector))
    return np.array(rows)


def _in_reason(lines: _Lines, cell_bohr: FloatArray) -> FloatArray:
    """`cell_bohr` in Å."""
    volume_ang3 = abs(np.linalg.det(cell_bohr)) * BOHR_ANG**3
    if np.abs(cell_bohr).max() > LARGEST_CELL_BOHR or volume_ang3 < SMALLEST_VOLUME_ANG3:
        raise lines.damage("the cell has no volume, or one beyond all reason")
    return np.asarray(cell_bohr * BOHR_ANG, dtype=np.float64)


def _atoms(lines: _Lines, n_atoms: int, n_species: int) -> tuple[tuple[str, ...], FloatArray]:
    """Element of each atom, and its place in the file's unit, shape (n_atoms, 3)."""
    species = [element_of(words[1].decode("latin-1")) for words in _numbered(lines, "species", n_species, 3)]
    elements, places = [], np.empty((n_atoms, 3))
    for number, words in enumerate(_numbered(lines, "atom", n_atoms, 5)):
        places[number] = lines.decimals(words[1:4])
        kind = int(words[4]) if _INTEGER.fullmatch(words[4]) else 0
        if not 1 <= kind <= n_species:
            raise lines.damage(f"there is no species {words[4][:12].decode('latin-1')!r}")
        elements.append(species[kind - 1])
    return tuple(elements), places


def _numbered(lines: _Lines, what: str, count: int, width: int) -> Iterator[list[bytes]]:
    for number in range(1, count + 1):
        words = lines.words()
        if len(words) != width or words[0] != str(number).encode():
            raise lines.damage(f"the {what} number {number} should stand here")
        yield words


def _grid(stream: BinaryIO, head: _Head, file: Path, size: int) -> FloatArray:
    """The grid that follows the head, or its plane averages, in eV."""
    normal = normal_of_averages(size, head.atoms, head.cell_ang)
    padded = None if head.padded == head.shape else head.padded[:2]
    grid = gathered(_values(stream, head, file), head.shape, padded=padded, normal=normal)
    grid *= RYDBERG_EV
    grid.setflags(write=False)  # which spares the results a copy
    return grid


def _values(stream: BinaryIO, head: _Head, file: Path) -> Iterator[FloatArray]:
    """All values, some thousand lines at once."""
    expected = head.padded[0] * head.padded[1] * head.shape[2]
    n_lines, whole = -(-expected // NUMBERS_A_LINE), expected // NUMBERS_A_LINE
    layout = RowLayout.of_next(stream)
    if layout is not None and layout.columns != NUMBERS_A_LINE:
        layout = None
    done = found = 0
    while done < n_lines:
        at_once = min(whole - done, LINES_AT_ONCE) or n_lines - done
        values = None if layout is None or done == whole else layout.read(stream, at_once)
        if values is None:
            values = _tokenized(_lines(stream, done, at_once, n_lines, file), file)
        done, found = done + at_once, found + values.size
        if found > expected:
            raise _damage(f"the grid has {found} or more values, expected {expected}", file)
        if not max(values.max(initial=0.0), -values.min(initial=0.0)) < LARGEST_EV:
            raise _damage("the potential holds something that is no energy", file)
        yield values
    if found != expected:
        raise _damage(f"the grid has {found} values, expected {expected}", file)
    if stream.read(LONGEST_LINE).strip(b" \r\t"):
        raise _damage(f"the grid has more than {n_lines} lines of values", file)


def _lines(stream: BinaryIO, done: int, count: int, n_lines: int, file: Path) -> bytes:
    """The next `count` lines, behind the first `done` of `n_lines`."""
    found = [stream.readline(LONGEST_LINE) for _ in range(count)]
    whole = next((number for number, line in enumerate(found) if not line.endswith(b"\n")), count)
    if whole < count:
        raise _damage(f"the grid has {done + whole} lines of values, expected {n_lines}", file)
    return b"".join(found)


def _tokenized(text: bytes, file: Path) -> FloatArray:
    """The numbers in `text`; Fortran drops the E of an exponent with three digits."""
    if text.translate(None, _OF_NUMBERS):
        raise _damage("the grid holds something that is no number", file)
    words = _LOST_E.sub(rb"\1E\2", text).replace(b"D", b"E").replace(b"d", b"e").split()
    try:
        return np.array(words, dtype=np.float64)
    except ValueError as error:
        raise _damage(f"the grid holds something that is no number: {str(error)[:60]}", file) from None


def _damage(summary: str, file: Path) -> ParseError:
    return ParseError(summary, reason="the grid is damaged or cut short", where=str(file))
