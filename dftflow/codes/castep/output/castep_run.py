"""What a ``.castep`` file tells of one run: its set-up, its end, and a frame for every geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from dftflow.codes.castep.output.species import symbol_of
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray, FoundMoments, Status

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Build", "CastepEnergies", "CastepFrame", "CastepRun", "CastepSetup", "ConvergenceTest", "KpointGrid"]

Build = Literal["academic", "materials-studio"]


_ENERGY_NAMES = tuple(
    f"{prefix}{name}"
    for prefix in ("", "dispersion_")
    for name in ("final_energy_ev", "free_energy_ev", "zero_kelvin_energy_ev")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CastepEnergies:
    """The energies printed for one geometry, in eV per cell; None where a kind was not printed.

    Attributes
    ----------
    final_energy_ev
        ``Final energy``: E, without the entropy of the smearing.
    free_energy_ev, zero_kelvin_energy_ev
        ``Final free energy (E-TS)`` and ``NB est. 0K energy (E-0.5TS)``; with smearing alone.
    dispersion_final_energy_ev, dispersion_free_energy_ev, dispersion_zero_kelvin_energy_ev
        The same three with the dispersion correction.
    finite_basis_corrected_energy_ev
        ``Total energy corrected for finite basis set``: with smearing it is E-TS that is corrected. Only printed for
        the first geometry of a run.
    unconverged_energy_ev
        ``Current total energy`` of an SCF that was given up. It is no energy of this geometry.
    unprinted
        Names of those whose line is there without a number that fits its column.
    """

    final_energy_ev: float | None = None
    free_energy_ev: float | None = None
    zero_kelvin_energy_ev: float | None = None
    dispersion_final_energy_ev: float | None = None
    dispersion_free_energy_ev: float | None = None
    dispersion_zero_kelvin_energy_ev: float | None = None
    finite_basis_corrected_energy_ev: float | None = None
    unconverged_energy_ev: float | None = None
    unprinted: frozenset[str] = frozenset()

    @property
    def best_ev(self) -> float | None:
        """The 0 K estimate with smearing, else E; with dispersion where that was printed.

        Never with the finite-basis correction, which CASTEP prints for the first geometry alone: energies of a
        trajectory, and of runs with and without a relaxation, stay comparable.
        """
        return self._best("zero_kelvin_energy_ev")

    @property
    def best_free_ev(self) -> float | None:
        """E-TS, which forces and stress are derivatives of; E without smearing; with dispersion where printed."""
        return self._best("free_energy_ev")

    def _best(self, smeared: str) -> float | None:
        """The energy `smeared`, else E, with dispersion where that is printed; None where its number is not."""
        known = {name for name in _ENERGY_NAMES if getattr(self, name) is not None} | self.unprinted
        prefix = "dispersion_" if "dispersion_final_energy_ev" in known else ""
        name = next((name for name in (smeared, "final_energy_ev") if prefix + name in known), "final_energy_ev")
        value: float | None = getattr(self, prefix + name)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergenceTest:
    """One line of the table that closes an iteration of a geometry optimisation.

    Attributes
    ----------
    quantity
        ``"energy"`` (eV; per atom, but per cell with damped MD), ``"force"`` (eV/Å), ``"displacement"`` (Å) or
        ``"stress"`` (GPa).
    value, tolerance
        None where the number did not fit its column.
    passed
        The Yes or No of the last column.
    """

    quantity: Literal["energy", "force", "displacement", "stress"]
    value: float | None
    tolerance: float | None
    passed: bool


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CastepFrame:
    """One geometry, and what was calculated for it.

    Attributes
    ----------
    line
        Line of the file where the geometry begins, from 1.
    iteration
        Of the optimisation, or MD step, that ended with this geometry; 0 is the geometry the run started from. None
        for a trial step of a line search, for a step that was never finished, and in a run without steps.
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    species
        As printed, with the extension of a named species: ``"Ti"``, ``"Ti:ext"``.
    positions_frac
        shape (n_atoms, 3).
    weights
        Of each atom, where a virtual crystal mixes several on one site; None without mixtures.
    energies
        None when no SCF of this geometry came to an end.
    moments
        Integrals of the spin density and of its absolute value; None where a run without spin prints none.
    enthalpy_ev
        As the minimiser printed it: E-TS, P·V and the finite-basis correction together.
    fermi_ev
        Of the last SCF cycle; None without smearing.
    scf_cycles
        Number of the last SCF cycle.
    scf_converged
        False when the SCF was given up: forces and stress, if there are any, mean nothing then.
    forces_ev_per_ang
        shape (n_atoms, 3); the ones the minimiser used: symmetrised and constrained where CASTEP did so, so that the
        force on a fixed atom is 0.
    stress_gpa
        shape (3, 3); positive is tension, the printed pressure is -trace/3. Without the cell constraints.
    tests
        Of a finished iteration; ``()`` otherwise.
    unprinted
        ``"forces"`` and ``"stress"``, where CASTEP could not print a number of theirs.
    """

    line: int
    iteration: int | None = None
    cell_ang: FloatArray
    species: tuple[str, ...]
    positions_frac: FloatArray
    weights: tuple[float, ...] | None = None
    energies: CastepEnergies | None = None
    moments: FoundMoments | None = None
    enthalpy_ev: float | None = None
    fermi_ev: float | None = None
    scf_cycles: int | None = None
    scf_converged: bool = True
    forces_ev_per_ang: FloatArray | None = None
    stress_gpa: FloatArray | None = None
    tests: tuple[ConvergenceTest, ...] = ()
    unprinted: tuple[Literal["forces", "stress"], ...] = ()

    @property
    def energy_ev(self) -> float | None:
        """See `CastepEnergies.best_ev`."""
        return None if self.energies is None else self.energies.best_ev

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols: `species` without extensions and labels."""
        return tuple(map(symbol_of, self.species))

    def test(self, quantity: str) -> ConvergenceTest | None:
        """The convergence test of ``"energy"``, ``"force"``, ``"displacement"`` or ``"stress"``."""
        return next((test for test in self.tests if test.quantity == quantity), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KpointGrid:
    """The Monkhorst-Pack grid of the SCF; `offset` in units of the reciprocal lattice vectors, None if not printed."""

    divisions: tuple[int, int, int]
    offset: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CastepSetup:
    """How a run calculated, as CASTEP repeats it; None for what this version or this run does not print.

    Attributes
    ----------
    task
        ``"geometry optimization"``, ``"single point energy"``, ``"Electronic Spectroscopy"`` …
    functional
        ``"Perdew Burke Ernzerhof"`` …
    dispersion
        Scheme of the dispersion correction (``"G06"``, ``"TS"`` …; ``"on"`` when it is not named); None without one.
    codata
        Year of the constants that CASTEP converts with.
    spin
        ``"none"``, ``"collinear"`` or ``"non-collinear"``.
    fixed_occupancy
        No smearing: ``Treating system as non-metallic``.
    smearing_scheme, smearing_width_ev
        None with fixed occupancies.
    dipole_correction
        ``"NONE"`` …
    n_kpoints
        Of the SCF, after symmetry.
    potentials
        Species -> file, library or on-the-fly string.
    geometry_method
        ``"BFGS"``, ``"LBFGS"``, ``"damped MD"`` …
    settings
        Every ``name : value`` of the parameter sections, as printed; the first where a name comes twice.
    """

    task: str | None = None
    functional: str | None = None
    dispersion: str | None = None
    cutoff_ev: float | None = None
    codata: int | None = None
    spin: Literal["none", "collinear", "non-collinear"] | None = None
    spin_orbit: bool | None = None
    n_electrons: float | None = None
    n_bands: int | None = None
    fixed_occupancy: bool | None = None
    smearing_scheme: str | None = None
    smearing_width_ev: float | None = None
    dipole_correction: str | None = None
    kpoint_grid: KpointGrid | None = None
    n_kpoints: int | None = None
    potentials: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    geometry_method: str | None = None
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_geometry_run(self) -> bool:
        """Whether the task is a geometry optimisation."""
        return "geometry optimi" in (self.task or "").lower()

    @property
    def is_dynamics(self) -> bool:
        """Whether the task is molecular dynamics."""
        return "molecular dynamics" in (self.task or "").lower()

    @property
    def spin_polarised(self) -> bool | None:
        """Whether there are two spin channels, or spinors."""
        return None if self.spin is None else self.spin != "none"

    @property
    def is_band_structure(self) -> bool:
        """Whether the run went on, after the SCF, to k-points of its own."""
        task = (self.task or "").lower()
        return "band structure" in task or "spectroscopy" in task


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CastepRun:
    """One run of a ``.castep`` file.

    Attributes
    ----------
    version
        ``"23.1"``; ``""`` when the file ends within the banner.
    start_line
        Line of the banner that names the version, from 1.
    status
        ``died`` when an error and its trace stand in the file itself; most go to ``<seed>.NNNN.err``.
    iteration
        Last finished geometry iteration or MD step.
    scf_cycle
        Last SCF cycle in the run, finished or not.
    frames
        One a geometry that was printed and calculated, in the file's order, trial steps of line searches too. A
        geometry that a later iteration went back to stands again, with that iteration.
    final
        The geometry the run ended with: as printed under ``Final Configuration``, else the one of the last finished
        iteration, else the first; None when the run printed none.
    energies
        Of the last finished iteration of an optimisation or MD, else of the first geometry. From a transition state
        search, of the reactant.
    final_enthalpy_ev
        As printed at the end of an optimisation.
    finite_basis_de_dlnecut_ev
        dE/d ln E_cut, as printed "for future reference".
    warnings
        Lines with a warning, each once.
    """

    version: str
    build: Build
    start_line: int
    status: Status
    setup: CastepSetup
    iteration: int | None = None
    scf_cycle: int | None = None
    frames: tuple[CastepFrame, ...] = ()
    final: CastepFrame | None = None
    energies: CastepEnergies | None = None
    fermi_ev: float | None = None
    final_enthalpy_ev: float | None = None
    finite_basis_de_dlnecut_ev: float | None = None
    wall_time_s: float | None = None
    peak_memory_mib: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def energy_ev(self) -> float | None:
        """See `CastepEnergies.best_ev`; None when the SCF of that geometry never converged."""
        return None if self.energies is None else self.energies.best_ev

    @property
    def free_energy_ev(self) -> float | None:
        """See `CastepEnergies.best_free_ev`."""
        return None if self.energies is None else self.energies.best_free_ev

    @property
    def steps(self) -> tuple[CastepFrame, ...]:
        """The frames of finished iterations."""
        return tuple(frame for frame in self.frames if frame.iteration is not None)

    def structure(self) -> Structure | None:
        """The geometry of `final` as a pymatgen `Structure`; the atoms of a mixture share a site with their weights.

        Raises
        ------
        ParseError
            A species is no element.
        """
        from pymatgen.core import Composition, Lattice, Structure

        frame = self.final
        if frame is None:
            return None
        sites: dict[tuple[float, ...], dict[str, float]] = {}
        for number, (symbol, place) in enumerate(zip(frame.symbols, frame.positions_frac, strict=True)):
            weight = 1.0 if frame.weights is None else frame.weights[number]
            key = tuple(place.tolist()) if weight < 1 else (*place.tolist(), float(number))
            sites.setdefault(key, {})[symbol] = weight
        try:
            species = [Composition(site) for site in sites.values()]
            return Structure(Lattice(frame.cell_ang), species, [key[:3] for key in sites])
        except (ValueError, KeyError) as error:
            raise ParseError("a species of the .castep file is no element", reason=str(error)) from error
