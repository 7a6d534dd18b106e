"""Reads ``<seed>.bands``.

Own code, because the eigenvalues have to be placed by the k-point's printed index: a run that is parallel over
k-points writes the blocks in any order (23 of 50 published files). ASE (3.29) does so too, but keeps one number where
two spin channels differ.

Format: Hartree and Bohr whatever the units of the run; the Fermi energy is that of the SCF, with six decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dftflow.codes.castep.input.kpath_letters import LetterPath, path_of_letters, place_letters
from dftflow.codes.castep.output.content import whole_content
from dftflow.codes.fixed_width import ByteArray, decimals
from dftflow.codes.reading import zero_of
from dftflow.errors import ParseError
from dftflow.model.fortran_number import fortran_number, required_number
from dftflow.model.kpoint_grid import is_lattice_vector
from dftflow.model.results import Bands, FloatArray
from dftflow.model.spec import KPath, KPoint
from dftflow.units import BOHR_ANG, HARTREE_EV

__all__ = ["read_bands"]

HEADER_LINES = 9
DECIMALS = 8
NUMBERS_AT_ONCE = 1 << 16  # a chunk of bytes stays in the cache of a core
NEWLINE = ord("\n")
LEAST_BYTES_A_VALUE = 2
SMALLEST_CELL_ANG3 = 1e-3
SAME_K = 1e-6
MOST_ELECTRONS = 10_000  # the header has four digits


_Blocks = tuple[FloatArray, FloatArray, FloatArray]
"""k-points, shape (n_kpoints, 3); weights; eigenvalues in Hartree, shape (n_spins, n_kpoints, most bands)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    n_kpoints: int
    n_electrons: tuple[float, ...]
    n_bands: tuple[int, ...]
    fermi_hartree: tuple[float, ...]
    cell_ang: FloatArray


def read_bands(
    file: Path,
    *,
    path: KPath | LetterPath | None = None,
    points: Sequence[KPoint] = (),
    spinor: bool = False,
) -> Bands:
    """Eigenvalues of a run.

    With different numbers of bands for the two spins, the shorter channel ends in NaN. With different Fermi energies
    `Bands.fermi_ev` is the higher one.

    Parameters
    ----------
    file
        ``<seed>.bands``; its folder and seed name the zero's run.
    path
        The path that was asked for: gives the labels and segments when the k-points follow it.
    points
        The list that was asked for instead: gives the labels.
    spinor
        Whether the run was non-collinear, so that a band holds one electron: the file, which has one spin component
        then, does not say so itself.

    Raises
    ------
    ParseError
        The file is cut short or damaged, a k-point is missing or double, or there are two spin components of a
        non-collinear run.
    """
    data = _content(file)
    header, start = _header(file, data)
    if spinor and len(header.n_bands) != 1:
        raise ParseError("there are two spin components, and the run was non-collinear", where=f"{file}:2")
    blocks = _fast_blocks(data[start:], header) or _slow_blocks(file, data, header)
    kpoints, weights, values = blocks
    reciprocal_per_ang = np.asarray(2 * np.pi * np.linalg.inv(header.cell_ang).T, dtype=np.float64)
    labels, segments = _places(path, points, kpoints, reciprocal_per_ang)
    return Bands(
        eigenvalues_ev=np.sort(values, axis=2) * HARTREE_EV,
        kpoints_frac=kpoints,
        labels=labels,
        on_path=segments,
        reciprocal_per_ang=reciprocal_per_ang,
        n_electrons=header.n_electrons,
        fermi_ev=max(header.fermi_hartree) * HARTREE_EV,
        zero=zero_of(file.parent, file.stem),
        fermi_by_spin_ev=tuple(fermi * HARTREE_EV for fermi in header.fermi_hartree),
        weights=weights,
        spinor=spinor,
    )


def _content(file: Path) -> bytes:
    data = whole_content(file)
    if not data.endswith(b"\n"):
        where = f"{file}:{data.count(10) + 1}"
        raise ParseError("the last line is not complete", reason="the file is cut short", where=where)
    return data


def _header(file: Path, data: bytes) -> tuple[_Header, int]:
    """The head of the file, and where it ends."""
    start = 0
    for _ in range(HEADER_LINES):
        start = data.find(b"\n", start) + 1
        if start == 0:
            raise ParseError("the head of the .bands file is damaged", reason="it is cut short", where=str(file))
    lines = data[:start].decode("latin-1").splitlines()
    try:
        spins = int(lines[1].split()[-1])
        header = _Header(
            n_kpoints=int(lines[0].split()[-1]),
            n_electrons=tuple(map(required_number, lines[2].split()[3:])),
            n_bands=tuple(map(int, lines[3].split()[3:])),
            fermi_hartree=tuple(map(required_number, lines[4].split(")")[1].split())),
            cell_ang=np.array([list(map(required_number, line.split())) for line in lines[6:HEADER_LINES]]).reshape(
                3, 3
            )
            * BOHR_ANG,
        )
    except (IndexError, ValueError) as error:
        raise ParseError("the head of the .bands file is damaged", reason=str(error), where=str(file)) from error
    _check_header(file, header, spins)
    _check_size(file, header, data, start)
    return header, start


