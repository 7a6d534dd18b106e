"""How a calculation ended, by what each of its programs printed and wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dftflow.codes.espresso.pw_run import PwRun
from dftflow.codes.espresso.pw_stdout import ProgramOutput
from dftflow.model.results import Status

__all__ = ["Stage", "status_of", "status_of_run"]

_STOPPED_IN_TIME = 255
_EXITS: dict[int, Status] = {
    -1: "truncated",
    2: "scf_not_converged",
    3: "geom_not_converged",
    _STOPPED_IN_TIME: "out_of_time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One program of a calculation.

    Attributes
    ----------
    name
        ``"scf"``, ``"pp"`` …; ``""`` in a folder that dftflow did not write.
    printed, run
        What it printed, and its run, by the XML or else by what it printed; None where there is none that can be read.
    why_no_run
        Why the text told no run; ``""`` where it was not needed.
    """

    name: str
    printed: ProgramOutput | None
    run: PwRun | None
    why_no_run: str = ""


def status_of(stages: Iterable[Stage]) -> tuple[Status, str]:
    """Status of the first stage that is not finished, and why for a person; a later one has not run then."""
    for stage in stages:
        status, message = _stage_status(stage)
        if status != "finished":
            return status, f"{stage.name}: {message}" if stage.name else message
    return "finished", ""


def _stage_status(stage: Stage) -> tuple[Status, str]:
    if stage.printed is not None and stage.printed.status != "finished":
        return stage.printed.status, stage.printed.message
    if stage.run is not None:
        return status_of_run(stage.run)
    if stage.printed is None:
        return "truncated", "it has left no output: it did not run, or was killed"
    return "finished", ""


def status_of_run(run: PwRun) -> tuple[Status, str]:
    """Status by the XML alone."""
    if run.exit_status not in (None, 0):
        assert run.exit_status is not None
        return _EXITS.get(run.exit_status, "died"), f"pw.x ended with the status {run.exit_status}"
    if run.has_scf and run.last.scf_converged is False:
        return "scf_not_converged", "the SCF did not converge"
    if run.relaxed is False and run.task in ("relax", "vc-relax"):
        return "geom_not_converged", "the geometry did not converge"
    missed = _missed(run) if run.task == "vc-relax" else ""
    return ("geom_not_converged", missed) if missed else ("finished", "")


def _missed(run: PwRun) -> str:
    """What the final SCF of a relaxed cell, which has a basis set of its own, does not fulfil; ``""`` if nothing.

    pw.x says that it converged before it makes that SCF.
    """
    target, last = run.target, run.last
    apart_gpa = _apart_gpa(run)
    if target.stress_gpa is not None and apart_gpa is not None and apart_gpa > target.stress_gpa:
        return (
            f"the final SCF in the relaxed cell misses the pressure by {apart_gpa:.3g} GPa, press_conv_thr is "
            f"{target.stress_gpa:g} GPa: relax again from this geometry, with a higher cutoff"
        )
    if target.force_ev_per_ang is None or last.forces_ev_per_ang is None:
        return ""
    free = np.array(target.free) if len(target.free) == len(last.forces_ev_per_ang) else 1
    force = float(np.abs(last.forces_ev_per_ang * free).max())
    if force <= target.force_ev_per_ang:
        return ""
    limit = target.force_ev_per_ang
    return f"the final SCF in the relaxed cell has a force of {force:.3g} eV/Å, forc_conv_thr is {limit:.3g}"


def _apart_gpa(run: PwRun) -> float | None:
    """How far the stress of the final SCF is from the target; None where that, or what may move, is not known.

    A text does not name the target: its last step before the final SCF was within the threshold of it.
    """
    target, stress_gpa = run.target, run.last.stress_gpa
    if stress_gpa is None:
        return None
    if target.pressure_gpa is None:
        before = run.steps[-1].stress_gpa if run.steps and run.relaxed else None
        if before is None or target.stress_gpa is None:
            return None
        return max(0.0, float(abs(np.trace(stress_gpa - before)) / 3) - target.stress_gpa)
    apart = stress_gpa + target.pressure_gpa * np.eye(3)
    if target.cell_freedom == "volume":
        return float(abs(np.trace(apart)) / 3)
    axes = _AXES.get(target.cell_freedom)
    return None if axes is None else float(np.abs(apart[np.ix_(axes, axes)]).max())


_AXES = {"all": [0, 1, 2], "ibrav": [0, 1, 2], "": [0, 1, 2]}
"""``cell_dofree`` -> the axes of the tensor that may relax; of the rest only a part of it may."""
