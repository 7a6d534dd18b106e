"""The steps of a study before they run: what each needs, whether it is there, what it will cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from dftflow.crystals.database_names import is_database_query
from dftflow.crystals.geometry import elements_of_unchanged
from dftflow.errors import BandEdgeError
from dftflow.jobs.job import JobState
from dftflow.jobs.store import read_plan
from dftflow.model.built import Built
from dftflow.model.kpoint_grid import grid_text
from dftflow.model.spec import CalcSpec
from dftflow.model.step import Step
from dftflow.studies.blame import blamed
from dftflow.studies.cost import expected_cost
from dftflow.studies.identity import outline_of
from dftflow.studies.paced import Say, paced
from dftflow.studies.reader import Study, default_folder
from dftflow.studies.side_by_side import side_by_side
from dftflow.studies.step_end import end_on_disk
from dftflow.studies.stored_plan import plan_for
from dftflow.studies.study_folder import StudyFolder, step_home
from dftflow.studies.work import Work

__all__ = ["PreviewedStep", "preview"]

FEW_MATERIALS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedStep:
    """One step as it would run now.

    Attributes
    ----------
    kind, task
        What it is about, and what is calculated: ``bulk`` and ``relax``.
    state
        How it stands in the folder that it would run in, of the run or of the study's store; ``waiting`` where there is
        none.
    in_store
        Whether it lies in a store already.
    cost_s
        Rough seconds of GPAW on one core, from the geometry that is known.
    same_as
        Name of an earlier step of the study that is the same calculation, which runs once; ``""`` where there is none.
    cautions
        What the writer of its deck cautions about: a cutoff below what the potentials ask for, a grid that distorts.
    """

    name: str
    title: str
    kind: str
    task: str
    needs: tuple[str, ...]
    state: JobState
    atoms: int
    grid: str
    cutoff_ev: float
    cost_s: float
    same_as: str = ""
    in_store: bool = False
    cautions: tuple[str, ...] = ()


def preview(study: Study, out: Path | None = None, *, say: Say = lambda line: None) -> tuple[PreviewedStep, ...]:
    """Every step of `study`, each built once; `say` is told how far it is.

    Raises
    ------
    InputError, SourceError
        When a crystal or a slab cannot be made, or the code has no deck for what is asked.
    StoreError
        When `out` belongs to another study, preset or code.
    """
    asks_database = any(is_database_query(entry.structure) for entry in study.content.materials.values())
    root = out or default_folder(study)
    before, home = read_plan(root), step_home(study, root)
    is_new = before is None and not home.holds_steps
    plan = plan_for(study, before, lazily=is_new and not asks_database, say=say)
    if not is_new:
        layout = "run" if before is None else StudyFolder.existing(root).layout
        work = Work(plan, StudyFolder.planned(plan, root, layout))
        trial = _Trial(work)
        return _told_apart(
            _previewed(step, trial, _state(work, step)) for step in paced(plan.steps, "steps built", say)
        )
    groups, trial = _of_one_material(plan.steps), _Trial(Work(plan))
    found = side_by_side(lambda steps: [_previewed(step, trial, "waiting") for step in steps], groups)
    rows = (row for rows in found for row in rows)
    return _told_apart(row for _, row in zip(paced(plan.steps, "steps built", say), rows, strict=True))


class _Trial:
    """Renders one deck of every sort of calculation in a study: what a code can do is known to its decks alone.

    Cutoff and elements make a sort, because potentials ask for one; of a study of a few materials each does.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self._cautions: dict[tuple[object, ...], tuple[str, ...]] = {}
        self._each = len(work.plan.materials) <= FEW_MATERIALS

    def built(self, step: Step) -> tuple[Built, tuple[str, ...]]:
        """The step, of which a deck can be written, and the cautions of its sort; `InputError` where none can."""
        built = self.work.built(step)
        sort = self._sort(step, built)
        if sort not in self._cautions:
            with blamed(self.work.plan.study, step.name, "materials", step.id.subject.materials[0]):
                self._cautions[sort] = self.work.plan.code.render(built.structure, built.spec, step.seed).cautions
        return built, self._cautions[sort]

    def _sort(self, step: Step, built: Built) -> tuple[object, ...]:
        spec = built.spec
        sort = (spec.task, spec.xc, spec.dispersion, spec.spin_orbit, spec.spin_polarised, *sorted(spec.hubbard_u_ev))
        shape = (spec.slab_axis is not None, spec.moves_cell, spec.cutoff_ev)
        cell = (spec.grid, len(built.structure)) if spec.moves_cell else ()
        of = step.id.subject.materials if self._each else elements_of_unchanged(built.structure)
        return (*sort, *shape, *cell, of)


def _told_apart(rows: Iterable[tuple[PreviewedStep, str]]) -> tuple[PreviewedStep, ...]:
    """The steps with the first of those that are the same calculation, which its outline tells."""
    first: dict[str, str] = {}
    told = []
    for row, outline in rows:
        name = first.setdefault(outline, row.name)
        told.append(row if name == row.name else replace(row, same_as=name))
    return tuple(told)


def _of_one_material(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """The steps in groups none of which is built from what another holds: those of one material, in their order.

    One group of all, where a step is about several materials.
    """
    if any(len(step.id.subject.materials) > 1 for step in steps):
        return [tuple(steps)]
    return [tuple(group) for _, group in groupby(steps, key=lambda step: step.id.subject.materials)]


def _state(work: Work, step: Step) -> JobState:
    """How the step stands in its folder: of a run where the same calculation lies, whichever text asked for it.

    What is made from a geometry that is not there yet waits, also where it would be what lies there if nothing moved.
    """
    assert work.folder is not None
    if work.folder.layout == "run":
        try:
            record = work.build_record(step)
        except BandEdgeError:  # of a metal: what lies around its band edges is never calculated
            return "not_run"
        there = None if record.built.assumed else work.folder.calculation(record.identity)
        work.folder.note(step.name, None if there is None else there[0])
    return end_on_disk(work, step).state


def _previewed(step: Step, trial: _Trial, state: JobState) -> tuple[PreviewedStep, str]:
    """The step, and the outline of what it calculates."""
    (built, cautions), work = trial.built(step), trial.work
    row = PreviewedStep(
        name=step.name,
        title=step.title,
        kind=step.id.subject.kind,
        task=step.id.task,
        needs=tuple(dict.fromkeys(str(need.step) for need in step.needs)),
        state=state,
        atoms=len(built.structure),
        grid=_grid(built.spec),
        cutoff_ev=built.spec.cutoff_ev,
        cost_s=expected_cost(built.structure, built.spec),
        in_store=state == "finished" and work.folder is not None and work.folder.home.is_shared,
        cautions=cautions,
    )
    return row, outline_of(built)


def _grid(spec: CalcSpec) -> str:
    """The grid of the SCF, and behind it that of the states where they have one of their own."""
    scf = grid_text(spec.grid, spec.grid_shift)
    own = spec.states_grid
    return scf if own is None else f"{scf}, {grid_text(own.counts, own.shift)}"
