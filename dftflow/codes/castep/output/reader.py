"""Reads all files of one CASTEP calculation into `Results`.

Where two files tell the same, the one with more digits counts: the last geometry comes from ``-out.cell``, then from
``.castep``; the potential from ``.pot_fmt``, then from ``.cst_esp``; the eigenvalues of the SCF from ``.bands``, then
from the checkpoint. A property run of Materials Studio (``<seed>_BandStr.bands``) adds its path to the SCF's k-points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dftflow.analysis.calculation_levels import calculation_levels, slab_normal
from dftflow.codes.base import Calculation, Reading
from dftflow.codes.castep.folder import GRIDS, PROPERTIES, TRAJECTORIES, file_of
from dftflow.codes.castep.input.cell_file import CellDeck, read_cell_deck
from dftflow.codes.castep.input.param_file import ParamFile, read_param
from dftflow.codes.castep.output.bands_file import read_bands
from dftflow.codes.castep.output.castep_file import read_castep
from dftflow.codes.castep.output.castep_run import CastepFrame, CastepRun
from dftflow.codes.castep.output.checkpoint_file import CastepCheckpoint, read_checkpoint
from dftflow.codes.castep.output.checks import (
    density_check,
    expected_path,
    fermi_check,
    list_check,
    path_check,
    vacuum_check,
    weights_check,
)
from dftflow.codes.castep.output.errors_file import read_errors
from dftflow.codes.castep.output.esp_file import read_esp
from dftflow.codes.castep.output.grid_file import FormattedGrid, plane_averages, read_grid, read_potential
from dftflow.codes.castep.output.hugoniostat_file import read_hugoniostat
from dftflow.codes.castep.output.method import castep_method
from dftflow.codes.castep.output.trajectory_file import Trajectory, read_trajectory
from dftflow.codes.reading import FileLog
from dftflow.model.check import Check
from dftflow.model.energy import EnergyZero
from dftflow.model.levels import VacuumLevel
from dftflow.model.periodic_cell import cell_heights_ang
from dftflow.model.results import Bands, PotentialGrid, RelaxationStep, Results, Status

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_calculation"]

LARGEST_WHOLE_POTENTIAL_BYTES = 400_000_000


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Contents:
    """What was read of a calculation; None for a file that is not there or was refused."""

    runs: tuple[CastepRun, ...] | None
    errors: str | None
    deck: CellDeck | None
    structure: Structure | None
    bands: Bands | None
    path_bands: Bands | None
    potential: PotentialGrid | None
    density: FormattedGrid | None
    checkpoint: CastepCheckpoint | None


def read_calculation(calculation: Calculation) -> Reading:
    """What every file of `calculation` holds, and the results together."""
    log = FileLog()
    contents = _read_files(calculation, log)
    return Reading(calculation=calculation, files=log.files, results=_results(calculation, contents))


def _read_files(calculation: Calculation, log: FileLog) -> _Contents:
    runs = log.take(file_of(calculation, ".castep"), "log", read_castep, _say_runs)
    errors = [
        log.take(file, "error message", read_errors, lambda text: text.splitlines()[0])
        for file in calculation.files
        if file.suffix == ".err"
    ]
    deck = log.take(file_of(calculation, ".cell"), "input cell", read_cell_deck, _say_deck)
    log.take(file_of(calculation, ".param"), "input parameters", read_param, _say_param)
    out = log.take(file_of(calculation, "-out.cell"), "last geometry", read_cell_deck, _say_deck)
    structure = _last_structure(runs, deck, out)
    for suffix in TRAJECTORIES:
        log.take(file_of(calculation, suffix), "trajectory", read_trajectory, _say_trajectory)
    log.take(
        file_of(calculation, ".hug"), "Hugoniot curve", read_hugoniostat, lambda found: f"{len(found.states)} states"
    )
    bands = log.take(file_of(calculation, ".bands"), "eigenvalues", _bands_reader(deck), _say_bands)
    path_bands = _property_bands(calculation, log, deck)
    checkpoint = next(_checkpoints(calculation, log), None)
    density = None
    for suffix in GRIDS[1:]:
        grid = log.take(file_of(calculation, suffix), _kind_of(suffix), read_grid, _say_grid)
        density = grid if suffix == ".den_fmt" else density
    return _Contents(
        runs=runs,
        errors="\n".join(text for text in errors if text) or None,
        deck=deck,
        structure=structure,
        bands=bands,
        path_bands=path_bands,
        potential=_potential(calculation, log, structure),
        density=density,
        checkpoint=checkpoint,
    )


def _last_structure(
    runs: tuple[CastepRun, ...] | None, deck: CellDeck | None, out: CellDeck | None
) -> Structure | None:
    """Last geometry; never the input's after a relaxation, whose end it is not."""
    if out is not None and out.structure is not None:
        return out.structure
    last = None if runs is None else runs[-1].structure()
    if last is not None:
        return last
    moved = runs is not None and (runs[-1].setup.is_geometry_run or runs[-1].setup.is_dynamics)
    return None if deck is None or moved else deck.structure


