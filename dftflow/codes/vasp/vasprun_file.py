"""Reads ``vasprun.xml``.

pymatgen's `Vasprun` parses it; here what it gives is checked, because a damaged file passes through it: numbers that
VASP printed as ``****`` become NaN, a file that was cut short keeps the first geometry as its last, and a k-point or a
force that is missing only shortens an array. Its band gap is not used (`Vasprun.eigenvalue_band_properties` counts a
state with an occupation above 1e-8 as filled, so that smearing closes the gap).

Format: https://vasp.at/wiki/Vasprun.xml. Energies in eV, forces in eV/Å, stress in kB with compression positive.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.errors import ParseError
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from pymatgen.core import Structure
    from pymatgen.io.vasp import Vasprun

__all__ = ["Eigenvalues", "IonicStep", "VaspRun", "read_vasprun"]

END = b"</modeling>"
HEAD_BYTES, TAIL_BYTES = 4096, 1024
SAME_ENERGY_EV = 2e-6
SMALLEST_VOLUME_ANG3 = 0.5
OCCUPATION_DIGITS = 1e-4


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class IonicStep:
    """One geometry.

    Attributes
    ----------
    energy_ev
        Extrapolated to zero smearing.
    free_energy_ev
        E - TS.
    forces_ev_per_ang
        shape (n_atoms, 3); None where the run has none.
    stress_kbar
        shape (3, 3), compression positive as VASP prints it; None where the run has none.
    scf_cycles
        SCF cycles of this geometry.
    """

    structure: Structure
    energy_ev: float
    free_energy_ev: float
    forces_ev_per_ang: FloatArray | None
    stress_kbar: FloatArray | None
    scf_cycles: int


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
    final_differs
        The file ends with a geometry for which nothing was calculated.
    kpoints, weights
        shape (n, 3) and (n,); the weights' sum is 1.
    style, divisions
        How the k-points were generated: ``"Monkhorst"``, ``"Gamma"``, ``"Line_mode"``, ``"Reciprocal"`` …, and the
        grid where there is one.
    eigenvalues, fermi_ev
        None where the run has none, or was cut short.
    """

    version: str
    complete: bool
    parameters: Mapping[str, Any]
    titels: tuple[str, ...]
    steps: tuple[IonicStep, ...]
    final_differs: bool
    kpoints: FloatArray
    weights: FloatArray
    style: str
    divisions: tuple[int, int, int] | None
    eigenvalues: Eigenvalues | None
    fermi_ev: float | None

    @property
    def spinor(self) -> bool:
        """Whether each band holds one electron: non-collinear spin or spin-orbit coupling."""
        return bool(self.parameters["LNONCOLLINEAR"])

    @property
    def n_electrons(self) -> float:
        """Valence electrons in the cell."""
        return float(self.parameters["NELECT"])


def read_vasprun(file: Path) -> VaspRun:
    """A run, whole or up to its last whole geometry.

    Raises
    ------
    ParseError
        The file is no ``vasprun.xml``, is damaged, contradicts itself, or ends before its first geometry was done.
    """
    complete = _looks_whole(file)
    raw = _parse(file, strict=complete)
    try:
        with np.errstate(all="ignore"):
            return _checked(raw, complete=complete)
    except _Damage as damage:
        raise ParseError(str(damage), reason="the file is damaged", where=str(file)) from damage
    except Exception as error:
        raise _refused(file, error) from error


class _Damage(Exception):
    """What is wrong with the content, in words."""


