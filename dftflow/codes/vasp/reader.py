"""Reads all files of one VASP calculation into `Results`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dftflow.analysis.atoms import SAME_PLACE_ANG, atoms_of, farthest_atom_ang, other_elements
from dftflow.codes.base import Calculation, Reading
from dftflow.codes.compressed import lying, plain_name
from dftflow.codes.displacement import largest_displacement_ang
from dftflow.codes.grid_body import fits_grid, said_points
from dftflow.codes.reading import FileLog, zero_of
from dftflow.codes.vasp.chgcar_file import read_chgcar
from dftflow.codes.vasp.folder import NOT_READ, file_of
from dftflow.codes.vasp.kind_of_run import remarks_on, why_no_energy, why_no_forces
from dftflow.codes.vasp.kpoints_file import SAME_K, read_names
from dftflow.codes.vasp.locpot_file import read_locpot
from dftflow.codes.vasp.method import method_of
from dftflow.codes.vasp.outcar_file import OutcarFile, read_outcar
from dftflow.codes.vasp.outcar_run import read_outcar_run
from dftflow.codes.vasp.states import States, read_states
from dftflow.codes.vasp.status import status_of
from dftflow.codes.vasp.vasprun_file import (
    GPA_PER_KBAR,
    Eigenvalues,
    FurtherEigenvalues,
    IonicStep,
    VaspRun,
    read_vasprun,
)
from dftflow.errors import ParseError
from dftflow.model.check import Check, Part
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.results import Bands, Density, FloatArray, FoundMoments, PotentialGrid, RelaxationStep, Results

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_calculation"]

WHOLE = 0.02
SAME_EV = 1e-5
SAME_LEVEL_EV = 1e-4  # OUTCAR has four decimals
SAME_ELECTRONS = 1e-4
SAME_CUTOFF_EV = 0.05 + 1e-6  # and one here
SAME_PRINTED_K = 1e-4 + 1e-6  # of a k-point, too
HALF = 0.5
NO_XML = "there is no readable vasprun.xml"
FORCES: tuple[Part, ...] = ("forces", "stress")
OF_ONE_RUN: tuple[Part, ...] = ("status", "energy", "forces", "stress", "fermi", "bands", "dos", "potential")
"""What is refused when vasprun.xml and OUTCAR are of two runs: how it ended is not known, nor whose LOCPOT it is."""


def read_calculation(calculation: Calculation) -> Reading:
    """What every file of `calculation` holds, and the results together."""
    log = FileLog()
    zero = zero_of(calculation.folder, calculation.seed)
    of_xml = log.take(file_of(calculation, "vasprun.xml"), "log", read_vasprun, _say_run)
    outcar = log.take(file_of(calculation, "OUTCAR"), "log", read_outcar, lambda o: f"VASP {o.version}")
    run, note = (of_xml, "") if of_xml is not None or outcar is None else _run_of_outcar(calculation)
    files = _RunFiles(calculation=calculation, zero=zero, run=run, outcar=outcar, from_outcar=run is not of_xml)
    bands = None if run is None else _bands(files, log)
    states = None if run is None else read_states(calculation, run, bands, zero, log)
    told = run.parameters if run is not None else _incar(file_of(calculation, "INCAR"))
    potential = log.take(
        file_of(calculation, "LOCPOT"),
        "local potential",
        lambda file: _potential(file, run, told, zero),
        lambda p: f"{p.kind}, {said_points(p)}",
    )
    density = log.take(file_of(calculation, "CHGCAR"), "density", read_chgcar, _say_density)
    read = [told.file for told in log.files]
    for file in calculation.files:
        if plain_name(file) in NOT_READ and file not in read:
            log.pass_over(file, NOT_READ[plain_name(file)], "" if run is None else "the log holds what is used of it")
    log.pass_over_copies(calculation)
    if run is not None and states is not None:
        results: Results | None = _results(files, run, bands, potential, density, states)
    else:
        results = None if outcar is None else _results_of_outcar(outcar, potential, zero, note)
    return Reading(calculation=calculation, files=log.files, results=results)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _RunFiles:
    """What was read of a calculation's logs; `from_outcar` where the run itself is from OUTCAR."""

    calculation: Calculation
    zero: EnergyZero
    run: VaspRun | None
    outcar: OutcarFile | None
    from_outcar: bool


