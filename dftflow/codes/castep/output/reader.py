"""Reads all files of one CASTEP calculation into `Results`.

Where two files tell the same, the one with more digits counts: the last geometry comes from ``-out.cell``, then from
``.castep``; the potential from ``.pot_fmt``, then from ``.cst_esp``; the eigenvalues of the SCF from ``.bands``, then
from the checkpoint. The path of a property run of Materials Studio (``<seed>_BandStr.bands``) is joined to the SCF's
k-points where both are eigenvalues of one Hamiltonian; see `dftflow.codes.castep.output.eigenvalues`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dftflow.analysis.atoms import SAME_PLACE_ANG, atoms_of, farthest_atom_ang, other_elements
from dftflow.analysis.calculation_levels import calculation_levels, slab_normal
from dftflow.analysis.cells import SAME_CELL_ANG, cell_difference_ang
from dftflow.codes.base import Calculation, FileReading, Reading
from dftflow.codes.castep.folder import GRIDS, PROJECTIONS, PROPERTIES, TRAJECTORIES, UNREAD, ending_of, file_of
from dftflow.codes.castep.input.cell_file import CellDeck, read_cell_deck
from dftflow.codes.castep.input.kpath_letters import LetterPath
from dftflow.codes.castep.input.param_file import ParamFile, read_param
from dftflow.codes.castep.output.bands_file import read_bands
from dftflow.codes.castep.output.castep_file import read_castep
from dftflow.codes.castep.output.castep_run import CastepFrame, CastepRun
from dftflow.codes.castep.output.checkpoint_file import CastepCheckpoint, read_checkpoint
from dftflow.codes.castep.output.checks import (
    expected_path,
    fermi_check,
    list_check,
    path_check,
    vacuum_check,
    weights_check,
)
from dftflow.codes.castep.output.eigenvalues import ChosenEigenvalues, SeedFiles, choose_eigenvalues
from dftflow.codes.castep.output.errors_file import read_errors
from dftflow.codes.castep.output.esp_file import read_esp
from dftflow.codes.castep.output.grid_file import FormattedGrid, plane_averages, read_grid, read_potential
from dftflow.codes.castep.output.hugoniostat_file import read_hugoniostat
from dftflow.codes.castep.output.method import castep_method, is_spinor
from dftflow.codes.castep.output.projections import read_projections
from dftflow.codes.castep.output.trajectory_file import Trajectory, read_trajectory
from dftflow.codes.grid_body import LARGEST_WHOLE_BYTES, said_points
from dftflow.codes.reading import FileLog, zero_of
from dftflow.errors import ParseError
from dftflow.model.check import Check, Part
from dftflow.model.energy import Energy
from dftflow.model.levels import VacuumLevel
from dftflow.model.periodic_cell import cell_heights_ang
from dftflow.model.projections import Projections
from dftflow.model.results import Bands, Density, PotentialGrid, RelaxationStep, Results, Status
from dftflow.model.spec import KPath

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_calculation"]

T = TypeVar("T", Bands, PotentialGrid)
COUNTED_TO = 1e-6
"""Electrons: CASTEP prints a density with six decimals."""
_KINDS = {
    ".pot_fmt": "local potential",
    ".cst_esp": "local potential",
    ".den_fmt": "density",
    ".elf_fmt": "electron localisation function",
    ".chdiff_fmt": "charge difference",
    ".castep_bin": "checkpoint",
    ".check": "checkpoint",
    ".cell": "last geometry",
    **dict.fromkeys(TRAJECTORIES, "trajectory"),
}
_MOVING = ("geometryoptimization", "geometryoptimisation", "moleculardynamics", "transitionstatesearch")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Contents:
    """What was read of a calculation; None for a file that is not there or was refused."""

    seed: SeedFiles
    band_structure: SeedFiles
    errors: str | None
    deck: CellDeck | None
    structure: Structure | None
    eigenvalues: ChosenEigenvalues
    projections: Projections | None
    potential: PotentialGrid | None
    density: Density | None


def read_calculation(calculation: Calculation) -> Reading:
    """What every file of `calculation` holds, and the results together."""
    log = FileLog()
    contents = _read_files(calculation, log)
    files = (*log.files, *_not_read(calculation, log.files))
    return Reading(calculation=calculation, files=files, results=_results(calculation, contents))


def _not_read(calculation: Calculation, read: tuple[FileReading, ...]) -> Iterator[FileReading]:
    """The files of the calculation that nothing was read of, so that none is passed over in silence."""
    known = {found.file for found in read}
    for file in calculation.files:
        if file not in known:
            yield FileReading(file=file, kind=_kind_of(ending_of(file)), summary="not read")


def _read_files(calculation: Calculation, log: FileLog) -> _Contents:
    runs = log.take(file_of(calculation, ".castep"), "log", read_castep, _say_runs)
    errors = [
        log.take(file, "error message", read_errors, lambda text: text.splitlines()[0])
        for file in calculation.files
        if ending_of(file) == ".err"
    ]
    deck = log.take(file_of(calculation, ".cell"), "input cell", read_cell_deck, _say_deck)
    params = log.take(file_of(calculation, ".param"), "input parameters", read_param, _say_param)
    run = None if runs is None else runs[-1]
    out = log.take(
        file_of(calculation, "-out.cell"), "last geometry", lambda file: _last_geometry(file, run, deck), _say_deck
    )
    structure = _last_structure(run, params, deck, out)
    for suffix in TRAJECTORIES:
        log.take(file_of(calculation, suffix), "trajectory", read_trajectory, _say_trajectory)
    log.take(
        file_of(calculation, ".hug"), "Hugoniot curve", read_hugoniostat, lambda found: f"{len(found.states)} states"
    )
    read_own_bands = _counted(calculation, _bands_reader(deck, run, params))
    bands = log.take(file_of(calculation, ".bands"), "eigenvalues", read_own_bands, _say_bands)
    band_structure = _band_structure(calculation, log, deck)
    checkpoint = next(_checkpoints(calculation, log), None)
    if bands is None and checkpoint is not None and checkpoint.bands is not None:
        bands = replace(checkpoint.bands, zero=zero_of(calculation.folder, calculation.seed))
    seed = SeedFiles(log=run, params=params, bands=bands)
    density = None
    for suffix in GRIDS[1:]:
        grid = log.take(file_of(calculation, suffix), _kind_of(suffix), read_grid, _say_grid)
        density = _density(grid) if suffix == ".den_fmt" and grid is not None else density
    eigenvalues = choose_eigenvalues(seed, band_structure)
    return _Contents(
        seed=seed,
        band_structure=band_structure,
        errors="\n".join(text for text in errors if text) or None,
        deck=deck,
        structure=structure,
        eigenvalues=eigenvalues,
        projections=_projections(calculation, log, eigenvalues.bands, structure),
        potential=_potential(calculation, log, structure),
        density=density,
    )


def _last_geometry(file: Path, run: CastepRun | None, deck: CellDeck | None) -> CellDeck:
    """``-out.cell``; refused when its atoms are not those of the log, or not where the log says that they ended.

    Where the log ends early its geometry is not the last one, but of the same atoms.
    """
    out = read_cell_deck(file)
    known = None if run is None else run.structure()
    if known is None and deck is not None:
        known = deck.structure
    if known is None or out.structure is None:
        return out
    ended = run is not None and run.final is not None and run.status in ("finished", "geom_not_converged")
    why = _why_other_geometry(out.structure, known, same_places=ended)
    if why:
        against = "the log" if run is not None and run.final is not None else "the input"
        raise ParseError(f"the last geometry is of another calculation than {against}", reason=why, where=str(file))
    return out


def _why_other_geometry(found: Structure, wanted: Structure, *, same_places: bool) -> str:
    here, there = atoms_of(found), atoms_of(wanted)
    other = other_elements(here, there)
    if other or not same_places:
        return other
    apart_ang = cell_difference_ang(found.lattice.matrix, wanted.lattice.matrix)
    if apart_ang > SAME_CELL_ANG:
        return f"the lattice vectors differ by {apart_ang:.4f} Å"
    farthest_ang = farthest_atom_ang(here, there, wanted.lattice.matrix)
    return f"the places of the atoms differ by up to {farthest_ang:.4f} Å" if farthest_ang > SAME_PLACE_ANG else ""


def _last_structure(
    run: CastepRun | None, params: ParamFile | None, deck: CellDeck | None, out: CellDeck | None
) -> Structure | None:
    """Last geometry; never the input's after a relaxation, whose end it is not."""
    if out is not None and out.structure is not None:
        return out.structure
    last = None if run is None else run.structure()
    if last is not None or deck is None:
        return last
    if run is not None:
        moved = run.setup.is_geometry_run or run.setup.is_dynamics
    else:
        moved = params is not None and params.option("task") in _MOVING
    return None if moved else deck.structure


