"""How a VASP run ended."""

from __future__ import annotations

from dftflow.codes.vasp.outcar_file import OutcarFile
from dftflow.codes.vasp.vasprun_file import VaspRun
from dftflow.model.results import Status

__all__ = ["status_of"]

RELAXATIONS = (1, 2, 3)
MOLECULAR_DYNAMICS = 0


def status_of(run: VaspRun | None, outcar: OutcarFile | None) -> tuple[Status, str]:
    """Status of a run, and why for a person; at least one of the two files is given.

    ``OUTCAR`` says itself whether the criteria were reached. Without it a loop counts as converged when it ended
    before its last cycle, and forces above EDIFFG (negative: eV/Å) as not converged.
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
    return run is not None and run.steps[-1].scf_cycles < run.parameters["NELM"]


def _relaxed(run: VaspRun | None, outcar: OutcarFile | None) -> bool:
    if run is None:
        return outcar is not None and (outcar.is_relaxation is not True or outcar.relaxed)
    steps, kind = run.parameters["NSW"], run.parameters.get("IBRION")
    if steps < 1 or kind not in RELAXATIONS:
        return kind != MOLECULAR_DYNAMICS or len(run.steps) >= steps
    if outcar is not None:
        return outcar.relaxed
    return len(run.steps) < steps and _forces_small(run)


def _forces_small(run: VaspRun) -> bool:
    limit, force = run.parameters.get("EDIFFG"), run.steps[-1].largest_force
    return not isinstance(limit, float) or limit >= 0 or force is None or force <= -limit