def _run_of_outcar(calculation: Calculation) -> tuple[VaspRun | None, str]:
    """What OUTCAR alone tells of the run; None, and why, where it tells too little."""
    try:
        with lying(file_of(calculation, "OUTCAR")) as file:
            return read_outcar_run(file), ""
    except ParseError as error:
        return None, error.reason or error.summary


def _say_density(density: Density) -> str:
    spins = "non-collinear" if density.spinor else f"{density.n_spins} spin{'' if density.n_spins == 1 else 's'}"
    return f"{density.n_electrons:.4f} electrons, {spins}"


def _say_run(run: VaspRun) -> str:
    whole = "" if run.complete else ", cut short"
    return f"VASP {run.version}, {len(run.steps)} geometries{whole}"


def _results_of_outcar(outcar: OutcarFile, potential: PotentialGrid | None, zero: EnergyZero, note: str) -> Results:
    why = f": {note}" if note else ""
    return Results(
        code="vasp",
        code_version=outcar.version,
        status=status_of(None, outcar)[0],
        energy_ev=outcar.energy_ev,
        free_energy_ev=outcar.free_energy_ev,
        log_fermi=_log_fermi(None, outcar, zero),
        potential=potential,
        wall_time_s=outcar.wall_time_s,
        peak_memory_mib=outcar.peak_memory_mib,
        warnings=(f"{NO_XML}, and geometry, bands and method cannot be read from OUTCAR{why}",),
    )


def _log_fermi(run: VaspRun | None, outcar: OutcarFile | None, zero: EnergyZero) -> Energy | None:
    told = [log.fermi_ev for log in (run, outcar) if log is not None and log.fermi_ev is not None]
    return Energy(told[0], zero) if told else None


def _results(
    files: _RunFiles,
    run: VaspRun,
    bands: Bands | None,
    potential: PotentialGrid | None,
    density: Density | None,
    states: States,
) -> Results:
    last, outcar = run.steps[-1], files.outcar
    method = method_of(run)
    no_energy, no_forces = why_no_energy(run), why_no_forces(run)
    lost = {p: why for p, why in states.lost.items() if not (no_energy if p == "energy" else p in FORCES and no_forces)}
    return Results(
        code="vasp",
        code_version=run.version,
        status=status_of(run, outcar)[0],
        energy_ev=None if no_energy else last.energy_ev,
        free_energy_ev=None if no_energy else last.free_energy_ev,
        method=method,
        checks=tuple(_checks(files, run, potential)),
        structure=_bare(last),
        forces_ev_per_ang=None if no_forces else last.forces_ev_per_ang,
        stress_gpa=None if no_forces else _stress_gpa(run, last),
        log_fermi=_log_fermi(run, outcar, files.zero),
        moments=None if no_energy else _moments(run),
        bands=bands,
        projections=states.projections,
        dos=states.dos,
        potential=potential,
        density=density,
        steps=_steps(run),
        wall_time_s=None if outcar is None else outcar.wall_time_s,
        peak_memory_mib=None if outcar is None else outcar.peak_memory_mib,
        lost=lost,
        warnings=tuple(dict.fromkeys(filter(None, (*_warnings(files, run, bands), no_energy, no_forces)))),
    )


def _bare(step: IonicStep) -> Structure:
    structure = step.structure
    if "selective_dynamics" in structure.site_properties:
        structure.remove_site_property("selective_dynamics")
    return structure


