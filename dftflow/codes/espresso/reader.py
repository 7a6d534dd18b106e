"""Reads all files of one calculation of Quantum ESPRESSO into `Results`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dftflow.codes.base import Calculation, Reading
from dftflow.codes.displacement import largest_displacement_ang
from dftflow.codes.espresso.average_file import read_average
from dftflow.codes.espresso.folder import STAGES, file_of
from dftflow.codes.espresso.grid_file import read_potential_grid
from dftflow.codes.espresso.kpoints_card import read_names
from dftflow.codes.espresso.method import method_of
from dftflow.codes.espresso.pw_stdout import ProgramOutput, read_stdout
from dftflow.codes.espresso.pw_xml import Geometry, PwRun, read_pw_xml
from dftflow.codes.espresso.status import Stage, status_of
from dftflow.codes.reading import FileLog
from dftflow.errors import ParseError
from dftflow.model.check import Check
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands, FloatArray, PotentialGrid, RelaxationStep, Results

__all__ = ["read_calculation", "stages_of"]

SAME_EV = 2e-4
SAME_ANG = 1e-4
SAME_AVERAGE_EV = 1e-4
WHOLE = 0.02


def read_calculation(calculation: Calculation) -> Reading:
    """What every file of `calculation` holds, and the results together."""
    log = FileLog()
    zero = EnergyZero(run=calculation.folder.name, reference="cell_average")
    stages = stages_of(calculation, log)
    ground = next((stage.run for stage in stages if stage.run is not None and stage.run.has_scf), None)
    at_fixed = next((stage for stage in stages if stage.run is not None and not stage.run.has_scf), None)
    bands = _bands(calculation, ground, at_fixed, zero, log)
    run = ground or (None if at_fixed is None else at_fixed.run)
    cell = None if run is None else run.last.structure.lattice.matrix
    potential = log.take(
        file_of(calculation, "", ".pot"),
        "potential",
        lambda file: _same_cell(read_potential_grid(file, zero, cell_ang=cell), cell, file),
        lambda found: f"{found.kind}, {found.values_ev.shape}",
    )
    planar = log.take(
        file_of(calculation, "", ".average.dat"),
        "plane averages",
        lambda file: _planar(*read_average(file), run, zero, file),
        lambda found: f"{found.values_ev.size} heights",
    )
    if run is not None:
        results: Results | None = _results(stages, run, bands, potential, planar)
    else:
        results = _results_of_stdout(stages, potential)
    return Reading(calculation=calculation, files=log.files, results=results)


def stages_of(calculation: Calculation, log: FileLog) -> tuple[Stage, ...]:
    """The programs that were to run, in order, with what they left."""
    stages = []
    names = {file.name for file in calculation.files}
    for name in STAGES:
        printed_file, xml_file = file_of(calculation, name, ".out"), file_of(calculation, name, ".xml")
        asked = bool(name) and f"{calculation.seed}.{name}.in" in names
        if not (asked or printed_file.name in names or xml_file.name in names):
            continue
        printed = log.take(printed_file, "log", read_stdout, _say_printed)
        run = None
        if xml_file.name in names:
            run = log.take(xml_file, "run", partial(_run, stage=name), _say_run)
        stages.append(Stage(name=name, printed=printed, run=run))
    return tuple(stages)


def _run(file: Path, stage: str) -> PwRun:
    run = read_pw_xml(file)
    if stage and run.task.removeprefix("vc-") != stage:
        raise ParseError(f"this is no {stage} run of pw.x but {run.task!r}", where=f"{file}:1")
    return run


def _say_printed(printed: ProgramOutput) -> str:
    return f"{printed.program} {printed.version}, {printed.status.replace('_', ' ')}"


def _say_run(run: PwRun) -> str:
    kpoints, bands = run.eigenvalues.values_ev.shape[1:]
    return f"pw.x {run.version}, {run.task}: {kpoints} k-points, {bands} bands"


# --- results ----------------------------------------------------------------------------------------------------


def _results(
    stages: Sequence[Stage],
    run: PwRun,
    bands: Bands | None,
    potential: PotentialGrid | None,
    planar: PotentialGrid | None,
) -> Results:
    status, message = status_of(stages)
    last, printed = run.last, next((stage.printed for stage in stages if stage.run is run), None)
    walls = [stage.run.wall_time_s for stage in stages if stage.run is not None]
    return Results(
        code="espresso",
        code_version=run.version,
        status=status,
        energy_ev=last.energy_ev,
        free_energy_ev=last.free_energy_ev,
        method=method_of(run, {} if printed is None else printed.md5),
        checks=tuple(_checks(run, printed, potential, planar)),
        structure=last.structure,
        forces_ev_per_ang=last.forces_ev_per_ang,
        stress_gpa=last.stress_gpa,
        fermi_ev=_fermi(run),
        bands=bands,
        potential=potential or planar,
        steps=_steps(run),
        wall_time_s=None if None in walls else float(sum(wall for wall in walls if wall is not None)),
        settings={"schema": run.schema, "density_cutoff_ev": run.density_cutoff_ev, "fft_grid": run.fft_grid},
        warnings=tuple(_warnings(stages, run, message, potential, planar)),
    )


def _results_of_stdout(stages: Sequence[Stage], potential: PotentialGrid | None) -> Results | None:
    printed = next((stage.printed for stage in stages if stage.printed is not None), None)
    if printed is None:
        return None
    return Results(
        code="espresso",
        code_version=printed.version,
        status=status_of(stages)[0],
        free_energy_ev=printed.energy_ev,
        fermi_ev=printed.fermi_ev,
        potential=potential,
        warnings=("there is no readable XML: geometry, bands and method are unknown", *printed.warnings),
    )


def _fermi(run: PwRun) -> float | None:
    eigenvalues = run.eigenvalues
    return max(eigenvalues.fermi_ev) if eigenvalues.fermi_ev else eigenvalues.highest_occupied_ev


def _steps(run: PwRun) -> tuple[RelaxationStep, ...]:
    if run.task not in ("relax", "vc-relax"):
        return ()
    found = []
    before: Geometry | None = None
    for step in run.steps:
        if step.energy_ev is None or step.forces_ev_per_ang is None:
            continue
        found.append(
            RelaxationStep(
                energy_ev=step.energy_ev,
                max_force_ev_per_ang=float(np.linalg.norm(step.forces_ev_per_ang, axis=1).max()),
                max_stress_gpa=None if step.stress_gpa is None else float(np.abs(step.stress_gpa).max()),
                max_displacement_ang=None
                if before is None
                else largest_displacement_ang(before.structure, step.structure),
                volume_ang3=float(step.structure.volume),
            )
        )
        before = step
    return tuple(found)


def _warnings(
    stages: Sequence[Stage],
    run: PwRun,
    message: str,
    potential: PotentialGrid | None,
    planar: PotentialGrid | None,
) -> list[str]:
    found = [message] if message else []
    found += [text for stage in stages if stage.printed is not None for text in stage.printed.warnings]
    if not run.has_scf:
        found.append("the density was kept fixed: the run has no total energy of its own")
    if not run.eigenvalues.fermi_ev and run.eigenvalues.highest_occupied_ev is not None:
        found.append("occupations are fixed: the Fermi level given is the highest occupied level")
    if potential is None and planar is not None:
        found.append("there is no grid of the potential: its plane averages were taken from average.x")
    return found


# --- bands ------------------------------------------------------------------------------------------------------


def _bands(
    calculation: Calculation, ground: PwRun | None, at_fixed: Stage | None, zero: EnergyZero, log: FileLog
) -> Bands | None:
    path = None if at_fixed is None else at_fixed.run
    run = ground or path
    fermi_ev = None if run is None else _fermi(run)
    if run is None or fermi_ev is None:
        return None
    parts = [] if ground is None else [_grid_part(ground)]
    if path is not None and at_fixed is not None:
        if ground is not None and not _same_system(ground, path):
            file = file_of(calculation, at_fixed.name, ".xml")
            raise_later = ParseError("the bands are of another crystal or setting than the SCF", where=str(file))
            log.take(file, "bands", lambda _: _refuse(raise_later), str)
            path = None
        else:
            parts.append(_path_part(calculation, at_fixed.name, path, log))
    values, kpoints, labels, on_path, weights = zip(*parts, strict=True)
    spins = run.eigenvalues.fermi_ev if len(run.eigenvalues.fermi_ev) > 1 else ()
    return Bands(
        eigenvalues_ev=_joined(values),
        kpoints_frac=np.concatenate(kpoints),
        labels=tuple(label for part in labels for label in part),
        on_path=tuple(segment for part in on_path for segment in part),
        reciprocal_per_ang=run.last.structure.lattice.reciprocal_lattice.matrix,
        n_electrons=_electrons(run),
        fermi_ev=fermi_ev,
        zero=zero,
        fermi_by_spin_ev=spins,
        weights=np.concatenate(weights),
        spinor=run.spinor,
    )


_Part = tuple[FloatArray, FloatArray, tuple[str, ...], tuple[int, ...], FloatArray]


def _grid_part(run: PwRun) -> _Part:
    found, n = run.eigenvalues, len(run.eigenvalues.kpoints_frac)
    return found.values_ev, found.kpoints_frac, ("",) * n, (-1,) * n, found.weights


def _path_part(calculation: Calculation, stage: str, run: PwRun, log: FileLog) -> _Part:
    found, n = run.eigenvalues, len(run.eigenvalues.kpoints_frac)
    if run.task != "bands":
        return _grid_part(run)
    names = None
    if stage:
        names = log.take(
            file_of(calculation, stage, ".in"),
            "k-points",
            lambda file: read_names(file, found.kpoints_frac),
            lambda told: f"{len(told[0])} k-points",
        )
    labels, on_path = names or (("",) * n, (0,) * n)
    return found.values_ev, found.kpoints_frac, labels, on_path, np.zeros(n)


def _refuse(error: ParseError) -> str:
    raise error


def _same_system(ground: PwRun, path: PwRun) -> bool:
    a, b = ground.last.structure, path.last.structure
    return bool(
        a.species == b.species
        and np.abs(a.lattice.matrix - b.lattice.matrix).max() < SAME_ANG
        and np.abs(a.cart_coords - b.cart_coords).max() < SAME_ANG
        and ground.n_electrons == path.n_electrons
        and (ground.spin_polarised, ground.spinor) == (path.spin_polarised, path.spinor)
    )


def _joined(parts: Sequence[FloatArray]) -> FloatArray:
    """One array (n_spins, all k-points, largest number of bands); a row with fewer bands ends in NaN."""
    widest = max(part.shape[2] for part in parts)
    padded = [np.pad(part, ((0, 0), (0, 0), (0, widest - part.shape[2])), constant_values=np.nan) for part in parts]
    return np.concatenate(padded, axis=1)


def _electrons(run: PwRun) -> tuple[float, ...]:
    """Per channel by the occupations; a sum next to a whole number is that number."""
    electrons = run.eigenvalues.electrons
    if len(electrons) == 1:
        return (run.n_electrons,)
    up = electrons[0]
    up = float(round(up)) if abs(up - round(up)) < WHOLE else up
    return (up, run.n_electrons - up)


# --- potential --------------------------------------------------------------------------------------------------


def _same_cell(grid: PotentialGrid, cell_ang: FloatArray | None, file: Path) -> PotentialGrid:
    if cell_ang is not None and np.abs(grid.cell_ang - cell_ang).max() > SAME_ANG:
        raise ParseError(
            "the potential is of another cell than the run",
            reason=f"the lattice vectors differ by {np.abs(grid.cell_ang - cell_ang).max():.4f} Å",
            where=f"{file}:3",
        )
    return grid


def _planar(length_ang: float, planar_ev: FloatArray, run: PwRun | None, zero: EnergyZero, file: Path) -> PotentialGrid:
    if run is None:
        raise ParseError("the table's cell is not known", reason="there is no XML of the run", where=str(file))
    lengths = np.array(run.last.structure.lattice.abc)
    fits = [axis for axis in range(3) if abs(lengths[axis] - length_ang) < SAME_ANG]
    axis = run.dipole_axis if run.dipole_axis in fits else fits[-1] if fits else None
    if axis is None:
        raise ParseError(
            "the table does not reach over one of the cell's lattice vectors",
            reason=f"it is {length_ang:.4f} Å long, they are {', '.join(f'{length:.4f}' for length in lengths)} Å",
            where=str(file),
        )
    shape = [1, 1, 1]
    shape[axis] = -1
    cell = run.last.structure.lattice.matrix
    return PotentialGrid(values_ev=planar_ev.reshape(shape), cell_ang=cell, kind="electrostatic", zero=zero)


# --- checks -----------------------------------------------------------------------------------------------------


def _checks(
    run: PwRun, printed: ProgramOutput | None, potential: PotentialGrid | None, planar: PotentialGrid | None
) -> list[Check]:
    found = []
    if printed is not None and printed.energy_ev is not None and run.last.free_energy_ev is not None:
        energy_ev = run.last.free_energy_ev
        found.append(
            Check(
                name="energy of the XML = energy printed",
                passed=abs(energy_ev - printed.energy_ev) < SAME_EV,
                detail=f"{energy_ev:.6f} and {printed.energy_ev:.6f} eV",
            )
        )
    if potential is not None:
        shape = potential.values_ev.shape
        found.append(
            Check(
                name="grid of the potential = FFT grid of the run",
                passed=shape == run.fft_grid,
                detail=f"{shape} and {run.fft_grid}",
            )
        )
    if potential is not None and planar is not None:
        axis = int(np.argmax(planar.values_ev.shape))
        mean = potential.values_ev.mean(axis=tuple(other for other in range(3) if other != axis))
        apart = max(abs(float(mean.mean() - planar.values_ev.mean())), abs(float(mean[0] - planar.values_ev.flat[0])))
        found.append(
            Check(
                name="plane averages of the grid = those of average.x",
                passed=apart < SAME_AVERAGE_EV,
                detail=f"mean and first value differ by up to {apart:.2g} eV",
            )
        )
    return found
