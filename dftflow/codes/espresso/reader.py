"""Reads all files of one calculation of Quantum ESPRESSO into `Results`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from dftflow.analysis.joined_bands import join_bands
from dftflow.codes.base import Calculation, Reading
from dftflow.codes.compressed import lying, plain_file, plain_name
from dftflow.codes.displacement import largest_displacement_ang
from dftflow.codes.espresso.average_file import read_average
from dftflow.codes.espresso.folder import OLD_XML, PW_STAGES, STAGES, file_of, other_logs
from dftflow.codes.espresso.grid_file import read_potential_grid
from dftflow.codes.espresso.kpoints_card import read_names
from dftflow.codes.espresso.limits import SAME_ENERGY_EV
from dftflow.codes.espresso.method import method_of
from dftflow.codes.espresso.pw_run import Eigenvalues, Geometry, PwRun
from dftflow.codes.espresso.pw_stdout import ProgramOutput, read_stdout
from dftflow.codes.espresso.pw_text import read_pw_text
from dftflow.codes.espresso.pw_xml import read_pw_xml
from dftflow.codes.espresso.state_files import kind_of
from dftflow.codes.espresso.states import States, read_states
from dftflow.codes.espresso.status import Stage, status_of
from dftflow.codes.grid_body import fits_grid, said_points
from dftflow.codes.reading import FileLog, zero_of
from dftflow.errors import ParseError
from dftflow.model.check import Check, Part
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import PrintedGap
from dftflow.model.results import Bands, BandsRun, FloatArray, PotentialGrid, RelaxationStep, Results

__all__ = ["read_calculation", "stages_of"]

SAME_LEVEL_EV = 1e-4  # printed with 4 decimals
OF_ONE_RUN: tuple[Part, ...] = ("status", "energy", "forces", "stress", "fermi", "bands", "dos", "potential")
"""What belongs to the run of the XML, and is refused when the standard output is that of another run."""
OF_FIXED_DENSITY: tuple[Part, ...] = ("status", "bands", "dos")
"""The same of a run at fixed density beside that of the energy."""
SAME_ELECTRONS = 0.005 + 1e-6  # printed with 2 decimals
SAME_CUTOFF_EV = 1e-3
SAME_EIGENVALUE_EV = 1.1e-3  # printed with 4 decimals, and out of order by 1 meV at most
SAME_ANG = 1e-4
SAME_AVERAGE_EV = 1e-4
WHOLE = 0.02
NO_XML = "there is no readable XML"


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
        lambda found: f"{found.kind}, {said_points(found)}",
    )
    planar = log.take(
        file_of(calculation, "", ".average.dat"),
        "plane averages",
        lambda file: _planar(*read_average(file), run, zero, file),
        lambda found: f"{found.values_ev.size} heights",
    )
    if planar is None and potential is None:
        planar = _printed_averages(calculation, log, run, zero)
    last = run if at_fixed is None else at_fixed.run
    states = read_states(calculation, last, eigenvalues.bands, None if last is None else _fermi(last), log)
    _note_rest(calculation, log)
    if run is not None:
        results: Results | None = _results(stages, run, eigenvalues, states, zero, potential, planar)
    else:
        results = _results_of_stdout(stages, zero, potential)
    return Reading(calculation=calculation, files=log.files, results=results)


def _printed_averages(
    calculation: Calculation, log: FileLog, run: PwRun | None, zero: EnergyZero
) -> PotentialGrid | None:
    """The table that average.x of version 4 printed."""
    for file in other_logs(calculation, "AVERAGE"):
        if _prints_averages(file):
            return log.take(
                plain_file(file),
                "plane averages",
                lambda plain: _planar(*read_average(plain), run, zero, plain),
                lambda found: f"{found.values_ev.size} heights",
            )
    return None


def _prints_averages(file: Path) -> bool:
    try:
        with lying(file) as plain:
            return bool(read_average(plain)[1].size)
    except ParseError:
        return False


def _note_rest(calculation: Calculation, log: FileLog) -> None:
    """Name what lies there and was not read."""
    read = {file.file for file in log.files}
    for file in other_logs(calculation):
        if file not in read:
            log.take(plain_file(file), "log", read_stdout, _say_printed)
    for file in calculation.files:
        if plain_name(file) == OLD_XML:
            log.pass_over(file, "run", "an XML of pw.x before 6.4, which is too old")
        elif any(other.file == file for other in log.files):
            continue
        elif kind := kind_of(file):
            log.pass_over(file, kind, "another of its kind is read, or no run that it is of")
        elif plain_name(file).endswith(".xml"):
            log.pass_over(file, "run", "the same run lies beside it")
    log.pass_over_copies(calculation)


def stages_of(calculation: Calculation, log: FileLog) -> tuple[Stage, ...]:
    """The programs that were to run, in order, with what they left."""
    stages = []
    names = {plain_name(file) for file in calculation.files}
    for name in STAGES:
        printed_file, xml_file = file_of(calculation, name, ".out"), file_of(calculation, name, ".xml")
        asked = bool(name) and f"{calculation.seed}.{name}.in" in names
        if not (asked or printed_file.name in names or xml_file.name in names):
            continue
        printed = log.take(printed_file, "log", read_stdout, _say_printed)
        run, why = None, ""
        if xml_file.name in names:
            run = log.take(xml_file, "run", partial(_run, stage=name), _say_run)
        if run is None and printed is not None and printed.program == "PWSCF" and name in PW_STAGES:
            run, why = _run_of_text(printed_file)
        stages.append(Stage(name=name, printed=printed, run=run, why_no_run=why))
    return tuple(stages)


def _run_of_text(file: Path) -> tuple[PwRun | None, str]:
    """The run as its text tells it, in place of an XML; None, and why, where it tells too little."""
    try:
        with lying(file) as plain:
            return read_pw_text(plain), ""
    except ParseError as error:
        return None, error.reason or error.summary


def _run(file: Path, stage: str) -> PwRun:
    run = read_pw_xml(file)
    if stage and run.task.removeprefix("vc-") != stage:
        raise ParseError(f"this is no {stage} run of pw.x but {run.task!r}", where=f"{file}:1")
    return run


def _say_printed(printed: ProgramOutput) -> str:
    return f"{printed.program} {printed.version}, {printed.status.replace('_', ' ')}"


def _say_run(run: PwRun) -> str:
    if run.eigenvalues is None:
        return f"pw.x {run.version}, {run.task}"
    kpoints, bands = run.eigenvalues.values_ev.shape[1:]
    return f"pw.x {run.version}, {run.task}: {kpoints} k-points, {bands} bands"


# --- results ----------------------------------------------------------------------------------------------------


def _results(
    stages: Sequence[Stage],
    run: PwRun,
    eigenvalues: _Eigenvalues,
    states: States,
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
        moments=run.moments,
        bands=eigenvalues.bands,
        bands_run=eigenvalues.run,
        projections=states.projections,
        dos=states.dos,
        printed_gap=None if printed is None or eigenvalues.bands is not None else _printed_gap(printed, zero),
        potential=potential or planar,
        steps=_steps(run),
        wall_time_s=None if None in walls else float(sum(wall for wall in walls if wall is not None)),
        lost=run.lost,
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
        energy_ev=None
        if printed.highest_ev is None
        else printed.energy_ev,  # occupations are fixed: nothing is smeared
        free_energy_ev=printed.energy_ev,
        log_fermi=_counted(printed.fermi_ev, zero),
        printed_gap=_printed_gap(printed, zero),
        potential=potential,
        warnings=(
            f"{NO_XML}, and geometry, bands and method cannot be read from the text{_behind_colon(stages)}",
            *printed.warnings,
        ),
    )


def _behind_colon(stages: Sequence[Stage]) -> str:
    why = next((stage.why_no_run for stage in stages if stage.why_no_run), "")
    return f": {why}" if why else ""


def _printed_gap(printed: ProgramOutput, zero: EnergyZero) -> PrintedGap | None:
    """By the line with the highest occupied and the lowest unoccupied level."""
    if printed.highest_ev is None or printed.lowest_ev is None or printed.lowest_ev <= printed.highest_ev:
        return None
    return PrintedGap(
        band_gap_ev=printed.lowest_ev - printed.highest_ev,
        vbm=Energy(printed.highest_ev, zero),
        cbm=Energy(printed.lowest_ev, zero),
        source="as pw.x printed it, at the k-points of this run, which need not hold the band edges",
    )


def _fermi(run: PwRun) -> float | None:
    """That of the run; where it gives none, as one along a path, the highest of the levels that the electrons fill."""
    if run.fermi_ev:
        return max(run.fermi_ev)
    return _highest_by_count(run) if run.highest_occupied_ev is None else run.highest_occupied_ev


def _highest_by_count(run: PwRun) -> float | None:
    if run.eigenvalues is None or run.smearing is not None:
        return None
    per_band = 1 if run.spinor or len(run.eigenvalues.values_ev) == 2 else 2
    filled = [round(count) // per_band for count in _electrons(run, run.eigenvalues)]
    tops = [
        channel[:, count - 1].max()
        for channel, count in zip(run.eigenvalues.values_ev, filled, strict=True)
        if 0 < count <= channel.shape[1]
    ]
    return float(max(tops)) if tops and np.isfinite(tops).all() else None


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
                else largest_displacement_ang(
                    before.structure.frac_coords, step.structure.frac_coords, step.structure.lattice.matrix
                ),
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
    if not run.fermi_ev and run.highest_occupied_ev is not None:
        found.append("occupations are fixed: the Fermi level given is the highest occupied level")
    elif not run.fermi_ev and _fermi(run) is not None:
        found.append("no Fermi level was printed: the highest of the filled levels stands for it")
    if run.from_text:
        found.append(f"{NO_XML}: the text of pw.x is read, which has fewer digits and does not tell the whole method")
    if potential is None and planar is not None:
        found.append("there is no readable grid of the potential: its plane averages were taken from average.x")
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
    if path is not None and path.eigenvalues is None:
        return _Eigenvalues(bands=scf)
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
        return _Eigenvalues(bands=_of_own_grid(joined.bands, scf, further))
    remark = f"the eigenvalues of the SCF were left out, and those at fixed density stand alone: {joined.why_not}"
    return _Eigenvalues(bands=replace(further, zero=own, stands_in="own file"), run=run, remarks=(remark,))


def _of_own_grid(joined: Bands, scf: Bands, further: Bands) -> Bands:
    """Where the states have a grid of their own, the weights of that one count, and no more those of the SCF's."""
    if further.grid is None or further.weights is None:
        return joined
    weights = np.concatenate([np.zeros(len(scf.kpoints_frac)), further.weights])
    return replace(joined, weights=weights, grid=further.grid)


