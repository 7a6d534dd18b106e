"""How a calculation ended, by what each of its programs printed and wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dftflow.codes.espresso.pw_stdout import ProgramOutput
from dftflow.codes.espresso.pw_xml import PwRun
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
        What it printed, and its XML; None where there is none that can be read.
    """

    name: str
    printed: ProgramOutput | None
    run: PwRun | None


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
    return "finished", ""
