"""Reads from ``OUTCAR`` what ``vasprun.xml`` holds with more digits: for a folder in which that is missing.

Own code: pymatgen's `Outcar` gives neither geometry nor eigenvalues, and ASE's reader (3.29) no k-points, functional or
occupations.

Format: https://vasp.at/wiki/OUTCAR. A geometry ends with its energies; see `dftflow.codes.vasp.outcar_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from dftflow.codes.vasp.geometry import Geometry
from dftflow.codes.vasp.outcar_file import ENERGY, FERMI, FREE_ENERGY, LONGEST_LINE, printed_number, read_version
from dftflow.codes.vasp.vasprun_file import REQUIRED, Eigenvalues, IonicStep, VaspRun
from dftflow.errors import ParseError
from dftflow.model.check import Part
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    pass

__all__ = ["read_outcar_run"]

MOST_ATOMS = 100_000
MOST_LEVELS = 20_000_000
SMALLEST_VOLUME_ANG3 = 0.5
LARGEST = 1e9
SAME_ELECTRONS = 0.05  # the weights have three decimals
_KINDS: dict[str, type] = {
    **dict.fromkeys(
        ("ISPIN", "NELM", "NSW", "IBRION", "ISIF", "ISMEAR", "ICHARG", "IDIPOL", "IVDW", "NGXF", "NGYF", "NGZF"), int
    ),
    **dict.fromkeys(("NELECT", "NUPDOWN", "EDIFF", "EDIFFG", "SIGMA", "ENCUT", "PSTRESS", "AEXX", "HFSCREEN"), float),
    **dict.fromkeys(("LNONCOLLINEAR", "LSORBIT", "LHFCALC", "LVHAR", "LVTOT", "LDIPOL", "LUSE_VDW", "LDAU"), bool),
    **dict.fromkeys(("GGA", "METAGGA", "ALGO"), str),
}
_SETTING = re.compile(r"\b([A-Z][A-Z_]*)\s*=\s*([^\s;]+)")
_TITEL = re.compile(r"\s*TITEL\s*=\s*(\S.*?)\s*")
_GRID = re.compile(r"\s*generate k-points for:\s+(\d{1,5})\s+(\d{1,5})\s+(\d{1,5})\s*")
_KPOINT = re.compile(r"\s*k-point\s+(\d{1,7}|\*+)\s*:((?:\s*-?\d+\.\d+){3})(?:\s.*)?")
_NUMBER = re.compile(r"-?\d+\.\d+(?:[Ee][+-]\d+)?|\*+|-?NaN", re.IGNORECASE)
_VECTORS = "direct lattice vectors"
_SPINS = (" spin component 1", " spin component 2")
LINES_OF_ENERGIES = 4


class _Damage(Exception):
    """What is wrong with the content, in words."""


@dataclass(slots=True)
class _Draft:
    """The geometry that is being calculated, as far as it is printed."""

    cell_ang: FloatArray | None = None
    places_ang: FloatArray | None = None
    forces: FloatArray | None = None
    stress: FloatArray | None = None
    free_ev: float | None = None
    levels: list[list[FloatArray]] = field(default_factory=list)
    channel_begun: bool = False
    fermi_ev: float | None = None
    fermi_lost: str = ""


@dataclass(slots=True)
class _Found:
    version: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    titels: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    divisions: tuple[int, int, int] | None = None
    kpoints: FloatArray | None = None
    weights: FloatArray | None = None
    start_frac: FloatArray | None = None
    draft: _Draft = field(default_factory=_Draft)
    steps: list[IonicStep] = field(default_factory=list)
    cycles: int = 0
    last: _Draft | None = None
    ended: bool = False
    iterating: bool = False


def read_outcar_run(file: Path) -> VaspRun:
    """The run that ``OUTCAR`` is of, up to its last whole geometry.

    Raises
    ------
    ParseError
        The file cannot be read, is damaged, or ends before a geometry was done.
    """
    found = _Found()
    try:
        with file.open(encoding="latin-1") as stream:
            found.version = read_version(file, stream.readline(LONGEST_LINE))
            with suppress(StopIteration):  # it ends within a table
                _read(found, _whole_lines(stream))
        return _run(found)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    except (_Damage, ValueError, LookupError, ArithmeticError, MemoryError) as error:
        raise ParseError("the run cannot be read from OUTCAR", reason=str(error), where=str(file)) from error


def _whole_lines(stream: TextIO) -> Iterator[str]:
    """The lines; of one that was cut no number is whole, so that the file ends before it."""
    while (line := stream.readline(LONGEST_LINE)).endswith("\n"):
        yield line


def _read(found: _Found, lines: Iterator[str]) -> None:
    for line in lines:
        if "Iteration" in line:
            found.iterating = True
            found.cycles += 1
        elif not found.iterating:
            _read_head(found, line, lines)
        if _VECTORS in line:
            found.draft.cell_ang = _table(lines, 3, 6)[:, :3]
        elif found.iterating:
            _read_results(found, line, lines)


# --- before the first SCF cycle -----------------------------------------------------------------------------------


def _read_head(found: _Found, line: str, lines: Iterator[str]) -> None:
    if match := _TITEL.fullmatch(line):
        found.titels.append(" ".join(match[1].split()))
    elif "ions per type" in line:
        found.counts = [int(word) for word in line.partition("=")[2].split()]
        if not found.counts or min(found.counts) < 1 or sum(found.counts) > MOST_ATOMS:
            raise _Damage(f"the numbers of atoms are {found.counts}")
    elif match := _GRID.fullmatch(line):
        found.divisions = (int(match[1]), int(match[2]), int(match[3]))
    elif "k-points in reciprocal lattice and weights" in line:
        table = _rows_while_numbers(lines, 4)
        if not np.isfinite(table).all():
            raise _Damage("a k-point is no number")
        found.kpoints, found.weights = table[:, :3], table[:, 3]
    elif "position of ions in fractional coordinates" in line:
        found.start_frac = _table(lines, sum(found.counts), 3)
    elif line.startswith("   "):
        for name, text in _SETTING.findall(line):
            _note_setting(found.parameters, name, text)


def _note_setting(parameters: dict[str, Any], name: str, text: str) -> None:
    kind = _KINDS.get(name)
    if kind is None or name in parameters:
        return
    if kind is bool:
        if text in ("T", "F"):
            parameters[name] = text == "T"
        return
    try:
        value = kind(text)
    except ValueError:  # stars, where VASP could not print it
        return
    if kind is not float or abs(value) < LARGEST:
        parameters[name] = value


# --- behind it ----------------------------------------------------------------------------------------------------


def _read_results(found: _Found, line: str, lines: Iterator[str]) -> None:
    draft = found.draft
    if "TOTAL-FORCE" in line:
        next(lines)  # a rule
        table = _table(lines, sum(found.counts), 6)
        draft.places_ang, draft.forces = table[:, :3], table[:, 3:]
    elif line.startswith("  in kB"):
        xx, yy, zz, xy, yz, zx = _numbers(line, 6)
        draft.stress = np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])
    elif "Fermi energy" in line or "E-fermi" in line:
        if match := FERMI.match(line):
            draft.fermi_ev = printed_number(match)
            draft.fermi_lost = "" if draft.fermi_ev is not None else f"it was printed as {line.strip()[:40]!r}"
    elif line.startswith(_SPINS):
        draft.levels = [*(draft.levels if line.startswith(_SPINS[1]) else []), []]
        draft.channel_begun = True
    elif match := _KPOINT.fullmatch(line.rstrip("\r\n")):
        if match[1] == "1" and not draft.channel_begun:
            draft.levels = [[]]
        draft.channel_begun = False
        _read_levels(draft, lines)
    elif match := FREE_ENERGY.search(line):
        draft.free_ev = printed_number(match)
        _close(found, lines)
    elif "General timing and accounting" in line:
        found.ended = True


def _is_number(text: str) -> bool:
    return "*" not in text and "n" not in text.lower()


def _read_levels(draft: _Draft, lines: Iterator[str]) -> None:
    """The bands of one k-point: number, energy and occupation, up to a blank line."""
    if not draft.levels or "band No." not in next(lines):
        return
    table = _rows_while_numbers(lines, 3)[:, 1:]
    draft.levels[-1].append(table)
    if sum(len(channel) for channel in draft.levels) * len(table) > MOST_LEVELS:
        raise _Damage("there are more eigenvalues than any calculation has")


def _close(found: _Found, lines: Iterator[str]) -> None:
    """A geometry is done: its last energy follows."""
    draft, energy_ev = found.draft, None
    for _ in range(LINES_OF_ENERGIES):
        if match := ENERGY.search(next(lines)):
            energy_ev = printed_number(match)
            break
    found.steps.append(_step(found, draft, energy_ev))
    found.last, found.cycles = draft, 0
    found.draft = _Draft(cell_ang=draft.cell_ang)


def _step(found: _Found, draft: _Draft, energy_ev: float | None) -> IonicStep:
    lost: dict[Part, str] = {}
    if energy_ev is None and draft.forces is not None:
        lost["energy"] = "no number is printed for it"
    forces, stress = draft.forces, draft.stress
    if forces is not None and not np.isfinite(forces).all():
        forces, lost["forces"] = None, "not every component is a number"
    if stress is not None and not np.isfinite(stress).all():
        stress, lost["stress"] = None, "not every component is a number"
    return IonicStep(
        geometry=_geometry(found, draft),
        energy_ev=energy_ev,
        free_energy_ev=draft.free_ev,
        forces_ev_per_ang=forces,
        stress_kbar=stress,
        scf_cycles=found.cycles,
        lost=lost,
    )


def _geometry(found: _Found, draft: _Draft) -> Geometry:
    from pymatgen.core import Structure

    cell_ang = draft.cell_ang
    if cell_ang is None or not np.isfinite(cell_ang).all() or abs(np.linalg.det(cell_ang)) < SMALLEST_VOLUME_ANG3:
        raise _Damage("the lattice vectors are missing or make no cell")
    elements = _elements(found)
    places = found.start_frac if draft.places_ang is None else draft.places_ang
    if places is None or len(places) != len(elements) or not np.isfinite(places).all():
        raise _Damage("the positions are missing or damaged")
    structure = Structure(cell_ang, elements, places, coords_are_cartesian=draft.places_ang is not None)
    return Geometry(elements=elements, cell_ang=structure.lattice.matrix, positions_frac=structure.frac_coords)


def _elements(found: _Found) -> list[str]:
    from dftflow.codes.vasp.method import titel_element

    if len(found.titels) != len(found.counts) or not found.counts:
        raise _Damage(f"there are {len(found.titels)} potentials and {len(found.counts)} kinds of atoms")
    return [titel_element(t) for t, count in zip(found.titels, found.counts, strict=True) for _ in range(count)]


# --- rows ---------------------------------------------------------------------------------------------------------


def _numbers(line: str, count: int) -> list[float]:
    """Numbers of a line; NaN for what VASP could not print."""
    words = _NUMBER.findall(line)
    if len(words) != count:
        raise _Damage(f"there should be {count} numbers: {line.strip()[:60]!r}")
    values = [float(word) if _is_number(word) else np.nan for word in words]
    if any(abs(value) > LARGEST for value in values):
        raise _Damage(f"a number is beyond all reason: {line.strip()[:60]!r}")
    return values


def _table(lines: Iterator[str], count: int, width: int) -> FloatArray:
    """The next `count` lines, shape (count, width)."""
    return np.array([_numbers(next(lines), width) for _ in range(count)]).reshape(count, width)


def _rows_while_numbers(lines: Iterator[str], width: int) -> FloatArray:
    """The lines up to a blank one, shape (n, width); whole numbers count."""
    rows = []
    for line in lines:
        words = line.split()
        if not words:
            break
        if len(words) != width or "_" in line:  # Python reads 1_0 as 10
            raise _Damage(f"there should be {width} numbers: {line.strip()[:60]!r}")
        rows.append([float(word) if _is_number(word) else np.nan for word in words])
        if len(rows) > MOST_ATOMS:
            raise _Damage("a table does not end")
    if not rows:
        raise _Damage("a table has no rows")
    return np.array(rows)


# --- the run --------------------------------------------------------------------------------------------------------


def _run(found: _Found) -> VaspRun:
    for name, kind in REQUIRED.items():
        if type(found.parameters.get(name)) is not kind:
            raise _Damage(f"{name} is not printed")
    if found.kpoints is None or found.weights is None or not found.weights.sum() > 0:
        raise _Damage("the k-points are not printed")
    if not found.steps:  # nothing is known of its energy, but of its eigenvalues
        found.last = found.draft
        found.steps.append(_step(found, found.draft, None))
    last = found.last or found.draft
    lost = dict(found.steps[-1].lost)
    if last.fermi_lost:
        lost["fermi"] = last.fermi_lost
    return VaspRun(
        version=found.version,
        complete=found.ended,
        parameters=found.parameters,
        titels=tuple(found.titels),
        steps=tuple(found.steps),
        moved=None,
        kpoints=found.kpoints,
        weights=found.weights / found.weights.sum(),
        style="Gamma" if found.divisions is not None else "Reciprocal",
        divisions=found.divisions,
        eigenvalues=_eigenvalues(found, last, lost),
        further=None,
        fermi_ev=last.fermi_ev,
        lost=lost,
    )


def _eigenvalues(found: _Found, last: _Draft, lost: dict[Part, str]) -> Eigenvalues | None:
    """Eigenvalues of the last geometry; None where they are not all printed."""
    assert found.kpoints is not None and found.weights is not None
    n_spins = 1 if found.parameters["LNONCOLLINEAR"] else found.parameters["ISPIN"]
    shapes = {table.shape for channel in last.levels for table in channel}
    if len(last.levels) != n_spins or len(shapes) != 1:
        return None
    if any(len(channel) != len(found.kpoints) for channel in last.levels):
        return None
    table = np.array(last.levels)
    if not np.isfinite(table).all():
        lost["bands"] = "not every eigenvalue is a number"
        return None
    order = np.argsort(table[..., 0], axis=2, kind="stable")
    values, filled = (np.take_along_axis(table[..., column], order, axis=2) for column in (0, 1))
    weights = found.weights / found.weights.sum()
    electrons = tuple(float(weights @ channel.sum(axis=1)) for channel in filled)
    if abs(sum(electrons) - found.parameters["NELECT"]) > SAME_ELECTRONS:
        raise _Damage(
            f"the occupations add up to {sum(electrons):.3f} electrons, NELECT is {found.parameters['NELECT']}"
        )
    full = 2 if n_spins == 1 and not found.parameters["LNONCOLLINEAR"] else 1
    return Eigenvalues(values_ev=values, occupations=filled / full, electrons=electrons)
