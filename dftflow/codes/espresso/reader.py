"""Reads all files of one calculation of Quantum ESPRESSO into `Results`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from dftflow.analysis.joined_bands import join_bands
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
from dftflow.codes.reading import FileLog, zero_of
from dftflow.errors import ParseError
from dftflow.model.check import Check, Part
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.results import Bands, BandsRun, FloatArray, PotentialGrid, RelaxationStep, Results

__all__ = ["read_calculation", "stages_of"]

SAME_EV = 2e-4
SAME_LEVEL_EV = 1e-4  # printed with 4 decimals
OF_ONE_RUN: tuple[Part, ...] = ("status", "energy", "forces", "stress", "fermi", "bands", "potential")
"""What belongs to the run of the XML, and is refused when the standard output is that of another run."""
OF_FIXED_DENSITY: tuple[Part, ...] = ("status", "bands")
"""The same of a run at fixed density beside that of the energy."""
SAME_ELECTRONS = 0.005 + 1e-6  # printed with 2 decimals
SAME_CUTOFF_EV = 1e-3
SAME_EIGENVALUE_EV = 1.1e-3  # printed with 4 decimals, and out of order by 1 meV at most
SAME_ANG = 1e-4
SAME_AVERAGE_EV = 1e-4
WHOLE = 0.02


def read_calculation(calculation: Calculation) -> Reading:
    """What every file of `calculation` holds, and the results together."""
    log = FileLog()
    zero = zero_of(calculation.folder, calculation.seed)
    stages = stages_of(calculation, log)
    ground = next((stage.run for stage in stages if stage.run is not None and stage.run.has_scf), None)
    at_fixed = next((stage for stage in stages if stage.run is not None and not stage.run.has_scf), None)
    eigenvalues = _bands(calculation, ground, at_fixed, zero, log)
    run = ground or (None if at_fixed is None else at_fixed.run)
    potential = log.take(
        file_of(calculation, "", ".pot"),
        "potential",
        lambda file: read_potential_grid(file, zero, alat_ang=None if run is None else run.alat_ang),
        lambda found: f"{found.kind}, {found.values_ev.shape}",
    )
    planar = log.take(
        file_of(calculation, "", ".average.dat"),
        "plane averages",
        lambda file: _planar(*read_average(file), run, zero, file),
        lambda found: f"{found.values_ev.size} heights",
    )
    if run is not None:
        results: Results | None = _results(stages, run, eigenvalues, zero, potential, planar)
    else:
        results = _results_of_stdout(stages, zero, potential)
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
    eigenvalues: _Eigenvalues,
    zero: EnergyZero,
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
        checks=(*_of_one_run(stages, run), *_checks(run, potential, planar)),
        structure=last.structure,
        forces_ev_per_ang=last.forces_ev_per_ang,
        stress_gpa=last.stress_gpa,
        log_fermi=_counted(_fermi(run), zero),
        bands=eigenvalues.bands,
        bands_run=eigenvalues.run,
        potential=potential or planar,
        steps=_steps(run),
        wall_time_s=None if None in walls else float(sum(wall for wall in walls if wall is not None)),
        settings={"schema": run.schema, "density_cutoff_ev": run.density_cutoff_ev, "fft_grid": run.fft_grid},
        warnings=(*_warnings(stages, run, message, potential, planar), *eigenvalues.remarks),
    )


def _results_of_stdout(stages: Sequence[Stage], zero: EnergyZero, potential: PotentialGrid | None) -> Results | None:
    printed = next((stage.printed for stage in stages if stage.printed is not None), None)
    if printed is None:
        return None
    return Results(
        code="espresso",
        code_version=printed.version,
        status=status_of(stages)[0],
        free_energy_ev=printed.energy_ev,
        log_fermi=_counted(printed.fermi_ev, zero),
        potential=potential,
        warnings=("there is no readable XML: geometry, bands and method are unknown", *printed.warnings),
    )


def _fermi(run: PwRun) -> float | None:
    eigenvalues = run.eigenvalues
    return max(eigenvalues.fermi_ev) if eigenvalues.fermi_ev else eigenvalues.highest_occupied_ev


def _counted(value_ev: float | None, zero: EnergyZero) -> Energy | None:
    return None if value_ev is None else Energy(value_ev, zero)


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


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Eigenvalues:
    """The eigenvalues of a calculation; `run` as `Results.bands_run`."""

    bands: Bands | None = None
    run: BandsRun | None = None
    remarks: tuple[str, ...] = ()


def _bands(
    calculation: Calculation, ground: PwRun | None, at_fixed: Stage | None, zero: EnergyZero, log: FileLog
) -> _Eigenvalues:
    path = None if at_fixed is None else at_fixed.run
    scf = None if ground is None else _bands_of(ground, _grid_part(ground), zero)
    if path is None or at_fixed is None:
        return _Eigenvalues(bands=scf)
    if ground is not None and not _same_atoms(ground, path):
        file = file_of(calculation, at_fixed.name, ".xml")
        raise_later = ParseError("the bands are of another crystal than the SCF", where=str(file))
        log.take(file, "bands", lambda _: _refuse(raise_later), str)
        return _Eigenvalues(bands=scf)
    further = _bands_of(path, _path_part(calculation, at_fixed.name, path, log), zero)
    if ground is None or scf is None or further is None:
        return _Eigenvalues(bands=further or scf)
    own = EnergyZero(run=f"{zero.run}.{at_fixed.name or path.task}", reference=zero.reference)
    run = _run_of(path, at_fixed.printed, own)
    joined = join_bands(scf, _run_of(ground, None, zero), further, run)
    if not joined.why_not:
        return _Eigenvalues(bands=joined.bands)
    remark = f"the eigenvalues of the SCF were left out, and those at fixed density stand alone: {joined.why_not}"
    return _Eigenvalues(bands=replace(further, zero=own, stands_in="own file"), run=run, remarks=(remark,))


def _run_of(run: PwRun, printed: ProgramOutput | None, zero: EnergyZero) -> BandsRun:
    """The run of some eigenvalues; its Fermi level is the printed one, for the XML's is beside the eigenvalues."""
    fermi_ev = None if printed is None else printed.fermi_ev
    return BandsRun(method=method_of(run, {}), log_fermi=_counted(fermi_ev, zero), structure=run.last.structure)


