"""Derives the outcome of a study from calculations that were run elsewhere, in the folders that hold their results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dftflow.codes.base import Code
from dftflow.codes.reading import read_results
from dftflow.codes.registry import load_code
from dftflow.errors import DftflowError, StoreError, StudyError
from dftflow.model.outcome import StudyOutcome
from dftflow.run.job import NodeOutcome
from dftflow.studies.gather import gather
from dftflow.studies.plan import Step, StudyPlan
from dftflow.studies.reader import Study

__all__ = ["collect_study"]


def collect_study(study: Study, folder: Path, *, places: Mapping[str, Path] | None = None) -> StudyOutcome:
    """The outcome of `study` from the results below `folder`; nothing is run.

    Parameters
    ----------
    study
        From `load_study`, with the code that ran the calculations.
    folder
        Where `write_decks` wrote them: each step's results lie in ``folder/<step>``.
    places
        Step name -> folder of its results, for those that lie elsewhere.

    Raises
    ------
    StoreError
        There is no such folder.
    StudyError
        `places` names a step that the study does not have.
    InputError
        When a crystal or a slab of the study cannot be made.
    """
    if not folder.is_dir():
        raise StoreError("there is no such folder", where=str(folder), fix="give the folder that holds the results")
    plan = StudyPlan.of(study, load_code(study.content.code), for_decks=True)
    plan.check()
    steps = plan.steps()
    elsewhere = dict(places or {})
    names = [step.name for step in steps]
    for name in elsewhere:
        if name not in names:
            raise StudyError(f"the study has no step {name!r}", fix=f"its steps are {', '.join(names)}")
    ends = {step.name: _end(plan.code, step, elsewhere.get(step.name, folder / step.name)) for step in steps}
    return gather(plan, ends)


def _end(code: Code, step: Step, folder: Path) -> NodeOutcome:
    if not folder.is_dir() or not code.find(folder):
        failure = f"no results of {code.name} in {folder}"
        return NodeOutcome(name=step.name, title=step.title, state="not_run", folder=None, failure=failure)
    diagnosis = code.diagnose(folder)
    failure, wall_time_s = diagnosis.message, None
    try:
        wall_time_s = read_results(code, folder).wall_time_s
    except DftflowError as error:
        failure = failure or str(error)
    whole = diagnosis.status == "finished" and not failure
    return NodeOutcome(
        name=step.name,
        title=step.title,
        state="finished" if whole else "failed",
        folder=folder,
        failure="" if whole else f"{diagnosis.status.replace('_', ' ')}: {failure}",
        log_tail="" if whole else diagnosis.log_tail,
        wall_time_s=wall_time_s,
    )
