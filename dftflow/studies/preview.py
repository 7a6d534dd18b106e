"""The steps of a study before they run: what each needs, whether it is there, what it will cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dftflow.model.kpoint_grid import grid_text
from dftflow.model.step import Step
from dftflow.run.job import JobState, NodeOutcome
from dftflow.run.store import read_plan
from dftflow.studies.builder import Builder
from dftflow.studies.built_file import read_built
from dftflow.studies.cost import expected_cost
from dftflow.studies.execution import default_folder, states_in
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import Study

__all__ = ["PreviewedStep", "preview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedStep:
    """One step as it would run now.

    Attributes
    ----------
    state
        How it stands in the folder that it would run in; ``waiting`` where there is none.
    cost_s
        Rough seconds of GPAW on one core, from the geometry that the study starts from.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    state: JobState
    atoms: int
    grid: str
    cutoff_ev: float
    cost_s: float


def preview(study: Study, out: Path | None = None) -> tuple[PreviewedStep, ...]:
    """Every step of `study`, each built once.

    Raises
    ------
    InputError, SourceError
        When a crystal or a slab cannot be made.
    StoreError
        When `out` belongs to another study, preset or code.
    """
    plan = plan_study(study)
    builder = Builder(plan)
    states = _states(plan, out or default_folder(study))
    return tuple(_previewed(step, builder, states.get(step.name, "waiting")) for step in plan.steps)


def _states(plan: Plan, root: Path) -> dict[str, JobState]:
    """How the steps of this very plan stand in `root`."""
    if read_plan(root) is None:
        return {}
    folder, ends = states_in(root)
    folder.refuse_another(plan)
    if folder.plan.study.sha256 != plan.study.sha256:
        return {}
    here = folder.layout == "run"
    return {end.name: end.state for end in ends if not (here and _of_another_engine(plan, end))}


def _of_another_engine(plan: Plan, end: NodeOutcome) -> bool:
    """Whether another version of the engine, or other data sets, calculated the step: a run would do it again."""
    record = None if end.folder is None else read_built(end.folder)
    if record is None or end.state != "finished":
        return False
    return dict(record.engine) != dict(plan.code.fingerprint(record.built.structure))


def _previewed(step: Step, builder: Builder, state: JobState) -> PreviewedStep:
    built = builder.build(step)
    return PreviewedStep(
        name=step.name,
        title=step.title,
        needs=tuple(dict.fromkeys(str(need.step) for need in step.needs)),
        state=state,
        atoms=len(built.structure),
        grid=grid_text(built.spec.grid, built.spec.grid_shift),
        cutoff_ev=built.spec.cutoff_ev,
        cost_s=expected_cost(built.structure, built.spec),
    )
