"""What a GPAW deck calls: the five tasks, run in the deck's own folder and process.

GPAW is imported by the deck alone, so that dftflow itself never loads it. Every task leaves in its folder

* ``progress.json``: what is being done now;
* ``relax.jsonl``: one line an accepted geometry, and ``bfgs.json``, the optimiser's state: from these a killed
  relaxation goes on;
* ``finite_basis.json``: dE/d ln E_cut, when the cell is relaxed;
* ``bands.npz``, ``potential.npz``: eigenvalues and what the states are made of; plane-averaged electrostatic potential;
* ``results.json``: written last, and only whole. Its ``status`` says how the run ended.

The files are replaced by renaming, so that a reader never sees half of one.
"""

from __future__ import annotations

import json
import platform
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.constraints import FixSymmetry
from ase.optimize import BFGS

from dftflow.codes.gpaw.edge_shifts import corrected_edges
from dftflow.codes.gpaw.elasticity import length_compliance_per_gpa
from dftflow.codes.gpaw.kpoint_set import grid_of_points
from dftflow.codes.gpaw.optimiser import KeptBFGS, optimiser_of
from dftflow.codes.gpaw.whole_file import replace_whole
from dftflow.model.kpoint_grid import Counts, Shift, grid_points, same_kpoint
from dftflow.model.spec import CellFreedom
from dftflow.units import BOHR_ANG, EV_PER_ANG3_GPA, HARTREE_EV

__all__ = ["SEGMENT_OF_EXTRA_POINTS", "BasisCorrected", "bands", "dos", "potential", "relax", "shifts"]

SEGMENT_OF_EXTRA_POINTS = -1
SMEARED_OUT = 0.25  # of a band: less is what smearing leaves over, and no band of its own
NO_DISPERSION = "none"
DAMPING = {"D3": "d3zero", "D3(BJ)": "d3bj"}
FINITE_BASIS_STEP = 0.03
KPOINTS_AT_ONCE = 4
EIGENSTATE_TOLERANCE_EV2 = 1e-4  # squared residual; against 1e-5 it moved none of 92 bands by more than 0.11 meV
SYMMETRY_TOLERANCE_ANG = 1e-3
SAME_K = 1e-6
NAME_OF_GLLB = "GLLBSC"
ASE_CONSTANTS = "CODATA 2014"  # of ase.units, which GPAW counts in

MakeCalculator = Callable[..., Any]
_STEP_KEYS = {"energy_ev", "max_force_ev_per_ang", "max_stress_gpa", "cell_ang", "positions_ang", "scaled"}


class _States(NamedTuple):
    """What is kept of states.

    Attributes
    ----------
    eigenvalues_ev
        shape (n_spins, n_kpoints, n_bands).
    projections
        shape (n_spins, n_kpoints, n_bands, n_shells), of single precision: `_weights_on_shells`.
    """

    eigenvalues_ev: np.ndarray
    projections: np.ndarray

    def at(self, kpoints: np.ndarray) -> _States:
        """A copy with those of the k-points of these indices, in their order."""
        return _States(*(part[:, kpoints] for part in self))


