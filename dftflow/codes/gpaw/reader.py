"""Reads a person's own GPAW files, the ``.gpw`` and the text log, into `Results`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dftflow.codes.base import Calculation, Diagnosis, Reading
from dftflow.codes.compressed import plain_file, plain_name
from dftflow.codes.gpaw.eigenvalues import bands_of, density_was_fixed
from dftflow.codes.gpaw.folder import files_of
from dftflow.codes.gpaw.gpw_file import GpwFile, read_gpw
from dftflow.codes.gpaw.gpw_method import method_of, mode_of
from dftflow.codes.gpaw.text_log import TextLog, read_log
from dftflow.codes.reading import FileLog, zero_of
from dftflow.model.check import Check
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.kpoint_grid import spacing_of_grid
from dftflow.model.levels import PrintedGap
from dftflow.model.method import Method
from dftflow.model.results import Bands, Results, Status

__all__ = ["diagnosis_of", "read_own_files"]

SAME_ENERGY_EV = 2e-5  # logs have five or six decimals
SAME_LEVEL_EV = 6e-4  # and those of GPAW 26 three here
SAME_CUTOFF_EV = 1e-3
PROOFS = tuple(f"{what} of the log = {what} of the .gpw file" for what in ("energy", "Fermi level"))
"""Checks that hold by chance for no other run."""

GAP_SOURCE = (
    "as GPAW printed it, by occupation at the k-points of its grid: a metal on few k-points shows one too, and a grid "
    "that misses the true edges too wide a one"
)
NO_FLAG = "the .gpw file does not tell whether its SCF converged, and there is no readable log that does"


def read_own_files(calculation: Calculation) -> Reading:
    """What the ``.gpw`` file and the log of `calculation` hold, and the results together."""
    saved, printed = files_of(calculation)
    files = FileLog()
    gpw = None if saved is None else files.take(plain_file(saved), "saved calculation", read_gpw, _say_gpw)
    log = None if printed is None else files.take(plain_file(printed), "log", read_log, _say_log)
    zero = zero_of(calculation.folder, calculation.seed)
    results = None
    if gpw is not None:
        alike = printed is None or _stem(printed) == calculation.seed
        results = _results(gpw, log, zero, alike=alike)
    elif log is not None:
        results = _results_of_log(log, zero)
    return Reading(calculation=calculation, files=files.files, results=results)


def _stem(file: Path) -> str:
    return Path(plain_name(file)).stem


def diagnosis_of(calculation: Calculation, log_tail: str) -> Diagnosis:
    """How `calculation` ended, as its own files tell."""
    results = read_own_files(calculation).results
    if results is None:
        return Diagnosis(status="unknown", message="none of its files can be read", log_tail=log_tail)
    message = "" if results.status == "finished" else "; ".join(results.warnings) or NO_FLAG
    return Diagnosis(status=results.status, message=message, log_tail=log_tail)


def _say_gpw(gpw: GpwFile) -> str:
    levels = gpw.levels
    found = "no eigenvalues"
    atoms = f"{len(gpw.structure)} atom{'' if len(gpw.structure) == 1 else 's'}"
    if levels is not None:
        n_spins, n_kpoints, n_bands = levels.eigenvalues_ev.shape
        found = f"k-points: {n_kpoints}, bands: {n_bands}, spin channels: {n_spins}"
    return f"GPAW {gpw.version}, {atoms}, {found}".replace("GPAW ,", "GPAW,")


def _say_log(log: TextLog) -> str:
    count = f", {log.n_geometries} geometries" if log.n_geometries > 1 else ""
    return f"GPAW {log.version}{count}" + ("" if log.has_end else ", without an end")


# --- of the log alone -------------------------------------------------------------------------------------------


def _results_of_log(log: TextLog, zero: EnergyZero) -> Results:
    return Results(
        code="gpaw",
        code_version=log.version,
        status=log.status,
        energy_ev=log.energy_ev,
        free_energy_ev=log.free_energy_ev,
        method=_method_of_log(log),
        structure=log.structure,
        forces_ev_per_ang=log.forces_ev_per_ang,
        stress_gpa=log.stress_gpa,
        log_fermi=_fermi(log.fermi_levels_ev, zero),
        printed_gap=None if log.gap_ev is None else PrintedGap(band_gap_ev=log.gap_ev, source=GAP_SOURCE),
        wall_time_s=log.wall_time_s,
        peak_memory_mib=log.peak_memory_mib,
        warnings=tuple(_warnings_of_log(log)),
    )


def _fermi(levels_ev: tuple[float, ...], zero: EnergyZero) -> Energy | None:
    """The higher one of two; an infinite one, of a channel without empty bands, is none."""
    finite = [level for level in levels_ev if abs(level) != float("inf")]
    return Energy(max(finite), zero) if finite else None


def _method_of_log(log: TextLog) -> Method:
    told = log.setup
    spacing = None
    if log.structure is not None and told.grid is not None:
        spacing = spacing_of_grid(log.structure.lattice.matrix, told.grid)
    return Method(
        code="gpaw",
        code_version=log.version,
        functional=told.functional,
        cutoff_ev=told.cutoff_ev,
        potentials=told.potentials,
        kpoints_grid=told.grid,
        kpoints_shift=told.shift,
        kpoint_spacing_per_ang=spacing,
        smearing=told.smearing,
        smearing_ev=told.smearing_ev,
        spin_polarised=told.spin_polarised,
        spinor=told.spinor,
        hubbard_u_ev=None,
        n_electrons=told.n_electrons,
    )


def _warnings_of_log(log: TextLog) -> Iterator[str]:
    if log.message:
        yield log.message
    if log.n_runs > 1:
        yield f"{log.n_runs} runs stand in the log: this is the last one"
    if log.n_geometries > 1:
        which = "the last" if log.last_is_whole else "the last that has an energy"
        yield (
            f"{log.n_geometries} geometries stand in the log, and {which} is given; whether a relaxation converged its "
            "optimiser tells, not GPAW"
        )
    if log.structure is None:
        yield "no table of atoms and cell was found in the log: the geometry is not known"
    yield "there is no readable .gpw file: the log lists eigenvalues at a few k-points alone, which are not read"


# --- of the .gpw file, and the log beside it --------------------------------------------------------------------


def _results(gpw: GpwFile, log: TextLog | None, zero: EnergyZero, *, alike: bool) -> Results:
    checks = () if log is None else tuple(_of_one_run(gpw, log))
    belongs = all(check.passed is not False for check in checks)
    sure = belongs and any(check.passed for check in checks if check.name in PROOFS)
    fixed = density_was_fixed(gpw)
    own_log = log if belongs else None
    bands = bands_of(gpw, zero, None if own_log is None else own_log.setup.n_electrons)
    method = method_of(gpw)
    if own_log is not None:
        method = _completed(method, own_log)
    return Results(
        code="gpaw",
        code_version=gpw.version or (log.version if log is not None else ""),
        status=_status(gpw, log, sure=sure, alike=alike),
        energy_ev=None if fixed else gpw.energy_ev,
        free_energy_ev=None if fixed else gpw.free_energy_ev,
        method=method,
        checks=checks,
        structure=gpw.structure,
        forces_ev_per_ang=None if fixed else gpw.forces_ev_per_ang,
        stress_gpa=None if fixed else gpw.stress_gpa,
        log_fermi=_fermi(gpw.fermi_levels_ev, zero),
        bands=bands,
        wall_time_s=None if own_log is None else own_log.wall_time_s,
        peak_memory_mib=None if own_log is None else own_log.peak_memory_mib,
        warnings=tuple(_warnings(gpw, log, bands, fixed=fixed)),
    )


def _completed(method: Method, log: TextLog) -> Method:
    """With what the file leaves out: potentials, and the smearing that was left at its default."""
    told = log.setup
    if method.smearing is None:
        method = replace(method, smearing=told.smearing, smearing_ev=told.smearing_ev)
    return replace(method, potentials=told.potentials)


def _status(gpw: GpwFile, log: TextLog | None, *, sure: bool, alike: bool) -> Status:
    """By the flag in the file where it has one, else by the log, if that is `sure` to be its own or named `alike`.

    A log without an end is that of a process that went on after it had saved what is in the file: when its last SCF
    converged and gave the numbers of the file, that calculation has finished.
    """
    if gpw.converged is False:
        return "scf_not_converged"
    if log is None:
        return "finished" if gpw.converged else "unknown"
    if not sure and not alike:
        return "unknown"
    if log.status == "truncated" and log.converged and sure:
        return "finished"
    return log.status


def _of_one_run(gpw: GpwFile, log: TextLog) -> Iterator[Check]:
    """Whether the log is that of the file; if not, how the calculation ended is not known."""
    n_atoms = None if log.structure is None else len(log.structure)
    cutoff_ev = method_of(gpw).cutoff_ev
    logged_ev, saved_ev = (max(levels, default=None) for levels in (log.fermi_levels_ev, gpw.fermi_levels_ev))
    yield _same("number of atoms", n_atoms, len(gpw.structure), 0)
    yield _same("energy", log.energy_ev, gpw.energy_ev, SAME_ENERGY_EV, " eV")
    yield _same("Fermi level", logged_ev, saved_ev, SAME_LEVEL_EV, " eV")
    if cutoff_ev is not None:
        yield _same("cutoff", log.setup.cutoff_ev, cutoff_ev, SAME_CUTOFF_EV, " eV")
    if gpw.version:
        same = log.version == gpw.version
        yield Check(
            name="version of the log = version in the .gpw file",
            passed=same,
            detail=f"{log.version} and {gpw.version}",
            concerns=("status",),
        )


def _same(what: str, printed: float | None, saved: float | None, tolerance: float, unit: str = "") -> Check:
    return Check.of_two_files(
        f"{what} of the log = {what} of the .gpw file",
        ("the log", printed),
        ("the .gpw file", saved),
        tolerance=tolerance,
        concerns=("status",),
        unit=unit,
    )


def _warnings(gpw: GpwFile, log: TextLog | None, bands: Bands | None, *, fixed: bool) -> Iterator[str]:
    if log is not None and log.message:
        yield log.message
    if log is None and gpw.converged is None:
        yield NO_FLAG
    if gpw.converged is False:
        yield "the SCF had not converged when the .gpw file was written"
    if fixed:
        yield "the density was kept fixed: the file has no total energy of its own, and its Fermi level is the SCF's"
    if gpw.why_no_levels:
        yield gpw.why_no_levels
    elif bands is None:
        yield "there is no Fermi level, as every band is filled: without an empty band the eigenvalues tell no edge"
    elif _only_occupied_converged(gpw):
        yield "GPAW converged the occupied bands alone, its default: the empty ones, and so the gap, are less sharp"
    if mode_of(gpw.parameters) not in ("pw", ""):
        yield f"the wave functions are no plane waves (mode {mode_of(gpw.parameters)}): there is no cutoff"
    if gpw.has_potential:
        yield "the electrostatic potential in the .gpw file is not read"


def _only_occupied_converged(gpw: GpwFile) -> bool:
    asked = gpw.parameters.get("convergence")
    return mode_of(gpw.parameters) != "lcao" and (
        not isinstance(asked, dict) or asked.get("bands", "occupied") == "occupied"
    )
