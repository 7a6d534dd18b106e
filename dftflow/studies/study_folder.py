"""The folder of a study: one plan in one file, from which everything in it can be read without anything outside.

``plan.json`` (see `dftflow.run.store`) has in its header what the steps follow from::

    {"dftflow", "layout": "run" | "decks", "study": {"name", "text", "sha256"}, "preset": {"name", "content"},
     "code": {"name", "options"}, "materials": {name: {"crystal", "start"}}}

A folder belongs to one study, preset and code, by their names. When the text of the study or a crystal changes, the
plan is replaced as a whole. A step of a run is then found again by its identity or is calculated again, and the earlier
results stay where they are; a deck is written again in its place.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from dftflow import __version__
from dftflow.codes.registry import load_code
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.geometry import geometry_digest
from dftflow.crystals.plain import plain_structure, structure_of
from dftflow.errors import InputError, StoreError
from dftflow.model.step import Need, Step, StepId, Subject
from dftflow.run.by_hand import Ledger
from dftflow.run.local import IDENTITY_LENGTH
from dftflow.run.store import PLAN_FILE, PlanFile, PlannedStep, read_plan, write_plan
from dftflow.studies.built_file import BUILT_FILE, BuiltRecord, read_built
from dftflow.studies.material import Material
from dftflow.studies.plan import Plan
from dftflow.studies.reader import restore_study

__all__ = ["Layout", "StudyFolder"]

Layout = Literal["run", "decks"]


@dataclass(slots=True, kw_only=True)
class StudyFolder:
    """A plan on disk, and where each of its steps lies.

    Use `planned`, `create` or `existing`, not the constructor.

    Attributes
    ----------
    layout
        ``run``: steps lie in folders named by their identity; ``decks``: by their name.
    digest
        Of the study's text, the preset, the code and the crystals: what decides how its steps are built.
    kept
        Files for people that were not dftflow's, and were left as they are.
    """

    root: Path
    plan: Plan
    layout: Layout
    digest: str
    kept: tuple[str, ...] = ()
    _file: PlanFile
    _found: dict[str, list[Path]] = field(default_factory=dict)

    @classmethod
    def planned(cls, plan: Plan, root: Path, layout: Layout) -> StudyFolder:
        """`plan` as `create` would put it into `root`; nothing is written.

        Raises
        ------
        StoreError
            When `root` belongs to another study, preset or code, or cannot be read.
        """
        header = _header(plan, layout)
        before, digest, unchanged = read_plan(root), _digest(header), False
        if before is not None:
            with _readable(root):
                _refuse_another(before.header, header, root)
                unchanged = _digest(before.header) == digest
        places = {} if before is None else {step.name: step.folder or step.earlier for step in before.steps}
        steps = tuple(
            PlannedStep(
                name=step.name,
                title=step.title,
                folder=places.get(step.name, "") if unchanged else "",
                earlier=places.get(step.name, ""),
                content=_plain_step(step),
            )
            for step in plan.steps
        )
        file = PlanFile(header=header, steps=steps, wall_time_s=None if before is None else before.wall_time_s)
        return cls(root=root, plan=plan, layout=layout, digest=digest, _file=file)

    @classmethod
    def create(cls, plan: Plan, root: Path, layout: Layout) -> StudyFolder:
        """Put `plan` into `root`, or go on with the same plan there.

        Raises
        ------
        StoreError
            When `root` belongs to another study, preset or code, or cannot be written.
        """
        folder = cls.planned(plan, root, layout)
        write_plan(root, folder._file)
        folder.kept = Ledger(root).write(_for_people(plan))
        return folder

    @classmethod
    def existing(cls, root: Path) -> StudyFolder:
        """The study of a folder that `create` made, wherever it lies now.

        Raises
        ------
        InputError
            When there is none.
        StoreError
            When its plan cannot be read.
        """
        file = read_plan(root)
        if file is None:
            raise InputError(
                "this folder holds no study" if root.is_dir() else "there is no such folder",
                where=str(root),
                fix="give the folder that `dftflow run` or `dftflow decks` wrote to",
            )
        header = file.header
        with _readable(root):
            plan = _plan(header, file.steps)
            return cls(root=root, plan=plan, layout=header["layout"], digest=_digest(header), _file=file)

    @property
    def wall_time_s(self) -> float | None:
        """Wall time of all runs in this folder."""
        return self._file.wall_time_s

    def folder_of(self, step: Step) -> Path | None:
        """Where the step lies; None as long as it has no folder."""
        if self.layout == "decks":
            return self.root / step.name
        place = next(entry.folder for entry in self._file.steps if entry.name == step.name)
        return self.root / place if place else None

    def earlier_folder_of(self, step: Step) -> Path | None:
        """Where the step lay before this call, in this plan or an earlier one."""
        place = next(entry.earlier for entry in self._file.steps if entry.name == step.name)
        return self.root / place if place else None

    def calculation(self, identity: str) -> tuple[Path, BuiltRecord] | None:
        """Where that calculation lies here already, and its record; None where it does not, or not by its identity.

        It may have been made for another step, or for this one when its material had another name.
        """
        if self.layout == "decks":
            return None
        for place in self._places(identity[:IDENTITY_LENGTH]):
            with suppress(StoreError):
                record = read_built(place)
                if record is not None and record.identity == identity:
                    return place, record
        return None

    def _places(self, end: str) -> list[Path]:
        """Folders of steps whose names end so. All are looked through when one is asked for that was not there then."""
        if end not in self._found:
            self._found.clear()
            for file in sorted((self.root / "steps").glob(f"**/*-*/{BUILT_FILE}")):
                self._found.setdefault(file.parent.name.rpartition("-")[2], []).append(file.parent)
        return self._found.get(end, [])

    def refuse_another(self, plan: Plan) -> None:
        """Raise `StoreError` when `plan` says anything else than the plan of this folder."""
        header = _header(plan, self.layout)
        _refuse_another(self._file.header, header, self.root)
        if _digest(header) != self.digest:
            raise StoreError(
                "the study, or a crystal in it, has been changed since this folder was written",
                where=str(self.root),
                fix=f"give the folder alone, for the study as it was; or `dftflow {self.layout}` again, for the new",
            )

    def why_no_folder(self, step: Step) -> str:
        """Why the step has none, when it was tried."""
        return next(entry.failure for entry in self._file.steps if entry.name == step.name)

    def record(self, name: str, folder: Path | None, failure: str) -> None:
        """Note where a step lies, or why it lies nowhere."""
        if self.note(name, folder, failure):
            write_plan(self.root, self._file)

    def note(self, name: str, folder: Path | None, failure: str = "") -> bool:
        """As `record`, without writing it down; whether it is news."""
        place = "" if folder is None else os.path.relpath(folder, self.root)
        entry = next(step for step in self._file.steps if step.name == name)
        changed = replace(entry, folder=place, failure=failure)
        if changed == entry:
            return False
        steps = tuple(changed if step.name == name else step for step in self._file.steps)
        self._file = replace(self._file, steps=steps)
        return True

    def add_wall_time(self, seconds: float) -> None:
        """Count `seconds` more of work in this folder."""
        self._file = replace(self._file, wall_time_s=(self._file.wall_time_s or 0.0) + seconds)
        write_plan(self.root, self._file)


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    """Turn what a plan lacks into a `StoreError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            "the plan of this folder cannot be read",
            reason=f"{type(error).__name__}: {error}",
            where=str(root / PLAN_FILE),
        ) from error


# --- the header -------------------------------------------------------------------------------------------------


def _header(plan: Plan, layout: Layout) -> dict[str, Any]:
    study = plan.study
    return {
        "dftflow": __version__,
        "layout": layout,
        "study": {"name": study.name, "text": study.text, "sha256": study.sha256},
        "preset": {"name": study.preset_name, "content": study.preset.model_dump(mode="json")},
        "code": {"name": plan.code.name, "options": dict(study.code_options)},
        "materials": {name: _plain_material(material) for name, material in plan.materials.items()},
    }


def _digest(header: Mapping[str, Any]) -> str:
    crystals = {name: geometry_digest(structure_of(kept["start"])) for name, kept in header["materials"].items()}
    what = [header["study"]["sha256"], header["preset"], header["code"], crystals]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _refuse_another(before: Mapping[str, Any], now: Mapping[str, Any], root: Path) -> None:
    """A folder has one study, preset, code and layout."""
    names = {
        "study": (before["study"]["name"], now["study"]["name"]),
        "preset": (before["preset"]["name"], now["preset"]["name"]),
        "code": (before["code"]["name"], now["code"]["name"]),
        "kind of folder": (before["layout"], now["layout"]),
    }
    other = [f"{what} {have}, not {want}" for what, (have, want) in names.items() if have != want]
    if other:
        raise StoreError(
            f"this folder belongs to another plan: {'; '.join(other)}",
            where=str(root),
            fix="give another folder with --out",
        )


def _plan(header: Mapping[str, Any], steps: tuple[PlannedStep, ...]) -> Plan:
    options = header["code"]["options"]
    study = restore_study(
        header["study"]["text"],
        name=header["study"]["name"],
        preset_name=header["preset"]["name"],
        preset=header["preset"]["content"],
        code=header["code"]["name"],
        code_options=options,
    )
    materials = {name: _material(name, content) for name, content in header["materials"].items()}
    return Plan(
        study=study,
        code=load_code(header["code"]["name"], options),
        materials=materials,
        steps=tuple(_step(entry.title, entry.content) for entry in steps),
    )


# --- parts ------------------------------------------------------------------------------------------------------


def _plain_material(material: Material) -> dict[str, Any]:
    crystal = material.crystal
    plain = {field.name: getattr(crystal, field.name) for field in fields(crystal)}
    plain["warnings"] = list(crystal.warnings)
    plain["structure"] = plain_structure(crystal.structure)
    return {"crystal": plain, "start": plain_structure(material.start)}


def _material(name: str, content: Mapping[str, Any]) -> Material:
    crystal = dict(content["crystal"])
    crystal["warnings"] = tuple(crystal["warnings"])
    crystal["structure"] = structure_of(crystal["structure"])
    return Material(name=name, crystal=Crystal(**crystal), start=structure_of(content["start"]))


def _plain_id(step: StepId) -> dict[str, Any]:
    subject = step.subject
    return {
        "kind": subject.kind,
        "materials": list(subject.materials),
        "label": subject.label,
        "task": step.task,
        "variant": step.variant,
    }


def _id(content: Mapping[str, Any]) -> StepId:
    subject = Subject(kind=content["kind"], materials=tuple(content["materials"]), label=content["label"])
    return StepId(subject=subject, task=content["task"], variant=content["variant"])


def _plain_step(step: Step) -> dict[str, Any]:
    return {
        "id": _plain_id(step.id),
        "needs": [{"step": _plain_id(need.step), "purpose": need.purpose} for need in step.needs],
        "settings": dict(step.settings),
    }


def _step(title: str, content: Mapping[str, Any]) -> Step:
    needs = tuple(Need(step=_id(need["step"]), purpose=need["purpose"]) for need in content["needs"])
    return Step(id=_id(content["id"]), title=title, needs=needs, settings=content["settings"])


def _for_people(plan: Plan) -> dict[str, str]:
    """The study and its crystals as files of their own: nothing reads them again."""
    crystals = {f"structures/{m.name}.cif": m.start.to(fmt="cif") for m in plan.materials.values()}
    return {"study.toml": plan.study.text, **crystals}