def _stress_gpa(run: VaspRun, step: IonicStep) -> FloatArray | None:
    """VASP counts compression positive (https://vasp.at/wiki/ISIF); with ISIF = 1 only the trace is right."""
    isif = run.parameters.get("ISIF")
    if step.stress_kbar is None or not isinstance(isif, int) or isif < 2:
        return None
    return -GPA_PER_KBAR * step.stress_kbar + 0.0


def _steps(run: VaspRun) -> tuple[RelaxationStep, ...]:
    if not run.parameters["NSW"] > 0 or run.parameters.get("IBRION") not in (1, 2, 3):
        return ()
    if any(step.energy_ev is None for step in run.steps):  # a course with a gap in it would look like another
        return ()
    found = []
    before: IonicStep | None = None
    for step in run.steps:
        assert step.energy_ev is not None
        stress = _stress_gpa(run, step)
        found.append(
            RelaxationStep(
                energy_ev=step.energy_ev,
                max_force_ev_per_ang=step.largest_force,
                max_stress_gpa=None if stress is None else float(np.abs(stress).max()),
                max_displacement_ang=None
                if before is None
                else largest_displacement_ang(
                    before.geometry.positions_frac, step.geometry.positions_frac, step.geometry.cell_ang
                ),
                volume_ang3=step.geometry.volume_ang3,
            )
        )
        before = step
    return tuple(found)


# --- bands ------------------------------------------------------------------------------------------------------


def _bands(files: _RunFiles, log: FileLog) -> Bands | None:
    run, zero = files.run, files.zero
    if run is None or run.eigenvalues is None:
        return None
    fermi = _log_fermi(run, files.outcar, zero)
    names = log.take(
        file_of(files.calculation, "KPOINTS"),
        "k-points",
        lambda file: read_names(file, run.kpoints, same_k=SAME_PRINTED_K if files.from_outcar else SAME_K),
        lambda n: f"{len(n[0])} k-points",
    )
    labels, on_path = names or _without_names(run)
    own = Bands(
        eigenvalues_ev=run.eigenvalues.values_ev,
        kpoints_frac=run.kpoints,
        labels=labels,
        on_path=on_path,
        reciprocal_per_ang=run.steps[-1].structure.lattice.reciprocal_lattice.matrix,
        n_electrons=_electrons(run),
        fermi_ev=_highest_filled_ev(run.eigenvalues) if fermi is None else fermi.value_ev,
        zero=zero,
        weights=run.weights,
        spinor=run.spinor,
        stands_in="log",
    )
    return own if run.further is None else _with_further(own, run.further, files.calculation, log)


def _highest_filled_ev(eigenvalues: Eigenvalues) -> float:
    """Stands for the Fermi level, as with fixed occupations, where a run was cut short before that was written."""
    return float(eigenvalues.values_ev[eigenvalues.occupations > HALF].max())


def _with_further(own: Bands, further: FurtherEigenvalues, calculation: Calculation, log: FileLog) -> Bands:
    """Together with the eigenvalues at the points of KPOINTS_OPT, which are of the same run and potential."""
    names = log.take(
        file_of(calculation, "KPOINTS_OPT"),
        "k-points",
        lambda file: read_names(file, further.kpoints),
        lambda n: f"{len(n[0])} k-points",
    )
    count = len(further.kpoints)
    is_grid = further.style in ("Monkhorst", "Gamma")
    labels, on_path = names or (("",) * count, (-1 if is_grid else 0,) * count)
    behind = max(own.on_path) + 1
    return replace(
        own,
        eigenvalues_ev=np.concatenate([own.eigenvalues_ev, further.values_ev], axis=1),
        kpoints_frac=np.concatenate([own.kpoints_frac, further.kpoints]),
        labels=(*own.labels, *labels),
        on_path=(*own.on_path, *(segment if segment < 0 else segment + behind for segment in on_path)),
        weights=np.concatenate([np.zeros(0) if own.weights is None else own.weights, np.zeros(count)]),
    )