def _check_header(file: Path, header: _Header, spins: int) -> None:
    if not len(header.n_electrons) == len(header.n_bands) == len(header.fermi_hartree) == spins or spins not in (1, 2):
        raise ParseError("the head of the .bands file contradicts itself on the number of spins", where=str(file))
    if max(header.n_electrons) >= MOST_ELECTRONS:
        raise ParseError("the number of electrons has lost digits", reason="the format has four", where=f"{file}:3")
    if min(header.n_bands) < 1 or header.n_kpoints < 1 or not np.isfinite(header.fermi_hartree).all():
        raise ParseError("the head of the .bands file announces nothing", where=str(file))
    if not abs(np.linalg.det(header.cell_ang)) > SMALLEST_CELL_ANG3:
        raise ParseError("the unit cell in the head of the .bands file has no volume", where=f"{file}:6")


def _check_size(file: Path, header: _Header, data: bytes, start: int) -> None:
    """Refuse a head that announces more than the file can hold, before room is made for it."""
    if header.n_kpoints * sum(header.n_bands) * LEAST_BYTES_A_VALUE > len(data) - start:
        raise ParseError(
            f"{header.n_kpoints} k-points with {sum(header.n_bands)} eigenvalues each are announced, and the file ends",
            reason="the file is cut short or damaged",
            where=f"{file}:{data.count(NEWLINE) + 1}",
        )


# --- blocks of one length each, as CASTEP writes them -----------------------------------------------------------


def _fast_blocks(data: bytes, header: _Header) -> _Blocks | None:
    """The blocks as a matrix of bytes; None when they are not all of one layout, or anything in them is odd."""
    stride, rest = divmod(len(data), header.n_kpoints)
    first = data.find(b"\n") + 1
    if rest or stride < first:
        return None
    table = np.frombuffer(data, dtype=np.uint8).reshape(header.n_kpoints, stride)
    parts, at = [], first
    for spin, count in enumerate(header.n_bands):
        title = f"Spin component {spin + 1}\n".encode()
        if at + len(title) > stride:
            return None
        if (
            data[at : at + len(title)] != title
            or (table[:, at : at + len(title)] != table[0, at : at + len(title)]).any()
        ):
            return None
        at += len(title)
        width = data.find(b"\n", at) + 1 - at
        block = table[:, at : at + count * width]
        if width < 2 or block.shape[1] != count * width:
            return None
        parts.append((block, width, count))
        at += count * width
    if at != stride:
        return None
    kpoints = _fast_kpoints(table[:, :first], header.n_kpoints)
    if kpoints is None:
        return None
    return _fast_values(parts, kpoints, header)


def _fast_kpoints(lines: ByteArray, n_kpoints: int) -> tuple[list[int], FloatArray] | None:
    """Index and numbers of each k-point, in the order of the file; None unless each index is there once."""
    order: list[int] = []
    numbers: FloatArray = np.empty((n_kpoints, 4))
    for row, line in enumerate(lines.tobytes().decode("latin-1").splitlines()):
        words = line.split()
        if len(words) != 6 or words[0] != "K-point" or row >= n_kpoints:
            return None
        try:
            order.append(int(words[1]) - 1)
            numbers[row] = [required_number(word) for word in words[2:]]
        except ValueError:
            return None
    whole = sorted(order) == list(range(n_kpoints)) and bool(np.isfinite(numbers).all())
    return (order, numbers) if whole else None