def _bands_reader(deck: CellDeck | None) -> Callable[[Path], Bands]:
    """Reads ``.bands`` with the labels that `deck` gives its k-points."""
    return read_bands if deck is None else partial(read_bands, path=deck.path, points=deck.band_kpoints)


def _property_bands(calculation: Calculation, log: FileLog, base: CellDeck | None) -> Bands | None:
    """Eigenvalues of a band-structure run under a seed of its own; other property runs are noted."""
    found = None
    for ending in PROPERTIES:
        log.take(file_of(calculation, ".castep", property_run=ending), "property log", read_castep, _say_runs)
        deck = log.take(file_of(calculation, ".cell", property_run=ending), "property cell", read_cell_deck, _say_deck)
        log.take(file_of(calculation, ".param", property_run=ending), "property parameters", read_param, _say_param)
        own = base if deck is None or (deck.path is None and not deck.band_kpoints) else deck
        bands = log.take(
            file_of(calculation, ".bands", property_run=ending),
            "property eigenvalues",
            _bands_reader(own),
            _say_bands,
        )
        found = bands if ending == PROPERTIES[0] else found
    return found


def _checkpoints(calculation: Calculation, log: FileLog) -> Iterator[CastepCheckpoint]:
    for suffix in (".castep_bin", ".check"):
        checkpoint = log.take(file_of(calculation, suffix), "checkpoint", read_checkpoint, _say_checkpoint)
        if checkpoint is not None:
            yield checkpoint


def _potential(calculation: Calculation, log: FileLog, structure: Structure | None) -> PotentialGrid | None:
    normal = None if structure is None else slab_normal(structure.frac_coords, structure.lattice.matrix)
    found = log.take(
        file_of(calculation, ".pot_fmt"),
        "local potential",
        lambda file: _whole_or_averaged(file, 2 if normal is None else normal),
        _say_potential,
    )
    if structure is None:
        return found
    cell_ang = np.asarray(structure.lattice.matrix, dtype=np.float64)
    binary = log.take(
        file_of(calculation, ".cst_esp"), "local potential", lambda file: read_esp(file, cell_ang), _say_potential
    )
    return binary if found is None else found


def _whole_or_averaged(file: Path, normal: int) -> PotentialGrid:
    """The whole grid, or only its plane averages along `normal` where it would take gigabytes."""
    if file.stat().st_size <= LARGEST_WHOLE_POTENTIAL_BYTES:
        return read_potential(file)
    planes = plane_averages(file, normal)
    shape = [1, 1, 1]
    shape[normal] = planes.mean.shape[1]
    return PotentialGrid(
        values_ev=planes.mean.mean(axis=0).reshape(shape),
        cell_ang=planes.cell_ang,
        kind="local",
        zero=EnergyZero(run=file.parent.name, reference="cell_average"),
    )


# --- results ----------------------------------------------------------------------------------------------------


