"""Reads all files of one VASP calculation into `Results`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dftflow.analysis.atoms import SAME_PLACE_ANG, atoms_of, farthest_atom_ang, other_elements
from dftflow.codes.base import Calculation, Reading
from dftflow.codes.displacement import largest_displacement_ang
from dftflow.codes.reading import FileLog, zero_of
from dftflow.codes.vasp.kpoints_file import read_names
from dftflow.codes.vasp.locpot_file import read_locpot
from dftflow.codes.vasp.method import method_of
from dftflow.codes.vasp.outcar_file import OutcarFile, read_outcar
from dftflow.codes.vasp.status import status_of
from dftflow.codes.vasp.vasprun_file import GPA_PER_KBAR, IonicStep, VaspRun, read_vasprun
from dftflow.errors import ParseError
from dftflow.model.check import Check, Part
from dftflow.model.energy import Energy
from dftflow.model.results import Bands, FloatArray, PotentialGrid, RelaxationStep, Results

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_calculation"]

WHOLE = 0.02
SAME_EV = 1e-5
SAME_LEVEL_EV = 1e-4  # OUTCAR has four decimals
SAME_ELECTRONS = 1e-4
SAME_CUTOFF_EV = 0.05 + 1e-6  # and one here
FIXED_CHARGE = 10
OF_ONE_RUN: tuple[Part, ...] = ("status", "energy", "forces", "stress", "fermi", "bands", "potential")
"""What is refused when vasprun.xml and OUTCAR are of two runs: how it ended is not known, nor whose LOCPOT it is."""


def read_calculation(calculation: Calculation) -> Reading:
    """What every file of `calculation` holds, and the results together."""
    folder, log = calculation.folder, FileLog()
    run = log.take(folder / "vasprun.xml", "log", read_vasprun, _say_run)
    outcar = log.take(folder / "OUTCAR", "log", read_outcar, lambda o: f"VASP {o.version}")
    bands = None if run is None else _bands(run, outcar, folder, log)
    potential = log.take(
        folder / "LOCPOT",
        "local potential",
        lambda file: _potential(file, run),
        lambda p: f"{p.kind}, {p.values_ev.shape}",
    )
    if run is not None:
        results: Results | None = _results(run, outcar, bands, potential, folder)
    else:
        results = None if outcar is None else _results_of_outcar(outcar, potential, folder)
    return Reading(calculation=calculation, files=log.files, results=results)


def _say_run(run: VaspRun) -> str:
    whole = "" if run.complete else ", cut short"
    return f"VASP {run.version}, {len(run.steps)} geometries{whole}"


def _results_of_outcar(outcar: OutcarFile, potential: PotentialGrid | None, folder: Path) -> Results:
    return Results(
        code="vasp",
        code_version=outcar.version,
        status=status_of(None, outcar)[0],
        energy_ev=outcar.energy_ev,
        free_energy_ev=outcar.free_energy_ev,
        log_fermi=_log_fermi(None, outcar, folder),
        potential=potential,
        wall_time_s=outcar.wall_time_s,
        peak_memory_mib=outcar.peak_memory_mib,
        warnings=("there is no readable vasprun.xml: geometry, bands and method are unknown",),
    )


def _log_fermi(run: VaspRun | None, outcar: OutcarFile | None, folder: Path) -> Energy | None:
    told = [log.fermi_ev for log in (run, outcar) if log is not None and log.fermi_ev is not None]
    return Energy(told[0], zero_of(folder, folder.name)) if told else None


def _results(
    run: VaspRun, outcar: OutcarFile | None, bands: Bands | None, potential: PotentialGrid | None, folder: Path
) -> Results:
    last = run.steps[-1]
    fixed_charge = _fixed_charge(run)
    return Results(
        code="vasp",
        code_version=run.version,
        status=status_of(run, outcar)[0],
        energy_ev=None if fixed_charge else last.energy_ev,
        free_energy_ev=None if fixed_charge else last.free_energy_ev,
        method=method_of(run),
        checks=tuple(_checks(run, outcar, potential)),
        structure=_bare(last),
        forces_ev_per_ang=last.forces_ev_per_ang,
        stress_gpa=_stress_gpa(run, last),
        log_fermi=_log_fermi(run, outcar, folder),
        bands=bands,
        potential=potential,
        steps=_steps(run),
        wall_time_s=None if outcar is None else outcar.wall_time_s,
        peak_memory_mib=None if outcar is None else outcar.peak_memory_mib,
        warnings=tuple(_warnings(run, outcar, bands)),
    )


def _bare(step: IonicStep) -> Structure:
    structure = step.structure.copy()
    if "selective_dynamics" in structure.site_properties:
        structure.remove_site_property("selective_dynamics")
    return structure


def _stress_gpa(run: VaspRun, step: IonicStep) -> FloatArray | None:
    """VASP counts compression positive (https://vasp.at/wiki/ISIF); with ISIF = 1 only the trace is right."""
    isif = run.parameters.get("ISIF")
    if step.stress_kbar is None or not isinstance(isif, int) or isif < 2:
        return None
    return -GPA_PER_KBAR * step.stress_kbar + 0.0


def _fixed_charge(run: VaspRun) -> bool:
    icharg = run.parameters.get("ICHARG", 0)
    return isinstance(icharg, int) and icharg >= FIXED_CHARGE


def _steps(run: VaspRun) -> tuple[RelaxationStep, ...]:
    if not run.parameters["NSW"] > 0 or run.parameters.get("IBRION") not in (1, 2, 3):
        return ()
    found = []
    before: IonicStep | None = None
    for step in run.steps:
        stress = _stress_gpa(run, step)
        found.append(
            RelaxationStep(
                energy_ev=step.energy_ev,
                max_force_ev_per_ang=step.largest_force,
                max_stress_gpa=None if stress is None else float(np.abs(stress).max()),
                max_displacement_ang=None
                if before is None
                else largest_displacement_ang(before.structure, step.structure),
                volume_ang3=float(step.structure.volume),
            )
        )
        before = step
    return tuple(found)


# --- bands ------------------------------------------------------------------------------------------------------


def _bands(run: VaspRun, outcar: OutcarFile | None, folder: Path, log: FileLog) -> Bands | None:
    fermi = _log_fermi(run, outcar, folder)
    if run.eigenvalues is None or fermi is None:
        return None
    names = log.take(
        folder / "KPOINTS", "k-points", lambda file: read_names(file, run.kpoints), lambda n: f"{len(n[0])} k-points"
    )
    labels, on_path = names or _without_names(run)
    return Bands(
        eigenvalues_ev=run.eigenvalues.values_ev,
        kpoints_frac=run.kpoints,
        labels=labels,
        on_path=on_path,
        reciprocal_per_ang=run.steps[-1].structure.lattice.reciprocal_lattice.matrix,
        n_electrons=_electrons(run),
        fermi_ev=fermi.value_ev,
        zero=fermi.zero,
        weights=run.weights,
        spinor=run.spinor,
        stands_in="log",
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


# --- potential --------------------------------------------------------------------------------------------------


def _potential(file: Path, run: VaspRun | None) -> PotentialGrid:
    told = run.parameters if run is not None else _incar(file.parent / "INCAR")
    if run is not None:
        n_sets: int | None = 4 if run.spinor else int(told["ISPIN"])
    else:
        n_sets = None
    found = read_locpot(file, kind=_kind(told, file), n_sets=n_sets if n_sets in (1, 2) else None)
    return found if run is None or run.moved is None else _before_the_move(found, run.moved, run.steps[-1].structure)


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
        told = dict(Incar.from_str(file.read_bytes()[:1_000_000].decode("latin-1")))
    except OSError:
        return {}
    except Exception as error:
        raise ParseError("INCAR is damaged", reason=f"{type(error).__name__}: {error}", where=str(file)) from error
    return {"LVHAR": False} | told


# --- checks -----------------------------------------------------------------------------------------------------


def _checks(run: VaspRun, outcar: OutcarFile | None, potential: PotentialGrid | None) -> list[Check]:
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
    if outcar is not None:
        found += _of_one_run(run, outcar)
    if potential is not None:
        grid = tuple(run.parameters.get(name) for name in ("NGXF", "NGYF", "NGZF"))
        shape = potential.values_ev.shape
        found.append(
            Check(
                name="grid of LOCPOT = fine grid of the run",
                passed=None if None in grid else grid == shape,
                detail=f"{shape} and {grid}",
                concerns=("potential",),
            )
        )
    return found


def _of_one_run(run: VaspRun, outcar: OutcarFile) -> Iterator[Check]:
    """What both logs hold; of a run that goes on, or was killed, one may be a geometry ahead."""
    last, told = run.steps[-1], run.parameters
    level_ev = min(outcar.fermi_levels_ev, key=lambda level: abs(level - (run.fermi_ev or 0.0)), default=None)
    yield _same("number of atoms", outcar.n_atoms, len(last.structure), 0)
    yield _same("electrons", outcar.n_electrons, run.n_electrons, SAME_ELECTRONS)
    yield _same("spin channels (ISPIN)", outcar.ispin, told["ISPIN"], 0)
    yield _same("cutoff", outcar.cutoff_ev, told.get("ENMAX"), SAME_CUTOFF_EV, " eV")
    if run.complete or outcar.ionic_step == len(run.steps):
        yield _same("energy", outcar.energy_ev, last.energy_ev, SAME_EV, " eV")
        yield _same("Fermi level", level_ev, run.fermi_ev, SAME_LEVEL_EV, " eV")


def _same(what: str, printed: float | None, wanted: float | None, tolerance: float, unit: str = "") -> Check:
    name = f"{what} of OUTCAR = {what} of vasprun.xml"
    if printed is None or wanted is None:
        detail = f"{'OUTCAR' if printed is None else 'vasprun.xml'} gives none"
        return Check(name=name, passed=None, detail=detail, concerns=OF_ONE_RUN)
    decimals = "g" if isinstance(wanted, int) else ".6f"
    detail = f"{printed:{decimals}} and {wanted:{decimals}}{unit}"
    return Check(name=name, passed=abs(printed - wanted) <= tolerance, detail=detail, concerns=OF_ONE_RUN)


def _warnings(run: VaspRun, outcar: OutcarFile | None, bands: Bands | None) -> list[str]:
    found = []
    status, message = status_of(run, outcar)
    if status != "finished":
        found.append(message)
    if outcar is None:
        found.append("there is no OUTCAR: convergence is judged by the number of cycles and steps alone")
    unconverged = [i for i, step in enumerate(run.steps[:-1], 1) if step.scf_cycles >= run.parameters["NELM"]]
    if unconverged:
        found.append(f"the SCF of geometry {', '.join(map(str, unconverged))} was given up after NELM cycles")
    if _fixed_charge(run):
        found.append("the density was kept fixed (ICHARG above 9): the run has no total energy of its own")
    if run.moved is not None:
        found.append("the last geometry that was calculated is given; VASP had moved the atoms once more")
    if run.parameters.get("PSTRESS"):
        found.append(
            f"PSTRESS = {run.parameters['PSTRESS']} kB: the energies are without p V, and the stress counts from it"
        )
    if bands is None and run.complete:
        found.append("there are no eigenvalues with a Fermi level")
    return found