def _counted(calculation: Calculation, read: Callable[[Path], T]) -> Callable[[Path], T]:
    """`read` with the zero named by the calculation's folder, also where the file is a temporary, expanded one."""

    def _read(file: Path) -> T:
        return replace(read(file), zero=zero_of(calculation.folder, file.stem))

    return _read


def _bands_reader(deck: CellDeck | None, run: CastepRun | None, params: ParamFile | None) -> Callable[[Path], Bands]:
    """Reads ``.bands`` with the labels that `deck` gives its k-points.

    A path of letters counts where the run is a band structure, or no file tells its task.
    """
    spinor = is_spinor(run, params)
    if deck is None:
        return partial(read_bands, spinor=spinor)
    path: KPath | LetterPath | None = deck.path
    untold = run is None and params is None
    if deck.path_letters and (untold or SeedFiles(log=run, params=params).is_band_structure):
        path = LetterPath(segments=deck.path_letters, spacing_per_ang=deck.path_spacing_per_ang)
    return partial(read_bands, path=path, points=deck.band_kpoints, spinor=spinor)


def _band_structure(calculation: Calculation, log: FileLog, base: CellDeck | None) -> SeedFiles:
    """What was read of a band-structure run under a seed of its own; other property runs are noted."""
    found = SeedFiles()
    for ending in PROPERTIES:
        runs = log.take(file_of(calculation, ".castep", property_run=ending), "property log", read_castep, _say_runs)
        run = None if runs is None else runs[-1]
        deck = log.take(file_of(calculation, ".cell", property_run=ending), "property cell", read_cell_deck, _say_deck)
        params = log.take(
            file_of(calculation, ".param", property_run=ending), "property parameters", read_param, _say_param
        )
        own = base if deck is None or (deck.path is None and not deck.band_kpoints) else deck
        bands = log.take(
            file_of(calculation, ".bands", property_run=ending),
            "property eigenvalues",
            _counted(calculation, _bands_reader(own, run, params)),
            _say_bands if ending == PROPERTIES[0] else _say_unused_bands,
        )
        if ending == PROPERTIES[0]:
            found = SeedFiles(log=run, params=params, bands=bands)
    return found


