"""Density of states and projections of one VASP run, from whichever of its files holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dftflow.codes.base import Calculation
from dftflow.codes.reading import FileLog
from dftflow.codes.vasp.doscar_file import read_doscar
from dftflow.codes.vasp.folder import file_of
from dftflow.codes.vasp.orbitals import groups_of
from dftflow.codes.vasp.procar_file import read_procar
from dftflow.codes.vasp.vasprun_file import VaspRun
from dftflow.codes.vasp.vasprun_states import ProjectedStates, VaspDos
from dftflow.errors import ParseError
from dftflow.model.check import Part
from dftflow.model.dos import DensityOfStates
from dftflow.model.energy import EnergyZero
from dftflow.model.projections import Projections, WeightArray
from dftflow.model.results import Bands

__all__ = ["States", "read_states"]

METHOD = "PAW spheres: the part of each state within a sphere around the atom (RWIGS, or the projectors of LORBIT > 9)"
SAME_K = 1e-4 + 1e-6  # an OUTCAR, too, may tell the k-points of the run
SAME_EV = 1e-3
SAME_LEVEL_EV = 2e-3  # of the head of a DOSCAR, and the four decimals of a log


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class States:
    """What the files tell of the states; `lost` is that of the run, less what another file than vasprun.xml told."""

    projections: Projections | None
    dos: DensityOfStates | None
    lost: Mapping[Part, str]


def read_states(calculation: Calculation, run: VaspRun, bands: Bands | None, zero: EnergyZero, log: FileLog) -> States:
    """Of vasprun.xml, or else of PROCAR and DOSCAR, which have fewer digits."""
    lost = dict(run.lost)
    projected, dos = run.projected, _of_run(run)
    if projected is None and bands is not None:
        n_own = len(run.kpoints)
        projected = log.take(
            file_of(calculation, "PROCAR"),
            "projected bands",
            lambda file: _of_procar(file, bands, n_own, len(run.steps[-1].geometry.elements)),
            lambda p: f"{p.weights.shape[3]} atoms, {len(p.orbitals)} orbitals",
        )
    if dos is None:
        dos = log.take(
            file_of(calculation, "DOSCAR"),
            "density of states",
            lambda file: _of_doscar(file, run),
            lambda d: f"{len(d[0].energies_ev)} energies, {len(d[0].orbitals)} orbitals",
        )
    if projected is not None and "projections" in lost and run.further is None:
        del lost["projections"]
    if dos is not None:
        lost.pop("dos", None)
    return States(
        projections=None if projected is None or bands is None else _projections(run, projected, bands),
        dos=None if dos is None else _dos(run, *dos, zero),
        lost=lost,
    )


def _elements(run: VaspRun) -> tuple[str, ...]:
    return tuple(site.specie.symbol for site in run.steps[-1].structure)


def _projections(run: VaspRun, own: ProjectedStates, bands: Bands) -> Projections:
    """With those at the points of KPOINTS_OPT, where these were projected too, and NaN where they were not."""
    n_spins, n_kpoints, n_bands = bands.eigenvalues_ev.shape
    weights: WeightArray = own.weights.reshape(*own.weights.shape[:3], -1)
    n_further = n_kpoints - weights.shape[1]
    if n_further:
        further = run.further_projected
        same = further is not None and further.orbitals == own.orbitals
        behind = (
            further.weights.reshape(n_spins, n_further, n_bands, -1)
            if further is not None and same
            else np.full((n_spins, n_further, n_bands, weights.shape[3]), np.nan, dtype=np.float32)
        )
        weights = np.concatenate([weights, behind], axis=1)
    return Projections(weights=weights, groups=groups_of(_elements(run), own.orbitals), method=METHOD)


def _of_run(run: VaspRun) -> tuple[VaspDos, float | None, str] | None:
    return None if run.dos is None else (run.dos, run.fermi_ev, "vasprun.xml")


def _dos(run: VaspRun, found: VaspDos, fermi_ev: float | None, name: str, zero: EnergyZero) -> DensityOfStates:
    """ISMEAR < -1 is the tetrahedron method, or occupations that were given: no width."""
    smearing, width = run.parameters.get("ISMEAR"), run.parameters.get("SIGMA")
    smeared = isinstance(smearing, int) and smearing >= -1 and isinstance(width, float)
    projected = found.projected
    n_spins, n = found.total.shape
    return DensityOfStates(
        energies_ev=found.energies_ev,
        total=found.total,
        projected=None if projected is None else np.asarray(projected, dtype=np.float64).reshape(n_spins, -1, n),
        groups=() if projected is None else groups_of(_elements(run), found.orbitals),
        fermi_ev=fermi_ev,
        zero=zero,
        broadening_ev=width if smeared else None,
        integrated=found.integrated,
        source=name if projected is None else f"{name}; groups are {METHOD}",
    )


def _of_doscar(file: Path, run: VaspRun) -> tuple[VaspDos, float | None, str]:
    found, fermi_ev = read_doscar(file, spinor=run.spinor, n_spins=run.n_spins)
    if found.projected is not None and found.projected.shape[1] != len(run.steps[-1].geometry.elements):
        raise _other_run(file, f"it is of {found.projected.shape[1]} atoms")
    if run.fermi_ev is not None and abs(fermi_ev - run.fermi_ev) > SAME_LEVEL_EV:
        raise _other_run(file, f"its Fermi level is {fermi_ev:.4f} eV, that of the log {run.fermi_ev:.4f} eV")
    return found, fermi_ev, "DOSCAR"


def _of_procar(file: Path, bands: Bands, n_own: int, n_atoms: int) -> ProjectedStates:
    """In the order of the bands; the file repeats k-points and energies, which must be those of the run."""
    found = read_procar(file)
    wanted = bands.eigenvalues_ev[:, :n_own]
    if found.energies_ev.shape != wanted.shape or found.weights.shape[3] != n_atoms:
        raise _other_run(file, f"it is of {found.weights.shape[:4]} spins, k-points, bands and atoms")
    if np.abs(found.kpoints - bands.kpoints_frac[:n_own]).max() > SAME_K:
        raise _other_run(file, "its k-points are others")
    order = np.argsort(found.energies_ev, axis=2, kind="stable")
    apart = np.abs(np.take_along_axis(found.energies_ev, order, axis=2) - wanted)
    if not apart.max() < SAME_EV:
        raise _other_run(file, f"its energies differ by up to {apart.max():.4f} eV")
    weights = np.take_along_axis(found.weights, order[..., None, None], axis=2)
    return ProjectedStates(weights=weights, orbitals=found.orbitals)


def _other_run(file: Path, reason: str) -> ParseError:
    fix = "give the files of one run, or leave this one out"
    return ParseError(f"{file.name} is not of this run", reason=reason, fix=fix, where=str(file))