class BasisCorrected(Calculator):
    """GPAW with the finite-basis correction that its plane-wave energy and stress lack.

    At a constant cutoff the number N of plane waves jumps as the cell changes, and the energy with it; GPAW's stress
    is the derivative at constant N. Counting the energy as if the cutoff sphere held the ideal number N0 of plane
    waves makes it smooth, and adds one term to the stress (Francis and Payne, 10.1088/0953-8984/2/19/007; CASTEP's
    ``finite_basis_corr``):

        E     -> E     + 2/3     dE/d ln E_cut ln(N0/N)
        sigma -> sigma + 2/(3 V) dE/d ln E_cut

    Parameters
    ----------
    calculator
        The GPAW calculator.
    de_dlnecut_ev
        dE/d ln E_cut per cell, in eV; None when the cell is fixed: no correction, and no stress.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, calculator: Any, de_dlnecut_ev: float | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.engine = calculator
        self.corrects = de_dlnecut_ev is not None
        self.de_dlnecut_ev = de_dlnecut_ev or 0.0

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        assert self.atoms is not None
        bare = self.atoms.copy()
        bare.calc = self.engine
        energy = bare.get_potential_energy()
        self.results = {"forces": bare.get_forces(apply_constraint=False)}
        if self.corrects:
            energy += self.de_dlnecut_ev * np.log(1 / _effective_cutoff_ratio(bare, self.engine))
            correction = 2.0 / 3.0 * self.de_dlnecut_ev / bare.get_volume()
            self.results["stress"] = bare.get_stress() + correction * np.array([1, 1, 1, 0, 0, 0])
        self.results["energy"] = self.results["free_energy"] = energy


def relax(
    atoms: Atoms,
    calculator: MakeCalculator,
    *,
    cell: CellFreedom,
    energy_tol_ev_per_atom: float,
    force_tol_ev_per_ang: float,
    stress_tol_gpa: float,
    displacement_tol_ang: float,
    max_steps: int,
    keep_symmetry: bool,
    dispersion: str = NO_DISPERSION,
) -> None:
    """Relax ions (and cell) by BFGS until all four criteria hold; that of the energy as `_energy_change_ev` says.

    A relaxation that was cut off goes on as if it had not been: the first evaluation is that of its last geometry
    again, which is no step and is compared with nothing.
    """
    with _recorded() as record:
        steps = _earlier_steps()
        slope = None if cell == "fixed" else _finite_basis_slope(atoms, calculator)
        record["finite_basis_de_dlnecut_ev"] = slope
        engine = calculator()
        atoms.calc = _dispersed(BasisCorrected(engine, slope), engine, dispersion)
        start = atoms.copy()
        optimiser = _optimiser(atoms, cell, steps, keep_symmetry)
        count, goes_on = len(steps), bool(steps)
        engine.hooks["scf_step"] = lambda scf: _tell(f"BFGS step {count}, SCF iteration {scf.niter}", None)
        converged = False
        for _ in optimiser.irun(fmax=0.0, steps=max(max_steps - max(count - 1, 0), 0)):  # type: ignore[no-untyped-call]
            if not goes_on:
                steps.append(_step(atoms, cell, steps[-1] if steps else None) | _slope(optimiser, cell))
                _append("relax.jsonl", steps[-1])
            goes_on = False
            count = len(steps)
            converged = _is_converged(
                steps, len(atoms), energy_tol_ev_per_atom, force_tol_ev_per_ang, stress_tol_gpa, displacement_tol_ang
            )
            if converged:
                break
        record.update(_ground_state(atoms, engine, dispersion))
        record["forces_ev_per_ang"] = atoms.get_forces(apply_constraint=False).tolist()
        if cell != "fixed":
            record["stress_gpa"] = (atoms.get_stress(voigt=False, apply_constraint=False) * EV_PER_ANG3_GPA).tolist()
            course = [(np.array(step["degrees"]), np.array(step["slope"])) for step in steps if "slope" in step]
            record["length_compliance_per_gpa"] = length_compliance_per_gpa(start, course, cell)
        record["status"] = "finished" if converged else "geom_not_converged"
        if not converged:
            record["message"] = f"the geometry did not converge in {max_steps} steps"


def _optimiser(atoms: Atoms, cell: CellFreedom, steps: list[dict[str, Any]], keep_symmetry: bool) -> KeptBFGS:
    """BFGS at the last of `steps`, with the symmetry, the model of the Hessian and the cell that strains count from as
    they were at the start.
    """
    if keep_symmetry:
        symmetry = FixSymmetry(atoms, symprec=SYMMETRY_TOLERANCE_ANG, verbose=False)
        atoms.set_constraint([*atoms.constraints, symmetry])
    optimiser = optimiser_of(atoms, cell)
    if steps:
        atoms.set_cell(steps[-1]["cell_ang"], scale_atoms=False, apply_constraint=False)
        atoms.set_positions(steps[-1]["positions_ang"], apply_constraint=False)
    return optimiser


def bands(
    atoms: Atoms,
    calculator: MakeCalculator,
    *,
    kpoints: Sequence[Sequence[float]],
    labels: Sequence[str],
    segments: Sequence[int],
    empty_bands: int,
    dispersion: str = NO_DISPERSION,
    eigenstates_ev2: float = EIGENSTATE_TOLERANCE_EV2,
) -> None:
    """SCF on the grid, then eigenvalues at `kpoints` in its fixed density; both go to ``bands.npz``."""
    with _recorded() as record:
        engine = _converge(atoms, calculator)
        atoms.calc = _dispersed(engine, engine, dispersion)
        record.update(_ground_state(atoms, engine, dispersion))
        _save_potential(engine, atoms)
        record["grid_kpoints"] = _save_bands(engine, kpoints, labels, segments, empty_bands, eigenstates_ev2)
        record["status"] = "finished"


def dos(
    atoms: Atoms,
    calculator: MakeCalculator,
    *,
    grid: Counts,
    shift: Shift,
    empty_bands: int,
    dispersion: str = NO_DISPERSION,
) -> None:
    """SCF on its own grid, then the states of another one in its fixed density, which go to ``bands.npz`` alone.

    The other grid is reduced by the symmetries that the SCF found, and by time reversal.
    """
    with _recorded() as record:
        engine = _converge(atoms, calculator)
        atoms.calc = _dispersed(engine, engine, dispersion)
        record.update(_ground_state(atoms, engine, dispersion))
        points, weights = _irreducible(engine, grid_points(grid, shift))
        states = _at_fixed_density(engine, points, _bands_kept(engine, empty_bands), "density of states")
        states = states._replace(projections=_symmetrised(engine, states.projections))
        names = {"labels": np.array([""] * len(points)), "on_path": np.full(len(points), SEGMENT_OF_EXTRA_POINTS)}
        _save_states(engine, states, kpoints_frac=points, kpoint_weights=weights, grid=np.array(grid), **names)
        record["grid_kpoints"] = len(points)
        record["status"] = "finished"


def _irreducible(engine: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points of a whole grid that symmetry leaves, and their weights."""
    from gpaw.new.brillouin import BZPoints

    found = BZPoints(points).reduce(engine.dft.ibzwfs.ibz.symmetries, strict=False)
    return np.asarray(found.kpt_kc), np.asarray(found.weight_k)