def _run_of(run: PwRun, printed: ProgramOutput | None, zero: EnergyZero) -> BandsRun:
    """The run of some eigenvalues; its Fermi level is the printed one, for the XML's is beside the eigenvalues."""
    fermi_ev = None if printed is None else printed.fermi_ev
    return BandsRun(method=method_of(run, {}), log_fermi=_counted(fermi_ev, zero), structure=run.last.structure)


_Part = tuple[FloatArray, FloatArray, tuple[str, ...], tuple[int, ...], FloatArray]


def _bands_of(run: PwRun, part: _Part | None, zero: EnergyZero) -> Bands | None:
    """Eigenvalues of one run; None where it gives neither a Fermi level nor a highest occupied one."""
    fermi_ev = _fermi(run)
    if fermi_ev is None or run.eigenvalues is None or part is None:
        return None
    values_ev, kpoints_frac, labels, on_path, weights = part
    return Bands(
        eigenvalues_ev=values_ev,
        kpoints_frac=kpoints_frac,
        labels=labels,
        on_path=on_path,
        reciprocal_per_ang=run.last.structure.lattice.reciprocal_lattice.matrix,
        n_electrons=_electrons(run, run.eigenvalues),
        fermi_ev=fermi_ev,
        zero=zero,
        fermi_by_spin_ev=run.fermi_ev if len(run.fermi_ev) > 1 else (),
        weights=weights,
        spinor=run.spinor,
        stands_in="log",
        grid=run.grid if run.task == "nscf" else None,
    )


