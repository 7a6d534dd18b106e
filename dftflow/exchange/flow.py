"""A study as a flow of jobflow (https://materialsproject.github.io/jobflow): a job for each step, and one that derives.

The jobs carry no results from one to the next: these lie in the folder of the run, from which each step is cut as
always. What a job gives is small and plain, and stands for its step where another job needs it. So a flow may be run by
`run_locally`, or by a manager whose machines see that folder, and `dftflow run` goes on where a flow has ended.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.errors import CalculationError, CodeNotFoundError
from dftflow.installer import install_line
from dftflow.jobs.lock import locked
from dftflow.jobs.store import read_plan
from dftflow.report.write import write_outcome
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.one_step import run_step
from dftflow.studies.reader import Study, default_folder
from dftflow.studies.stored_plan import plan_for
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

if TYPE_CHECKING:
    from jobflow.core.flow import Flow

__all__ = ["carry_out_step", "derive_results", "study_flow"]


def study_flow(study: Study, root: Path | None = None) -> Flow:
    """A flow that carries out `study` in `root`, into which its plan is put now.

    Raises
    ------
    CodeNotFoundError
        jobflow is not installed, or the code cannot run on this machine.
    InputError, SourceError
        A crystal, a plane or a deck cannot be made.
    StoreError
        The folder cannot be written, is in use, or belongs to another study, preset or code.
    """
    try:
        from jobflow.core.flow import Flow
        from jobflow.core.job import Job, JobConfig
        from jobflow.core.reference import OnMissing
    except ImportError as error:
        raise CodeNotFoundError(
            "a flow needs jobflow, which is not installed", reason=str(error), fix=install_line("dftflow[jobflow]")
        ) from error
    folder = _planned(study, (root or default_folder(study)).resolve())
    jobs: dict[str, Job] = {}
    for step in folder.plan.steps:
        before = {str(need.step): jobs[str(need.step)].output for need in step.needs}
        arguments = {"folder": str(folder.root), "step": step.name, "plan": folder.digest, "needs": before}
        jobs[step.name] = Job(function=carry_out_step, function_kwargs=arguments, name=step.name)
    last = Job(
        function=derive_results,
        function_kwargs={"folder": str(folder.root), "steps": {name: job.output for name, job in jobs.items()}},
        name=f"{study.name}: results",
        config=JobConfig(on_missing_references=OnMissing.NONE),  # what does not depend on a failed step is derived
    )
    return Flow([*jobs.values(), last], output=last.output, name=f"{study.name}, preset {study.preset_name}")


def _planned(study: Study, root: Path) -> StudyFolder:
    plan = plan_for(study, read_plan(root))
    Work(plan).check(decks=True)
    if not plan.code.runs_here:
        raise CodeNotFoundError(f"{plan.code.name} cannot run on this machine", fix=plan.code.how_to_get_it)
    with locked(root):
        return StudyFolder.create(plan, root, "run")


def carry_out_step(folder: str, step: str, plan: str, needs: dict[str, Any]) -> dict[str, Any]:
    """Carry out one step of the run in `folder`; what a job of a flow calls.

    Parameters
    ----------
    plan
        Digest of the plan that the flow was made of.
    needs
        Name of each step before -> what its job gave. The results themselves are taken from the folder.

    Returns
    -------
    dict
        ``step``, ``state`` (``"finished"``), ``folder``, ``wall_time_s``, ``reused``: whether it had finished before.

    Raises
    ------
    CalculationError
        It has not finished.
    StoreError
        The folder holds another plan by now.
    """
    end = run_step(Path(folder), step, plan=plan)
    if end.state != "finished":
        raise CalculationError(f"{end.name}: {end.state}", reason=end.failure, where=str(end.folder or folder))
    return {
        "step": end.name,
        "state": end.state,
        "folder": str(end.folder),
        "wall_time_s": end.wall_time_s,
        "reused": end.reused,
    }


def derive_results(folder: str, steps: dict[str, Any]) -> dict[str, Any]:
    """Derive what the study asks for from the steps that finished, and write it; the last job of a flow.

    Parameters
    ----------
    steps
        Name of each step -> what its job gave; None for one that failed. It only puts this job behind them: how they
        stand is read from the folder.

    Returns
    -------
    dict
        ``folder``, ``results``: the ``results.json``; ``states``: how each step ended; ``quantities`` as they stand in
        ``results.json``, with unit, range and origin.
    """
    root = Path(folder)
    outcome = outcome_of_folder(root)
    written = write_outcome(outcome, root)
    return {
        "folder": folder,
        "results": str(written.results_json),
        "states": {step.name: step.state for step in outcome.steps},
        "quantities": [one.as_dict() for one in outcome.quantities],
    }
