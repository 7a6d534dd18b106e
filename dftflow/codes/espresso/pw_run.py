"""A run of pw.x as its XML or its text tells it, in dftflow's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dftflow.model.check import Part
from dftflow.model.results import FloatArray, FoundMoments

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["SCF_TASKS", "Eigenvalues", "Geometry", "PwRun", "RelaxationTarget", "zero_smearing_share"]

SCF_TASKS = ("scf", "relax", "vc-relax", "md", "vc-md")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Geometry:
    """One geometry with what was calculated for it.

    Attributes
    ----------
    free_energy_ev, energy_ev
        E - TS; extrapolated to zero smearing. None in a run at fixed density.
    forces_ev_per_ang, stress_gpa
        shapes (n_atoms, 3) and (3, 3), tension positive; None where they were not asked for.
    scf_converged
        None where it is not told.
    """

    structure: Structure
    free_energy_ev: float | None
    energy_ev: float | None
    forces_ev_per_ang: FloatArray | None
    stress_gpa: FloatArray | None
    scf_converged: bool | None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Eigenvalues:
    """Eigenvalues of the last geometry.

    Attributes
    ----------
    values_ev
        shape (n_spins, n_kpoints, n_bands), ascending; NaN behind the bands of the channel with fewer.
    electrons
        Per channel; one number, the total, without channels.
    kpoints_frac, weights
        shapes (n_kpoints, 3) and (n_kpoints,); the weights' sum is 1.
    """

    values_ev: FloatArray
    electrons: tuple[float, ...]
    kpoints_frac: FloatArray
    weights: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxationTarget:
    """What a relaxation was to reach; None where the run does not tell it.

    Attributes
    ----------
    pressure_gpa
        Of the surroundings.
    stress_gpa, force_ev_per_ang
        How far each component may be from it, and from 0.
    cell_freedom
        ``cell_dofree``; ``""`` where it is not told.
    free
        shape (n_atoms, 3) as rows of 0 and 1: which components of the atoms may move; ``()`` where it is not told.
    """

    pressure_gpa: float | None = None
    stress_gpa: float | None = None
    force_ev_per_ang: float | None = None
    cell_freedom: str = ""
    free: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PwRun:
    """A run of pw.x.

    Attributes
    ----------
    task
        ``"scf"``, ``"nscf"``, ``"bands"``, ``"relax"``, ``"vc-relax"`` …
    exit_status
        0 when all went well, 2 and 3 when the SCF and the ions did not converge, 255 when it was stopped in time.
    alat_ang
        Length in which pw.x counts; that of the cell which a relaxation of the cell began with.
    last, steps
        The final geometry; the accepted geometries of a relaxation, in order.
    relaxed
        Whether the relaxation says that it converged; None without one.
    eigenvalues
        None where they were not printed in full, or could not be read (`lost`).
    fermi_ev
        Per channel where they have different ones; ``()`` where the run gives none.
    highest_occupied_ev
        With fixed occupations; else None.
    target
        Of the relaxation.
    lost
        Part -> what stands in the place of its numbers.
    from_text
        It was read from the text of pw.x, which does not tell k-grid, dispersion, Hubbard U and corrections for slabs.
    grid, grid_offset
        Monkhorst-Pack grid; None where k-points were listed.
    smearing, degauss_ev
        None with fixed occupations or tetrahedra.
    potential_files
        Element or species -> file name.
    fft_grid
        Points of the density's grid.
    dipole_axis
        0, 1, 2 with a dipole correction; else None.
    assume_isolated
        ``"none"``, ``"2D"``, ``"esm"`` …; None where it is not told.
    """

    version: str
    schema: str
    task: str
    exit_status: int | None
    alat_ang: float
    last: Geometry
    steps: tuple[Geometry, ...]
    relaxed: bool | None
    n_electrons: float
    spin_polarised: bool
    spinor: bool
    spin_orbit: bool
    eigenvalues: Eigenvalues | None
    fermi_ev: tuple[float, ...]
    highest_occupied_ev: float | None
    functional: str
    dispersion: str | None
    hubbard: Mapping[str, float] | None
    cutoff_ev: float
    density_cutoff_ev: float | None
    fft_grid: tuple[int, int, int] | None
    grid: tuple[int, int, int] | None
    grid_offset: tuple[int, int, int] | None
    occupations: str
    smearing: str | None
    degauss_ev: float | None
    potential_files: Mapping[str, str]
    dipole_axis: int | None
    assume_isolated: str | None
    wall_time_s: float | None
    moments: FoundMoments | None = None
    target: RelaxationTarget = RelaxationTarget()
    lost: Mapping[Part, str] = field(default_factory=dict)
    from_text: bool = False

    @property
    def has_scf(self) -> bool:
        """Whether the density was made self-consistent in this run."""
        return self.task in SCF_TASKS


def zero_smearing_share(smearing: str | None) -> float:
    """Share of -TS by which the energy at zero smearing lies above E - TS.

    1/2 with Gaussian and Fermi-Dirac smearing, 1/3 with first-order Methfessel-Paxton (10.1103/PhysRevB.40.3616); cold
    smearing has none to that order (10.1103/PhysRevLett.82.3296).
    """
    return {"gaussian": 1 / 2, "fd": 1 / 2, "mp": 1 / 3}.get(smearing or "", 0.0)
