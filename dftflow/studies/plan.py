"""A study as steps: what is calculated, of what, and what each needs. Plain data, the same for every way to run it."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dftflow.codes.base import Code
from dftflow.codes.registry import load_code
from dftflow.crystals.geometry import elements_of_unchanged
from dftflow.errors import StudyError
from dftflow.model.point import Point
from dftflow.model.printable import is_line, shown
from dftflow.model.step import Need, Step, StepId
from dftflow.studies.balance import check_balance, check_phases
from dftflow.studies.blame import blamed
from dftflow.studies.kept_entries import FROM_DATABASE
from dftflow.studies.kinds.registry import all_kinds, kind_with_table
from dftflow.studies.kinds.slab import named_surfaces
from dftflow.studies.material import LazyMaterials, Material, MaterialsAt, load_materials
from dftflow.studies.named_planes import check_planes
from dftflow.studies.overrides import Setting
from dftflow.studies.paced import Say
from dftflow.studies.reader import Study
from dftflow.studies.sweep import points_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from dftflow.jobs.machine_profile import Machine
    from dftflow.jobs.resources import Resources

__all__ = ["AtPoint", "Plan", "plan_study", "planned_steps", "points_at"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AtPoint:
    """The study at a point of a sweep, or as it is written: what its steps there are built from."""

    study: Study
    materials: Mapping[str, Material]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Plan:
    """Everything that a study's calculations follow from.

    Attributes
    ----------
    materials
        Material name -> its crystal, in the order of the study.
    steps
        Each after those that it needs.
    overrides
        Step name -> settings of its own (`dftflow.studies.overrides`).
    points
        Those of the study's sweeps.
    """

    study: Study
    code: Code
    materials: Mapping[str, Material]
    steps: tuple[Step, ...]
    overrides: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    points: Mapping[Point, AtPoint] = field(default_factory=dict)

    def at(self, point: Point) -> AtPoint:
        """What the steps at `point` are built from."""
        return self.points[point] if point else AtPoint(study=self.study, materials=self.materials)

    def step(self, name: str) -> Step:
        """The step called `name`; raises `StudyError` with the names there are."""
        for step in self.steps:
            if step.name == name:
                return step
        names = ", ".join(step.name for step in self.steps)
        raise StudyError(f"the study has no step {name!r}", fix=f"its steps are {names}")

    def made_from(self, name: str) -> tuple[Step, ...]:
        """The steps that are made from the geometry or band edges which the step `name` ends with, or one of these."""
        made: dict[str, Step] = {}
        for step in self.steps:
            sources = {str(need.step) for need in step.needs if need.purpose != "density"}
            if name in sources or not sources.isdisjoint(made):
                made[step.name] = step
        return tuple(made.values())

    def resources(self, step: Step, machine: Machine, *, given: Mapping[str, float] | None = None) -> Resources:
        """What `step` may use of `machine`; raises `MachineError` where it is more than the machine has."""
        return machine.resources(step.id.task, self.code.name, study=self.study.content.resources, given=given)

    def has(self, step: StepId) -> bool:
        """Whether it is a step of this plan."""
        return any(step == mine.id for mine in self.steps)


def plan_study(study: Study, *, lazily: bool = False, say: Say = lambda line: None) -> Plan:
    """The plan of `study`, for the code that it names; `say` is told how far it is.

    With `lazily`, a crystal is read when it is first asked for, and what is wrong with it is said then.

    Raises
    ------
    StudyError
        When the study has a table for a kind of subject that is not there, or aligns a surface that it does not have.
    DftflowError
        When a crystal cannot be read, fetched or made.
    """
    for name in study.content.kinds:
        with blamed(study, "", "kinds", name):
            kind_with_table(name)
    _check_surfaces(study)
    materials = LazyMaterials(study) if lazily else load_materials(study, say=say)
    if not lazily:
        _tell_of_database(study, materials, say)
    _check_shells(study, materials)
    if not lazily:
        check_balance(study, materials)
        check_phases(study, materials)
        check_planes(study, materials)
    points = points_at(study, materials)
    order = {name: number for number, name in enumerate(materials)}
    steps = planned_steps(study, materials, points)
    _check_materials(steps, order)
    steps.sort(key=lambda step: max(order[name] for name in step.id.subject.materials))
    _check(steps)
    code = load_code(study.content.code, study.code_options)
    return Plan(study=study, code=code, materials=materials, steps=tuple(steps), points=points)


def _check_shells(study: Study, materials: Mapping[str, Material]) -> None:
    """Refuse a U of an element that no material has: a slip of the pen, without which it would be calculated."""
    settings = study.content.settings
    if not settings.hubbard_u_ev:
        return
    elements = {symbol for material in materials.values() for symbol in elements_of_unchanged(material.start)}
    missing = settings.element_without(elements)
    if missing is not None:
        raise StudyError(
            f"hubbard_u_ev has a U for {missing}, of which no material of the study has any",
            fix=f"leave it out; the elements of the study are {', '.join(sorted(elements))}",
            where=study.where("settings", "hubbard_u_ev"),
        )


def _tell_of_database(study: Study, materials: Mapping[str, Material], say: Say) -> None:
    """Of when crystals of the Materials Project are, and how they are asked for again."""
    told = Counter(
        material.crystal.reference.partition(", ")[2]
        for material in materials.values()
        if material.crystal.confidence == FROM_DATABASE
    )
    for origin, number in told.items():
        kept = "the plan keeps them; " if study.kept else ""
        crystals = "1 crystal" if number == 1 else f"{number} crystals"
        say(f"{crystals} from the {origin}: {kept}--ask-again with a new --out asks for them anew")


def points_at(
    study: Study,
    materials: Mapping[str, Material],
    starts: Mapping[Point, Mapping[str, Structure]] | None = None,
) -> dict[Point, AtPoint]:
    """The study at each point of its sweeps; `starts` are the cells that are made already of materials there."""
    points = {}
    for point in points_of(study.content):
        there = study.at(point)
        made = MaterialsAt(materials, there, (starts or {}).get(point))
        points[point] = AtPoint(study=there, materials=made)
    return points


def planned_steps(study: Study, materials: Mapping[str, Material], points: Mapping[Point, AtPoint]) -> list[Step]:
    """Every step that the kinds give for the study as it is written, then for each point."""
    kinds = all_kinds()
    steps = [step for kind in kinds for step in kind.steps(study, materials)]
    for point, swept in points_of(study.content).items():
        at = points[point]
        there = [step for kind in kinds for step in kind.steps(at.study, at.materials)]
        steps += _at(point, [step for step in there if not swept.isdisjoint(step.id.subject.materials)])
    return steps


def _at(point: Point, steps: list[Step]) -> list[Step]:
    """The steps at `point`; what they need of materials that are not swept is that of the study as it is written."""
    ids = {step.id: step.id.at(point) for step in steps}
    return [
        replace(
            step,
            id=ids[step.id],
            needs=tuple(Need(step=ids.get(need.step, need.step), purpose=need.purpose) for need in step.needs),
            point=point,
        )
        for step in steps
    ]


def _check_surfaces(study: Study) -> None:
    """An alignment that names a surface which it cannot have would silently leave it out."""
    surfaces = {name: tuple(map(str, named_surfaces(study, name))) for name in study.content.materials}
    every = [surface for own in surfaces.values() for surface in own]
    for number, entry in enumerate(study.content.alignment):
        aligned = [surface for name in study.content.aligned(entry) for surface in surfaces[name]]
        for surface in entry.surfaces:
            if surface in aligned:
                continue
            why = "whose material it does not align" if surface in every else "which is no surface of the study"
            near = difflib.get_close_matches(surface, aligned, n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise StudyError(
                f"alignment.surfaces names {surface!r}, {why}",
                where=study.where("alignment", number, "surfaces"),
                fix=f"{guess}the surfaces of its materials are {', '.join(aligned) or 'none'}",
            )


def _check_materials(steps: list[Step], known: Mapping[str, int]) -> None:
    for step in steps:
        other = next((name for name in step.id.subject.materials if name not in known), None)
        if other is not None:
            raise StudyError(f"the step {step.name} is about {other}, which is no material of the study")
        if not is_line(step.title):
            raise StudyError(f"the title of the step {step.name} is {shown(step.title)}, which is not one line of text")


def _check(steps: list[Step]) -> None:
    """Names are unique, and needs come first: what a kind from outside the package can get wrong."""
    known: set[StepId] = set()
    names: set[str] = set()
    for step in steps:
        missing = [str(need.step) for need in step.needs if need.step not in known]
        if missing:
            raise StudyError(f"the step {step.name} needs {', '.join(missing)}, which does not come before it")
        if step.name in names:
            raise StudyError(f"two steps are called {step.name}")
        known.add(step.id)
        names.add(step.name)