def _fast_values(
    parts: list[tuple[ByteArray, int, int]], kpoints: tuple[list[int], FloatArray], header: _Header
) -> _Blocks | None:
    order, numbers = kpoints
    values: FloatArray = np.full((len(parts), header.n_kpoints, max(header.n_bands)), np.nan)
    for spin, (block, width, count) in enumerate(parts):
        at_once = max(1, NUMBERS_AT_ONCE // count)
        for row in range(0, header.n_kpoints, at_once):
            chunk = block[row : row + at_once]
            columns = np.ascontiguousarray(chunk.reshape(-1, width).T)
            found = decimals(columns[:-1], DECIMALS)
            if found is None or (columns[-1] != NEWLINE).any():
                return None
            values[spin, order[row : row + at_once], :count] = found.reshape(len(chunk), count)
    placed: FloatArray = np.empty_like(numbers)
    placed[order] = numbers
    return placed[:, :3], placed[:, 3], values


# --- blocks of any layout, line by line -------------------------------------------------------------------------


def _slow_blocks(file: Path, data: bytes, header: _Header) -> _Blocks:
    lines = data.decode("latin-1").splitlines()
    kpoints: FloatArray = np.full((header.n_kpoints, 4), np.nan)
    values: FloatArray = np.full((len(header.n_bands), header.n_kpoints, max(header.n_bands)), np.nan)
    row = HEADER_LINES
    for _ in range(header.n_kpoints):
        index, kpoint = _kpoint(file, lines, row)
        if not 0 <= index < header.n_kpoints or not np.isnan(kpoints[index, 0]):
            raise ParseError(f"k-point {index + 1} is double or out of range", where=f"{file}:{row + 1}")
        kpoints[index] = kpoint
        row += 1
        for spin, count in enumerate(header.n_bands):
            _check_title(file, lines, row, spin)
            values[spin, index, :count] = _eigenvalues(file, lines, row + 1, count)
            row += 1 + count
    if any(line.strip() for line in lines[row:]):
        raise ParseError("there is more in the file than its head announces", where=f"{file}:{row + 1}")
    return kpoints[:, :3], kpoints[:, 3], values


def _check_title(file: Path, lines: list[str], row: int, spin: int) -> None:
    expected = ["Spin", "component", str(spin + 1)]
    if row >= len(lines) or lines[row].split() != expected:
        raise _cut_short(file, lines, row, f"a line {' '.join(expected)!r}")


def _kpoint(file: Path, lines: list[str], row: int) -> tuple[int, list[float]]:
    try:
        name, index, *numbers = lines[row].split()
        if name != "K-point":
            raise ValueError(lines[row])
        x, y, z, weight = map(required_number, numbers)
        return int(index) - 1, [x, y, z, weight]
    except (IndexError, ValueError):
        raise _cut_short(file, lines, row, "a line 'K-point ...'") from None


def _eigenvalues(file: Path, lines: list[str], start: int, count: int) -> FloatArray:
    chunk = lines[start : start + count]
    try:
        if len(chunk) < count:
            raise ValueError
        return np.array([required_number(line.strip()) for line in chunk])
    except ValueError:
        bad = next((i for i, line in enumerate(chunk) if fortran_number(line.strip()) is None), len(chunk))
        raise _cut_short(file, lines, start + bad, "an eigenvalue") from None


def _cut_short(file: Path, lines: list[str], row: int, expected: str) -> ParseError:
    found = f"found {lines[row].strip()!r}" if row < len(lines) else "the file ends"
    where = f"{file}:{min(row, len(lines)) + 1}"
    return ParseError(f"expected {expected}: {found}", reason="the file is cut short or damaged", where=where)


_Places = tuple[tuple[str, ...], tuple[int, ...]]
"""Label and segment of each k-point."""


def _places(
    path: KPath | LetterPath | None, points: Sequence[KPoint], kpoints: FloatArray, reciprocal_per_ang: FloatArray
) -> _Places:
    if isinstance(path, LetterPath):
        found = place_letters(path, kpoints, reciprocal_per_ang)
        if found is not None:
            return found
        path = path_of_letters(path, reciprocal_per_ang)
    return _among(points, kpoints) if path is None else _along(path, kpoints)


def _among(points: Sequence[KPoint], kpoints: FloatArray) -> _Places:
    """Labels of the k-points that are in the list, up to reciprocal lattice vectors; none is on a path."""
    labels = [""] * len(kpoints)
    for point in reversed([point for point in points if point.label]):
        for index in np.flatnonzero(is_lattice_vector(kpoints - np.array(point.frac), SAME_K)):
            labels[index] = point.label
    return tuple(labels), (-1,) * len(kpoints)


def _along(path: KPath, kpoints: FloatArray) -> _Places:
    """Labels and segment of each k-point; nothing when the k-points do not follow the path from end to end."""
    labels, segments = [""] * len(kpoints), [-1] * len(kpoints)
    nothing = tuple(labels), tuple(segments)
    here = -1
    for index, corners in enumerate(path.segments):
        first = here + 1
        for corner in corners:
            ahead = np.flatnonzero(np.all(np.abs(kpoints[here + 1 :] - np.array(corner.frac)) < SAME_K, axis=1))
            if len(ahead) == 0 or (corner is corners[0] and ahead[0] != 0):
                return nothing
            here += 1 + int(ahead[0])
            labels[here] = corner.label
        segments[first : here + 1] = [index] * (here + 1 - first)
    return (tuple(labels), tuple(segments)) if here + 1 == len(kpoints) else nothing
