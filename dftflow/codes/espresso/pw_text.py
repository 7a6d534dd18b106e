"""Reads a run from what pw.x printed: in a folder without its XML, or of a version (4.0 to 6.3) that wrote another.

The text has fewer digits (energies 8, eigenvalues 4, positions 7 decimals) and does not name the grid of k-points, the
target pressure or a correction for slabs. The last geometry for which an SCF came to its end counts, with what was
printed for it.

Own code: ASE's reader (3.29) gives neither spinors, nor the kind of the occupations, nor what was printed in place of a
number, and stops at a file that was cut.

Formats: ``PW/src/summary.f90``, ``print_ks_energies.f90``, ``forces.f90``, ``stress.f90`` and ``output_tau.f90`` of
Quantum ESPRESSO.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dftflow.codes.espresso.limits import MOST_ATOMS, SMALLEST_VOLUME_ANG3
from dftflow.codes.espresso.printed_lines import whole_lines
from dftflow.codes.espresso.pw_run import Eigenvalues, Geometry, PwRun, RelaxationTarget, zero_smearing_share
from dftflow.codes.espresso.species import element_of
from dftflow.errors import ParseError
from dftflow.model.check import Part
from dftflow.model.results import FloatArray
from dftflow.units import BOHR_ANG, EV_PER_ANG3_GPA, KBAR_GPA, RYDBERG_EV

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_pw_text"]

MOST_LEVELS = 20_000_000
RY_PER_BOHR_EV_PER_ANG = RYDBERG_EV / BOHR_ANG
RY_PER_BOHR3_GPA = RYDBERG_EV / BOHR_ANG**3 * EV_PER_ANG3_GPA
SMEARINGS = {"gauss": "gaussian", "methf": "mp", "marza": "mv", "fermi": "fd", "cold": "mv"}
_WHOLE = r"(?=[-\s),]|$|kbar|Ry)"  # what may stand behind a number; columns run into each other at a minus
_NUMBER = r"(-?\d{1,12}\.\d{0,16}(?:[eEdD][+-]?\d{1,3})?)" + _WHOLE
_NUMBERS = re.compile(r"-?\d{1,12}\.\d{0,16}(?:[eEdD][+-]?\d{1,3})?" + _WHOLE + r"|\*+|[+-]?nan", re.IGNORECASE)
_VERSION = re.compile(r"\s*Program PWSCF\s+v\.\s*([\w.+-]{1,30})\s")
_ALAT = re.compile(r"\s*lattice parameter \((?:alat|a_0)\)\s*=\s*" + _NUMBER)
_CELLDM = re.compile(r"\s*celldm\(1\)=\s*" + _NUMBER)
_AXIS = re.compile(r"\s*a\(([123])\) = \(\s*" + r"\s*".join([_NUMBER] * 3) + r"\s*\)")
_TAU = re.compile(r"\s*\d{1,6}\s+(\S{1,10})\s+tau\(\s*\d{1,6}\)\s*=\s*\(\s*" + r"\s*".join([_NUMBER] * 3) + r"\s*\)")
_KPOINT = re.compile(r"\s*k\(\s*(\d{1,6}|\*+)\)\s*=\s*\(\s*" + r"\s*".join([_NUMBER] * 3) + r"\s*\), wk =\s*" + _NUMBER)
_KPOINTS = re.compile(r"\s*number of k points=\s*(\d{1,7})(.*)")
_WIDTH = re.compile(r"([a-z]+)[a-z-]* (?:smearing|broad\.).*?=\s*" + _NUMBER, re.IGNORECASE)
_LEVELS_AT = re.compile(
    r"\s*k =\s*(-?\d+\.\d{4})\s*(-?\d+\.\d{4})\s*(-?\d+\.\d{4})\s.*(?:bands|band energies) \(ev\):.*"
)
_LEVEL = re.compile(r"-?\d{1,5}\.\d{4}|\*+")
_LEVELS = re.compile(r"(?:\s*(?:-?\d{1,5}\.\d{4}|\*+))+\s*")
_TOTAL = re.compile(r"!{1,2}\s+total energy\s*=\s*" + _NUMBER + r"\s*Ry")
_SMEARING_TERM = re.compile(r"\s*smearing contrib\. \(-TS\)\s*=\s*" + _NUMBER + r"\s*Ry")
_FERMI = re.compile(r"\s*the Fermi energy is\s+" + _NUMBER)
_ANY_FERMI = re.compile(r"\s*the (?:Fermi energy is|spin up/dw Fermi energies are)\s")
_TWO_FERMI = re.compile(r"\s*the spin up/dw Fermi energies are\s+" + _NUMBER + r"\s+" + _NUMBER)
_HIGHEST = re.compile(r"\s*highest occupied(?:, lowest unoccupied)? level \(ev\):\s*" + _NUMBER)
_POTENTIAL = re.compile(r"\s*PseudoPot\. #\s*\d{1,4} for\s+(\S{1,10})\s+read from file:?\s*(\S*)")
_FUNCTIONAL = re.compile(r"\s*Exchange-correlation\s*=\s*(.*?)\s*(?:\(.*)?")
_GRID = re.compile(r".*FFT (?:dimensions:|grid:)\s*\(\s*(\d{1,5}),\s*(\d{1,5}),\s*(\d{1,5})\).*")
_CELL_THRESHOLD = re.compile(r".*criteria:.*cell <\s*" + _NUMBER + r"\s*kbar.*", re.IGNORECASE)
_UNIT = re.compile(r"\s*(?:CELL_PARAMETERS|ATOMIC_POSITIONS)\s*[({]?\s*(\w*)\s*(?:=\s*" + _NUMBER + r")?\s*[)}]?.*")


class _Damage(Exception):
    """What is wrong with the content, in words."""


@dataclass(slots=True)
class _Draft:
    """One geometry, as far as it is printed."""

    cell_bohr: FloatArray
    species: tuple[str, ...]
    places_bohr: FloatArray
    free_ev: float | None = None
    minus_ts_ev: float = 0.0
    forces: FloatArray | None = None
    stress_gpa: FloatArray | None = None
    scf_converged: bool = True


@dataclass(slots=True)
class _Found:
    version: str = ""
    alat_bohr: float = 0.0
    cell_bohr: FloatArray | None = None
    species: tuple[str, ...] = ()
    places_bohr: FloatArray | None = None
    n_electrons: float | None = None
    spin_electrons: tuple[float, ...] = ()
    cutoff_ev: float | None = None
    density_cutoff_ev: float | None = None
    fft_grid: tuple[int, int, int] | None = None
    functional: str = ""
    smearing: str | None = None
    degauss_ev: float | None = None
    occupations: str = "fixed"
    kpoints: list[list[float]] = field(default_factory=list)  # Cartesian, 2π/alat
    weights: list[float] = field(default_factory=list)
    in_crystal_axes: bool = False
    kpoint_cell: FloatArray | None = None
    potentials: dict[str, str] = field(default_factory=dict)
    spins: str = "none"
    spin_orbit: bool = False
    magnetic: bool = False
    draft: _Draft | None = None
    done: list[_Draft] = field(default_factory=list)
    levels: dict[str, list[tuple[list[float], list[float]]]] = field(default_factory=dict)
    levels_of: _Draft | None = None
    channel: str = "up"
    fermi_ev: tuple[float, ...] = ()
    highest_ev: float | None = None
    lost: str = ""
    fermi_lost: str = ""
    moves: str = ""
    relaxed: bool | None = None
    final_scf: bool = False
    threshold_gpa: float | None = None
    is_scf: bool = False
    is_nscf: bool = False


def read_pw_text(file: Path) -> PwRun:
    """The run that a standard output of pw.x is of, up to its last whole geometry.

    Raises
    ------
    ParseError
        The file cannot be read, is damaged, or does not tell geometry, electrons and cutoff.
    """
    found = _Found()
    try:
        with file.open("rb") as stream, suppress(StopIteration):  # it ends within a table
            _read(found, whole_lines(stream))
        return _run(found)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(file)) from error
    except (_Damage, ValueError, LookupError, ArithmeticError, MemoryError) as error:
        raise ParseError("the run cannot be read from the text of pw.x", reason=str(error), where=str(file)) from error


def _read(found: _Found, lines: Iterator[str]) -> None:
    for line in lines:
        key = line.lstrip()[:4]
        reader = _READERS.get(key)
        if reader is not None:
            reader(found, line, lines)
        elif key.startswith(("k(", "k =")):
            _take_kpoint(found, line, lines)
        elif key.startswith("!"):
            _take_energy(found, line)


def _number(text: str) -> float:
    value = float(text.replace("D", "E").replace("d", "e"))
    if not abs(value) < 1e9:
        raise _Damage(f"{text[:30]!r} is beyond all reason")
    return value


def _row(line: str, count: int) -> list[float]:
    """The first `count` numbers of a line; NaN for one that pw.x could not print."""
    words = _NUMBERS.findall(line)
    if len(words) < count:
        raise _Damage(f"there should be {count} numbers: {line.strip()[:60]!r}")
    return [np.nan if "*" in word or "n" in word.lower() else _number(word) for word in words[:count]]


# --- what is printed once -------------------------------------------------------------------------------------------


def _take_program(found: _Found, line: str, _: Iterator[str]) -> None:
    if match := _VERSION.match(line):
        found.version = match[1]


def _take_size(found: _Found, line: str, _: Iterator[str]) -> None:
    """``number of …``, ``kinetic-energy cutoff``, ``charge density cutoff``, ``lattice parameter``."""
    if match := _KPOINTS.match(line):
        _take_kpoints_line(found, match[2])
    elif match := _ALAT.match(line):
        found.alat_bohr = _number(match[1])
    elif "number of electrons" in line:
        found.n_electrons = _printed(line)
        found.spin_electrons = tuple(_number(x) for x in re.findall(r"(?:up|down):\s*([\d.]+)", line))
    elif "kinetic-energy cutoff" in line:
        cutoff_ry = _printed(line)
        found.cutoff_ev = None if cutoff_ry is None else cutoff_ry * RYDBERG_EV
    elif "charge density cutoff" in line:
        cutoff_ry = _printed(line)
        found.density_cutoff_ev = None if cutoff_ry is None else cutoff_ry * RYDBERG_EV


def _printed(line: str) -> float | None:
    """The number behind the sign of equality; None where pw.x could not print it."""
    value = _row(line.partition("=")[2], 1)[0]
    return value if np.isfinite(value) else None


def _take_kpoints_line(found: _Found, behind: str) -> None:
    """A list of k-points begins; that of the final SCF of a relaxed cell stands for the one before."""
    found.kpoints, found.weights, found.in_crystal_axes = [], [], False
    found.kpoint_cell = found.cell_bohr
    if match := _WIDTH.search(behind):
        name = next((ours for start, ours in SMEARINGS.items() if match[1].lower().startswith(start[:4])), match[1])
        found.occupations, found.smearing, found.degauss_ev = "smearing", name, _number(match[2]) * RYDBERG_EV
    elif "tetrahedr" in behind.lower():
        found.occupations = "tetrahedra"


def _take_celldm(found: _Found, line: str, _: Iterator[str]) -> None:
    if match := _CELLDM.match(line):
        found.alat_bohr = _number(match[1])  # two digits more than those of the line "lattice parameter"


def _take_axes(found: _Found, line: str, lines: Iterator[str]) -> None:
    if "crystal axes:" not in line:
        if "cryst. coord." in line:
            found.in_crystal_axes = True
        return
    rows = []
    for number in "123":
        match = _AXIS.match(next(lines))
        if match is None or match[1] != number:
            raise _Damage("the lattice vectors cannot be read")
        rows.append([_number(x) for x in match.groups()[1:]])
    found.cell_bohr = np.array(rows) * found.alat_bohr


def _take_sites(found: _Found, line: str, lines: Iterator[str]) -> None:
    if "positions (alat units)" not in line and "positions (a_0 units)" not in line:
        return
    species, places = [], []
    while match := _TAU.match(next(lines)):
        species.append(match[1])
        places.append([_number(x) for x in match.groups()[1:]])
        if len(places) > MOST_ATOMS:
            raise _Damage("the list of atoms does not end")
    if not places or (found.species and len(species) != len(found.species)):
        raise _Damage("the atoms cannot be read")
    found.species, found.places_bohr = tuple(species), np.array(places) * found.alat_bohr


def _take_kpoint(found: _Found, line: str, lines: Iterator[str]) -> None:
    """A point of the list, or the eigenvalues at one."""
    if (match := _KPOINT.match(line)) and not found.in_crystal_axes:
        found.kpoints.append([_number(x) for x in match.groups()[1:4]])
        found.weights.append(_number(match[5]))
    elif match := _LEVELS_AT.match(line):
        _take_levels(found, [_number(x) for x in match.groups()], lines)


def _take_potential(found: _Found, line: str, lines: Iterator[str]) -> None:
    if match := _POTENTIAL.match(line):
        name = match[2] or next(lines).strip()
        found.potentials[match[1]] = name.rpartition("/")[2]


def _take_functional(found: _Found, line: str, _: Iterator[str]) -> None:
    if match := _FUNCTIONAL.fullmatch(line):
        found.functional = " ".join(match[1].split())


def _take_grid(found: _Found, line: str, _: Iterator[str]) -> None:
    if match := _GRID.fullmatch(line):
        found.fft_grid = (int(match[1]), int(match[2]), int(match[3]))


def _take_spin(found: _Found, line: str, _: Iterator[str]) -> None:
    if "oncollinear calculation" in line or "agnetic calculation with spin-orbit" in line:
        found.spins, found.spin_orbit = "spinor", "with spin-orbit" in line
    elif "Starting magnetic structure" in line:
        found.magnetic = True


# --- geometry by geometry -------------------------------------------------------------------------------------------


def _take_start(found: _Found, line: str, _: Iterator[str]) -> None:
    if "Self-consistent Calculation" in line:
        found.is_scf = True
        _begin(found)
    elif "Band Structure Calculation" in line:
        found.is_nscf = True
        _begin(found)


def _begin(found: _Found) -> None:
    """An SCF of the geometry that was printed last begins: what was printed before is of another."""
    if found.cell_bohr is None or found.places_bohr is None:
        raise _Damage("a calculation begins before its lattice vectors and atoms are printed")
    found.draft = _Draft(found.cell_bohr, found.species, found.places_bohr)


def _take_end(found: _Found, line: str, _: Iterator[str]) -> None:
    """Eigenvalues follow."""
    if "End of" not in line or "calculation" not in line:
        if line.startswith("End final coordinates"):
            found.relaxed = True
        return
    if found.draft is None:
        _begin(found)
    found.levels, found.channel, found.lost, found.levels_of = {}, "up", "", found.draft
    found.fermi_ev, found.fermi_lost, found.highest_ev = (), "", None


def _take_channel(found: _Found, line: str, _: Iterator[str]) -> None:
    if "SPIN UP" in line or "SPIN DOWN" in line:
        found.spins, found.channel = "collinear", "up" if "SPIN UP" in line else "down"


def _take_levels(found: _Found, point: list[float], lines: Iterator[str]) -> None:
    values: list[float] = []
    next(lines)
    while _LEVELS.fullmatch(line := next(lines).rstrip()) is not None:
        words = _LEVEL.findall(line)
        if any("*" in word for word in words):
            found.lost = f"{words[0]!r} stands in the place of an eigenvalue"
        values += [np.nan if "*" in word else float(word) for word in words]
    found.levels.setdefault(found.channel, []).append((point, values))
    if sum(len(row) for rows in found.levels.values() for _, row in rows[-1:]) * len(found.kpoints) > MOST_LEVELS:
        raise _Damage("there are more eigenvalues than any calculation has")


def _take_fermi(found: _Found, line: str, _: Iterator[str]) -> None:
    if match := _TWO_FERMI.match(line):
        found.fermi_ev = (_number(match[1]), _number(match[2]))
    elif match := _FERMI.match(line):
        found.fermi_ev = (_number(match[1]),)
    elif _ANY_FERMI.match(line):
        found.fermi_lost = f"it was printed as {line.strip()[:60]!r}"
    elif match := _HIGHEST.match(line):
        found.highest_ev = _number(match[1])


def _take_energy(found: _Found, line: str) -> None:
    if "total energy" not in line or found.draft is None:
        return
    match = _TOTAL.match(line)
    if match is None:
        raise _Damage(f"the total energy is no number: {line.strip()[:60]!r}")
    if found.draft.free_ev is None:
        found.done.append(found.draft)
    found.draft.free_ev = _number(match[1]) * RYDBERG_EV


def _take_term(found: _Found, line: str, _: Iterator[str]) -> None:
    if (match := _SMEARING_TERM.match(line)) and found.draft is not None:
        found.draft.minus_ts_ev = _number(match[1]) * RYDBERG_EV


def _take_convergence(found: _Found, line: str, _: Iterator[str]) -> None:
    if "convergence NOT achieved" in line and found.draft is not None:
        found.draft.scf_converged = False


def _take_forces(found: _Found, line: str, lines: Iterator[str]) -> None:
    draft = found.draft
    if "Forces acting on atoms" not in line or draft is None or draft.forces is not None:
        return
    rows: list[list[float]] = []
    for row in lines:
        if "force =" in row:
            rows.append(_row(row.partition("force =")[2], 3))
        elif row.strip():
            break
        if len(rows) == len(draft.species):
            break
    if len(rows) == len(draft.species):
        draft.forces = np.array(rows) * RY_PER_BOHR_EV_PER_ANG


def _take_stress(found: _Found, line: str, lines: Iterator[str]) -> None:
    """Six columns: Ry/bohr³ and kbar, compression positive. Other lines that begin with ``total`` come here too."""
    if "total magnetization" in line and found.n_electrons is not None and len(_NUMBERS.findall(line)) == 1:
        moment = _row(line.partition("=")[2], 1)[0]
        found.spin_electrons = ((found.n_electrons + moment) / 2, (found.n_electrons - moment) / 2)
    elif "total   stress" in line and found.draft is not None:
        rows = [_row(next(lines), 3) for _ in range(3)]
        found.draft.stress_gpa = 0.0 - np.array(rows) * RY_PER_BOHR3_GPA


def _take_cell(found: _Found, line: str, lines: Iterator[str]) -> None:
    found.cell_bohr = np.array([_row(next(lines), 3) for _ in range(3)]) * _unit_bohr(found, line)
    found.moves = "vc-relax" if found.moves in ("", "relax") else found.moves


def _take_places(found: _Found, line: str, lines: Iterator[str]) -> None:
    if not line.startswith("ATOMIC_POSITIONS"):
        return
    species, rows = [], []
    for _ in found.species:
        row = next(lines)
        species.append(row.split()[0] if row.split() else "")
        rows.append(_row(row, 3))
    if tuple(species) != found.species:
        raise _Damage("the atoms of a geometry are not those of the first")
    match = _UNIT.match(line)
    in_cell = match is not None and match[1].startswith("crystal")
    scale: FloatArray | float = found.cell_bohr if in_cell and found.cell_bohr is not None else _unit_bohr(found, line)
    found.places_bohr = np.array(rows) @ scale if in_cell else np.array(rows) * scale


def _unit_bohr(found: _Found, line: str) -> float:
    match = _UNIT.match(line)
    name, alat = (match[1].lower(), match[2]) if match is not None else ("", None)
    if name in ("alat", ""):
        return found.alat_bohr if alat is None else _number(alat)
    units = {"bohr": 1.0, "angstrom": 1.0 / BOHR_ANG}
    if name not in units:
        raise _Damage(f"the unit {name[:20]!r} is not known")
    return units[name]


def _take_move(found: _Found, line: str, _: Iterator[str]) -> None:
    if "BFGS Geometry Optimization" in line:
        found.moves = found.moves or "relax"
    elif "Molecular Dynamics Calculation" in line:
        found.moves = "md"
    elif "bfgs converged in" in line:
        found.relaxed = True
    elif "bfgs failed after" in line or "The maximum number of steps has been reached" in line:
        found.relaxed = False
    elif "inal scf calculation at the relaxed structure" in line:
        found.final_scf = True
    elif match := _CELL_THRESHOLD.match(line):
        found.threshold_gpa = _number(match[1]) * KBAR_GPA


_READERS: Mapping[str, Callable[[_Found, str, Iterator[str]], None]] = {
    "Prog": _take_program,
    "numb": _take_size,
    "kine": _take_size,
    "char": _take_size,
    "latt": _take_size,
    "cell": _take_celldm,
    "crys": _take_axes,
    "site": _take_sites,
    "Pseu": _take_potential,
    "Exch": _take_functional,
    "Dens": _take_grid,
    "G cu": _take_grid,
    "FFT ": _take_grid,
    "Nonc": _take_spin,
    "Non ": _take_spin,
    "Star": _take_spin,
    "Self": _take_start,
    "Band": _take_start,
    "End ": _take_end,
    "----": _take_channel,
    "the ": _take_fermi,
    "high": _take_fermi,
    "smea": _take_term,
    "conv": _take_convergence,
    "Forc": _take_forces,
    "tota": _take_stress,
    "CELL": _take_cell,
    "ATOM": _take_places,
    "BFGS": _take_move,
    "bfgs": _take_move,
    "The ": _take_move,
    "Mole": _take_move,
    "Fina": _take_move,
    "A fi": _take_move,
    "(cri": _take_move,
}
"""First four characters of a line -> what reads it."""


# --- the run --------------------------------------------------------------------------------------------------------


def _run(found: _Found) -> PwRun:
    if not found.n_electrons or not found.cutoff_ev or not found.version or not found.alat_bohr > 0:
        raise _Damage("it does not tell version, electrons, cutoff and lattice")
    drafts = found.done or [draft for draft in (found.draft,) if draft is not None]
    if not drafts:
        raise _Damage("it ends before a calculation began")
    geometries = [_geometry(found, draft) for draft in drafts]
    last, task = drafts[-1], _task(found)
    moves = task in ("relax", "vc-relax")
    lost = _lost(found, last)
    return PwRun(
        version=found.version,
        schema="",
        task=task,
        exit_status=None,
        alat_ang=found.alat_bohr * BOHR_ANG,
        last=geometries[-1],
        steps=tuple(geometries[:-1] if found.final_scf else geometries) if moves else (),
        relaxed=found.relaxed if moves else None,
        n_electrons=found.n_electrons,
        spin_polarised=_spins(found) == "collinear",
        spinor=found.spins == "spinor",
        spin_orbit=found.spin_orbit,
        eigenvalues=None if "bands" in lost else _eigenvalues(found, last),
        fermi_ev=found.fermi_ev if found.levels_of is last else (),
        highest_occupied_ev=found.highest_ev if found.levels_of is last else None,
        functional=found.functional,
        dispersion=None,
        hubbard=None,
        cutoff_ev=found.cutoff_ev,
        density_cutoff_ev=found.density_cutoff_ev,
        fft_grid=found.fft_grid,
        grid=None,
        grid_offset=None,
        occupations=found.occupations,
        smearing=found.smearing,
        degauss_ev=found.degauss_ev,
        potential_files=found.potentials,
        dipole_axis=None,
        assume_isolated=None,
        wall_time_s=None,
        target=RelaxationTarget(stress_gpa=found.threshold_gpa),
        lost=lost,
        from_text=True,
    )


def _task(found: _Found) -> str:
    if found.moves:
        return found.moves
    return "scf" if found.is_scf or not found.is_nscf else "bands"


def _spins(found: _Found) -> str:
    return "collinear" if found.spins == "none" and found.magnetic else found.spins


def _geometry(found: _Found, draft: _Draft) -> Geometry:
    free_ev, share = draft.free_ev, zero_smearing_share(found.smearing)
    return Geometry(
        structure=_structure(draft),
        free_energy_ev=free_ev,
        energy_ev=None if free_ev is None else free_ev - share * draft.minus_ts_ev,
        forces_ev_per_ang=_whole(draft.forces),
        stress_gpa=_whole(draft.stress_gpa),
        scf_converged=draft.scf_converged,
    )


def _whole(values: FloatArray | None) -> FloatArray | None:
    return None if values is None or not np.isfinite(values).all() else values


def _structure(draft: _Draft) -> Structure:
    from pymatgen.core import Element, Lattice, Structure

    symbols = [element_of(name) for name in draft.species]
    unknown = next((symbol for symbol in symbols if not Element.is_valid_symbol(symbol)), None)
    if unknown is not None:
        raise _Damage(f"there is no element {unknown[:10]!r}")
    cell_ang = draft.cell_bohr * BOHR_ANG
    if not np.isfinite(draft.places_bohr).all() or not abs(float(np.linalg.det(cell_ang))) > SMALLEST_VOLUME_ANG3:
        raise _Damage("the geometry is no crystal")
    return Structure(Lattice(cell_ang), symbols, draft.places_bohr * BOHR_ANG, coords_are_cartesian=True)


def _lost(found: _Found, last: _Draft) -> dict[Part, str]:
    """What pw.x printed in the place of numbers of the last geometry."""
    lost: dict[Part, str] = {}
    if found.lost and found.levels_of is last:
        lost["bands"] = found.lost
    if found.fermi_lost and found.levels_of is last:
        lost["fermi"] = found.fermi_lost
    if last.forces is not None and not np.isfinite(last.forces).all():
        lost["forces"] = "not every component is a number"
    if last.stress_gpa is not None and not np.isfinite(last.stress_gpa).all():
        lost["stress"] = "not every component is a number"
    return lost


def _eigenvalues(found: _Found, last: _Draft) -> Eigenvalues | None:
    """Those of the last geometry; None where they, or the list of their k-points, are not printed in full."""
    if found.levels_of is not last or found.kpoint_cell is None or not found.kpoints or not found.levels:
        return None
    channels = [found.levels[name] for name in ("up", "down") if name in found.levels]
    count = len(channels[0])
    widths = {len(values) for channel in channels for _, values in channel}
    if any(len(channel) != count for channel in channels) or len(widths) != 1 or 0 in widths:
        return None
    doubled = len(channels) == 2 and len(found.kpoints) == 2 * count  # in some versions, once for each spin
    if len(found.kpoints) != count and not doubled:
        return None
    kpoints, weights = np.array(found.kpoints[:count]), np.array(found.weights[:count])
    if not weights.sum() > 0 and not found.is_nscf:
        return None
    return Eigenvalues(
        values_ev=np.sort(np.array([[values for _, values in channel] for channel in channels]), axis=2),
        electrons=_electrons(found, len(channels)),
        kpoints_frac=np.round(kpoints @ (found.kpoint_cell / found.alat_bohr).T, 6) + 0.0,
        weights=weights / weights.sum() if weights.sum() > 0 else weights,
    )


def _electrons(found: _Found, n_spins: int) -> tuple[float, ...]:
    assert found.n_electrons is not None
    if n_spins == 1:
        return (found.n_electrons,)
    if len(found.spin_electrons) != 2:
        raise _Damage("the electrons of each spin are not printed")
    return found.spin_electrons