def _projections(
    calculation: Calculation, log: FileLog, bands: Bands | None, structure: Structure | None
) -> Projections | None:
    """Of the seed itself, or else of its band structure; those of other property runs have eigenvalues of their own."""
    if bands is None:
        return None
    for ending in ("", PROPERTIES[0]):
        for suffix in PROJECTIONS:
            found = log.take(
                file_of(calculation, suffix, property_run=ending),
                UNREAD[suffix],
                lambda file: read_projections(file, bands, structure),
                lambda p: f"{len(p.groups)} shells",
            )
            if found is not None:
                return found
    return None


def _density(grid: FormattedGrid) -> Density:
    return Density(
        cell_ang=grid.cell_ang,
        n_electrons=grid.means[0],
        counted_to=COUNTED_TO,
        n_spins=1 if grid.non_collinear else grid.n_spins,
        spinor=grid.non_collinear,
    )


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
        _counted(calculation, lambda file: _whole_or_averaged(file, 2 if normal is None else normal)),
        _say_potential,
    )
    if structure is None:
        return found
    cell_ang = np.asarray(structure.lattice.matrix, dtype=np.float64)
    binary = log.take(
        file_of(calculation, ".cst_esp"),
        "local potential",
        _counted(calculation, lambda file: read_esp(file, cell_ang)),
        _say_potential,
    )
    return binary if found is None else found


def _whole_or_averaged(file: Path, normal: int) -> PotentialGrid:
    """The whole grid, or only its plane averages along `normal` where it would take gigabytes."""
    if file.stat().st_size <= LARGEST_WHOLE_BYTES:
        return read_potential(file)
    planes = plane_averages(file, normal)
    shape = [1, 1, 1]
    shape[normal] = planes.mean.shape[1]
    return PotentialGrid(
        values_ev=planes.mean.mean(axis=0).reshape(shape),
        cell_ang=planes.cell_ang,
        kind="local",
        zero=zero_of(file.parent, file.stem),
        n_spins=planes.mean.shape[0],
    )


# --- results ----------------------------------------------------------------------------------------------------


