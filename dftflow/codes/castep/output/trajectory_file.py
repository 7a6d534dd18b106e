"""Reads the geometries of a run: ``<seed>.geom``, ``<seed>.md`` and ``<seed>.ts``.

Own code, because the readers at hand take what is damaged for whole. ASE (3.29) loses the last frame without a word
when no blank line follows it, converts with CODATA 2002, gives neither iteration nor convergence, and reads no ``.ts``;
castep_outputs (0.3.3) collects whatever rows it finds, also where some are missing or double.

Format: castep-docs, Geometry_Optimisation/files and Molecular_Dynamics/files. Hartree atomic units whatever the units
of the run. A block a frame, behind each a blank line; each row ends in a mark (``<-- R``). Numbers have 8 decimals in
old files and 16 in newer ones. The first line of a block tells the kind of file: iteration and four flags, a time, or
``REA``, ``PRO``, ``TST``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from dftflow.codes.castep.output.content import latin_lines
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray, readonly
from dftflow.units import ATOMIC_TIME_S, BOHR_ANG, BOLTZMANN_EV_PER_K, EV_PER_ANG3_GPA, HARTREE_EV

__all__ = ["Convergence", "Trajectory", "TrajectoryFrame", "TrajectoryKind", "TrajectoryPoint", "read_trajectory"]

TrajectoryKind = Literal["geometry", "dynamics", "transition state"]
TrajectoryPoint = Literal["reactant", "product", "transition state"]

LARGEST_NUMBER = 1e12
SMALLEST_CELL_ANG3 = 1e-3
MOST_ASYMMETRY = 1e-3  # of a stress, in GPa, and relative to its largest component

_FORCE_EV_PER_ANG = HARTREE_EV / BOHR_ANG
_STRESS_GPA = HARTREE_EV / BOHR_ANG**3 * EV_PER_ANG3_GPA
_TEMPERATURE_K = HARTREE_EV / BOLTZMANN_EV_PER_K

# A digit that is lost at either end of a number leaves one of another form, so that it is refused and not misread.
_NUMBER = r"-?[0-9]\.(?:[0-9]{16}|[0-9]{8})E[+-][0-9]{3}"
_OLD_NUMBER = r"-?[0-9]\.[0-9]{8}E[+-][0-9]{2}"
_ITERATION = re.compile(r" *([0-9]{1,9}) +([TF]) +([TF]) +([TF]) +([TF]) +<-- c *")
_TIME = re.compile(rf" *({_NUMBER}) *")
_POINT = re.compile(rf" *(REA|PRO|TST) +([0-9]{{1,9}}) +({_NUMBER}) *")
_SEARCH = re.compile(r" *TSTYPE +(\w+) *")
_ROW = re.compile(rf" *({_NUMBER})(?: +({_NUMBER}))?(?: +({_NUMBER}))? +<-- (E|T|P|h|hv|S) *")
_OLD_SCALAR = re.compile(rf" *({_OLD_NUMBER}) +<-- ([TP]) *")
_ATOM = re.compile(rf" *([A-Z][a-z]?(?::\S+)?) +([0-9]{{1,9}}) +({_NUMBER}) +({_NUMBER}) +({_NUMBER}) +<-- ([RVF]) *")
_POINTS: dict[str, TrajectoryPoint] = {"REA": "reactant", "PRO": "product", "TST": "transition state"}

_MARKS: dict[TrajectoryKind, tuple[str, ...]] = {
    "geometry": ("E", "h", "S", "R", "F"),
    "dynamics": ("E", "T", "P", "h", "hv", "S", "R", "V", "F"),
    "transition state": ("E", "h", "S", "R", "F"),
}
_OPTIONAL = ("P", "hv", "S")
_ROWS = {"E": 1, "T": 1, "P": 1, "h": 3, "hv": 3, "S": 3}
_ATOM_MARKS = ("R", "V", "F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """Which criteria of a geometry optimisation are met, as the file says; one without a meaning counts as met."""

    energy: bool
    force: bool
    displacement: bool
    stress: bool


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class TrajectoryFrame:
    """One geometry. The atoms are those of `Trajectory.species`, in that order.

    Attributes
    ----------
    iteration
        Of an optimisation or a search; numbers may be skipped, and start anew in a continued run.
    time_s
        Of dynamics.
    energy_ev
        Total energy of electrons and ions: the free energy E - TS with smearing, with the finite-basis correction
        where there is one.
    enthalpy_ev
        Of an optimisation or a search.
    hamiltonian_ev
        Of dynamics: the energy that the ensemble conserves.
    kinetic_ev, temperature_k, pressure_gpa
        Of dynamics; the pressure with the ions' kinetic part.
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    positions_ang
        shape (n_atoms, 3); Cartesian, not wrapped.
    velocities_ang_per_s
        shape (n_atoms, 3); of dynamics.
    forces_ev_per_ang
        shape (n_atoms, 3).
    stress_gpa
        shape (3, 3); positive is tension. Only where the cell may change or stress was asked for; in dynamics with
        the ions' kinetic part.
    converged
        Of an optimisation.
    point, path_coordinate
        Of a search: what the geometry is, and where it lies between reactant (0) and product (1).
    search
        The kind of search, as CASTEP names it (``"TSConfirmation"``); ``""`` otherwise.
    """

    energy_ev: float
    cell_ang: FloatArray
    positions_ang: FloatArray
    forces_ev_per_ang: FloatArray
    iteration: int | None = None
    time_s: float | None = None
    enthalpy_ev: float | None = None
    hamiltonian_ev: float | None = None
    kinetic_ev: float | None = None
    temperature_k: float | None = None
    pressure_gpa: float | None = None
    velocities_ang_per_s: FloatArray | None = None
    stress_gpa: FloatArray | None = None
    converged: Convergence | None = None
    point: TrajectoryPoint | None = None
    path_coordinate: float | None = None
    search: str = ""

    def __post_init__(self) -> None:
        positions = readonly(self.positions_ang, (None, 3), "positions_ang")
        object.__setattr__(self, "positions_ang", positions)
        object.__setattr__(self, "cell_ang", readonly(self.cell_ang, (3, 3), "cell_ang"))
        object.__setattr__(
            self, "forces_ev_per_ang", readonly(self.forces_ev_per_ang, positions.shape, "forces_ev_per_ang")
        )
        if self.velocities_ang_per_s is not None:
            velocities = readonly(self.velocities_ang_per_s, positions.shape, "velocities_ang_per_s")
            object.__setattr__(self, "velocities_ang_per_s", velocities)
        if self.stress_gpa is not None:
            object.__setattr__(self, "stress_gpa", readonly(self.stress_gpa, (3, 3), "stress_gpa"))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Trajectory:
    """The geometries of a run.

    Attributes
    ----------
    title
        The comment in the head of the file.
    species
        Of each atom the element, with a label where it has one (``"Fe:up"``), and its number within the species.
    frames
        In the order of the file; at least one.
    incomplete
        The file ends within a frame, which is left out: the run goes on, or was killed.
    """

    kind: TrajectoryKind
    title: str
    species: tuple[tuple[str, int], ...]
    frames: tuple[TrajectoryFrame, ...]
    incomplete: bool


def read_trajectory(file: Path) -> Trajectory:
    """All whole frames of a ``.geom``, ``.md`` or ``.ts`` file; its content tells which it is.

    The velocities of the lattice vectors (``<-- hv``) are checked and not kept.

    Raises
    ------
    ParseError
        The file holds no whole frame, or is damaged before its end.
    """
    lines = latin_lines(file)
    title, start = _head(file, lines)
    kind: TrajectoryKind | None = None
    frames: list[TrajectoryFrame] = []
    species: tuple[tuple[str, int], ...] = ()
    search, incomplete = "", False
    for block in _blocks(file, lines, start):
        if block.is_cut:
            incomplete = True
            break
        if kind is None:
            kind, species = block.kind, tuple(block.species)
        search = block.search or search
        _check_same(block, kind, species)
        frames.append(_frame(block, search))
    if kind is None:
        reason = "its first frame is not complete yet" if incomplete else ""
        raise ParseError("the file holds no frame", reason=reason, where=f"{file}:{len(lines)}")
    return Trajectory(kind=kind, title=title, species=species, frames=tuple(frames), incomplete=incomplete)


# --- lines and blocks -------------------------------------------------------------------------------------------


def _is_blank(line: str) -> bool:
    return not line.strip(" ")


def _head(file: Path, lines: list[str]) -> tuple[str, int]:
    """Title and index of the first line behind the head; a ``.ts`` file may have none."""
    first = next((row for row, line in enumerate(lines) if not _is_blank(line)), None)
    if first is None:
        raise ParseError("the file is empty", where=f"{file}:1")
    if lines[first].strip(" ") != "BEGIN header":
        return "", first
    for row in range(first + 1, len(lines)):
        if lines[row].strip(" ") == "END header":
            return " ".join(line.strip() for line in lines[first + 1 : row] if line.strip()), row + 1
    where = f"{file}:{len(lines)}"
    raise ParseError("the head of the file has no end", reason="the file is cut short or damaged", where=where)


@dataclass(slots=True, kw_only=True)
class _Block:
    """The rows of one frame as they come in; refuses each that cannot stand where it does."""

    file: Path
    kind: TrajectoryKind = "geometry"
    search: str = ""
    first: tuple[str, ...] = ()
    line: int = 0
    rows: dict[str, list[list[float]]] = field(default_factory=dict)
    species: list[tuple[str, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    column: int = 0
    width: int = 0
    is_cut: bool = False

    @property
    def mark(self) -> str:
        """The mark of the last row."""
        return next(reversed(self.rows), "")

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return self.mark == "F" and len(self.rows["F"]) == len(self.species)

    def take(self, text: str, line: int) -> None:
        """Add a line; raises `ParseError` when it is damaged or out of its place."""
        self.line = line
        if not self.first:
            self._take_first(text)
        elif found := _ATOM.fullmatch(text):
            label, number, x, y, z, mark = found.groups()
            self._add(mark, (x, y, z))
            self._check_atom(mark, label, int(number))
        elif found := _ROW.fullmatch(text) or _OLD_SCALAR.fullmatch(text):
            *numbers, mark = found.groups()
            self._add(mark, tuple(number for number in numbers if number is not None))
            self.column = self.column or found.end(1)
            if mark in ("T", "P") and found.end(1) != self.column:
                raise self.damaged("the number is not in its column")
        else:
            raise self.damaged(f"this is no row of a frame: {text.strip()[:60]!r}")

    def damaged(self, summary: str) -> ParseError:
        """The error for the line at hand."""
        return ParseError(summary, reason="the file is damaged", where=f"{self.file}:{self.line}")

    def _take_first(self, text: str) -> None:
        if found := _ITERATION.fullmatch(text):
            self.kind = "geometry"
        elif found := _TIME.fullmatch(text):
            self.kind = "dynamics"
        elif found := _POINT.fullmatch(text):
            self.kind = "transition state"
        elif (found := _SEARCH.fullmatch(text)) and not self.search:
            self.search = found[1]
            return
        else:
            raise self.damaged(f"a frame cannot begin with {text.strip()[:60]!r}")
        self.first = found.groups()

    def _add(self, mark: str, words: tuple[str, ...]) -> None:
        numbers = [float(word) for word in words]
        if mark != self.mark:
            if mark not in self._expected():
                raise self.damaged(f"a row '<-- {mark}' is out of its place")
            self.rows[mark] = []
        self.rows[mark].append(numbers)
        wanted = {"E": 3 if self.kind == "dynamics" else 2, "T": 1, "P": 1}.get(mark, 3)
        if len(numbers) != wanted:
            raise self.damaged(f"a row '<-- {mark}' has {len(numbers)} numbers, expected {wanted}")
        self.width = self.width or len(words[0].lstrip("-"))
        if mark not in ("T", "P") and any(len(word.lstrip("-")) != self.width for word in words):
            raise self.damaged("a number has fewer digits than the others")
        if not max(map(abs, numbers)) < LARGEST_NUMBER:
            raise self.damaged(f"a number is beyond {LARGEST_NUMBER:g} atomic units")
        if len(self.rows[mark]) > self._most(mark):
            raise self.damaged(f"there are too many rows '<-- {mark}'")

    def _most(self, mark: str) -> int:
        if mark == "R":
            return len(self.rows["R"])
        return len(self.species) if mark in _ATOM_MARKS else _ROWS[mark]

    def _expected(self) -> tuple[str, ...]:
        """The marks that may come next, once the rows of the last one are all there."""
        if self.mark and len(self.rows[self.mark]) < self._most(self.mark):
            return ()
        marks = _MARKS[self.kind]
        behind = marks[marks.index(self.mark) + 1 :] if self.mark else marks
        needed = next((n for n, mark in enumerate(behind) if mark not in _OPTIONAL), len(behind))
        return behind[: needed + 1]

    def _check_atom(self, mark: str, label: str, number: int) -> None:
        if mark == "R":
            self.counts[label] = self.counts.get(label, 0) + 1
            if number != self.counts[label]:
                raise self.damaged(f"atom {self.counts[label]} of {label} is called {number}")
            self.species.append((label, number))
        elif self.species[len(self.rows[mark]) - 1] != (label, number):
            raise self.damaged(f"atom {label} {number} is not in the order of the positions")


def _blocks(file: Path, lines: list[str], start: int) -> Iterator[_Block]:
    """Each block; one that the end of the file cuts comes last and says so."""
    block = _Block(file=file)
    for row in range(start, len(lines) - 1):
        if not _is_blank(lines[row]):
            block.take(lines[row], row + 1)
        elif block.line:
            if not block.is_whole:
                raise block.damaged("the frame that ends here is not complete")
            yield block
            block = _Block(file=file)
    if not _is_blank(lines[-1]):
        try:
            block.take(lines[-1], len(lines))
        except ParseError:
            block.line, block.is_cut = len(lines), True  # the line itself may be cut
    if block.line:
        block.is_cut = block.is_cut or not block.is_whole
        yield block


def _check_same(block: _Block, kind: TrajectoryKind, species: tuple[tuple[str, int], ...]) -> None:
    if block.kind != kind:
        raise block.damaged(f"a frame of kind {block.kind!r} stands among those of kind {kind!r}")
    if len(block.species) != len(species) or any(a != b for a, b in zip(block.species, species, strict=True)):
        raise block.damaged("the frame that ends here has other atoms than the first one")


# --- one frame --------------------------------------------------------------------------------------------------


def _frame(block: _Block, search: str) -> TrajectoryFrame:
    rows = block.rows
    cell = np.array(rows["h"]) * BOHR_ANG
    if not abs(np.linalg.det(cell)) > SMALLEST_CELL_ANG3:
        raise block.damaged("the cell of the frame that ends here has no volume")
    stress = np.array(rows["S"]) * _STRESS_GPA if "S" in rows else None
    if stress is not None and np.abs(stress - stress.T).max() > MOST_ASYMMETRY * (1 + np.abs(stress).max()):
        raise block.damaged("the stress of the frame that ends here is not symmetric")
    first_ev, second_ev, *_ = (number * HARTREE_EV for number in rows["E"][0])
    frame: dict[str, object] = {"enthalpy_ev": second_ev, "search": search}
    if block.kind == "geometry":
        frame["iteration"] = int(block.first[0])
        energy, force, displacement, strain = (flag == "T" for flag in block.first[1:])
        frame["converged"] = Convergence(energy=energy, force=force, displacement=displacement, stress=strain)
    elif block.kind == "transition state":
        frame["iteration"] = int(block.first[1])
        frame["point"], frame["path_coordinate"] = _POINTS[block.first[0]], float(block.first[2])
    else:
        frame = _dynamics(block)
    return TrajectoryFrame(
        energy_ev=first_ev,
        cell_ang=cell,
        positions_ang=np.array(rows["R"]) * BOHR_ANG,
        forces_ev_per_ang=np.array(rows["F"]) * _FORCE_EV_PER_ANG,
        stress_gpa=stress,
        **frame,  # type: ignore[arg-type]
    )


def _dynamics(block: _Block) -> dict[str, object]:
    """What only a frame of dynamics has."""
    rows = block.rows
    return {
        "time_s": float(block.first[0]) * ATOMIC_TIME_S,
        "hamiltonian_ev": rows["E"][0][1] * HARTREE_EV,
        "kinetic_ev": rows["E"][0][2] * HARTREE_EV,
        "temperature_k": rows["T"][0][0] * _TEMPERATURE_K,
        "pressure_gpa": rows["P"][0][0] * _STRESS_GPA if "P" in rows else None,
        "velocities_ang_per_s": np.array(rows["V"]) * (BOHR_ANG / ATOMIC_TIME_S),
    }