def _looks_whole(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            size = stream.seek(0, 2)
            stream.seek(max(0, size - TAIL_BYTES))
            tail = stream.read()
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    if b"<modeling" not in head or b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise ParseError("this is no vasprun.xml", reason="it does not begin as one", where=f"{file}:1")
    return tail.rstrip().endswith(END)


def _parse(file: Path, *, strict: bool) -> Vasprun:
    from pymatgen.io.vasp import Vasprun

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each of them is a check of its own here
            return Vasprun(str(file), parse_potcar_file=False, exception_on_bad_xml=strict)
    except Exception as error:
        raise _refused(file, error) from error


def _refused(file: Path, error: Exception) -> ParseError:
    """pymatgen raises any class on a damaged file: KeyError, IndexError, AttributeError, XMLSyntaxError …"""
    line = getattr(error, "lineno", None)
    return ParseError(
        "vasprun.xml is damaged, or ends before its first geometry was done",
        reason=f"{type(error).__name__}: {error}",
        where=f"{file}:{line}" if line else str(file),
    )


def _checked(raw: Vasprun, *, complete: bool) -> VaspRun:
    parameters = {**raw.incar, **raw.parameters}
    for name, kind in (("NELECT", float), ("ISPIN", int), ("LNONCOLLINEAR", bool), ("NELM", int), ("NSW", int)):
        if type(parameters.get(name)) is not kind:
            raise _Damage(f"{name} is missing from the parameters")
    steps = tuple(_step(step, raw) for step in raw.ionic_steps if "e_fr_energy" in step)
    if not steps or len(steps) != len(raw.ionic_steps):
        raise _Damage("a geometry has no energy")
    kpoints, weights = _kpoints(raw)
    eigenvalues = None
    if complete and raw.eigenvalues:
        eigenvalues = _eigenvalues(raw, parameters, weights)
    grid = raw.kpoints.kpts[0] if raw.kpoints.style.name in ("Monkhorst", "Gamma") and raw.kpoints.kpts else None
    return VaspRun(
        version=str(raw.vasp_version).strip(),
        complete=complete,
        parameters=parameters,
        titels=tuple(" ".join(titel.split()) for titel in raw.potcar_symbols),
        steps=steps,
        final_differs=complete and not _same_geometry(raw.final_structure, steps[-1].structure),
        kpoints=kpoints,
        weights=weights,
        style=raw.kpoints.style.name,
        divisions=None if grid is None else _divisions(grid),
        eigenvalues=eigenvalues,
        fermi_ev=_finite(raw.efermi, "the Fermi level") if complete and raw.efermi is not None else None,
    )


def _divisions(grid: Any) -> tuple[int, int, int]:
    a, b, c = (int(count) for count in grid)
    if min(a, b, c) < 1:
        raise _Damage(f"the k-grid is {grid}")
    return a, b, c


def _finite(value: Any, name: str) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise _Damage(f"{name} is no number")
    return number


def _array(values: Any, shape: tuple[int, ...], name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise _Damage(f"{name} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise _Damage(f"{name} holds something that is no number")
    return array


def _step(step: Mapping[str, Any], raw: Vasprun) -> IonicStep:
    structure = step["structure"]
    if structure is None:
        raise _Damage("a geometry has no structure")
    n_atoms = len(raw.initial_structure)
    _array(structure.frac_coords, (n_atoms, 3), "positions")
    lattice = _array(structure.lattice.matrix, (3, 3), "lattice")
    if abs(np.linalg.det(lattice)) < SMALLEST_VOLUME_ANG3:
        raise _Damage("the cell has no volume")
    forces, stress = step.get("forces"), step.get("stress")
    return IonicStep(
        structure=structure,
        energy_ev=_zero_smearing(step),
        free_energy_ev=_finite(step["e_fr_energy"], "the free energy"),
        forces_ev_per_ang=None if forces is None else _array(forces, (n_atoms, 3), "forces"),
        stress_kbar=None if stress is None else _array(stress, (3, 3), "stress"),
        scf_cycles=len(step["electronic_steps"]),
    )


def _zero_smearing(step: Mapping[str, Any]) -> float:
    """Energy of a geometry at sigma -> 0.

    VASP 5 prints it under ``e_wo_entrp`` in the summary of a geometry, and the entropy under ``e_0_energy``
    (https://www.vasp.at/forum/viewtopic.php?t=16942); in the SCF cycles, and everywhere from VASP 6 on, the names are
    right. The difference E0 - F of the last cycle decides, F of the summary holds what is added after the SCF
    (dispersion).
    """
    free = _finite(step["e_fr_energy"], "the free energy")
    cycles = [cycle for cycle in step["electronic_steps"] if {"e_fr_energy", "e_0_energy"} <= cycle.keys()]
    if not cycles:
        return _finite(step["e_0_energy"], "the energy")
    energy = free + _finite(cycles[-1]["e_0_energy"] - cycles[-1]["e_fr_energy"], "the energy")
    told = [step.get(name) for name in ("e_0_energy", "e_wo_entrp")]
    if not any(value is not None and abs(value - energy) < SAME_ENERGY_EV for value in told):
        raise _Damage("the energies of a geometry contradict those of its last SCF cycle")
    return energy


def _kpoints(raw: Vasprun) -> tuple[FloatArray, FloatArray]:
    n = len(raw.actual_kpoints)
    kpoints = _array(raw.actual_kpoints, (n, 3), "k-points")
    weights = _array(raw.actual_kpoints_weights, (n,), "weights of the k-points")
    if n == 0 or weights.min() < 0 or abs(weights.sum() - 1) > 1e-5 * max(n, 10):
        raise _Damage(f"the weights of the k-points add up to {weights.sum():.6f}")
    return kpoints, weights


def _eigenvalues(raw: Vasprun, parameters: Mapping[str, Any], weights: FloatArray) -> Eigenvalues:
    assert raw.eigenvalues is not None
    n_spins = 1 if parameters["LNONCOLLINEAR"] else int(parameters["ISPIN"])
    channels = [raw.eigenvalues[spin] for spin in sorted(raw.eigenvalues, key=lambda spin: -int(spin.value))]
    if len(channels) != n_spins:
        raise _Damage(f"there are eigenvalues of {len(channels)} spin channels, ISPIN = {n_spins}")
    n_bands = channels[0].shape[1]
    table = _array(np.array(channels), (n_spins, len(weights), n_bands, 2), "eigenvalues")
    if parameters.get("NBANDS") != n_bands:
        raise _Damage(f"there are {n_bands} bands, NBANDS = {parameters.get('NBANDS')}")
    order = np.argsort(table[..., 0], axis=2, kind="stable")
    values = np.take_along_axis(table[..., 0], order, axis=2)
    occupations = np.take_along_axis(table[..., 1], order, axis=2)
    per_band = 1 if parameters["LNONCOLLINEAR"] or n_spins == 2 else 2
    electrons = tuple(float(per_band * weights @ channel.sum(axis=1)) for channel in occupations)
    tolerance = OCCUPATION_DIGITS * per_band * n_bands + 1e-3
    if abs(sum(electrons) - parameters["NELECT"]) > tolerance:
        raise _Damage(f"the occupations add up to {sum(electrons):.4f} electrons, NELECT = {parameters['NELECT']:g}")
    return Eigenvalues(values_ev=values, occupations=occupations, electrons=electrons)


def _same_geometry(first: Structure, second: Structure) -> bool:
    moved = first.frac_coords - second.frac_coords
    return bool(
        np.abs(first.lattice.matrix - second.lattice.matrix).max() < 1e-6
        and np.abs(moved - np.round(moved)).max() < 1e-6
    )
