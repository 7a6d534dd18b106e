"""Reads ``vasprun.xml``.

Own code on the standard library's XML parser, because pymatgen's `Vasprun` (2026.10) does not fit here. It refuses a
whole file for one tag that VASP could not print (``KINTER`` or ``MAGMOM`` as ``*****``: 7 of 15 published files); it
lets a damaged file pass (``****`` becomes NaN, a file cut short keeps its first geometry as the last); and it finds a
band gap by occupations above 1e-8 (`Vasprun.eigenvalue_band_properties`), so that smearing closes it.

Format: https://vasp.at/wiki/Vasprun.xml. Energies in eV, forces in eV/Å, stress in kB with compression positive.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np

from dftflow.codes.vasp.geometry import Geometry
from dftflow.codes.vasp.joined_rows import JoinedRows, row_texts
from dftflow.codes.vasp.number_rows import equal_rows
from dftflow.codes.vasp.vasprun_states import (
    OPT,
    LargeTables,
    ProjectedStates,
    VaspDos,
    density_of_states,
    projected_states,
)
from dftflow.errors import ParseError
from dftflow.model.check import Part
from dftflow.model.results import FloatArray
from dftflow.units import EV_PER_ANG3_GPA

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["GPA_PER_KBAR", "Eigenvalues", "FurtherEigenvalues", "IonicStep", "VaspRun", "read_vasprun"]

T = TypeVar("T")
END = b"</modeling>"
HEAD_BYTES, TAIL_BYTES = 4096, 1024
DEEPEST = 50
GPA_PER_KBAR = 0.1
SAME_ENERGY_EV = 2e-6
MOST_ADDED_EV_PER_ATOM = 3.0
LARGEST = 1e9  # no length, energy, force or stress of a calculation comes near it
LARGEST_INTEGER = 2**31 - 1  # of Fortran's default kind
SMALLEST_VOLUME_ANG3 = 0.5
OCCUPATION_DIGITS = 1e-4
SAME_WEIGHT = 1e-5
LEAVES = frozenset(("r", "v", "i", "c", "rc"))
"""Elements of single rows and numbers, nine in ten of all, with which nothing is done until what they stand in ends."""
HEAVY = ("dynmat", "dielectricfunction")
STYLES = {"monkhorst-pack": "Monkhorst", "gamma": "Gamma", "listgenerated": "Line_mode"}
REQUIRED = {"NELECT": float, "ISPIN": int, "LNONCOLLINEAR": bool, "NELM": int, "NSW": int}
"""Parameters without which no number can be trusted."""
NO_NUMBERS = re.compile(r"\*|nan|inf", re.IGNORECASE)
"""What stands where a number should: it did not fit its column, or it is none."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class IonicStep:
    """One geometry.

    Attributes
    ----------
    geometry
        Cell and atoms.
    energy_ev, free_energy_ev
        Extrapolated to zero smearing, and E - TS; None in a run that has no energy, as of GW.
    forces_ev_per_ang
        shape (n_atoms, 3); None where the run has none.
    stress_kbar
        shape (3, 3), compression positive as VASP prints it; None where the run has none.
    scf_cycles
        SCF cycles of this geometry.
    last_change_ev
        By how much the last of them changed the free energy; None with fewer than two.
    lost
        Part -> what VASP printed in the place of its numbers.
    """

    geometry: Geometry
    energy_ev: float | None
    free_energy_ev: float | None
    forces_ev_per_ang: FloatArray | None
    stress_kbar: FloatArray | None
    scf_cycles: int
    last_change_ev: float | None = None
    lost: Mapping[Part, str] = field(default_factory=dict)

    @property
    def structure(self) -> Structure:
        """`geometry`, made anew as pymatgen's."""
        return self.geometry.structure()

    @property
    def largest_force(self) -> float | None:
        """Of the directions in which atoms may move, eV/Å."""
        if self.forces_ev_per_ang is None:
            return None
        free = self.geometry.movable
        forces = self.forces_ev_per_ang if free is None else self.forces_ev_per_ang * np.array(free, dtype=float)
        return float(np.linalg.norm(forces, axis=1).max())


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Eigenvalues:
    """Eigenvalues of the last geometry.

    Attributes
    ----------
    values_ev, occupations
        shape (n_spins, n_kpoints, n_bands), ascending in the last axis; full is 1 whatever the spin.
    electrons
        Per spin channel, by the sum of the weighted occupations; one number, the total, without spin channels.
    """

    values_ev: FloatArray
    occupations: FloatArray
    electrons: tuple[float, ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class FurtherEigenvalues:
    """Eigenvalues at the points of KPOINTS_OPT, in the potential of the run (https://vasp.at/wiki/KPOINTS_OPT).

    Attributes
    ----------
    values_ev
        shape (n_spins, n_kpoints, n_bands), ascending in the last axis.
    kpoints
        shape (n_kpoints, 3).
    style
        As in `VaspRun`.
    """

    values_ev: FloatArray
    kpoints: FloatArray
    style: str


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class VaspRun:
    """A run.

    Attributes
    ----------
    complete
        The file has its end: VASP came to its own end.
    parameters
        Every tag as VASP took it, by name; those that stand in the INCAR alone too.
    titels
        TITEL lines of the potentials, in the order of the POSCAR.
    steps
        Geometries, at least one.
    moved
        The geometry that the file ends with, where nothing was calculated for it.
    kpoints, weights
        shape (n, 3) and (n,); the weights' sum is 1.
    style, divisions
        How the k-points were generated: ``"Monkhorst"``, ``"Gamma"``, ``"Line_mode"``, ``"Reciprocal"`` …, and the
        grid where there is one.
    eigenvalues, further, fermi_ev
        Of the last geometry; None where the run has none, or was cut short before them.
    lost
        Part -> what VASP printed in the place of its numbers, for the last geometry.
    not_read
        What else could not be read of the file: a line each.
    projected, further_projected, dos
        Of the states of `eigenvalues` and of `further`; None where the run has none, or OUTCAR is read.
    """

    version: str
    complete: bool
    parameters: Mapping[str, Any]
    titels: tuple[str, ...]
    steps: tuple[IonicStep, ...]
    moved: Structure | None
    kpoints: FloatArray
    weights: FloatArray
    style: str
    divisions: tuple[int, int, int] | None
    eigenvalues: Eigenvalues | None
    further: FurtherEigenvalues | None
    fermi_ev: float | None
    lost: Mapping[Part, str]
    not_read: tuple[str, ...] = ()
    projected: ProjectedStates | None = None
    further_projected: ProjectedStates | None = None
    dos: VaspDos | None = None

    @property
    def spinor(self) -> bool:
        """Whether each band holds one electron: non-collinear spin or spin-orbit coupling."""
        return bool(self.parameters["LNONCOLLINEAR"])

    @property
    def n_spins(self) -> int:
        """Channels of the eigenvalues."""
        return _n_spins(self.parameters)

    @property
    def n_electrons(self) -> float:
        """Valence electrons in the cell."""
        return float(self.parameters["NELECT"])


class _Damage(Exception):
    """What is wrong with the content, in words."""


class _Lost(_Damage):
    """VASP could not print a number, or what stands in its place is none: that costs what the number is of."""


class _Cut(_Damage):
    """The file ends too early."""


def read_vasprun(file: Path) -> VaspRun:
    """A run, whole or up to its last whole geometry.

    Raises
    ------
    ParseError
        The file is no ``vasprun.xml``, is damaged, contradicts itself, or ends before its first geometry was done.
    """
    try:
        with file.open("rb") as stream:
            complete = _looks_whole(stream)
            with np.errstate(all="ignore"):
                return _run(_content(stream, complete=complete), complete=complete)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    except ET.ParseError as error:
        where = f"{file}:{error.position[0]}"
        raise ParseError("vasprun.xml is damaged", reason=f"it is no XML: {error}", where=where) from error
    except _Cut as cut:
        fix = "was the run killed? it has to be run again"
        raise ParseError("vasprun.xml is cut short", reason=str(cut), fix=fix, where=str(file)) from cut
    except _Damage as damage:
        summary = "vasprun.xml is damaged, or of a kind that is not read"
        raise ParseError(summary, reason=str(damage), where=str(file)) from damage
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ParseError("vasprun.xml is damaged", reason=reason, where=str(file)) from error


def _looks_whole(stream: IO[bytes]) -> bool:
    head = stream.read(HEAD_BYTES)
    if b"<modeling" not in head or b"<!" in head.split(b"<modeling")[0]:
        raise _Damage("it does not begin as a vasprun.xml")
    size = stream.seek(0, 2)
    stream.seek(max(0, size - TAIL_BYTES))
    whole = stream.read().rstrip().endswith(END)
    stream.seek(0)
    return whole


# --- the XML ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Content:
    """What was read so far: the parts of the head by their tag, the geometries, and what may move in all of them."""

    head: dict[str, ET.Element] = field(default_factory=dict)
    steps: list[IonicStep] = field(default_factory=list)
    begun: bool = False
    movable: list[list[bool]] | None = None
    named: list[str] | None = None
    last: ET.Element | None = None
    final: ET.Element | None = None
    tables: LargeTables = field(default_factory=LargeTables)
    rows: dict[ET.Element, FloatArray] = field(default_factory=dict)
    levels: Mapping[ET.Element, FloatArray] = field(default_factory=dict)

    def take_rows(self, part: ET.Element) -> None:
        """Take the rows out of a set, as numbers where they are printed alike; its elements take ten times as much."""
        rows = row_texts(part, "r")
        found = equal_rows(rows) if rows and all(row.tag == "r" for row in part) else None
        if found is not None and bool((np.abs(found) < LARGEST).all()):
            self.rows[part] = found
            del part[:]

    def begin(self, tag: str) -> None:
        """Note that a child of the root begins: its rows are those of no other."""
        if tag == "calculation":
            self.rows = {}

    def take(self, part: ET.Element) -> None:
        """Take a child of the root."""
        if part.tag == "calculation":
            self.last, self.levels = part, self.rows
            self.steps.append(_step(part, self.elements, self.pressure(), self.hold(_found(part, "structure"))))
        elif part.tag == "structure" and part.get("name") == "initialpos":
            self.hold(part)
        elif part.tag == "structure" and part.get("name") == "finalpos":
            self.hold(part)
            self.final = part
        elif part.tag in ("generator", "incar", "kpoints", "parameters", "atominfo"):
            if part.tag in self.head:
                raise _Damage(f"there are two parts {part.tag!r}")
            self.head[part.tag] = part

    def take_cut(self, part: ET.Element | None) -> None:
        """Take the geometry that the file ends in, with its whole parts, when it had come to its energy."""
        if part is None or part.tag != "calculation" or "atominfo" not in self.head or "parameters" not in self.head:
            return
        if part.find("energy") is not None and part.find("structure") is not None:
            self.take(part)

    def hold(self, part: ET.Element) -> list[list[bool]] | None:
        """What may move in the geometry `part`: the one that the run begins with tells it, later ones need not."""
        said = _movable(part, len(self.elements))
        if not self.begun:
            self.begun, self.movable = True, said
        elif said is not None and said != self.movable:
            raise _Damage("the selective dynamics of a geometry are not those of the first one")
        return self.movable

    @property
    def elements(self) -> list[str]:
        """Element of each atom; VASP cuts Zr and Xe to one letter."""
        if self.named is None:
            names = [_text(_found(row, "c")) for row in _rows(self.head["atominfo"], "atoms")]
            self.named = [{"r": "Zr", "X": "Xe"}.get(name, name) for name in names]
        return self.named

    def pressure(self) -> float:
        """PSTRESS in eV/Å³: 0 unless the INCAR sets it, so that it stands in the file twice."""
        used, asked = (self._pstress(part) for part in ("parameters", "incar"))
        if "incar" in self.head and used != asked:
            raise _Damage(f"PSTRESS is {used:g} kB among the parameters and {asked:g} kB in the INCAR")
        return used * GPA_PER_KBAR / EV_PER_ANG3_GPA

    def _pstress(self, part: str) -> float:
        said = self.head[part].find(".//i[@name='PSTRESS']") if part in self.head else None
        return 0.0 if said is None else _float(_text(said), "PSTRESS")

    def titels(self) -> tuple[str, ...]:
        """TITEL line of each potential."""
        return tuple(" ".join(_text(row.findall("c")[4]).split()) for row in _rows(self.head["atominfo"], "atomtypes"))


def _content(stream: IO[bytes], *, complete: bool) -> _Content:
    content, depth = _Content(), 0
    root: ET.Element | None = None
    cut: ET.Element | None = None
    try:
        for event, element in ET.iterparse(JoinedRows(stream), events=("start", "end")):
            tag = element.tag
            if event == "start":
                depth += 1
                if depth > DEEPEST:
                    raise _Damage("its parts are nested too deep")
                if depth == 1:
                    root = element
                elif depth == 2:
                    cut = ET.Element(tag, element.attrib)
                    content.begin(tag)
                if tag not in LEAVES:
                    content.tables.take(event, element)
                continue
            depth -= 1
            if tag in LEAVES or content.tables.take(event, element):
                continue
            if tag == "set":
                content.take_rows(element)
            elif tag in HEAVY:
                element.clear()
            elif depth == 2 and cut is not None:
                cut.append(element)
            elif depth == 1 and root is not None:
                cut = None
                content.take(element)
                root.clear()
    except ET.ParseError:
        if complete:
            raise
        content.take_cut(cut)
    return content


def _found(element: ET.Element, path: str) -> ET.Element:
    found = element.find(path)
    if found is None:
        raise _Damage(f"a part {element.tag!r} has no {path!r}")
    return found


def _text(element: ET.Element) -> str:
    return (element.text or "").strip()


def _rows(atominfo: ET.Element, name: str) -> list[ET.Element]:
    return _found(atominfo, f"array[@name='{name}']/set").findall("rc")


def _float(text: str, name: str) -> float:
    if NO_NUMBERS.search(text):
        raise _Lost(f"{name} is {text[:30]!r}")
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not abs(number) < LARGEST or "_" in text:  # "not <" refuses NaN too
        raise _Lost(f"{name} is {text[:30]!r}, which is no number")
    return number


def _table(rows: list[str], width: int, name: str) -> FloatArray:
    """Numbers of `rows`, shape (len(rows), width)."""
    alike = equal_rows(rows)
    if alike is not None and alike.shape[1] == width and bool((np.abs(alike) < LARGEST).all()):
        return alike
    words = [row.split() for row in rows]
    unprinted = [row for row in words if NO_NUMBERS.search(" ".join(row))]
    if unprinted:
        raise _Lost(
            f"{len(unprinted)} of {len(rows)} rows of the {name} hold no numbers, as {' '.join(unprinted[0])[:40]!r}"
        )
    if any("_" in row for row in rows):  # Python reads 1_0 as 10
        raise _Lost(f"the {name} hold something that is no number")
    if any(len(row) != width for row in words):
        raise _Lost(f"a row of the {name} has not {width} numbers")
    try:
        table = np.array(words, dtype=np.float64).reshape(len(rows), width)
    except ValueError as error:
        raise _Lost(f"the {name} hold something that is no number: {error}") from None
    if not (np.abs(table) < LARGEST).all():
        raise _Lost(f"the {name} hold something that is no number")
    return table


def _parameters(part: ET.Element) -> dict[str, Any]:
    """Value by name, the first where a name comes again; what VASP could not print (``****``) is left out."""
    found: dict[str, Any] = {}
    for element in part.iter():
        name = element.get("name", "").strip()
        if element.tag not in ("i", "v") or not name or name in found:
            continue
        try:
            values = [_value(element.get("type", ""), word) for word in _words(element)]
        except ValueError:
            continue
        found[name] = values if element.tag == "v" else values[0]
    return found


def _words(element: ET.Element) -> list[str]:
    return _text(element).split() if element.tag == "v" else [_text(element)]


def _value(kind: str, word: str) -> bool | int | float | str:
    if kind == "string":
        return word
    if kind == "logical":
        if word not in ("T", "F"):
            raise ValueError(word)
        return word == "T"
    if kind == "int":
        return _integer(word)
    number = float(word)
    if "_" in word or not np.isfinite(number):
        raise ValueError(word)
    return number


def _integer(word: str) -> int:
    number = int(word)
    if "_" in word or abs(number) > LARGEST_INTEGER:
        raise ValueError(word)
    return number


# --- geometries -------------------------------------------------------------------------------------------------


def _geometry(part: ET.Element, elements: list[str], movable: list[list[bool]] | None = None) -> Geometry:
    lattice = _table(row_texts(_found(part, "crystal/varray[@name='basis']"), "v"), 3, "lattice vectors")
    volume = abs(float(np.linalg.det(lattice))) if lattice.shape == (3, 3) else 0.0
    said = _float(_text(_found(part, "crystal/i[@name='volume']")), "the volume")
    if not volume > SMALLEST_VOLUME_ANG3 or abs(volume - said) > 1e-4 * volume:
        raise _Damage(f"the volume is {said:g} ang3, that of the lattice vectors {volume:g}")
    places = _table(row_texts(_found(part, "varray[@name='positions']"), "v"), 3, "positions")
    if len(places) != len(elements):
        raise _Damage(f"there are {len(places)} positions and {len(elements)} atoms")
    return Geometry(elements=elements, cell_ang=lattice, positions_frac=places, movable=movable)


def _movable(part: ET.Element, n_atoms: int) -> list[list[bool]] | None:
    """The three flags of each atom; None without selective dynamics."""
    found = part.findall("varray[@name='selective']")
    if not found:
        return None
    rows = [row.split() for row in row_texts(found[0], "v")]
    if len(found) > 1 or len(rows) != n_atoms:
        raise _Damage(f"there are {len(rows)} rows of selective dynamics and {n_atoms} atoms")
    bad = next((row for row in rows if len(row) != 3 or not set(row) <= {"T", "F"}), None)
    if bad is not None:
        raise _Damage(f"{' '.join(bad)[:30]!r} of the selective dynamics are not three flags T or F")
    return [[flag == "T" for flag in row] for row in rows]


def _step(part: ET.Element, elements: list[str], pressure: float, movable: list[list[bool]] | None) -> IonicStep:
    energies = part.find("energy")
    if len(part.findall("energy")) > 1 or len(part.findall("structure")) > 1:
        raise _Damage("two geometries run into each other")
    geometry = _geometry(_found(part, "structure"), elements, movable)
    cycles = [] if energies is None else _cycles(part, energies)
    lost: dict[Part, str] = {}
    free = energy = change = forces = stress = None
    try:
        if energies is not None:
            free, energy = _free_and_zero_smearing(energies, cycles, pressure * geometry.volume_ang3, len(elements))
            change = _last_change(cycles)
    except _Lost as reason:
        lost["energy"] = str(reason)
    try:
        forces = _vectors(part, "forces", len(elements))
    except _Lost as reason:
        lost["forces"] = str(reason)
    try:
        stress = _vectors(part, "stress", 3)
    except _Lost as reason:
        lost["stress"] = str(reason)
    return IonicStep(
        geometry=geometry,
        energy_ev=energy,
        free_energy_ev=free,
        forces_ev_per_ang=forces,
        stress_kbar=stress,
        scf_cycles=len(cycles),
        last_change_ev=change,
        lost=lost,
    )


def _vectors(part: ET.Element, name: str, count: int) -> FloatArray | None:
    """The array `name` of a geometry, shape (count, 3); None where it has none."""
    found = part.find(f"varray[@name='{name}']")
    rows = [] if found is None else row_texts(found, "v")
    if found is not None and len(rows) != count:
        raise _Damage(f"there are {len(rows)} rows of {name}, expected {count}")
    return _table(rows, 3, name) if rows else None


def _last_change(cycles: list[ET.Element]) -> float | None:
    """By how much the last SCF cycle changed the free energy."""
    if len(cycles) < 2:
        return None
    before, last = (_energy(_found(cycle, "energy"), "e_fr_energy") for cycle in cycles[-2:])
    return last - before


def _cycles(part: ET.Element, energies: ET.Element) -> list[ET.Element]:
    """The SCF cycles of the ground state.

    Cycles of a response calculation may follow, behind the summary `energies` or before it. The last cycle of the
    ground state holds, like the first, the terms of the energy.
    """
    before = list(part)[: list(part).index(energies)]
    cycles = [cycle for cycle in before if cycle.tag == "scstep" and cycle.find("energy") is not None]
    with_terms = [i for i, cycle in enumerate(cycles) if cycle.find("energy/i[@name='alphaZ']") is not None]
    return cycles[: with_terms[-1] + 1] if len(with_terms) > 1 else cycles


def _energy(part: ET.Element, name: str) -> float:
    return _float(_text(_found(part, f"i[@name='{name}']")), f"the energy {name}")


def _free_and_zero_smearing(
    energies: ET.Element, cycles: list[ET.Element], pressure_volume: float, n_atoms: int
) -> tuple[float, float]:
    """F = E - TS, and the energy at sigma -> 0, of a geometry.

    VASP 5 prints the latter under ``e_wo_entrp`` in the summary of a geometry, and the entropy under ``e_0_energy``
    (https://www.vasp.at/forum/viewtopic.php?t=16942); in the SCF cycles, and everywhere from VASP 6 on, the names are
    right. The difference E0 - F of the last cycle decides; F of the summary holds what is added after the SCF. To the
    summary, and to it alone, PSTRESS adds p V.
    """
    summary = _energy(energies, "e_fr_energy")
    free = summary - pressure_volume
    if not cycles:
        return free, _energy(energies, "e_0_energy") - pressure_volume
    last = _found(cycles[-1], "energy")
    scf = _energy(last, "e_fr_energy")
    gained = _energy(last, "e_0_energy") - scf
    told = [_energy(energies, name) for name in ("e_0_energy", "e_wo_entrp")]
    if min(abs(value - summary - gained) for value in told) > SAME_ENERGY_EV:
        raise _Damage("the energies of a geometry contradict those of its last SCF cycle")
    if abs(free - scf) > MOST_ADDED_EV_PER_ATOM * n_atoms:
        raise _Damage(f"{free - scf:.6g} eV were added to a geometry after its SCF, more than any dispersion")
    return free, summary + gained - pressure_volume


# --- the run ----------------------------------------------------------------------------------------------------


def _run(content: _Content, *, complete: bool) -> VaspRun:
    missing = {"generator", "kpoints", "parameters", "atominfo"} - content.head.keys()
    if missing:
        error = _Damage if complete else _Cut
        raise error(f"it ends before, or lacks, {', '.join(sorted(missing))}")
    if not content.steps or content.last is None:
        raise (_Damage if complete else _Cut)("it ends before the first geometry was done")
    last = content.last
    content.steps[-1].geometry.structure()  # refuses what is no element
    parameters = _parameters(content.head["parameters"])
    if "incar" in content.head:
        parameters = _parameters(content.head["incar"]) | parameters
    for name, kind in REQUIRED.items():
        if type(parameters.get(name)) is not kind:
            raise _Damage(f"{name} is missing from the parameters")
    kpoints, weights = _kpoints(content.head["kpoints"])
    style, divisions = _generation(content.head["kpoints"])
    lost = dict(content.steps[-1].lost)
    further, not_read = _further_or_why_not(content, last, parameters)
    own_levels = cache(lambda: _own_levels(content, last, parameters, len(weights)))
    return VaspRun(
        version=_text(_found(content.head["generator"], "i[@name='version']")),
        complete=complete,
        parameters=parameters,
        titels=content.titels(),
        steps=tuple(content.steps),
        moved=_moved(content),
        kpoints=kpoints,
        weights=weights,
        style=style,
        divisions=divisions,
        eigenvalues=_or_lost(lost, "bands", lambda: _eigenvalues(own_levels(), parameters, weights)),
        further=further,
        fermi_ev=_or_lost(lost, "fermi", lambda: _fermi(last)),
        projected=_of_table(lost, "projections", lambda: _projected(content, own_levels)),
        further_projected=_of_table(lost, "projections", lambda: _further_projected(content, last, parameters)),
        dos=_of_table(
            lost, "dos", lambda: density_of_states(content.tables.whole, _n_spins(parameters), len(content.elements))
        ),
        lost=lost,
        not_read=not_read,
    )


def _or_lost(lost: dict[Part, str], part: Part, read: Callable[[], T | None]) -> T | None:
    """What `read` finds; None, with the reason in `lost`, where a number of it cannot be read."""
    try:
        return read()
    except _Lost as reason:
        lost[part] = str(reason)
        return None


def _of_table(lost: dict[Part, str], part: Part, read: Callable[[], T | None]) -> T | None:
    """What `read` finds; None, with the reason in `lost`, where anything is wrong with it, which costs nothing else."""
    try:
        return read()
    except (_Damage, ValueError) as reason:
        lost[part] = f"it was not read from vasprun.xml: {reason}"
        return None


def _fermi(part: ET.Element) -> float | None:
    """Fermi level of the k-points of the run, not of those of KPOINTS_OPT."""
    for dos in part.findall("dos"):
        level = dos.find("i[@name='efermi']")
        if level is not None and dos.get("comment") != OPT:
            return _float(_text(level), "the Fermi level")
    return None


def _moved(content: _Content) -> Structure | None:
    if content.final is None:
        return None
    final = _geometry(content.final, content.elements)
    return None if _same_geometry(final, content.steps[-1].geometry) else final.structure()


def _kpoints(part: ET.Element) -> tuple[FloatArray, FloatArray]:
    kpoints = _table(row_texts(_found(part, "varray[@name='kpointlist']"), "v"), 3, "k-points")
    weights = _table(row_texts(_found(part, "varray[@name='weights']"), "v"), 1, "weights of the k-points").ravel()
    if len(kpoints) != len(weights) or len(kpoints) == 0:
        raise _Damage(f"there are {len(kpoints)} k-points with {len(weights)} weights")
    if weights.min() < 0 or abs(weights.sum() - 1) > SAME_WEIGHT * max(len(weights), 10):
        raise _Damage(f"the weights of the k-points add up to {weights.sum():.6f}")
    return kpoints, weights


def _generation(part: ET.Element) -> tuple[str, tuple[int, int, int] | None]:
    generation = part.find("generation")
    if generation is None:
        return "Reciprocal", None
    style = STYLES.get(generation.get("param", "").strip().lower(), "Reciprocal")
    divisions = generation.find("v[@name='divisions']")
    if divisions is None or style == "Line_mode":
        return style, None
    words = _text(divisions).split()
    try:
        a, b, c = map(_integer, words)
    except ValueError:
        raise _Damage(f"the k-grid is {' '.join(words)[:30]!r}") from None
    if min(a, b, c) < 1:
        raise _Damage(f"the k-grid is {a} {b} {c}")
    return style, (a, b, c)


def _eigenvalues(table: FloatArray | None, parameters: Mapping[str, Any], weights: FloatArray) -> Eigenvalues | None:
    """Of the table of `_own_levels`."""
    if table is None:
        return None
    n_spins = _n_spins(parameters)
    values, occupations = table[..., 0], table[..., 1]
    if not (values[..., 1:] >= values[..., :-1]).all():
        order = np.argsort(values, axis=2, kind="stable")
        values, occupations = (np.take_along_axis(each, order, axis=2) for each in (values, occupations))
    per_band = 1 if parameters["LNONCOLLINEAR"] or n_spins == 2 else 2
    electrons = tuple(float(per_band * weights @ channel.sum(axis=1)) for channel in occupations)
    tolerance = OCCUPATION_DIGITS * per_band * n_spins * table.shape[2] + 1e-3
    if abs(sum(electrons) - parameters["NELECT"]) > tolerance:
        raise _Damage(f"the occupations add up to {sum(electrons):.4f} electrons, NELECT = {parameters['NELECT']:g}")
    return Eigenvalues(values_ev=values, occupations=occupations, electrons=electrons)


def _own_levels(
    content: _Content, part: ET.Element, parameters: Mapping[str, Any], n_kpoints: int
) -> FloatArray | None:
    """The table of `_levels` at the k-points of the run; None where it has none."""
    own = [found for found in part.findall("eigenvalues") if found.get("comment") is None]
    return _levels(content, own[-1], parameters, n_kpoints) if own else None


def _n_spins(parameters: Mapping[str, Any]) -> int:
    return 1 if parameters["LNONCOLLINEAR"] else int(parameters["ISPIN"])


def _projected(content: _Content, own_levels: Callable[[], FloatArray | None]) -> ProjectedStates | None:
    tables = content.tables.whole.get("projected")
    levels = None if tables is None else own_levels()
    if tables is None or levels is None:
        return None
    return projected_states(tables, levels[..., 0], len(content.elements))


def _further_projected(content: _Content, part: ET.Element, parameters: Mapping[str, Any]) -> ProjectedStates | None:
    tables, found = content.tables.whole.get(f"projected_{OPT}"), part.find(f"eigenvalues_{OPT}")
    if tables is None or found is None or found.find("eigenvalues") is None:
        return None
    return projected_states(tables, _further_levels(content, found, parameters)[..., 0], len(content.elements))


def _further_or_why_not(
    content: _Content, part: ET.Element, parameters: Mapping[str, Any]
) -> tuple[FurtherEigenvalues | None, tuple[str, ...]]:
    try:
        return _further(content, part, parameters), ()
    except _Damage as damage:
        return None, (f"the eigenvalues at the points of KPOINTS_OPT were not read: {damage}",)


def _further(content: _Content, part: ET.Element, parameters: Mapping[str, Any]) -> FurtherEigenvalues | None:
    """What stands at the points of KPOINTS_OPT; their occupations are not always printed, and not needed."""
    found = part.find(f"eigenvalues_{OPT}")
    if found is None or found.find("eigenvalues") is None:
        return None
    values, kpoints = np.sort(_further_levels(content, found, parameters)[..., 0], axis=2), _further_kpoints(found)
    return FurtherEigenvalues(values_ev=values, kpoints=kpoints, style=_generation(_found(found, "kpoints"))[0])


def _further_kpoints(part: ET.Element) -> FloatArray:
    points = _found(part, "kpoints")
    return _table(row_texts(_found(points, "varray[@name='kpointlist']"), "v"), 3, "k-points of KPOINTS_OPT")


def _further_levels(content: _Content, part: ET.Element, parameters: Mapping[str, Any]) -> FloatArray:
    """The table of `_levels` at the points of KPOINTS_OPT."""
    first = part.find("eigenvalues/array/set/set/set")
    rows = [] if first is None else row_texts(first, "r")
    columns = 1 if rows and len(rows[0].split()) == 1 else 2
    if first is not None and first in content.levels:
        columns = content.levels[first].shape[1]
    return _levels(content, _found(part, "eigenvalues"), parameters, len(_further_kpoints(part)), columns)


def _levels(
    content: _Content, part: ET.Element, parameters: Mapping[str, Any], n_kpoints: int, columns: int = 2
) -> FloatArray:
    """Eigenvalue and, in the second of `columns`, occupation; shape (n_spins, n_kpoints, n_bands, columns)."""
    channels, n_spins = _found(part, "array/set").findall("set"), _n_spins(parameters)
    if len(channels) != n_spins:
        raise _Damage(f"there are eigenvalues of {len(channels)} spin channels, ISPIN = {n_spins}")
    n_bands = parameters.get("NBANDS")
    if not isinstance(n_bands, int) or n_bands < 1:
        raise _Damage(f"NBANDS is {n_bands}")
    found = [_channel(content, channel, (n_kpoints, n_bands, columns)) for channel in channels]
    return found[0][None] if n_spins == 1 else np.array(found)


def _channel(content: _Content, part: ET.Element, shape: tuple[int, int, int]) -> FloatArray:
    """Of `shape` (n_kpoints, n_bands, columns); the k-points come in order, and are numbered."""
    n_kpoints, n_bands, columns = shape
    points = part.findall("set")
    if [point.get("comment") for point in points] != [f"kpoint {number}" for number in range(1, n_kpoints + 1)]:
        raise _Damage(f"there are eigenvalues at {len(points)} k-points, expected 1 to {n_kpoints} in order")
    found = [content.levels[point] if point in content.levels else row_texts(point, "r") for point in points]
    if any(len(bands) != n_bands for bands in found):
        raise _Damage(f"a k-point has not the {n_bands} eigenvalues that NBANDS says")
    return np.array([_of_width(bands, columns) for bands in found])


def _of_width(rows: FloatArray | list[str], width: int) -> FloatArray:
    """Levels at one k-point."""
    if isinstance(rows, list):
        return _table(rows, width, "eigenvalues")
    if rows.shape[1] != width:
        raise _Lost(f"a row of the eigenvalues has not {width} numbers")
    return rows


def _same_geometry(first: Geometry, second: Geometry) -> bool:
    moved = first.positions_frac - second.positions_frac
    return bool(np.abs(first.cell_ang - second.cell_ang).max() < 1e-6 and np.abs(moved - np.round(moved)).max() < 1e-6)