def _symmetrised(engine: Any, weights: np.ndarray) -> np.ndarray:
    """Of each atom the mean over those that symmetry takes for it: over its star, a k-point has that of each.

    What an irreducible point itself tells of one atom is told of another one at the points that it stands for.
    """
    shells = list(_shells(engine))
    place = {shell: index for index, shell in enumerate(shells)}
    maps = engine.dft.ibzwfs.ibz.symmetries.atommap_sa
    orders = np.unique([[place[int(to[site]), momentum] for site, momentum in shells] for to in maps], axis=0)
    mean = sum(weights[..., order].astype(float) for order in orders) / len(orders)
    return np.asarray(mean, dtype=np.float32)


def potential(
    atoms: Atoms,
    calculator: MakeCalculator,
    *,
    empty_bands: int,
    kpoints: Sequence[Sequence[float]] = (),
    labels: Sequence[str] = (),
    dispersion: str = NO_DISPERSION,
) -> None:
    """SCF; the plane-averaged electrostatic potential, and eigenvalues on the grid and at `kpoints`."""
    with _recorded() as record:
        engine = _converge(atoms, calculator)
        atoms.calc = _dispersed(engine, engine, dispersion)
        record.update(_ground_state(atoms, engine, dispersion))
        record["forces_ev_per_ang"] = atoms.get_forces().tolist()
        _save_potential(engine, atoms)
        record["grid_kpoints"] = _save_bands(engine, (), (), (), empty_bands)
        if len(kpoints):
            record.update(_special_points(engine, kpoints, labels, empty_bands))
        record["status"] = "finished"


