"""How a VASP run ended."""

from __future__ import annotations

from dftflow.codes.vasp.outcar_file import OutcarFile
from dftflow.codes.vasp.vasprun_file import VaspRun
from dftflow.model.results import Status

__all__ = ["status_of"]

RELAXATIONS = (1, 2, 3)
CELL_MOVES = 3  # ISIF from here on: the stress is part of the criterion


def status_of(run: VaspRun | None, outcar: OutcarFile | None) -> tuple[Status, str]:
    """Status of a run, and why for a person; at least one of the two files is given.

    ``OUTCAR`` says itself whether the criteria were reached. Where it does not, the numbers decide that the criteria
    are of, the last change of the energy against EDIFF and the forces, or the change between geometries, against
    EDIFFG (https://vasp.at/wiki/EDIFFG); how many cycles and steps were made decides only where there are none.
    Molecular dynamics has nothing that it could reach.
    """
    if outcar is not None and outcar.stopped:
        return "out_of_time", "a STOPCAR ended the run; it can be continued from CONTCAR"
    ended = run.complete if run is not None else outcar is not None and outcar.ended
    if not ended:
        return "truncated", "the run still goes on, or was killed: its output has no end"
    if not _scf_converged(run, outcar):
        return "scf_not_converged", "the SCF of the last geometry was given up after NELM cycles"
    if not _relaxed(run, outcar):
        return "geom_not_converged", "the geometry did not reach EDIFFG within NSW steps"
    return "finished", ""


def _scf_converged(run: VaspRun | None, outcar: OutcarFile | None) -> bool:
    if outcar is not None and outcar.scf_cycle is not None:
        return outcar.scf_converged
    if run is None:
        return False
    last, limit = run.steps[-1], run.parameters.get("EDIFF")
    if last.scf_cycles < run.parameters["NELM"]:
        return True
    change = last.last_change_ev
    return change is not None and isinstance(limit, float) and abs(change) <= abs(limit)


def _relaxed(run: VaspRun | None, outcar: OutcarFile | None) -> bool:
    if run is None:
        return outcar is not None and (outcar.is_relaxation is not True or outcar.relaxed)
    steps = run.parameters["NSW"]
    if steps < 1 or run.parameters.get("IBRION") not in RELAXATIONS or (outcar is not None and outcar.relaxed):
        return True
    reached = _reached(run)
    if reached is not None:
        return reached
    return outcar is None and len(run.steps) < steps


def _reached(run: VaspRun) -> bool | None:
    """Whether the last geometry fulfils EDIFFG; None where its numbers do not tell."""
    limit, last = run.parameters.get("EDIFFG"), run.steps[-1]
    if not isinstance(limit, float) or not limit:
        return None
    if limit > 0:
        energies = [step.free_energy_ev for step in run.steps[-2:]]
        if len(energies) < 2 or energies[0] is None or energies[1] is None:
            return None
        return abs(energies[1] - energies[0]) < limit
    if last.largest_force is None:
        return None
    if last.largest_force > -limit:
        return False
    isif = run.parameters.get("ISIF")
    return None if isinstance(isif, int) and isif >= CELL_MOVES else True