def _results(calculation: Calculation, contents: _Contents) -> Results | None:
    run = None if contents.runs is None else contents.runs[-1]
    bands = _joined_bands(contents)
    if run is None and bands is None and contents.potential is None and contents.errors is None:
        return None
    last = None if run is None else run.final
    results = Results(
        code="castep",
        code_version="" if run is None else run.version,
        status=_status(run, contents.errors),
        energy_ev=None if run is None else run.energy_ev,
        free_energy_ev=None if run is None else run.free_energy_ev,
        method=None if run is None else castep_method(run),
        checks=_checks(contents, run),
        structure=contents.structure,
        forces_ev_per_ang=None if last is None else last.forces_ev_per_ang,
        stress_gpa=None if last is None else last.stress_gpa,
        finite_basis_de_dlnecut_ev=None if run is None else run.finite_basis_de_dlnecut_ev,
        fermi_ev=bands.fermi_ev if bands is not None else None if run is None else run.fermi_ev,
        bands=bands,
        potential=contents.potential,
        steps=() if run is None else tuple(_steps(run)),
        wall_time_s=None if run is None else run.wall_time_s,
        peak_memory_mib=None if run is None else run.peak_memory_mib,
        warnings=_warnings(contents, run),
    )
    return replace(results, checks=(*results.checks, *_vacuum_checks(results)))


def _status(run: CastepRun | None, errors: str | None) -> Status:
    if run is None:
        return "died" if errors else "unknown"
    return "died" if errors and run.status == "truncated" else run.status


def _steps(run: CastepRun) -> Iterator[RelaxationStep]:
    for frame in run.steps if run.setup.is_geometry_run else ():
        energy_ev = frame.enthalpy_ev if frame.energy_ev is None else frame.energy_ev
        if energy_ev is not None:
            yield RelaxationStep(
                energy_ev=energy_ev,
                max_force_ev_per_ang=_largest_force(frame),
                max_stress_gpa=_tested(frame, "stress"),
                max_displacement_ang=_tested(frame, "displacement"),
                volume_ang3=float(abs(np.linalg.det(frame.cell_ang))),
            )


def _largest_force(frame: CastepFrame) -> float | None:
    tested = _tested(frame, "force")
    if tested is not None or frame.forces_ev_per_ang is None:
        return tested
    return float(np.linalg.norm(frame.forces_ev_per_ang, axis=1).max())


def _tested(frame: CastepFrame, quantity: str) -> float | None:
    test = frame.test(quantity)
    return None if test is None else test.value


def _joined_bands(contents: _Contents) -> Bands | None:
    """Eigenvalues of the SCF, with the path of a property run behind them."""
    grid = contents.bands
    if grid is None and contents.checkpoint is not None:
        grid = contents.checkpoint.bands
    path = contents.path_bands
    if grid is None or path is None or len(grid.eigenvalues_ev) != len(path.eigenvalues_ev):
        return path if grid is None else grid
    count = min(grid.eigenvalues_ev.shape[2], path.eigenvalues_ev.shape[2])
    return Bands(
        eigenvalues_ev=np.concatenate([grid.eigenvalues_ev[:, :, :count], path.eigenvalues_ev[:, :, :count]], axis=1),
        kpoints_frac=np.concatenate([grid.kpoints_frac, path.kpoints_frac]),
        labels=grid.labels + path.labels,
        on_path=grid.on_path + path.on_path,
        reciprocal_per_ang=grid.reciprocal_per_ang,
        n_electrons=grid.n_electrons,
        fermi_ev=grid.fermi_ev,
        zero=grid.zero,
        fermi_by_spin_ev=grid.fermi_by_spin_ev,
        spinor=grid.spinor,
    )


def _warnings(contents: _Contents, run: CastepRun | None) -> tuple[str, ...]:
    lines = [] if run is None else list(run.warnings)
    if contents.errors:
        lines.append(contents.errors.splitlines()[0])
    return tuple(lines)


def _checks(contents: _Contents, run: CastepRun | None) -> tuple[Check, ...]:
    """Everything that two files, or a file and the deck, tell of the same thing."""
    checks = []
    n_electrons = None if run is None else run.setup.n_electrons
    if contents.density is not None and n_electrons is not None:
        checks.append(density_check(contents.density.means[0], n_electrons))
    fixed = None if run is None else run.setup.fixed_occupancy
    for bands in (contents.bands, contents.path_bands):
        if bands is None:
            continue
        checks.append(fermi_check(bands, fixed_occupancy=fixed))
        if bands.weights is not None and set(bands.on_path) == {-1}:
            checks.append(weights_check(bands.weights))
    deck, along = contents.deck, contents.path_bands or contents.bands
    if deck is not None and along is not None and _is_band_run(contents, run):
        checks += _kpoint_checks(deck, along)
    return tuple(checks)