def shifts(
    atoms: Atoms,
    calculator: MakeCalculator,
    *,
    kpoints: Sequence[Sequence[float]],
    labels: Sequence[str],
    corrections: Sequence[str],
    empty_bands: int,
) -> None:
    """SCF; band edges at `kpoints`, which are of its grid, without and with each of `corrections`."""
    with _recorded() as record:
        engine = _converge(atoms, calculator)
        record.update(_ground_state(atoms, engine, NO_DISPERSION))
        record["shifts"] = corrected_edges(
            engine,
            lambda: _with_own_potential(atoms, calculator),
            kpoints=kpoints,
            labels=labels,
            corrections=corrections,
            empty_bands=empty_bands,
            tell=_tell,
        )
        record["status"] = "finished"


def _with_own_potential(atoms: Atoms, calculator: MakeCalculator) -> Any:
    """The converged crystal by GLLB-SC, which GPAW's older code calculates: it takes no hooks."""
    alike = atoms.copy()
    alike.calc = calculator(xc=NAME_OF_GLLB)
    alike.get_potential_energy()
    return alike.calc


def _special_points(
    engine: Any, kpoints: Sequence[Sequence[float]], labels: Sequence[str], empty_bands: int
) -> dict[str, str]:
    """Adds `kpoints` to ``bands.npz``; when they do not converge the rest stands, and the record says so."""
    from gpaw import KohnShamConvergenceError

    try:
        _save_bands(engine, kpoints, labels, [SEGMENT_OF_EXTRA_POINTS] * len(kpoints), empty_bands)
    except KohnShamConvergenceError as error:
        return {"message": f"the eigenvalues at {', '.join(labels)} did not converge: {error}"}
    return {}


def _save_bands(
    engine: Any,
    kpoints: Sequence[Sequence[float]],
    labels: Sequence[str],
    segments: Sequence[int],
    empty_bands: int,
    eigenstates_ev2: float = EIGENSTATE_TOLERANCE_EV2,
) -> int:
    """The states on the grid and at `kpoints` go to ``bands.npz``; returns the number of points of the grid."""
    kept = _bands_kept(engine, empty_bands)
    states, points = _states(engine, kept), engine.get_ibz_k_points()
    count = len(points)
    if len(kpoints):
        asked = np.array(kpoints, dtype=float)
        states = _joined([states, _beside_the_grid(engine, asked, states, points, eigenstates_ev2)])
        points = np.concatenate([points, asked])
    _save_states(
        engine,
        states,
        kpoints_frac=points,
        kpoint_weights=np.concatenate([engine.get_k_point_weights(), np.zeros(len(kpoints))]),
        labels=np.array([""] * count + list(labels)),
        on_path=np.array([SEGMENT_OF_EXTRA_POINTS] * count + list(segments)),
    )
    return count


def _save_states(engine: Any, states: _States, **kpoints: np.ndarray) -> None:
    """``bands.npz``: states with their k-points, and what tells them from those of another calculation."""
    sites_and_l = np.array(list(_shells(engine)), dtype=int).reshape(-1, 2)
    _save(
        "bands.npz",
        eigenvalues_ev=states.eigenvalues_ev,
        **kpoints,
        projections=states.projections,
        projection_sites=sites_and_l[:, 0],
        projection_l=sites_and_l[:, 1],
        **_named(engine.atoms),
        n_electrons=float(engine.get_number_of_electrons()),
        electrons_by_spin=_electrons_by_spin(engine),
        fermi_ev=float(engine.get_fermi_level()),
    )


def _bands_kept(engine: Any, empty_bands: int) -> int:
    """`empty_bands` above the highest occupied one of both channels; as many as there are, where a moment grew."""
    per_band = 2 // engine.get_number_of_spins()
    filled = int(np.ceil(max(_electrons_by_spin(engine)) / per_band - SMEARED_OUT))
    return min(filled + empty_bands, int(engine.get_number_of_bands()))


