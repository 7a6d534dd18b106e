"""Reads ``<seed>.bands``.

Own code, because the eigenvalues have to be placed by the k-point's printed index: a run that is parallel over
k-points writes the blocks in any order (23 of 50 published files). ASE (3.29) does so too, but keeps one number where
two spin channels differ.

Format: Hartree and Bohr whatever the units of the run; the Fermi energy is that of the SCF, with six decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands, FloatArray
from dftflow.model.spec import KPath
from dftflow.units import BOHR_ANG, HARTREE_EV

__all__ = ["read_bands"]

HEADER_LINES = 9
SAME_K = 1e-6
MOST_ELECTRONS = 10_000  # the header has four digits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    n_kpoints: int
    n_electrons: tuple[float, ...]
    n_bands: tuple[int, ...]
    fermi_hartree: tuple[float, ...]
    cell_ang: FloatArray


def read_bands(file: Path, *, path: KPath | None = None) -> Bands:
    """Eigenvalues of a run.

    With different numbers of bands for the two spins, the surplus highest ones are left out. With different Fermi
    energies the higher one is taken.

    Parameters
    ----------
    file
        ``<seed>.bands``; its folder's name becomes the zero's run.
    path
        The path that was asked for: gives the labels and segments when the k-points follow it.

    Raises
    ------
    ParseError
        The file is cut short or damaged, or a k-point is missing or double.
    """
    try:
        text = file.read_text(errors="replace")
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    lines = text.splitlines()
    if not text.endswith("\n"):
        raise ParseError("the last line is not complete", reason="the file is cut short", where=f"{file}:{len(lines)}")
    header = _header(file, lines)
    kpoints, values = _blocks(file, lines, header)
    labels, segments = _along(path, kpoints)
    return Bands(
        eigenvalues_ev=np.sort(values, axis=2) * HARTREE_EV,
        kpoints_frac=kpoints,
        labels=labels,
        on_path=segments,
        reciprocal_per_ang=np.asarray(2 * np.pi * np.linalg.inv(header.cell_ang).T, dtype=np.float64),
        n_electrons=header.n_electrons,
        fermi_ev=max(header.fermi_hartree) * HARTREE_EV,
        zero=EnergyZero(run=file.parent.name, reference="cell_average"),
    )


def _header(file: Path, lines: list[str]) -> _Header:
    try:
        spins = int(lines[1].split()[-1])
        header = _Header(
            n_kpoints=int(lines[0].split()[-1]),
            n_electrons=tuple(map(float, lines[2].split()[3:])),
            n_bands=tuple(map(int, lines[3].split()[3:])),
            fermi_hartree=tuple(map(float, lines[4].split(")")[1].split())),
            cell_ang=np.array([line.split() for line in lines[6:HEADER_LINES]], dtype=float).reshape(3, 3) * BOHR_ANG,
        )
    except (IndexError, ValueError) as error:
        raise ParseError("the head of the .bands file is damaged", reason=str(error), where=str(file)) from error
    if not len(header.n_electrons) == len(header.n_bands) == len(header.fermi_hartree) == spins:
        raise ParseError("the head of the .bands file contradicts itself on the number of spins", where=str(file))
    if max(header.n_electrons) >= MOST_ELECTRONS:
        raise ParseError("the number of electrons has lost digits", reason="the format has four", where=f"{file}:3")
    return header


def _blocks(file: Path, lines: list[str], header: _Header) -> tuple[FloatArray, FloatArray]:
    """k-points, shape (n_kpoints, 3), and eigenvalues in Hartree, shape (n_spins, n_kpoints, n_bands)."""
    n_bands = min(header.n_bands)
    kpoints: FloatArray = np.full((header.n_kpoints, 3), np.nan)
    values: FloatArray = np.full((len(header.n_bands), header.n_kpoints, n_bands), np.nan)
    row = HEADER_LINES
    for _ in range(header.n_kpoints):
        index, kpoint = _kpoint(file, lines, row)
        if not 0 <= index < header.n_kpoints or not np.isnan(kpoints[index, 0]):
            raise ParseError(f"k-point {index + 1} is double or out of range", where=f"{file}:{row + 1}")
        kpoints[index] = kpoint
        row += 1
        for spin, count in enumerate(header.n_bands):
            values[spin, index] = _eigenvalues(file, lines, row + 1, count)[:n_bands]
            row += 1 + count
    if any(line.strip() for line in lines[row:]):
        raise ParseError("there is more in the file than its head announces", where=f"{file}:{row + 1}")
    return kpoints, values


def _kpoint(file: Path, lines: list[str], row: int) -> tuple[int, list[float]]:
    try:
        name, index, *numbers = lines[row].split()
        if name != "K-point":
            raise ValueError(lines[row])
        x, y, z, _ = map(float, numbers)
        return int(index) - 1, [x, y, z]
    except (IndexError, ValueError):
        raise _cut_short(file, lines, row, "a line 'K-point ...'") from None


def _eigenvalues(file: Path, lines: list[str], start: int, count: int) -> FloatArray:
    chunk = lines[start : start + count]
    try:
        if len(chunk) < count:
            raise ValueError
        return np.array(chunk, dtype=np.float64)
    except ValueError:
        bad = next((i for i, line in enumerate(chunk) if not _is_number(line)), len(chunk))
        raise _cut_short(file, lines, start + bad, "an eigenvalue") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cut_short(file: Path, lines: list[str], row: int, expected: str) -> ParseError:
    found = f"found {lines[row].strip()!r}" if row < len(lines) else "the file ends"
    where = f"{file}:{min(row, len(lines)) + 1}"
    return ParseError(f"expected {expected}: {found}", reason="the file is cut short or damaged", where=where)


def _along(path: KPath | None, kpoints: FloatArray) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Labels and segment of each k-point; nothing when the k-points do not follow the path from end to end."""
    labels, segments = [""] * len(kpoints), [-1] * len(kpoints)
    nothing = tuple(labels), tuple(segments)
    here = -1
    for index, corners in enumerate(path.segments if path is not None else ()):
        first = here + 1
        for corner in corners:
            ahead = np.flatnonzero(np.all(np.abs(kpoints[here + 1 :] - np.array(corner.frac)) < SAME_K, axis=1))
            if len(ahead) == 0 or (corner is corners[0] and ahead[0] != 0):
                return nothing
            here += 1 + int(ahead[0])
            labels[here] = corner.label
        segments[first : here + 1] = [index] * (here + 1 - first)
    return (tuple(labels), tuple(segments)) if here + 1 == len(kpoints) else nothing
