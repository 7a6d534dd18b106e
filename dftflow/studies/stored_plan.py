"""What ``plan.json`` holds of a study, as plain data, and back: checked before anything is made of it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dftflow import __version__
from dftflow.codes.registry import load_code
from dftflow.crystals.geometry import geometry_digest
from dftflow.crystals.plain import plain_of_unchanged, structure_of
from dftflow.jobs.store import PlanFile, PlannedStep
from dftflow.model.point import Point
from dftflow.model.powder import MeasuredPattern
from dftflow.model.step import Need, Purpose, Step, StepId, Subject
from dftflow.studies.material import Material, MaterialsAt
from dftflow.studies.overrides import checked_settings
from dftflow.studies.paced import Say
from dftflow.studies.plan import Plan, plan_study, planned_steps, points_at
from dftflow.studies.reader import Study, restore_study
from dftflow.studies.stored_crystal import StoredCrystal, plain_crystal

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "Layout",
    "StoredHeader",
    "digest_of",
    "header_of",
    "made_with",
    "plain_step",
    "plan_for",
    "plan_of",
]

Layout = Literal["run", "decks"]

VERSIONED = ("dftflow", "ase", "pymatgen", "spglib", "numpy")


class _Stored(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _StoredMeasured(_Stored):
    """A powder pattern that was measured; one column may not be longer than the other."""

    name: str
    two_theta_deg: list[float]
    intensity: list[float]


class _StoredStudy(_Stored):
    name: str
    text: str
    sha256: str
    lists: dict[str, dict[str, str]] = Field(default_factory=dict)
    measured: _StoredMeasured | None = None


class _StoredPreset(_Stored):
    name: str
    content: dict[str, Any]


class _StoredCode(_Stored):
    name: str
    options: dict[str, Any]


class _StoredMaterial(_Stored):
    crystal: StoredCrystal
    start: dict[str, Any]


class _StoredStarts(_Stored):
    """Cells that first steps start from at a point of a sweep, of the materials that are others there."""

    point: dict[str, int | float | str]
    starts: dict[str, dict[str, Any]]


class StoredHeader(_Stored):
    """The header of a plan, see `dftflow.studies.study_folder`."""

    dftflow: str
    layout: Layout
    study: _StoredStudy
    preset: _StoredPreset
    code: _StoredCode
    materials: dict[str, _StoredMaterial]
    swept: tuple[_StoredStarts, ...] = ()
    made_with: dict[str, Any] | None = None


class _StoredId(_Stored):
    kind: str
    materials: tuple[str, ...]
    label: str
    task: str
    variant: str = ""


class _StoredNeed(_Stored):
    step: _StoredId
    purpose: Purpose


class _StoredStep(_Stored):
    id: _StoredId
    needs: tuple[_StoredNeed, ...]
    settings: dict[str, Any]
    point: dict[str, int | float | str] = Field(default_factory=dict)


# --- to plain data ----------------------------------------------------------------------------------------------


def header_of(plan: Plan, layout: Layout) -> dict[str, Any]:
    """What the steps of `plan` follow from."""
    study = plan.study
    return {
        "dftflow": __version__,
        "layout": layout,
        "study": _plain_study(study),
        "preset": {"name": study.preset_name, "content": study.preset.model_dump(mode="json")},
        "code": {"name": plan.code.name, "options": dict(study.code_options)},
        "materials": {name: _plain_material(material) for name, material in plan.materials.items()},
        "swept": _plain_starts(plan),
        "made_with": made_with(),
    }


def _plain_study(study: Study) -> dict[str, Any]:
    plain = {"name": study.name, "text": study.text, "sha256": study.sha256, "lists": study.lists}
    return plain if study.measured is None else plain | {"measured": study.measured.as_dict()}


def made_with() -> dict[str, Any]:
    """The versions of this process, and the cores of this machine."""
    versions = {name: found for name in VERSIONED if (found := _version(name))}
    return {"versions": versions | {"python": platform.python_version()}, "cores": os.cpu_count()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def digest_of(header: Mapping[str, Any], starts: Mapping[str, Structure] | None = None) -> str:
    """Of what decides how steps are built: the study's text, the preset, the code and the crystals.

    `starts` are the crystals of the header, where they are at hand.
    """
    if starts is None:
        starts = {name: structure_of(kept["start"]) for name, kept in header["materials"].items()}
    crystals = {name: geometry_digest(start) for name, start in starts.items()}
    what = [header["study"]["sha256"], header["preset"], header["code"], crystals, *_swept_digests(header)]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _swept_digests(header: Mapping[str, Any]) -> list[Any]:
    """Of the cells at points of sweeps, which follow from crystals and files of molecules."""
    return [
        [kept["point"], {name: geometry_digest(structure_of(start)) for name, start in kept["starts"].items()}]
        for kept in header.get("swept", ())
    ]


def plain_step(step: Step) -> dict[str, Any]:
    """The content of a step in a plan."""
    return {
        "id": _plain_id(step.id),
        "needs": [{"step": _plain_id(need.step), "purpose": need.purpose} for need in step.needs],
        "settings": dict(step.settings),
        "point": step.point.as_dict(),
    }


def _plain_id(step: StepId) -> dict[str, Any]:
    subject = step.subject
    return {
        "kind": subject.kind,
        "materials": list(subject.materials),
        "label": subject.label,
        "task": step.task,
        "variant": step.variant,
    }


def _plain_material(material: Material) -> dict[str, Any]:
    return {"crystal": plain_crystal(material.crystal), "start": plain_of_unchanged(material.start)}


def _plain_starts(plan: Plan) -> list[dict[str, Any]]:
    """The cells at points of sweeps that are not those of the study as it is written."""
    kept = []
    for point, at in plan.points.items():
        others = at.materials.others if isinstance(at.materials, MaterialsAt) else ()
        if others:
            starts = {name: plain_of_unchanged(at.materials[name].start) for name in others}
            kept.append({"point": point.as_dict(), "starts": starts})
    return kept


def plan_for(study: Study, kept: PlanFile | None, *, lazily: bool = False, say: Say = lambda line: None) -> Plan:
    """The plan of a study for a folder, with the settings of single steps that the plan there keeps.

    Of steps that the study does not have any more it keeps none; the rest is as `dftflow.studies.plan.plan_study`.
    """
    plan = plan_study(study, lazily=lazily, say=say)
    own = {} if kept is None else {step.name: checked_settings(step.overrides) for step in kept.steps if step.overrides}
    names = {step.name for step in plan.steps}
    return replace(plan, overrides={name: settings for name, settings in own.items() if name in names})


# --- and back ---------------------------------------------------------------------------------------------------


def plan_of(header: StoredHeader, steps: Sequence[PlannedStep]) -> Plan:
    """The plan that was stored.

    Raises
    ------
    ValueError, InputError
        When its parts are damaged, or do not belong together.
    CodeNotFoundError
        When the package that brings its code or a kind of subject is not there.
    """
    options = header.code.options
    study = restore_study(
        header.study.text,
        name=header.study.name,
        preset_name=header.preset.name,
        preset=header.preset.content,
        code=header.code.name,
        code_options=options,
        lists=header.study.lists,
        measured=_measured(header.study.measured),
    )
    if study.sha256 != header.study.sha256:
        raise ValueError("the text of the study is not the one that was stored: its digest is another")
    if list(study.content.materials) != list(header.materials):
        raise ValueError("the study and its plan do not have the same materials")
    materials = {name: _material(name, content) for name, content in header.materials.items()}
    starts = {
        Point.of(kept.point): {name: structure_of(start) for name, start in kept.starts.items()}
        for kept in header.swept
    }
    plan = Plan(
        study=study,
        code=load_code(header.code.name, options),
        materials=materials,
        steps=tuple(_step(entry) for entry in steps),
        overrides={entry.name: checked_settings(entry.overrides) for entry in steps if entry.overrides},
        points=points_at(study, materials, starts),
    )
    _check_steps(plan)
    return plan


def _measured(stored: _StoredMeasured | None) -> MeasuredPattern | None:
    if stored is None:
        return None
    columns = np.array(stored.two_theta_deg), np.array(stored.intensity)
    if columns[0].shape != columns[1].shape or not np.isfinite(columns).all() or (np.diff(columns[0]) <= 0).any():
        raise ValueError("the measured pattern has no two columns of numbers by rising angle")
    return MeasuredPattern(name=stored.name, two_theta_deg=columns[0], intensity=columns[1])


def _material(name: str, stored: _StoredMaterial) -> Material:
    return Material(name=name, crystal=stored.crystal.crystal(), start=structure_of(stored.start))


def _step(entry: PlannedStep) -> Step:
    stored = _StoredStep.model_validate(entry.content)
    needs = tuple(Need(step=_id(need.step), purpose=need.purpose) for need in stored.needs)
    point = Point.of(stored.point)
    step = Step(id=_id(stored.id), title=entry.title, needs=needs, settings=stored.settings, point=point)
    if step.name != entry.name:
        raise ValueError(f"the step {entry.name[:60]!r} is told to be {step.name[:60]!r}")
    return step


def _id(stored: _StoredId) -> StepId:
    subject = Subject(kind=stored.kind, materials=stored.materials, label=stored.label)
    return StepId(subject=subject, task=stored.task, variant=stored.variant)


def _check_steps(plan: Plan) -> None:
    """Each step is one of the study's, comes once, and after those that it needs."""
    asked = {step.id: step for step in planned_steps(plan.study, plan.materials, plan.points)}
    known: set[StepId] = set()
    for step in plan.steps:
        if step.id not in asked or step.id in known:
            raise ValueError(f"the study has no step {step.name[:60]!r}, or it stands there twice")
        if _as_json(step) != _as_json(asked[step.id]):
            raise ValueError(f"the step {step.name} is not as its study has it")
        if not known.issuperset(need.step for need in step.needs):
            raise ValueError(f"the step {step.name} stands before one that it needs")
        known.add(step.id)


def _as_json(step: Step) -> str:
    return json.dumps(plain_step(step), sort_keys=True)