def _without_names(run: VaspRun) -> tuple[tuple[str, ...], tuple[int, ...]]:
    if run.style == "Line_mode":
        return ("",) * len(run.kpoints), (0,) * len(run.kpoints)
    return ("",) * len(run.kpoints), tuple(-1 if weight > 0 else 0 for weight in run.weights)


def _electrons(run: VaspRun) -> tuple[float, ...]:
    """Electrons per channel: NELECT, and of two channels the shares that the occupations have.

    VASP prints occupations with four digits, so that a sum next to a whole number is that number; a metal's is left
    as it is, and fills no number of bands.
    """
    assert run.eigenvalues is not None
    if len(run.eigenvalues.electrons) == 1:
        return (run.n_electrons,)
    fixed = run.parameters.get("NUPDOWN", -1)
    if isinstance(fixed, int | float) and fixed >= 0:
        up = (run.n_electrons + fixed) / 2
    else:
        up = run.eigenvalues.electrons[0]
        up = float(round(up)) if abs(up - round(up)) < WHOLE else up
    return (up, run.n_electrons - up)


def _moments(run: VaspRun) -> FoundMoments | None:
    """By the occupations of both channels; what the atoms have is in no file without LORBIT."""
    if run.eigenvalues is None or len(run.eigenvalues.electrons) != 2:
        return None
    up, _ = shares = _electrons(run)
    return FoundMoments(total_mub=2 * up - sum(shares), absolute_mub=None)


# --- potential --------------------------------------------------------------------------------------------------


def _potential(file: Path, run: VaspRun | None, told: Mapping[str, Any], zero: EnergyZero) -> PotentialGrid:
    kind = _kind(told, file)
    n_sets = () if run is None else _numbers_of_sets(run, kind)
    found = read_locpot(file, kind=kind, zero=zero, n_sets=n_sets)
    return found if run is None or run.moved is None else _before_the_move(found, run.moved, run.steps[-1].structure)


def _numbers_of_sets(run: VaspRun, kind: Literal["electrostatic", "local"]) -> tuple[int, ...]:
    """How many sets LOCPOT may have. Ions and electrons repel both spins alike, so that one set may be all of it."""
    if run.spinor:
        return (1,) if kind == "electrostatic" else ()
    n_spins = int(run.parameters["ISPIN"])
    return (1, n_spins) if kind == "electrostatic" else (n_spins,)


def _before_the_move(found: PotentialGrid, moved: Structure, last: Structure) -> PotentialGrid:
    """With the atoms where they were calculated, where the head has those that VASP had moved once more since."""
    there = atoms_of(moved)
    if found.atoms is None or other_elements(found.atoms, there):
        return found
    apart_ang = farthest_atom_ang(found.atoms, there, moved.lattice.matrix)
    return replace(found, atoms=atoms_of(last)) if apart_ang <= SAME_PLACE_ANG else found


def _kind(told: Mapping[str, Any], file: Path) -> Literal["electrostatic", "local"]:
    """LVHAR switches LVTOT off (https://vasp.at/wiki/LVHAR); WRT_POTENTIAL writes what it names."""
    if not told.get("WRT_POTENTIAL"):
        if told.get("LVHAR") is True:
            return "electrostatic"
        if told.get("LVTOT") is True and "LVHAR" in told:
            return "local"
    raise ParseError(
        "it is not known which potential LOCPOT holds",
        reason="the run's parameters have neither LVHAR nor LVTOT: the file may be of another run",
        fix="calculate it with LVHAR = .TRUE.",
        where=str(file),
    )


def _incar(file: Path) -> dict[str, Any]:
    from pymatgen.io.vasp import Incar

    try:
        with lying(file) as plain:
            told = dict(Incar.from_str(plain.read_bytes()[:1_000_000].decode("latin-1")))
    except OSError:
        return {}
    except ParseError:
        raise
    except Exception as error:
        raise ParseError("INCAR is damaged", reason=f"{type(error).__name__}: {error}", where=str(file)) from error
    return {"LVHAR": False} | told


