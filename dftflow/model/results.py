"""What a finished calculation printed, in dftflow's units, whichever code it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import numpy as np
from numpy.typing import NDArray

from dftflow.model.check import Check, Part
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.method import Method
from dftflow.model.shown import Shown

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from dftflow.model.dos import DensityOfStates
    from dftflow.model.edge_shifts import EdgeShifts
    from dftflow.model.levels import PrintedGap
    from dftflow.model.projections import Projections

__all__ = [
    "Atoms",
    "Bands",
    "BandsRun",
    "Density",
    "FloatArray",
    "FoundMoments",
    "PotentialGrid",
    "RelaxationStep",
    "Results",
    "Status",
    "readonly",
]

FloatArray = NDArray[np.float64]
Status = Literal["finished", "scf_not_converged", "geom_not_converged", "out_of_time", "truncated", "died", "unknown"]
"""How a calculation ended; ``unknown`` where its log, which would tell, is not there."""


def readonly(array: object, shape: tuple[int | None, ...], name: str) -> FloatArray:
    """`array` as float64 that nobody can write to, a copy unless it is such, after a check of its shape (None: any)."""
    copy = array if _is_sealed(array) else np.array(array, dtype=np.float64)
    fits = copy.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, copy.shape, strict=True))
    if not fits:
        raise ValueError(f"{name} has shape {copy.shape}, expected {shape}")
    copy.setflags(write=False)
    return copy


def _is_sealed(array: object) -> TypeGuard[FloatArray]:
    """Whether `array`, and what it is a view of, is float64 and read-only."""
    base = array
    while isinstance(base, np.ndarray) and base.dtype == np.float64 and not base.flags.writeable:
        if base.base is None:
            return True
        base = base.base
    return False


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Atoms:
    """Atoms as a file names them, in its own order.

    Attributes
    ----------
    elements
        length n_atoms; ``""`` where the file gives the place alone.
    positions_frac
        shape (n_atoms, 3); in units of the lattice vectors.
    """

    elements: tuple[str, ...]
    positions_frac: FloatArray

    def __post_init__(self) -> None:
        places = readonly(self.positions_frac, (len(self.elements), 3), "positions_frac")
        object.__setattr__(self, "positions_frac", places)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class Bands(Shown):
    """Kohn-Sham eigenvalues.

    Attributes
    ----------
    eigenvalues_ev
        shape (n_spins, n_kpoints, n_bands); ascending in the last axis. Where one channel has fewer bands than the
        other, its row ends in NaN.
    kpoints_frac
        shape (n_kpoints, 3); in units of the reciprocal lattice vectors.
    labels
        length n_kpoints; the name of a special point or ``""``.
    on_path
        length n_kpoints; index of the path segment the point belongs to, or -1 for points of a grid and extra
        edge points. Points of a segment follow each other in path order.
    reciprocal_per_ang
        shape (3, 3); rows are the reciprocal lattice vectors, 2π included.
    n_electrons
        electrons per cell and spin channel: one number a channel; for n_spins = 1 the total.
    fermi_ev
        Fermi level of the SCF, the higher one where the channels have different ones; never used to count bands.
    zero
        Zero of `eigenvalues_ev` and of the Fermi levels.
    fermi_by_spin_ev
        One Fermi level a channel, where the code gives them apart; else ``()``.
    weights
        shape (n_kpoints,); of the k-points in the Brillouin zone, without a meaning on a path. None when unknown.
    spinor
        Each band holds one electron, not two: non-collinear spin or spin-orbit coupling, with n_spins = 1.
    stands_in
        ``"own file"`` that holds the cell, the electrons and the Fermi level too, and can be told from that of another
        calculation by them; ``"bare file"`` that does not, so that these are the log's; or the ``"log"`` itself.
    atoms
        Those that the file of the eigenvalues names; None where it names none.
    grid
        Numbers of the regular grid that the points with a weight are of, where that is another one than the SCF's.
    """

    eigenvalues_ev: FloatArray
    kpoints_frac: FloatArray
    labels: tuple[str, ...]
    on_path: tuple[int, ...]
    reciprocal_per_ang: FloatArray
    n_electrons: tuple[float, ...]
    fermi_ev: float
    zero: EnergyZero
    fermi_by_spin_ev: tuple[float, ...] = ()
    weights: FloatArray | None = None
    spinor: bool = False
    stands_in: Literal["own file", "bare file", "log"] = "own file"
    atoms: Atoms | None = None
    grid: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        values = readonly(self.eigenvalues_ev, (None, None, None), "eigenvalues_ev")
        n_spins, n_kpoints, _ = values.shape
        object.__setattr__(self, "eigenvalues_ev", values)
        object.__setattr__(self, "kpoints_frac", readonly(self.kpoints_frac, (n_kpoints, 3), "kpoints_frac"))
        object.__setattr__(self, "reciprocal_per_ang", readonly(self.reciprocal_per_ang, (3, 3), "reciprocal_per_ang"))
        if self.weights is not None:
            object.__setattr__(self, "weights", readonly(self.weights, (n_kpoints,), "weights"))
        for name, length in (("labels", n_kpoints), ("on_path", n_kpoints), ("n_electrons", n_spins)):
            if len(getattr(self, name)) != length:
                raise ValueError(f"{name} has length {len(getattr(self, name))}, expected {length}")

    def _in_short(self) -> str:
        n_spins, n_kpoints, n_bands = self.eigenvalues_ev.shape
        channels = "2 spins, " if n_spins == 2 else ""
        return f"{channels}{n_kpoints} k-points, {n_bands} bands, E_F {self.fermi_ev:.3f} eV"

    @property
    def fermi(self) -> Energy:
        """`fermi_ev` with its zero."""
        return Energy(self.fermi_ev, self.zero)

    @property
    def electrons_per_band(self) -> int:
        """How many electrons a filled band of one channel holds."""
        return 1 if self.spinor or len(self.eigenvalues_ev) == 2 else 2

    @property
    def cell_ang(self) -> FloatArray:
        """Lattice vectors, shape (3, 3); the rows."""
        return np.asarray(2 * np.pi * np.linalg.inv(self.reciprocal_per_ang).T, dtype=np.float64)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PotentialGrid:
    """A potential energy of the electron on a regular grid.

    Attributes
    ----------
    values_ev
        shape (n_a, n_b, n_c); point (i, j, k) lies at i/n_a, j/n_b, k/n_c of the lattice vectors. Positive is
        repulsive to electrons: higher in the vacuum than in the slab.
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    kind
        ``electrostatic`` (Hartree and ions) or ``local`` (exchange-correlation included, as CASTEP writes).
    zero
        Zero of `values_ev`, the same as that of the run's eigenvalues.
    n_spins
        Spin channels in the file, over which `values_ev` is the mean; None where it does not tell.
    tells_cell
        Whether the file itself holds the cell; where it does not, `cell_ang` is that of the calculation's geometry.
    atoms
        Those that the file names; None where it names none.
    cutoff_ev
        Plane-wave cutoff of the run, where the file tells it.
    """

    values_ev: FloatArray
    cell_ang: FloatArray
    kind: Literal["electrostatic", "local"]
    zero: EnergyZero
    n_spins: int | None = None
    tells_cell: bool = True
    atoms: Atoms | None = None
    cutoff_ev: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values_ev", readonly(self.values_ev, (None, None, None), "values_ev"))
        object.__setattr__(self, "cell_ang", readonly(self.cell_ang, (3, 3), "cell_ang"))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Density:
    """What the grid of an electron density says of the calculation it is from; its values are not kept.

    Attributes
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    n_electrons
        Integral over the cell.
    counted_to
        How far that is from a run's own number at most, in electrons.
    n_spins
        Spin channels; 1 of a non-collinear run.
    spinor
        Non-collinear.
    """

    cell_ang: FloatArray
    n_electrons: float
    counted_to: float
    n_spins: int
    spinor: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "cell_ang", readonly(self.cell_ang, (3, 3), "cell_ang"))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class BandsRun:
    """A run that eigenvalues are of.

    Attributes
    ----------
    method
        How it was calculated, for all that its files tell.
    log_fermi
        Fermi level in its own log; None where there is none.
    structure
        Geometry in its own log; None where there is none.
    """

    method: Method
    log_fermi: Energy | None = None
    structure: Structure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxationStep:
    """One accepted step of a geometry optimisation."""

    energy_ev: float
    max_force_ev_per_ang: float | None
    max_stress_gpa: float | None
    max_displacement_ang: float | None
    volume_ang3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMoments:
    """Magnetic moments of a cell along one axis, in Bohr magnetons, as an SCF ended with them.

    Attributes
    ----------
    total_mub
        Their sum.
    absolute_mub
        The sum of their sizes: within the spheres of the atoms, or the integral of the absolute value of the spin
        density. None where only `total_mub` is told.
    """

    total_mub: float
    absolute_mub: float | None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Results:
    """Everything dftflow takes from one calculation; None where the calculation does not carry it.

    Attributes
    ----------
    energy_ev
        Total energy of the last geometry, extrapolated to zero smearing where smearing was used. From a calculation
        whose `status` is not ``finished`` it may be far from converged.
    free_energy_ev
        E - TS with smearing: what forces and stress are derivatives of.
    method
        How the energy was calculated; the eigenvalues too, unless `bands_run` says otherwise.
    checks
        Consistency checks of the code's own. What every code has in common is checked in `dftflow.gate`.
    structure
        Last geometry.
    forces_ev_per_ang
        shape (n_atoms, 3).
    stress_gpa
        shape (3, 3); positive is tension, pressure = -trace/3; with the finite-basis correction when there is one.
    length_compliance_per_gpa
        shape (3,): by which part of itself a, b and c change at most when all components of the stress reach 1 GPa, by
        the Hessian of the optimiser that relaxed the cell, as far as it has seen it.
    finite_basis_de_dlnecut_ev
        dE/d ln E_cut used in that correction, per cell.
    log_fermi
        Fermi level as the log gives it, never that of the eigenvalues' file; None where the log gives none.
    moments
        Of a spin-polarised run whose files tell them.
    bands_run
        The run of `bands`, where that is another one than the energy is of: they could not be joined with the SCF's,
        or were made with another functional.
    projections
        Of the states of `bands`, and nothing without them.
    dos
        Density of states as the code wrote it, of the run of the energy or of one in its potential.
    printed_gap
        The gap that the code printed, where there are no eigenvalues.
    density
        What the grid of the density says of itself.
    shifts
        Band edges with corrections.
    lost
        Part -> why it is not among the results although its file holds it: what stands there is no number.
    warnings
        Lines a person should read.
    """

    code: str
    code_version: str
    status: Status
    energy_ev: float | None = None
    free_energy_ev: float | None = None
    method: Method | None = None
    checks: tuple[Check, ...] = ()
    structure: Structure | None = None
    forces_ev_per_ang: FloatArray | None = None
    stress_gpa: FloatArray | None = None
    finite_basis_de_dlnecut_ev: float | None = None
    length_compliance_per_gpa: FloatArray | None = None
    log_fermi: Energy | None = None
    moments: FoundMoments | None = None
    bands: Bands | None = None
    bands_run: BandsRun | None = None
    projections: Projections | None = None
    dos: DensityOfStates | None = None
    printed_gap: PrintedGap | None = None
    potential: PotentialGrid | None = None
    density: Density | None = None
    shifts: EdgeShifts | None = None
    steps: tuple[RelaxationStep, ...] = ()
    wall_time_s: float | None = None
    cpu_time_s: float | None = None
    peak_memory_mib: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    lost: Mapping[Part, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def fermi(self) -> Energy | None:
        """Fermi level of the log; where that gives none, the one beside the eigenvalues, if they are of that run."""
        if self.log_fermi is not None or self.bands is None or self.bands_run is not None:
            return self.log_fermi
        return self.bands.fermi

    @property
    def fermi_ev(self) -> float | None:
        """Number of `fermi`, on the zero of its run."""
        return None if self.fermi is None else self.fermi.value_ev

    @property
    def max_force_ev_per_ang(self) -> float | None:
        """Length of the largest force; None without forces."""
        forces = self.forces_ev_per_ang
        return None if forces is None or not len(forces) else float((forces**2).sum(axis=1).max() ** 0.5)

    @property
    def pressure_gpa(self) -> float | None:
        """Minus a third of the trace of the stress; None without one."""
        return None if self.stress_gpa is None else float(-self.stress_gpa.trace() / 3)