def _grid_part(run: PwRun) -> _Part | None:
    found = run.eigenvalues
    if found is None:
        return None
    n = len(found.kpoints_frac)
    return found.values_ev, found.kpoints_frac, ("",) * n, (-1,) * n, found.weights


def _path_part(calculation: Calculation, stage: str, run: PwRun, log: FileLog) -> _Part | None:
    found = run.eigenvalues
    if run.task != "bands" or found is None:
        return _grid_part(run)
    n = len(found.kpoints_frac)
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


def _electrons(run: PwRun, eigenvalues: Eigenvalues) -> tuple[float, ...]:
    """Per channel; a sum of occupations next to a whole number is that number."""
    electrons = eigenvalues.electrons
    if len(electrons) == 1:
        return (run.n_electrons,)
    up = electrons[0]
    up = float(round(up)) if abs(up - round(up)) < WHOLE else up
    return (up, run.n_electrons - up)


# --- potential --------------------------------------------------------------------------------------------------


def _planar(length_ang: float, planar_ev: FloatArray, run: PwRun | None, zero: EnergyZero, file: Path) -> PotentialGrid:
    if run is None:
        raise ParseError("the table's cell is not known", reason="no run of pw.x could be read", where=str(file))
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
        if run is None or printed is None or run.from_text:
            continue
        of = f" ({stage.name})" if stage.name and run is not of_energy else ""
        concerns = OF_ONE_RUN if run is of_energy else ("status",) if run.has_scf else OF_FIXED_DENSITY
        atoms = len(run.last.structure)
        yield _same("number of atoms", of, printed.n_atoms, atoms, 0, concerns)
        yield _same("electrons", of, printed.n_electrons, run.n_electrons, SAME_ELECTRONS, concerns)
        yield _same("cutoff", of, printed.cutoff_ev, run.cutoff_ev, SAME_CUTOFF_EV, concerns, " eV")
        if run.eigenvalues is not None:
            yield _same_levels(of, printed.eigenvalues_ev, run.eigenvalues.values_ev, concerns)
        if run.has_scf and len(run.fermi_ev) < 2:
            yield _same("Fermi level", of, printed.fermi_ev, _fermi(run), SAME_LEVEL_EV, concerns, " eV")
        if run.has_scf:
            yield _same("energy", of, printed.energy_ev, run.last.free_energy_ev, SAME_ENERGY_EV, concerns, " eV")


def _same(
    what: str,
    of: str,
    printed: float | None,
    wanted: float | None,
    tolerance: float,
    concerns: tuple[Part, ...],
    unit: str = "",
) -> Check:
    return Check.of_two_files(
        f"{what} of the XML = {what} printed{of}",
        ("the XML", wanted),
        ("the standard output", printed),
        tolerance=tolerance,
        concerns=concerns,
        unit=unit,
    )


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
        grid = run.fft_grid
        found.append(
            Check(
                name="grid of the potential = FFT grid of the run",
                passed=None if grid is None else fits_grid(potential, grid),
                detail=f"{said_points(potential)} and {'unknown' if grid is None else ' x '.join(map(str, grid))}",
                concerns=("potential",),
            )
        )
    axis = 0 if planar is None else int(np.argmax(planar.values_ev.shape))
    if potential is not None and planar is not None and potential.values_ev.shape[axis] > 1:
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
