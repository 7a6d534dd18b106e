"""Reads ``PROCAR``: the weight of each state on the orbitals of each atom (https://vasp.at/wiki/PROCAR).

Of a non-collinear run the first of four tables is the weight, the others are the components of the spin; the tables of
phases that LORBIT = 12 adds are passed over. Columns are as wide as their numbers, so that these may touch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dftflow.codes.vasp.orbitals import orbital_names
from dftflow.errors import ParseError
from dftflow.model.projections import WeightArray
from dftflow.model.results import FloatArray

__all__ = ["Procar", "read_procar"]

LONGEST_LINE = 4096
SMALLEST_NUMBER_BYTES = 5  # 0.123
HEAD = re.compile(r"# of k-points:\s*(\d{1,7})\s+# of bands:\s*(\d{1,7})\s+# of ions:\s*(\d{1,7})\s*$")
KPOINT = re.compile(r" *k-point\s*(\d+)\s*:(.*?)weight")
BAND = re.compile(r" *band\s*(\d+)\s*#\s*energy\s*(-?\d+\.\d+)\s*#\s*occ")
NUMBER = re.compile(r"-?\d+\.\d+")
ROW = re.compile(r"\s*(\d+)((?:\s*-?\d+\.\d+)+)\s*$")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Procar:
    """What the file holds, in its own order.

    Attributes
    ----------
    kpoints
        shape (n_kpoints, 3).
    energies_ev
        shape (n_spins, n_kpoints, n_bands).
    weights
        shape (n_spins, n_kpoints, n_bands, n_atoms, n_orbitals).
    orbitals
        length n_orbitals.
    """

    kpoints: FloatArray
    energies_ev: FloatArray
    weights: WeightArray
    orbitals: tuple[str, ...]


class _Damage(Exception):
    """What is wrong with the content, in words."""


class _Lines:
    """Lines with their number."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.number = 0

    def next(self, what: str) -> str:
        """The next line that is not empty."""
        while line := next(self._lines, ""):
            self.number += 1
            if len(line) >= LONGEST_LINE:
                raise _Damage("a line is longer than any")
            if line.strip():
                return line
        raise _Damage(f"it ends before {what}")

    def until(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        """The next line that `pattern` begins with, whatever stands before it."""
        while True:
            found = pattern.match(self.next(what))
            if found is not None:
                return found


def read_procar(file: Path) -> Procar:
    """The weights of all states.

    Raises
    ------
    ParseError
        The file is no PROCAR, is cut short, or holds what is no number.
    """
    with file.open(encoding="latin-1") as stream:
        lines = _Lines(iter(lambda: stream.readline(LONGEST_LINE), ""))
        try:
            if "PROCAR" not in lines.next("its head"):
                raise _Damage("it does not begin as a PROCAR")
            return _procar(lines, file.stat().st_size)
        except (_Damage, ValueError) as damage:
            where = f"{file}:{lines.number}"
            raise ParseError("PROCAR is damaged or cut short", reason=str(damage), where=where) from damage


def _procar(lines: _Lines, n_bytes: int) -> Procar:
    channels = [_channel(lines, n_bytes, ())]
    (kpoints, _, _, orbitals) = channels[0]
    try:
        head = lines.until(HEAD, "another spin channel")
    except _Damage:
        head = None
    if head is not None:
        channels.append(_channel(lines, n_bytes, orbitals, head))
        if not np.array_equal(channels[1][0], kpoints) or channels[1][2].shape != channels[0][2].shape:
            raise _Damage("the k-points, bands or ions of the second spin channel are not those of the first")
    return Procar(
        kpoints=kpoints,
        energies_ev=np.array([energies for _, energies, _, _ in channels]),
        weights=np.array([weights for _, _, weights, _ in channels]),
        orbitals=orbitals,
    )


def _channel(
    lines: _Lines, n_bytes: int, orbitals: tuple[str, ...], head: re.Match[str] | None = None
) -> tuple[FloatArray, FloatArray, WeightArray, tuple[str, ...]]:
    """k-points, energies, weights and orbitals of one spin channel."""
    head = HEAD.match(lines.next("the numbers of k-points, bands and ions")) if head is None else head
    if head is None:
        raise _Damage("the second line does not tell the numbers of k-points, bands and ions")
    n_kpoints, n_bands, n_atoms = map(int, head.groups())
    n_weights = n_kpoints * n_bands * n_atoms
    if not 0 < n_weights * SMALLEST_NUMBER_BYTES < n_bytes:
        raise _Damage(f"{n_kpoints} k-points, {n_bands} bands and {n_atoms} ions do not fit into its {n_bytes} bytes")
    kpoints, energies = np.empty((n_kpoints, 3)), np.empty((n_kpoints, n_bands))
    weights: WeightArray | None = None
    for k in range(n_kpoints):
        kpoints[k] = _kpoint(lines, k)
        for band in range(n_bands):
            found = lines.until(BAND, f"band {band + 1} of k-point {k + 1}")
            if int(found[1]) != band + 1:
                raise _Damage(f"band {found[1]} of k-point {k + 1} stands where band {band + 1} should")
            energies[k, band] = float(found[2])
            names = _columns(lines)
            orbitals = orbitals or names
            if names != orbitals:
                raise _Damage("the columns are not those of the first band")
            if weights is None:
                if n_weights * len(orbitals) * SMALLEST_NUMBER_BYTES >= n_bytes:
                    raise _Damage(f"its weights do not fit into its {n_bytes} bytes")
                weights = np.empty((n_kpoints, n_bands, n_atoms, len(orbitals)), dtype=np.float32)
            for atom in range(n_atoms):
                weights[k, band, atom] = _row(lines, atom, len(orbitals))
    assert weights is not None
    return kpoints, energies, weights, orbitals


def _kpoint(lines: _Lines, index: int) -> list[float]:
    found = lines.until(KPOINT, f"k-point {index + 1}")
    numbers = [float(number) for number in NUMBER.findall(found[2])]
    if int(found[1]) != index + 1 or len(numbers) != 3:
        raise _Damage(f"k-point {index + 1} is not where it should be, or has no three coordinates")
    return numbers


def _columns(lines: _Lines) -> tuple[str, ...]:
    words = lines.next("the names of the columns").split()
    if words[:1] != ["ion"] or words[-1] != "tot":
        raise _Damage("the table of a band does not begin with the names of its columns")
    return orbital_names(words[1:-1])


def _row(lines: _Lines, atom: int, n_orbitals: int) -> list[float]:
    found = ROW.match(lines.next(f"the weights on ion {atom + 1}"))
    numbers = [] if found is None else [float(number) for number in NUMBER.findall(found[2])]
    if found is None or int(found[1]) != atom + 1 or len(numbers) != n_orbitals + 1:
        raise _Damage(f"the weights on ion {atom + 1} are not {n_orbitals} numbers and their sum")
    if abs(sum(numbers[:-1]) - numbers[-1]) > 0.001 * (n_orbitals + 1):
        raise _Damage(f"the weights on ion {atom + 1} are not those that add up to the sum beside them")
    return numbers[:-1]
