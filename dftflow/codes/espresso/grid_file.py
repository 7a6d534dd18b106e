"""Reads the formatted grid that pp.x leaves under ``filplot``.

Layout (``Modules/plot_io.f90``): title; ``nr1x nr2x nr3x nr1 nr2 nr3 nat ntyp``; ``ibrav celldm(6)``; with ibrav = 0
three lattice vectors in units of celldm(1) (bohr); ``gcutm dual ecut plot_num``; species; atoms; then nr1x * nr2x * nr3
values, five a line, the first index fastest. A potential is in Ry, as an electron feels it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import FloatArray, PotentialGrid
from dftflow.units import BOHR_ANG, RYDBERG_EV

__all__ = ["read_potential_grid"]

LONGEST_LINE = 400
LEAST_BYTES_A_POINT = 12
NUMBERS_A_LINE = 5
MAX_BYTES = 1 << 32
MOST_ATOMS = 100_000
LARGEST_EV = 1e5
LARGEST_CELL_BOHR = 1e4
SMALLEST_VOLUME_ANG3 = 0.5
KINDS: dict[int, Literal["electrostatic", "local"]] = {11: "electrostatic", 1: "local"}
_INTEGER = re.compile(rb"-?\d{1,9}")
_DECIMAL = re.compile(rb"[+-]?\d{1,12}\.?\d{0,20}(?:[eEdD][+-]?\d{1,3})?")
_LOST_E = re.compile(rb"(\d)([+-]\d{3})(?!\d)")
_OF_NUMBERS = b"0123456789+-.eEdD \r\n\t"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Head:
    padded: tuple[int, int, int]
    shape: tuple[int, int, int]
    cell_ang: FloatArray | None
    plot_num: int
    lines: int


def read_potential_grid(file: Path, zero: EnergyZero, *, cell_ang: FloatArray | None = None) -> PotentialGrid:
    """A potential on the grid of the density.

    Parameters
    ----------
    zero
        Zero of the run's eigenvalues, which the potential shares.
    cell_ang
        shape (3, 3); for a file that names a Bravais lattice (ibrav other than 0) instead of holding the vectors.

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
            head = _read_head(stream, file, size)
            body = stream.read()
    except OSError as error:
        raise ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(file)) from error
    kind = KINDS.get(head.plot_num)
    if kind is None:
        raise ParseError(
            f"the grid is no potential: plot_num = {head.plot_num}",
            fix="run pp.x with plot_num = 11 (ions + Hartree)",
            where=f"{file}:{head.lines}",
        )
    cell = head.cell_ang if head.cell_ang is not None else cell_ang
    if cell is None:
        raise ParseError("the grid's cell is not in the file", reason="ibrav is not 0", where=f"{file}:3")
    values_ev = _values(body, head, file) * RYDBERG_EV
    tells_cell = head.cell_ang is not None
    return PotentialGrid(values_ev=values_ev, cell_ang=cell, kind=kind, zero=zero, tells_cell=tells_cell)


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


def _read_head(stream: BinaryIO, file: Path, size: int) -> _Head:
    lines = _Lines(stream, file)
    lines.words()  # the title
    counts = lines.integers(8)
    padded, shape = (counts[0], counts[1], counts[2]), (counts[3], counts[4], counts[5])
    n_atoms, n_species = counts[6], counts[7]
    if min(counts) < 1 or any(wide < narrow for wide, narrow in zip(padded, shape, strict=True)):
        raise lines.damage(f"the grid has {shape} points in {padded}")
    if padded[0] * padded[1] * shape[2] * LEAST_BYTES_A_POINT > size or n_atoms > min(size, MOST_ATOMS):
        raise lines.damage(f"a grid of {padded} points is announced, for which the file has no room")
    cell_ang = _cell(lines)
    words = lines.words()
    if len(words) != 4 or not _INTEGER.fullmatch(words[3]):
        raise lines.damage("there should be three numbers and plot_num")
    lines.decimals(words[:3])
    plot_num, at = int(words[3]), lines.number
    _skip_atoms(lines, n_atoms, n_species)
    return _Head(padded=padded, shape=shape, cell_ang=cell_ang, plot_num=plot_num, lines=at)


def _cell(lines: _Lines) -> FloatArray | None:
    words = lines.words()
    if len(words) != 7 or not _INTEGER.fullmatch(words[0]):
        raise lines.damage("there should be ibrav and six lengths")
    alat_bohr = float(lines.decimals(words[1:])[0])
    if int(words[0]) != 0:
        return None
    rows = []
    for _ in range(3):
        vector = lines.words()
        if len(vector) != 3:
            raise lines.damage("a lattice vector should have three components")
        rows.append(lines.decimals(vector))
    cell_bohr = alat_bohr * np.array(rows)
    volume_ang3 = abs(np.linalg.det(cell_bohr)) * BOHR_ANG**3
    if np.abs(cell_bohr).max() > LARGEST_CELL_BOHR or volume_ang3 < SMALLEST_VOLUME_ANG3:
        raise lines.damage("the cell has no volume, or one beyond all reason")
    return np.asarray(cell_bohr * BOHR_ANG, dtype=np.float64)


def _skip_atoms(lines: _Lines, n_atoms: int, n_species: int) -> None:
    for what, count, width in (("species", n_species, 3), ("atom", n_atoms, 5)):
        for number in range(1, count + 1):
            words = lines.words()
            if len(words) != width or words[0] != str(number).encode():
                raise lines.damage(f"the {what} number {number} should stand here")


def _values(body: bytes, head: _Head, file: Path) -> FloatArray:
    def damage(summary: str) -> ParseError:
        return ParseError(summary, reason="the grid is damaged or cut short", where=str(file))

    a, b, c = head.padded[0], head.padded[1], head.shape[2]
    expected = a * b * c
    if body.translate(None, _OF_NUMBERS):
        raise damage("the grid holds something that is no number")
    lines = body.count(b"\n")
    if lines != -(-expected // NUMBERS_A_LINE):
        raise damage(f"the grid has {lines} lines of values, expected {-(-expected // NUMBERS_A_LINE)}")
    words = _LOST_E.sub(rb"\1E\2", body).replace(b"D", b"E").replace(b"d", b"e").split()
    if len(words) != expected:
        raise damage(f"the grid has {len(words)} values, expected {expected}")
    try:
        flat = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise damage(f"the grid holds something that is no number: {str(error)[:60]}") from None
    if not (np.abs(flat) < LARGEST_EV).all():
        raise damage("the potential holds something that is no energy")
    n_a, n_b, _ = head.shape
    grid: FloatArray = flat.reshape(c, b, a)[:, :n_b, :n_a].transpose(2, 1, 0)
    return grid