_Part = tuple[FloatArray, FloatArray, tuple[str, ...], tuple[int, ...], FloatArray]


def _bands_of(run: PwRun, part: _Part, zero: EnergyZero) -> Bands | None:
    """Eigenvalues of one run; None where it gives neither a Fermi level nor a highest occupied one."""
    fermi_ev = _fermi(run)
    if fermi_ev is None:
        return None
    values_ev, kpoints_frac, labels, on_path, weights = part
    return Bands(
        eigenvalues_ev=values_ev,
        kpoints_frac=kpoints_frac,
        labels=labels,
        on_path=on_path,
        reciprocal_per_ang=run.last.structure.lattice.reciprocal_lattice.matrix,
        n_electrons=_electrons(run),
        fermi_ev=fermi_ev,
        zero=zero,
        fermi_by_spin_ev=run.eigenvalues.fermi_ev if len(run.eigenvalues.fermi_ev) > 1 else (),
        weights=weights,
        spinor=run.spinor,
        stands_in="log",
    )


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


def _same_atoms(ground: PwRun, path: PwRun) -> bool:
    a, b = ground.last.structure, path.last.structure
    return bool(a.species == b.species and np.abs(a.cart_coords - b.cart_coords).max() < SAME_ANG)


def _electrons(run: PwRun) -> tuple[float, ...]:
    """Per channel by the occupations; a sum next to a whole number is that number."""
    electrons = run.eigenvalues.electrons
    if len(electrons) == 1:
        return (run.n_electrons,)
    up = electrons[0]
    up = float(round(up)) if abs(up - round(up)) < WHOLE else up
    return (up, run.n_electrons - up)


# --- potential --------------------------------------------------------------------------------------------------


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
    return PotentialGrid(
        values_ev=planar_ev.reshape(shape), cell_ang=cell, kind="electrostatic", zero=zero, tells_cell=False
    )


# --- checks -----------------------------------------------------------------------------------------------------


def _of_one_run(stages: Sequence[Stage], of_energy: PwRun) -> Iterator[Check]:
    """Whether what a program printed, which tells how it ended, is of the same run as its XML."""
    for stage in stages:
        run, printed = stage.run, stage.printed
        if run is None or printed is None:
            continue
        of = f" ({stage.name})" if stage.name and run is not of_energy else ""
        concerns = OF_ONE_RUN if run is of_energy else ("status",) if run.has_scf else OF_FIXED_DENSITY
        atoms, eigenvalues = len(run.last.structure), run.eigenvalues
        yield _same("number of atoms", of, printed.n_atoms, atoms, 0, concerns)
        yield _same("electrons", of, printed.n_electrons, run.n_electrons, SAME_ELECTRONS, concerns)
        yield _same("cutoff", of, printed.cutoff_ev, run.cutoff_ev, SAME_CUTOFF_EV, concerns, " eV")
        yield _same_levels(of, printed.eigenvalues_ev, eigenvalues.values_ev, concerns)
        if run.has_scf and len(eigenvalues.fermi_ev) < 2:
            yield _same("Fermi level", of, printed.fermi_ev, _fermi(run), SAME_LEVEL_EV, concerns, " eV")
        if run.has_scf:
            yield _same("energy", of, printed.energy_ev, run.last.free_energy_ev, SAME_EV, concerns, " eV")


def _same(
    what: str,
    of: str,
    printed: float | None,
    wanted: float | None,
    tolerance: float,
    concerns: tuple[Part, ...],
    unit: str = "",
) -> Check:
    name = f"{what} of the XML = {what} printed{of}"
    if printed is None or wanted is None:
        where = "the standard output" if printed is None else "the XML"
        return Check(name=name, passed=None, detail=f"{where} gives none", concerns=concerns)
    decimals = ".6f" if unit else "g"
    detail = f"{wanted:{decimals}} and {printed:{decimals}}{unit}"
    return Check(name=name, passed=abs(printed - wanted) <= tolerance, detail=detail, concerns=concerns)


def _same_levels(of: str, printed_ev: list[float], values_ev: FloatArray, concerns: tuple[Part, ...]) -> Check:
    name, wanted_ev = f"eigenvalues of the XML = eigenvalues printed{of}", values_ev[np.isfinite(values_ev)]
    if len(printed_ev) != wanted_ev.size:
        detail = f"{wanted_ev.size} in the XML, {len(printed_ev)} printed"
        return Check(name=name, passed=None, detail=detail, concerns=concerns)
    apart_ev = float(np.abs(np.array(printed_ev) - wanted_ev).max(initial=0.0))
    detail = f"{wanted_ev.size} values differ by up to {apart_ev:.4f} eV"
    return Check(name=name, passed=apart_ev <= SAME_EIGENVALUE_EV, detail=detail, concerns=concerns)


def _checks(run: PwRun, potential: PotentialGrid | None, planar: PotentialGrid | None) -> list[Check]:
    found = []
    if potential is not None:
        shape = potential.values_ev.shape
        found.append(
            Check(
                name="grid of the potential = FFT grid of the run",
                passed=shape == run.fft_grid,
                detail=f"{shape} and {run.fft_grid}",
                concerns=("potential",),
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
                concerns=("potential",),
            )
        )
    return found
