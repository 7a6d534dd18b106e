"""Reads the boxes of a ``.castep`` file: unit cell, positions, forces, stress and the table of convergence tests.

Every box is checked against what stands beside it: the lattice vectors against the lengths, angles and volume, the
numbers of the atoms against their order, the stress against the pressure. A box that the file ends in is None, one that
is damaged is refused.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from dftflow.codes.castep.output.castep_run import ConvergenceTest
from dftflow.codes.castep.output.castep_text import NUMBER, CastepText, latin, printed_number
from dftflow.codes.castep.output.castep_units import ENERGY_EV, FORCE_EV_PER_ANG, LENGTH_ANG, PRESSURE_GPA, factor_of
from dftflow.model.results import FloatArray

__all__ = [
    "AtomBox",
    "is_right_handed",
    "read_cell",
    "read_forces",
    "read_mixture",
    "read_positions",
    "read_stress",
    "read_tests",
]

_FIXED = rb"(-?\d+\.\d+)"
_CELL_HEAD = re.compile(rb"\s*Real Lattice\((\S+)\)\s+Reciprocal Lattice\((\S*?)\)?\s*")
_CELL_ROW = re.compile(rb"\s*" + rb"\s+".join([_FIXED] * 6) + rb"\s*")
_LENGTH = re.compile(rb"\s*([abc]) =\s*" + _FIXED + rb"\s+(alpha|beta |gamma) =\s*" + _FIXED + rb"\s*")
_VOLUME = re.compile(rb"\s*Current cell volume =\s*" + _FIXED + rb"\s+\S+\s*")
_POSITION = re.compile(
    rb"^[ \t]*x[ \t]+(\S.*?)[ \t]+(\d{1,9})[ \t]+" + rb"[ \t]+".join([_FIXED] * 3) + rb"(?:[ \t]+\S+)??[ \t]+x[ \t]*$",
    re.MULTILINE,
)
_MIXTURE = re.compile(
    rb"\s*x\s+(?:\d{1,9}\s+" + rb"\s+".join([_FIXED] * 3) + rb"\s+)?([A-Z]\S*)\s+" + _FIXED + rb"\s+x\s*"
)
# (cons'd) behind a fixed component, (mixed) behind that of an atom of a mixture
_COMPONENT = _FIXED + rb"(?: ?\((?:cons'd|mixed)\))?"
_FORCE = re.compile(
    rb"^[ \t]*\*[ \t]+(\S.*?)[ \t]+(\d{1,9})[ \t]+" + rb"[ \t]+".join([_COMPONENT] * 3) + rb"[ \t]+\*[ \t]*$",
    re.MULTILINE,
)
_UNIT = re.compile(rb"\s*\*\s+Cartesian components \((\S+)\)\s+\*\s*")
_STRESS_ROW = re.compile(rb"\s*\*\s+([xyz])\s+" + rb"\s+".join([_FIXED] * 3) + rb"\s+\*\s*")
_UNPRINTED = re.compile(rb"\*\*\*|\bnan\b|\binf(?:inity)?\b", re.IGNORECASE)
_PRESSURE = re.compile(rb"\s*\*\s+Pressure:\s*" + _FIXED + rb"\s+\*\s*")
_TEST = re.compile(
    rb"\s*\|\s*(dE/ion|dE|\|F\|max|\|dR\|max|Smax)\s*\|\s*(" + NUMBER + rb"|\*+)\s*\|\s*(" + NUMBER + rb"|\*+)"
    rb"\s*\|\s*(\S+)\s*\|\s*(Yes|No)\s*\|\s*<--.*"
)

_QUANTITIES: dict[bytes, Literal["energy", "force", "displacement", "stress"]] = {
    b"dE/ion": "energy",
    b"dE": "energy",
    b"|F|max": "force",
    b"|dR|max": "displacement",
    b"Smax": "stress",
}
_FACTORS = {"energy": ENERGY_EV, "force": FORCE_EV_PER_ANG, "displacement": LENGTH_ANG, "stress": PRESSURE_GPA}

# Printed with 7 decimals, and lengths, angles and volume with 6: differences above these are no rounding.
_LENGTH_TOLERANCE = 3e-6
_ANGLE_TOLERANCE_DEG = 2e-4
_VOLUME_TOLERANCE = 3e-6
_RECIPROCAL_TOLERANCE = 3e-7
_STRESS_TOLERANCE = 2e-4
_CELL_LINES = 12


@dataclass(frozen=True, eq=False, slots=True)
class AtomBox:
    """Atoms and three numbers for each: `values` has the shape (n_atoms, 3); `next_line` stands behind the box."""

    species: tuple[str, ...]
    values: FloatArray
    next_line: int


def read_cell(text: CastepText, line: int) -> tuple[FloatArray, int] | None:
    """Lattice vectors in Å, shape (3, 3), from the ``Real Lattice`` heading at `line`, and the line behind the block.

    Raises
    ------
    ParseError
        The vectors cannot be read, or contradict the lengths, angles or volume below them.
    """
    head = _CELL_HEAD.fullmatch(text.lines[line])
    if head is None:
        raise text.damaged(line, "the heading of the unit cell")
    factor = factor_of(latin(head[1]), LENGTH_ANG)
    if factor is None:
        raise text.error(line, f"the unit cell is in {latin(head[1])!r}, which is not known")
    end = len(text.lines)
    if line + 4 > end:
        return None
    rows = []
    for number in range(line + 1, line + 4):
        row = _CELL_ROW.fullmatch(text.lines[number])
        if row is None:
            raise text.damaged(number, "a lattice vector")
        rows.append([float(value) for value in row.groups()])
    if head[2].lower() == b"1/" + head[1].lower():
        _check_reciprocal(text, line, rows)
    printed: dict[bytes, float] = {}
    last = min(line + 4 + _CELL_LINES, end)
    for number in range(line + 4, last):
        if found := _LENGTH.fullmatch(text.lines[number]):
            printed[found[1]], printed[found[3]] = float(found[2]), float(found[4])
        elif found := _VOLUME.fullmatch(text.lines[number]):
            vectors = [row[:3] for row in rows]
            _check_cell(text, line, vectors, printed, float(found[1]))
            return _frozen(np.array(vectors) * factor), number + 1
    if last == end:
        return None
    raise text.error(line, "the unit cell has no volume")


def is_right_handed(cell_ang: FloatArray) -> bool:
    """Whether the lattice vectors, rows of shape (3, 3), form a right-handed set."""
    a, b, c = cell_ang.tolist()
    return _triple(a, b, c) > 0


def _triple(a: list[float], b: list[float], c: list[float]) -> float:
    """a · (b × c); in plain Python, which is faster than numpy for three vectors."""
    return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])


def _check_reciprocal(text: CastepText, line: int, rows: list[list[float]]) -> None:
    """Refuse lattice vectors whose products with the reciprocal ones beside them are not 2π or 0."""
    for i, (x, y, z, *_) in enumerate(rows):
        for j, (*_, u, v, w) in enumerate(rows):
            rounding = _RECIPROCAL_TOLERANCE * (1 + abs(x) + abs(y) + abs(z) + abs(u) + abs(v) + abs(w))
            if abs(x * u + y * v + z * w - (math.tau if i == j else 0.0)) > rounding:
                raise text.error(line, "the lattice vectors contradict the reciprocal lattice beside them")


def _check_cell(
    text: CastepText, line: int, rows: list[list[float]], printed: dict[bytes, float], volume: float
) -> None:
    """Refuse vectors that are not those of the lengths, angles and volume."""
    if len(printed) != 6:
        raise text.error(line, "the lengths and angles of the unit cell cannot be read")
    a, b, c = rows
    lengths = [math.hypot(*row) for row in rows]
    ok = all(
        abs(length - printed[name]) <= _LENGTH_TOLERANCE + 1e-6 * length
        for length, name in zip(lengths, (b"a", b"b", b"c"), strict=True)
    )
    pairs = ((b"alpha", b, c), (b"beta ", a, c), (b"gamma", a, b))
    for name, one, other in pairs:
        product = math.hypot(*one) * math.hypot(*other)
        dot = one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
        expected = product * math.cos(math.radians(printed[name]))
        ok = ok and abs(dot - expected) <= product * (_ANGLE_TOLERANCE_DEG * math.pi / 180) + 1e-6
    found = abs(_triple(a, b, c))
    rounding = _VOLUME_TOLERANCE * (lengths[0] * lengths[1] + lengths[1] * lengths[2] + lengths[2] * lengths[0])
    if not ok or not volume > 0 or abs(found - volume) > rounding + 1e-6 * volume:
        raise text.error(line, "the lattice vectors contradict the lengths, angles or volume printed below them")


def read_positions(text: CastepText, line: int) -> AtomBox | None:
    """Fractional coordinates from the box whose heading is at `line`; raises `ParseError` for a damaged row."""
    last = _end_of_box(text, line + 3, b"xxxx")
    if last is None:
        return None
    return _atoms(text, _POSITION, line + 3, last, "a position")


def read_mixture(text: CastepText, line: int) -> list[tuple[str, tuple[float, float, float], float]] | None:
    """Species, fractional coordinates and weight of each component of a virtual crystal's sites.

    Raises
    ------
    ParseError
        A row cannot be read.
    """
    last = _end_of_box(text, line + 3, b"xxxx")
    if last is None:
        return None
    components = []
    place: tuple[float, float, float] | None = None
    for number in range(line + 3, last):
        row = _MIXTURE.fullmatch(text.lines[number])
        if row is not None and row[1] is not None:
            place = (float(row[1]), float(row[2]), float(row[3]))
        if row is None or place is None:
            raise text.damaged(number, "a component of a mixture")
        components.append((latin(row[4]), place, float(row[5])))
    return components


def read_forces(text: CastepText, line: int) -> AtomBox | None:
    """Forces in eV/Å from the box whose heading is at `line`.

    A box with a number that did not fit its column, or is none, has no rows.

    Raises
    ------
    ParseError
        A row cannot be read, or the unit is not known.
    """
    factor, first = _unit(text, line, FORCE_EV_PER_ANG)
    last = None if first is None else _end_of_box(text, first + 1, b"****")
    if first is None or last is None:
        return None
    # blank line, rule, column names and blank line; the last line is blank too
    first, stop = first + 4, last - 1
    if stop <= first or any(text.lines[number].strip(b" \t*") for number in (first - 1, stop)):
        raise text.error(line, "the box of forces has no rows")
    rows = text.lines[first:stop]
    if any(_UNPRINTED.search(row) for row in rows):
        return AtomBox((), _frozen(np.zeros((0, 3))), last + 1)
    box = _atoms(text, _FORCE, first, stop, "a force")
    return AtomBox(box.species, _frozen(box.values * factor), last + 1)


def read_stress(text: CastepText, line: int) -> tuple[FloatArray | None, int] | None:
    """Stress in GPa, shape (3, 3), and the line behind the box whose heading is at `line`.

    The tensor is None when a number did not fit its column, or is none.

    Raises
    ------
    ParseError
        A row cannot be read, the tensor is not symmetric or contradicts the pressure, or the unit is not known.
    """
    factor, first = _unit(text, line, PRESSURE_GPA)
    last = None if first is None else _end_of_box(text, first + 1, b"****")
    if first is None or last is None:
        return None
    rows: list[list[float]] = []
    pressure = None
    for number in range(first + 1, last):
        content = text.lines[number]
        if _UNPRINTED.search(content.strip()[1:-1]):
            return None, last + 1
        if found := _STRESS_ROW.fullmatch(content):
            if found[1] != b"xyz"[len(rows) : len(rows) + 1]:
                raise text.damaged(number, "the stress")
            rows.append([float(value) for value in found.groups()[1:]])
        elif found := _PRESSURE.fullmatch(content):
            pressure = float(found[1])
    if len(rows) != 3 or pressure is None:
        raise text.error(line, "the stress tensor cannot be read")
    scale = max(abs(value) for row in rows for value in row)
    asymmetry = max(abs(rows[0][1] - rows[1][0]), abs(rows[0][2] - rows[2][0]), abs(rows[1][2] - rows[2][1]))
    contradiction = abs(rows[0][0] + rows[1][1] + rows[2][2] + 3 * pressure)
    if asymmetry > _STRESS_TOLERANCE + 1e-6 * scale or contradiction > _STRESS_TOLERANCE + 1e-6 * scale:
        raise text.error(line, "the stress tensor is not symmetric, or contradicts the pressure below it")
    return _frozen(np.array(rows) * factor), last + 1


def read_tests(text: CastepText, line: int) -> tuple[ConvergenceTest, ...]:
    """The convergence table that follows the ``finished iteration`` at `line`; raises `ParseError` when damaged."""
    tests: list[ConvergenceTest] = []
    rules = 0
    for number in range(line + 1, min(line + 12, len(text.lines))):
        content = text.lines[number]
        if b"+--" in content:
            rules += 1
            if rules == 3:
                return tuple(tests)
        elif rules == 2:
            test = _test(text, number)
            if any(test.quantity == other.quantity for other in tests):
                raise text.error(number, "the convergence table has a test twice")
            tests.append(test)
        elif content.strip() and not rules:
            break
    return ()


def _test(text: CastepText, line: int) -> ConvergenceTest:
    found = _TEST.fullmatch(text.lines[line])
    if found is None:
        raise text.damaged(line, "a convergence test")
    quantity = _QUANTITIES[found[1]]
    unit = latin(found[4]).removesuffix("/atom").removesuffix("/ion")
    factor = factor_of(unit, _FACTORS[quantity])
    if factor is None:
        raise text.error(line, f"the convergence test is in {latin(found[4])!r}, which is not known")
    value, tolerance = printed_number(found[2]), printed_number(found[3])
    return ConvergenceTest(
        quantity=quantity,
        value=None if value is None else value * factor,
        tolerance=None if tolerance is None else tolerance * factor,
        passed=found[5] == b"Yes",
    )


def _unit(text: CastepText, line: int, known: object) -> tuple[float, int | None]:
    """Factor of the unit in the box whose heading is at `line`, and that line; None where the file ends first."""
    for number in range(line + 1, min(line + 4, len(text.lines))):
        found = _UNIT.fullmatch(text.lines[number])
        if found is None:
            continue
        factor = factor_of(latin(found[1]), known)  # type: ignore[arg-type]
        if factor is None:
            raise text.error(number, f"the numbers are in {latin(found[1])!r}, which is not known")
        return factor, number
    if line + 4 >= len(text.lines):
        return 1.0, None
    raise text.error(line, "the box does not say its unit")


def _end_of_box(text: CastepText, line: int, rule: bytes) -> int | None:
    """Index of the first line from `line` on that begins with `rule`; None when the run ends inside the box.

    Raises
    ------
    ParseError
        A line is no part of a box.
    """
    lines, border = text.lines, rule[:1]
    for number in range(line, len(lines)):
        content = lines[number].lstrip()
        if content.startswith(rule):
            return number
        if not content.startswith(border):
            raise text.damaged(number, "a row of a box")
    return None


def _atoms(text: CastepText, row: re.Pattern[bytes], first: int, last: int, what: str) -> AtomBox:
    """The rows from `first` up to `last`, one an atom, whose numbers count up within each species."""
    found = row.findall(b"\n".join(text.lines[first:last]))
    if len(found) != last - first or not found:
        bad = next((n for n in range(first, last) if row.fullmatch(text.lines[n]) is None), first)
        raise text.damaged(bad, what)
    names, indices, *columns = zip(*found, strict=True)
    species = _species(names, indices)
    if isinstance(species, int):
        name, index = latin(names[species]), latin(indices[species])
        raise text.error(first + species, f"the atoms are out of order: {name} {index}")
    values = np.array([[float(value) for value in column] for column in columns])
    return AtomBox(species, _frozen(np.ascontiguousarray(values.T)), last + 1)


@lru_cache(maxsize=8)  # the boxes of a run list the same atoms
def _species(names: tuple[bytes, ...], indices: tuple[bytes, ...]) -> tuple[str, ...] | int:
    """The names, decoded; the place of the first atom that is not the next one of its species, if there is any."""
    counts: dict[bytes, int] = {}
    for place, (name, index) in enumerate(zip(names, indices, strict=True)):
        counts[name] = counts.get(name, 0) + 1
        if int(index) != counts[name]:
            return place
    return tuple(latin(name) for name in names)


def _frozen(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array