# --- checks -----------------------------------------------------------------------------------------------------


def _checks(files: _RunFiles, run: VaspRun, potential: PotentialGrid | None) -> list[Check]:
    found = []
    if run.eigenvalues is not None:
        total = sum(run.eigenvalues.electrons)
        found.append(
            Check(
                name="sum of the occupations = NELECT",
                passed=True,
                detail=f"{total:.4f} and {run.n_electrons:g} electrons",
                concerns=("bands",),
            )
        )
    if files.outcar is not None and not files.from_outcar:
        found += _of_one_run(run, files.outcar)
    if potential is not None:
        grid = tuple(run.parameters.get(name) for name in ("NGXF", "NGYF", "NGZF"))
        found.append(
            Check(
                name="grid of LOCPOT = fine grid of the run",
                passed=None if None in grid else fits_grid(potential, grid),
                detail=f"{said_points(potential)} and {' x '.join(map(str, grid))}",
                concerns=("potential",),
            )
        )
    return found


def _of_one_run(run: VaspRun, outcar: OutcarFile) -> Iterator[Check]:
    """What both logs hold; of a run that goes on, or was killed, one may be a geometry ahead."""
    last, told = run.steps[-1], run.parameters
    level_ev = min(outcar.fermi_levels_ev, key=lambda level: abs(level - (run.fermi_ev or 0.0)), default=None)
    yield _same("number of atoms", outcar.n_atoms, len(last.geometry.elements), 0)
    yield _same("electrons", outcar.n_electrons, run.n_electrons, SAME_ELECTRONS)
    yield _same("spin channels (ISPIN)", outcar.ispin, told["ISPIN"], 0)
    yield _same("cutoff", outcar.cutoff_ev, told.get("ENMAX"), SAME_CUTOFF_EV, " eV")
    if run.complete or outcar.ionic_step == len(run.steps):
        yield _same("energy", outcar.energy_ev, last.energy_ev, SAME_EV, " eV")
        yield _same("Fermi level", level_ev, run.fermi_ev, SAME_LEVEL_EV, " eV")


def _same(what: str, printed: float | None, wanted: float | None, tolerance: float, unit: str = "") -> Check:
    return Check.of_two_files(
        f"{what} of OUTCAR = {what} of vasprun.xml",
        ("OUTCAR", printed),
        ("vasprun.xml", wanted),
        tolerance=tolerance,
        concerns=OF_ONE_RUN,
        unit=unit,
    )


def _warnings(files: _RunFiles, run: VaspRun, bands: Bands | None) -> list[str]:
    status, message = status_of(run, files.outcar)
    found = [] if status == "finished" else [message]
    if files.from_outcar:
        found.append(f"{NO_XML}: OUTCAR is read, which prints eigenvalues and positions with fewer digits")
    elif files.outcar is None:
        found.append("there is no readable OUTCAR: convergence is judged by the numbers in vasprun.xml")
    if bands is not None and run.fermi_ev is None and (files.outcar is None or files.outcar.fermi_ev is None):
        why = "the Fermi level that was printed cannot be read" if "fermi" in run.lost else "no Fermi level was printed"
        found.append(f"{why}: the highest occupied level stands for it")
    unconverged = [i for i, step in enumerate(run.steps[:-1], 1) if step.scf_cycles >= run.parameters["NELM"]]
    if unconverged:
        found.append(f"the SCF of geometry {', '.join(map(str, unconverged))} was given up after NELM cycles")
    found += remarks_on(run)
    if run.moved is not None:
        found.append("the last geometry that was calculated is given; VASP had moved the atoms once more")
    if run.parameters.get("PSTRESS"):
        found.append(
            f"PSTRESS = {run.parameters['PSTRESS']} kB: the energies are without p V, and the stress counts from it"
        )
    if bands is None and run.complete and "bands" not in run.lost:
        found.append("the log holds no eigenvalues")
    return [*found, *run.not_read]