def _electrons_by_spin(engine: Any) -> list[float]:
    """Of the channels, up first; of both together without spin polarisation."""
    total = float(engine.get_number_of_electrons())
    if engine.get_number_of_spins() == 1:
        return [total]
    unpaired = float(engine.get_magnetic_moment())
    return [(total + unpaired) / 2, (total - unpaired) / 2]


def _beside_the_grid(
    engine: Any, kpoints: np.ndarray, on_grid: _States, grid_kpoints: np.ndarray, eigenstates_ev2: float
) -> _States:
    """The states at `kpoints`; points of the grid are not done again."""
    same = same_kpoint(kpoints[:, None], grid_kpoints, SAME_K)
    found, others = on_grid.at(same.argmax(axis=1)), np.flatnonzero(~same.any(axis=1))
    if others.size:
        calculated = _at_fixed_density(
            engine, kpoints[others], on_grid.eigenvalues_ev.shape[2], eigenstates_ev2=eigenstates_ev2
        )
        for part, new in zip(found, calculated, strict=True):
            part[:, others] = new
    return found


def _at_fixed_density(
    engine: Any,
    kpoints: np.ndarray,
    kept: int,
    what: str = "band structure",
    eigenstates_ev2: float = EIGENSTATE_TOLERANCE_EV2,
) -> _States:
    """The states of `kept` bands at `kpoints`; a few k-points at once, because all wait for the slowest.

    A path passes through its special points several times; each is calculated once.
    """
    kpoints, places = np.unique(np.round(kpoints, 9), axis=0, return_inverse=True)
    found = []
    for start in range(0, len(kpoints), KPOINTS_AT_ONCE):
        _tell(f"{what}, k-point {start + 1} of {len(kpoints)}", start / len(kpoints))
        fixed = engine.fixed_density(
            kpts=kpoints[start : start + KPOINTS_AT_ONCE],
            nbands=engine.get_number_of_bands(),
            symmetry="off",
            eigensolver={"name": "davidson", "niter": 3},
            convergence={"bands": kept, "eigenstates": eigenstates_ev2},
            txt="bands.txt",
        )
        found.append(_states(fixed, kept))
    return _joined(found).at(places.ravel())


# --- states -----------------------------------------------------------------------------------------------------


def _states(engine: Any, kept: int) -> _States:
    """The `kept` lowest states at the k-points that `engine` calculated."""
    spins, kpoints = range(engine.get_number_of_spins()), range(len(engine.get_ibz_k_points()))
    values = np.array([[engine.get_eigenvalues(kpt=k, spin=s) for k in kpoints] for s in spins])[:, :, :kept]
    return _States(values, _weights_on_shells(engine, values.shape))


def _joined(parts: Sequence[_States]) -> _States:
    """States at the k-points of the one behind those of the other."""
    return _States(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))