def _results(calculation: Calculation, contents: _Contents) -> Results | None:
    run, bands = contents.seed.log, contents.eigenvalues.bands
    if run is None and bands is None and contents.potential is None and contents.errors is None:
        return None
    last = None if run is None else run.final
    results = Results(
        code="castep",
        code_version="" if run is None else run.version,
        status=_status(run, contents),
        energy_ev=None if run is None else run.energy_ev,
        free_energy_ev=None if run is None else run.free_energy_ev,
        method=castep_method(run, contents.seed.params),
        checks=_checks(contents, run),
        structure=contents.structure,
        forces_ev_per_ang=None if last is None else last.forces_ev_per_ang,
        stress_gpa=None if last is None else last.stress_gpa,
        moments=None if last is None else last.moments,
        finite_basis_de_dlnecut_ev=None if run is None else run.finite_basis_de_dlnecut_ev,
        log_fermi=_log_fermi(calculation, run),
        bands=bands,
        bands_run=contents.eigenvalues.run,
        projections=contents.projections,
        potential=contents.potential,
        density=contents.density,
        steps=() if run is None else tuple(_steps(run)),
        wall_time_s=None if run is None else run.wall_time_s,
        peak_memory_mib=None if run is None else run.peak_memory_mib,
        lost=dict.fromkeys(_unprinted(run), "CASTEP could not print a number of it"),
        warnings=_warnings(contents, run),
    )
    return replace(results, checks=(*results.checks, *_vacuum_checks(results)))


def _unprinted(run: CastepRun | None) -> Iterator[Part]:
    """What of the last geometry the log holds without a number."""
    if run is not None and run.final is not None:
        yield from run.final.unprinted
    if run is not None and run.energies is not None and run.energies.unprinted and run.energy_ev is None:
        yield "energy"


def _log_fermi(calculation: Calculation, run: CastepRun | None) -> Energy | None:
    if run is None or run.fermi_ev is None:
        return None
    return Energy(run.fermi_ev, zero_of(calculation.folder, calculation.seed))


def _status(run: CastepRun | None, contents: _Contents) -> Status:
    """How the run ended; where it finished and a band-structure run followed it, how that one ended."""
    if run is None:
        return "died" if contents.errors else "unknown"
    further = contents.band_structure.log
    if run.status == "finished" and contents.band_structure.bands is not None and further is not None:
        return further.status
    return "died" if contents.errors and run.status == "truncated" else run.status


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


def _warnings(contents: _Contents, run: CastepRun | None) -> tuple[str, ...]:
    lines = [] if run is None else list(run.warnings)
    if contents.errors:
        lines.append(contents.errors.splitlines()[0])
    if contents.eigenvalues.remark:
        lines.append(contents.eigenvalues.remark)
    return tuple(lines)


def _checks(contents: _Contents, run: CastepRun | None) -> tuple[Check, ...]:
    """Everything that two files, or a file and the deck, tell of the same thing."""
    checks = []
    fixed = None if run is None else run.setup.fixed_occupancy
    for bands in contents.eigenvalues.parts:
        checks.append(fermi_check(bands, fixed_occupancy=fixed, of_scf=_is_of_scf(contents, bands)))
        if bands.weights is not None and set(bands.on_path) == {-1}:
            checks.append(weights_check(bands.weights))
    deck, parts = contents.deck, contents.eigenvalues.parts
    if deck is not None and parts and _is_band_run(contents):
        checks += _kpoint_checks(deck, parts[-1])
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


def _is_of_scf(contents: _Contents, bands: Bands) -> bool | None:
    """Whether `bands` stand on the k-points of the SCF; None where no log tells how many it had and what followed."""
    run = contents.seed.log
    if bands is contents.band_structure.bands or contents.seed.is_band_structure:
        return False
    if run is None or run.setup.n_kpoints is None:
        return None
    return run.setup.n_kpoints == len(bands.kpoints_frac) or None


def _is_band_run(contents: _Contents) -> bool:
    """Whether the last part of the eigenvalues is that of a band structure; an SCF's follow no path and no list."""
    run = contents.seed.log
    return contents.band_structure.bands is not None or (run is not None and run.setup.is_band_structure)


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


def _say_unused_bands(bands: Bands) -> str:
    return f"{_say_bands(bands)}; no number is taken from them"


def _say_trajectory(trajectory: Trajectory) -> str:
    cut = ", and one that is not complete" if trajectory.incomplete else ""
    return f"{len(trajectory.frames)} geometries ({trajectory.kind}){cut}"


def _say_grid(grid: FormattedGrid) -> str:
    means = ", ".join(f"mean of {name} {mean:.6f}" for name, mean in zip(grid.columns, grid.means, strict=True))
    return f"{' x '.join(map(str, grid.values.shape[1:]))} points, {means}"


def _say_potential(potential: PotentialGrid) -> str:
    return f"{said_points(potential)}, mean {potential.values_ev.mean():.4f} eV"


def _say_checkpoint(checkpoint: CastepCheckpoint) -> str:
    energy = "" if checkpoint.free_energy_ev is None else f", E-TS {checkpoint.free_energy_ev:.6f} eV"
    return f"{len(checkpoint.species)} atoms{energy}"


def _kind_of(suffix: str) -> str:
    return UNREAD.get(suffix) or _KINDS.get(suffix, "further file")
