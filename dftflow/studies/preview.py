"""The steps of a study before they run: what each needs, whether it is there, what it will cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dftflow.model.kpoint_grid import grid_text
from dftflow.model.step import Step
from dftflow.run.job import JobState
from dftflow.run.store import read_plan
from dftflow.studies.builder import Builder
from dftflow.studies.cost import expected_cost
from dftflow.studies.execution import default_folder, states_in
from dftflow.studies.plan import plan_study
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
    states: dict[str, JobState] = {}
    root = out or default_folder(study)
    if read_plan(root) is not None:
        folder, ends = states_in(root)
        folder.refuse_another(plan)
        if folder.plan.study.sha256 == study.sha256:
            states = {end.name: end.state for end in ends}
    return tuple(_previewed(step, builder, states.get(step.name, "waiting")) for step in plan.steps)


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