def _weights_on_shells(engine: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Sums of abs(<p_i|psi>)^2 over the bound partial waves i of each of `_shells`, for the (spins, k-points, bands).

    It is what GPAW's own projected densities of states are of: `IBZWaveFunctions.pdos_weights` with
    `get_projector_numbers` in ``gpaw/dos.py``, and `raw_orbital_LDOS` in ``gpaw/utilities/dos.py``, of GPAW 26.7.
    """
    shells = _shells(engine)
    weights = np.empty((*shape, len(shells)), dtype=np.float32)
    for waves in engine.dft.ibzwfs:
        for index, ((site, _), projectors) in enumerate(shells.items()):
            overlaps = waves.P_ani[site][: shape[2], projectors]
            weights[waves.spin, waves.k, :, index] = (np.abs(overlaps) ** 2).sum(axis=1)
    return weights


def _shells(engine: Any) -> dict[tuple[int, int], list[int]]:
    """Atom and angular momentum l -> its projectors of bound partial waves, those of which GPAW knows n."""
    shells: dict[tuple[int, int], list[int]] = {}
    for site, setup in enumerate(engine.dft.setups):
        first = 0
        for n, momentum in zip(setup.n_j, setup.l_j, strict=True):
            last = first + 2 * momentum + 1
            if n > 0:
                shells.setdefault((site, int(momentum)), []).extend(range(first, last))
            first = last
    return shells


# --- the ground state -------------------------------------------------------------------------------------------


def _converge(atoms: Atoms, calculator: MakeCalculator) -> Any:
    engine = calculator()
    engine.hooks["scf_step"] = lambda scf: _tell(f"SCF iteration {scf.niter}", None)
    atoms.calc = engine
    atoms.get_potential_energy()
    return engine


def _dispersed(calculator: Any, engine: Any, dispersion: str) -> Any:
    """`calculator` with the dispersion correction added: energies, forces and stresses, no levels.

    Without the three-body term, as in the other codes.
    """
    if dispersion == NO_DISPERSION:
        return calculator
    from ase.calculators.mixing import SumCalculator
    from dftd3.ase import DFTD3

    functional = engine.params.todict()["xc"]["name"]
    return SumCalculator([calculator, DFTD3(method=functional, damping=DAMPING[dispersion])])


def _finite_basis_slope(atoms: Atoms, calculator: MakeCalculator) -> float:
    """dE/d ln E_cut at the present geometry, from three cutoffs 3 % apart; kept in ``finite_basis.json``."""
    kept = Path("finite_basis.json")
    if kept.exists():
        with suppress(ValueError, TypeError, KeyError):  # what is damaged is made again
            return float(json.loads(kept.read_text("utf-8"))["de_dlnecut_ev"])
    nominal_ev = calculator().params.mode.ecut
    cutoffs_ev, energies_ev = [], []
    for number, factor in enumerate((1 - FINITE_BASIS_STEP, 1.0, 1 + FINITE_BASIS_STEP), start=1):
        trial = atoms.copy()
        engine = calculator(nominal_ev * factor)
        engine.hooks["scf_step"] = lambda scf, n=number: _tell(
            f"finite-basis correction {n} of 3, SCF iteration {scf.niter}", None
        )
        trial.calc = engine
        energies_ev.append(trial.get_potential_energy())
        cutoffs_ev.append(nominal_ev * factor * _effective_cutoff_ratio(trial, engine))
    slope = float(np.polyfit(np.log(cutoffs_ev), energies_ev, 1)[0])
    content = {"de_dlnecut_ev": slope, "effective_cutoffs_ev": cutoffs_ev, "energies_ev": energies_ev}
    _write_json("finite_basis.json", content)
    return slope


def _effective_cutoff_ratio(atoms: Atoms, engine: Any) -> float:
    """(N/N0)^(2/3): plane waves inside the cutoff over their ideal number, geometric mean over the k-points."""
    radius_per_ang = np.sqrt(engine.params.mode.ecut / (HARTREE_EV / 2)) / BOHR_ANG
    ideal = atoms.get_volume() * radius_per_ang**3 / (6 * np.pi**2)
    reciprocal = 2 * np.pi * atoms.cell.reciprocal().array
    reach = [int(np.ceil(radius_per_ang * length / (2 * np.pi))) + 1 for length in atoms.cell.lengths()]
    axes = [np.arange(-n, n + 1) for n in reach]
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    logs = [
        np.log(np.count_nonzero(np.linalg.norm((indices + k) @ reciprocal, axis=1) < radius_per_ang) / ideal)
        for k in engine.get_bz_k_points()
    ]
    return float(np.exp(2 / 3 * np.mean(logs)))


def _ground_state(atoms: Atoms, engine: Any, dispersion: str) -> dict[str, Any]:
    return {
        "energy_ev": float(atoms.get_potential_energy()),
        "fermi_ev": float(engine.get_fermi_level()),
        "n_electrons": float(engine.get_number_of_electrons()),
        "method": _method(engine) | {"dispersion": dispersion},
        "moments_mub": _moments(engine),
        "moment_mub": float(engine.get_magnetic_moment()) if engine.get_number_of_spins() == 2 else 0.0,
        "numbers": atoms.numbers.tolist(),
        "cell_ang": atoms.cell.array.tolist(),
        "positions_ang": atoms.positions.tolist(),
        "pbc": [bool(periodic) for periodic in atoms.pbc],
    }


def _moments(engine: Any) -> list[float]:
    """Of the atoms, as far as they lie in their augmentation spheres; none without spin polarisation."""
    return [float(moment) for moment in engine.get_magnetic_moments()] if engine.get_number_of_spins() == 2 else []


def _method(engine: Any) -> dict[str, Any]:
    """What has to agree before two results may be subtracted; a data set is told by its own hash."""
    asked = engine.params.todict()
    grid = grid_of_points(engine.get_bz_k_points())
    return {
        "functional": asked["xc"]["name"],
        "cutoff_ev": float(asked["mode"]["ecut"]),
        "potentials": {setup.symbol: f"PAW {setup.fingerprint}" for setup in engine.dft.setups},
        "kpoints_grid": None if grid is None else grid[0],
        "kpoints_shift": None if grid is None else grid[1],
        "smearing": asked["occupations"]["name"],
        "smearing_ev": float(asked["occupations"]["width"]),
        "spin_polarised": engine.get_number_of_spins() == 2,
        "hubbard_u_ev": _hubbard_u_ev(asked.get("setups")),
        "dipole_correction": "z, self-consistent" if "dipolelayer" in asked.get("poissonsolver", {}) else "none",
        "constants": ASE_CONSTANTS,
    }


def _hubbard_u_ev(setups: Any) -> dict[str, float]:
    """``"Ni:d"`` -> U of ``setups={"Ni": ":d,6"}``."""
    asked = [(element, str(name).partition(":")[2]) for element, name in (setups or {}).items()]
    return {f"{element}:{shell[0]}": float(shell.split(",")[1]) for element, shell in asked if "," in shell}


def _save_potential(engine: Any, atoms: Atoms) -> None:
    values = engine.get_electrostatic_potential()
    _save("potential.npz", planar_ev=values.mean(axis=(0, 1)), **_named(atoms))


def _named(atoms: Atoms) -> dict[str, np.ndarray]:
    """Cell and atoms, by which a file is told from that of another calculation."""
    return {
        "cell_ang": atoms.cell.array,
        "numbers": atoms.get_atomic_numbers(),
        "positions_frac": atoms.get_scaled_positions(wrap=False),
    }


# --- the course of a relaxation ---------------------------------------------------------------------------------


def _step(atoms: Atoms, cell: CellFreedom, before: dict[str, Any] | None) -> dict[str, Any]:
    stress_gpa = None
    if cell != "fixed":
        stress = atoms.get_stress(voigt=False) * EV_PER_ANG3_GPA
        active = {"isotropic": np.trace(stress) / 3, "lengths": np.diag(stress), "all": stress}[cell]
        stress_gpa = float(np.abs(active).max())
    displacement_ang = None
    if before is not None:
        moved = atoms.cell.scaled_positions(atoms.positions) - np.array(before["scaled"])
        displacement_ang = float(np.linalg.norm(moved @ atoms.cell.array, axis=1).max())
    return {
        "energy_ev": float(atoms.get_potential_energy()),
        "max_force_ev_per_ang": float(np.linalg.norm(atoms.get_forces(), axis=1).max()),
        "max_stress_gpa": stress_gpa,
        "max_displacement_ang": displacement_ang,
        "volume_ang3": float(atoms.get_volume()),
        "cell_ang": atoms.cell.array.tolist(),
        "positions_ang": atoms.positions.tolist(),
        "scaled": atoms.cell.scaled_positions(atoms.positions).tolist(),
    }


def _slope(optimiser: BFGS, cell: CellFreedom) -> dict[str, list[float]]:
    """Where a relaxation of the cell stands in the optimiser's degrees of freedom, and dE by them."""
    if cell == "fixed":
        return {}
    place = optimiser.optimizable
    return {"degrees": place.get_x().ravel().tolist(), "slope": place.get_gradient().ravel().tolist()}


def _is_converged(
    steps: list[dict[str, Any]], n_atoms: int, energy_tol: float, force_tol: float, stress_tol: float, move_tol: float
) -> bool:
    now = steps[-1]
    if now["max_force_ev_per_ang"] > force_tol or (now["max_stress_gpa"] or 0.0) > stress_tol:
        return False
    if len(steps) == 1:
        return bool(now["max_force_ev_per_ang"] < 0.1 * force_tol)
    gain = abs(_energy_change_ev(steps[-2], now)) / n_atoms
    return gain <= energy_tol and bool(now["max_displacement_ang"] <= move_tol)


def _energy_change_ev(before: dict[str, Any], now: dict[str, Any]) -> float:
    """From one geometry to the next: where the cell moves, by the step and the mean of the slopes at its ends.

    The energies themselves jump by some meV there, as plane waves come into the basis and go. The error of the mean is
    of third order in the step.
    """
    if "slope" not in now or "slope" not in before:
        return float(now["energy_ev"] - before["energy_ev"])
    move = np.array(now["degrees"]) - np.array(before["degrees"])
    return float(move @ (np.array(now["slope"]) + np.array(before["slope"])) / 2)


def _earlier_steps() -> list[dict[str, Any]]:
    """Steps of a run that was cut off; a last line that is not whole is dropped, from the file too."""
    kept = Path("relax.jsonl")
    if not kept.exists():
        return []
    text, steps = kept.read_text("utf-8", errors="replace"), []
    for line in text.splitlines():
        try:
            step = json.loads(line)
        except json.JSONDecodeError:
            break
        if not isinstance(step, dict) or not step.keys() >= _STEP_KEYS:
            break
        steps.append(step)
    whole = "".join(f"{json.dumps(step)}\n" for step in steps)
    if text != whole:
        replace_whole("relax.jsonl", lambda temporary: temporary.write_text(whole, encoding="utf-8"))
    return steps


# --- files ------------------------------------------------------------------------------------------------------


@contextmanager
def _recorded() -> Iterator[dict[str, Any]]:
    """Collects the results of a task and writes ``results.json`` however the task ends."""
    from ase import __version__ as ase_version
    from gpaw import KohnShamConvergenceError
    from gpaw import __version__ as gpaw_version

    started = time.monotonic()
    record: dict[str, Any] = {"status": "died", "gpaw": gpaw_version, "ase": ase_version,
                              "numpy": np.__version__, "python": platform.python_version()}  # fmt: skip
    _tell("starting", None)
    try:
        yield record
    except KohnShamConvergenceError as error:
        record.update(status="scf_not_converged", message=str(error))
    except MemoryError as error:
        record.update(status="died", message=f"out of memory: {error}")
    except Exception as error:
        traceback.print_exc()
        record.update(status="died", message=f"{type(error).__name__}: {error}")
    record["wall_time_s"] = time.monotonic() - started
    record["cpu_time_s"] = _cpu_time_s()
    record["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _write_json("results.json", record)
    if record["status"] != "finished":
        sys.exit(1)


def _cpu_time_s() -> float:
    """Processor time, user and system, of this process since its start, and of what it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def _tell(doing: str, fraction: float | None) -> None:
    _write_json("progress.json", {"doing": doing, "fraction": fraction})


def _write_json(name: str, content: object) -> None:
    replace_whole(name, lambda temporary: temporary.write_text(json.dumps(content), encoding="utf-8"))


def _append(name: str, line: object) -> None:
    with open(name, "a", encoding="utf-8") as handle:
        handle.write(json.dumps(line) + "\n")


def _save(name: str, **arrays: Any) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as handle:
            np.savez(handle, **arrays)

    replace_whole(name, write)