def _kpoint_checks(deck: CellDeck, bands: Bands) -> Iterator[Check]:
    """Whether a band structure was calculated where the deck says."""
    if deck.path is not None:
        yield path_check(expected_path(deck.path, bands.reciprocal_per_ang), bands.kpoints_frac)
    elif deck.band_kpoints:
        yield list_check(deck.band_kpoints, bands.kpoints_frac)


def _vacuum_checks(results: Results) -> Iterator[Check]:
    """Of a slab: whether its potential has come to rest in the vacuum."""
    levels = calculation_levels(results)
    if len(levels.sides) == 2 and levels.normal is not None and results.potential is not None:
        low, high = (side.vacuum for side in levels.sides)
        scatter = max(_in_plane_scatter_ev(results.potential, levels.normal, level) for level in (low, high))
        yield vacuum_check((low, high), scatter if np.isfinite(scatter) else None)


def _in_plane_scatter_ev(potential: PotentialGrid, normal: int, level: VacuumLevel) -> float:
    """Largest standard deviation within the planes of a plateau; NaN when only plane averages are known."""
    planes = np.moveaxis(potential.values_ev, normal, 0)
    count = planes.shape[0]
    if planes[0].size == 1:
        return float("nan")
    step_ang = float(cell_heights_ang(potential.cell_ang)[normal]) / count
    first, last = (round(edge / step_ang) for edge in level.window_ang)
    return float(max(planes[number % count].std() for number in range(first, last + 1)))


def _is_band_run(contents: _Contents, run: CastepRun | None) -> bool:
    """Whether the eigenvalues are those of a band structure; those of an SCF follow no path and no list."""
    if contents.path_bands is not None:
        return True
    task = "" if run is None else (run.setup.task or "").lower()
    return "band structure" in task or "spectroscopy" in task


# --- what a file holds, in a line -------------------------------------------------------------------------------


def _say_runs(runs: tuple[CastepRun, ...]) -> str:
    last = runs[-1]
    build = "Materials Studio CASTEP" if last.build == "materials-studio" else "CASTEP"
    count = "" if len(runs) == 1 else f"{len(runs)} runs, the last: "
    task = last.setup.task or "no task"
    return f"{count}{build} {last.version}, {task}, {last.status.replace('_', ' ')}, {len(last.frames)} geometries"


def _say_deck(deck: CellDeck) -> str:
    parts = [f"{len(deck.sites)} atoms" if deck.sites else "no structure"]
    if deck.path is not None or deck.path_letters:
        parts.append("a k-path")
    if deck.band_kpoints:
        parts.append(f"{len(deck.band_kpoints)} k-points for bands")
    return ", ".join(parts)


def _say_param(params: ParamFile) -> str:
    return f"{len(params.settings)} keywords"


def _say_bands(bands: Bands) -> str:
    spins, kpoints, count = bands.eigenvalues_ev.shape
    return f"{kpoints} k-points, {count} bands, {spins} spin channel{'s' if spins > 1 else ''}"


def _say_trajectory(trajectory: Trajectory) -> str:
    cut = ", and one that is not complete" if trajectory.incomplete else ""
    return f"{len(trajectory.frames)} geometries ({trajectory.kind}){cut}"


def _say_grid(grid: FormattedGrid) -> str:
    means = ", ".join(f"mean of {name} {mean:.6f}" for name, mean in zip(grid.columns, grid.means, strict=True))
    return f"{' x '.join(map(str, grid.values.shape[1:]))} points, {means}"


def _say_potential(potential: PotentialGrid) -> str:
    shape = potential.values_ev.shape
    averaged = " (plane averages alone: the file is large)" if min(shape) == 1 < max(shape) else ""
    return f"{' x '.join(map(str, shape))} points{averaged}, mean {potential.values_ev.mean():.4f} eV"


def _say_checkpoint(checkpoint: CastepCheckpoint) -> str:
    energy = "" if checkpoint.free_energy_ev is None else f", E-TS {checkpoint.free_energy_ev:.6f} eV"
    return f"{len(checkpoint.species)} atoms{energy}"


def _kind_of(suffix: str) -> str:
    return {".den_fmt": "density", ".elf_fmt": "electron localisation function"}.get(suffix, "charge difference")
