"""The folder of a study: one plan in one file, from which everything in it can be read without anything outside.

``plan.json`` (see `dftflow.jobs.store`) has in its header what the steps follow from::

    {"dftflow", "layout": "run" | "decks", "study": {"name", "text", "sha256"}, "preset": {"name", "content"},
     "code": {"name", "options"}, "materials": {name: {"crystal", "start"}}, "made_with": {"versions", "cores"}}

A folder belongs to one study, preset and code, by their names. When the text of the study or a crystal changes, the
plan is replaced as a whole. A step of a run is then found again by its identity or is calculated again, and the earlier
results stay where they are; a deck is written again in its place.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.crystals.per_structure import per_structure
from dftflow.crystals.plain import what_is_wrong
from dftflow.errors import InputError, StoreError
from dftflow.jobs.by_hand import Ledger
from dftflow.jobs.local import IDENTITY_LENGTH
from dftflow.jobs.run_index import write_index
from dftflow.jobs.shared_store import StepHome, StoreUse, home_of, use_of
from dftflow.jobs.store import (
    PlanFile,
    PlannedStep,
    below,
    existing_plan,
    has_place,
    leads_outside,
    note_in_plan,
    read_plan,
    unreadable_plan,
    write_place,
    write_plan,
)
from dftflow.model.step import Step
from dftflow.studies.built_file import BUILT_FILE, BuiltRecord, read_built
from dftflow.studies.kept_entries import FROM_DATABASE
from dftflow.studies.overrides import Setting
from dftflow.studies.plan import Plan
from dftflow.studies.reader import Study
from dftflow.studies.stored_plan import Layout, StoredHeader, digest_of, header_of, plain_step, plan_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["StudyFolder", "step_home"]


@dataclass(slots=True, kw_only=True)
class StudyFolder:
    """A plan on disk, and where each of its steps lies.

    Use `planned`, `create` or `existing`, not the constructor.

    Attributes
    ----------
    home
        Where the folders of steps lie: in `root`, or for a run in a store that studies share.
    layout
        ``run``: steps lie in folders named by their identity; ``decks``: by their name.
    digest
        Of the study's text, the preset, the code and the crystals: what decides how its steps are built.
    kept
        Files for people that were not dftflow's, and were left as they are.
    """

    root: Path
    home: StepHome
    plan: Plan
    layout: Layout
    digest: str
    kept: tuple[str, ...] = ()
    _file: PlanFile
    _entries: dict[str, PlannedStep] = field(init=False)
    _found: dict[str, list[Path]] | None = None

    def __post_init__(self) -> None:
        self._entries = {step.name: step for step in self._file.steps}

    @classmethod
    def planned(cls, plan: Plan, root: Path, layout: Layout) -> StudyFolder:
        """`plan` as `create` would put it into `root`; nothing is written.

        Raises
        ------
        StoreError
            When `root` belongs to another study, preset or code, or cannot be read; its steps lie elsewhere than the
            study says.
        """
        header = header_of(plan, layout)
        before, digest, unchanged = read_plan(root), digest_of(header, _starts(plan)), False
        if before is not None:
            with _readable(root):
                earlier = StoredHeader.model_validate(before.header)
                _refuse_another(earlier, header, root)
                _refuse_another_answer(earlier, header, root)
                unchanged = digest_of(before.header) == digest
            if unchanged:  # what was made stays with what it was made with
                header["made_with"] = before.header.get("made_with")
        use = _use(plan, root, layout, before, unchanged=unchanged)
        entries = {} if before is None else {step.name: step for step in before.steps}
        steps = tuple(
            PlannedStep(
                name=step.name,
                title=step.title,
                folder=entries[step.name].folder if unchanged and step.name in entries else "",
                earlier=entries[step.name].folder or entries[step.name].earlier if step.name in entries else "",
                overrides=dict(plan.overrides.get(step.name, {})),
                content=plain_step(step),
            )
            for step in plan.steps
        )
        file = PlanFile(
            header=header,
            steps=steps,
            wall_time_s=None if before is None else before.wall_time_s,
            id=before.id if before is not None and unchanged else secrets.token_hex(8),
            store="" if use is None else use.place,
            user="" if use is None else use.user,
        )
        home = StepHome(root) if use is None else StepHome(use.store, is_shared=True)
        return cls(root=root, home=home, plan=plan, layout=layout, digest=digest, _file=file)

    @classmethod
    def create(cls, plan: Plan, root: Path, layout: Layout) -> StudyFolder:
        """Put `plan` into `root`, or go on with the same plan there; make the study's store where there is none.

        Raises
        ------
        StoreError
            When `root` belongs to another study, preset or code, its store is none, or one of them cannot be written.
        """
        folder = cls.planned(plan, root, layout)
        use = use_of(root, folder._file)
        if use is not None:
            use.begin()
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
            When its plan cannot be read, or its store is not there.
        """
        file = existing_plan(root)
        home = home_of(root, file)
        with _readable(root):
            header = StoredHeader.model_validate(file.header)
            plan = plan_of(header, file.steps)
            digest = digest_of(file.header, _starts(plan))
            return cls(root=root, home=home, plan=plan, layout=header.layout, digest=digest, _file=file)

    @property
    def use(self) -> StoreUse | None:
        """That this run uses a store; None where its steps lie in its own folder."""
        return use_of(self.root, self._file)

    @property
    def made_with(self) -> Mapping[str, Any]:
        """What was kept of the dftflow that planned it: versions, and the cores of its machine."""
        earlier = {"versions": {"dftflow": self._file.header["dftflow"]}}
        return self._file.header.get("made_with") or earlier

    @property
    def wall_time_s(self) -> float | None:
        """Wall time of all runs in this folder."""
        return self._file.wall_time_s

    def folder_of(self, step: Step) -> Path | None:
        """Where the step lies; None as long as it has no folder."""
        if self.layout == "decks":
            return self.root / step.name
        place = self._entries[step.name].folder
        return self.home.root / place if place else None

    def refuse_led_outside(self, *places: Path) -> None:
        """Raise `StoreError` for a place that lies in this folder by its name, and elsewhere by a link on the way.

        The store is its own as well.
        """
        for place in places:
            roots = [root for root in (self.root, self.home.root) if place.is_relative_to(root)]
            if roots and all(leads_outside(root, place) for root in roots):
                raise StoreError(
                    "a link leads out of this folder: what lies behind it is not taken for its own",
                    where=str(place),
                    fix="put the results in its place, or give their folder with `dftflow collect --at STEP=DIR`",
                )

    def earlier_folder_of(self, step: Step) -> Path | None:
        """Where the step lay before this call, in this plan or an earlier one."""
        place = self._entries[step.name].earlier
        return self.home.root / place if place else None

    def calculation(self, identity: str) -> tuple[Path, BuiltRecord] | None:
        """Where that calculation lies here already, and its record; None where it does not, or not by its identity.

        It may have been made for another step, or for this one when its material had another name.
        """
        if self.layout == "decks":
            return None
        shared = self.home.is_shared
        for place in [self.home.shared_folder(identity)] if shared else self._places(identity[:IDENTITY_LENGTH]):
            with suppress(StoreError):
                record = read_built(place)
                if record is not None and record.identity == identity:
                    return place, record
        return None

    def _places(self, end: str) -> list[Path]:
        """Folders of steps whose names end so: looked for once, and those that this call has noted since."""
        if self._found is None:
            self._found = {}
            for file in sorted((self.home.root / "steps").glob(f"**/*-*/{BUILT_FILE}")):
                self._found.setdefault(_end_of(file.parent), []).append(file.parent)
        return self._found.get(end, [])

    def refuse_another(self, plan: Plan) -> None:
        """Raise `StoreError` when `plan` says anything else than the plan of this folder."""
        header = header_of(plan, self.layout)
        _refuse_another(StoredHeader.model_validate(self._file.header), header, self.root)
        if digest_of(header, _starts(plan)) != self.digest:
            raise StoreError(
                "the study, or a crystal in it, has been changed since this folder was written",
                where=str(self.root),
                fix=f"give the folder alone, for the study as it was; or `dftflow {self.layout}` again, for the new",
            )

    def why_no_folder(self, step: Step) -> str:
        """Why the step has none, when it was tried."""
        return self._entries[step.name].failure

    def record(self, name: str, folder: Path | None, failure: str) -> None:
        """Note where a step lies, or why it lies nowhere."""
        if self.note(name, folder, failure):
            entry = self._entries[name]
            note_in_plan(self.root, self._file.id, step=name, folder=entry.folder, failure=entry.failure)
            if has_place(self.root, name):
                write_place(self.root, self._file.id, step=name, folder=entry.folder, failure=entry.failure)

    def record_apart(self, name: str, folder: Path | None, failure: str) -> None:
        """As `record`, in a file of that step alone: others work on other steps of the plan, maybe elsewhere."""
        self.note(name, folder, failure)
        entry = self._entries[name]
        write_place(self.root, self._file.id, step=name, folder=entry.folder, failure=entry.failure)

    def note(self, name: str, folder: Path | None, failure: str = "") -> bool:
        """As `record`, without writing it down; whether it is news."""
        place = "" if folder is None else os.path.relpath(folder, self.home.root)
        try:
            below(self.home.root, place)
        except ValueError as error:
            raise StoreError(
                "a step of a run lies in its folder", reason=str(error), where=str(self.home.root)
            ) from None
        before = self._entries[name]
        self._entries[name] = before.placed(place, failure)
        if self._found is not None and folder is not None:
            known = self._found.setdefault(_end_of(folder), [])
            if folder not in known:
                known.append(folder)
        return self._entries[name] != before

    def override(self, name: str, settings: Mapping[str, Setting]) -> None:
        """Keep settings of one step; with others than it had it is another calculation, and has no folder yet.

        Nor have those that are made from what it ends with.
        """
        if dict(self._entries[name].overrides) != dict(settings):
            self._entries[name] = replace(self._entries[name], overrides=dict(settings))
            for step in (self.plan.step(name), *self.plan.made_from(name)):
                self._entries[step.name] = self._entries[step.name].placed("")
                if has_place(self.root, step.name):
                    write_place(self.root, self._file.id, step=step.name, folder="", failure="")
        self._entries = {
            other: replace(entry, failure="") if not entry.folder else entry for other, entry in self._entries.items()
        }
        self.write_whole()

    def add_wall_time(self, seconds: float) -> None:
        """Count `seconds` more of work in this folder."""
        self._file = replace(self._file, wall_time_s=(self._file.wall_time_s or 0.0) + seconds)
        note_in_plan(self.root, self._file.id, wall_time_s=self._file.wall_time_s)

    def write_whole(self) -> None:
        """Put into the plan itself what was noted beside it, and write the index of what has finished."""
        self._file = replace(self._file, steps=tuple(self._entries.values()))
        write_plan(self.root, self._file)
        write_index(self.root, self._file, self.home.root)


def step_home(study: Study, root: Path) -> StepHome:
    """Where the steps of a run of `study` in `root` lie, once it is there."""
    before = read_plan(root)
    if study.store is None or (before is not None and not before.store):
        return StepHome(root)
    return StepHome(Path(os.path.realpath(study.store)), is_shared=True)


def _end_of(folder: Path) -> str:
    """The part of the name of a step's folder that tells its identity."""
    return folder.name.rpartition("-")[2]


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    """Turn what is wrong with the parts of a plan into a `StoreError` that names its file."""
    try:
        yield
    except InputError as error:
        raise unreadable_plan(root, error.sentence) from error
    except ValueError as error:
        raise unreadable_plan(root, what_is_wrong(error)) from error


def _refuse_another(before: StoredHeader, now: Mapping[str, Any], root: Path) -> None:
    """A folder has one study, preset, code and layout."""
    names = {
        "study": (before.study.name, now["study"]["name"]),
        "preset": (before.preset.name, now["preset"]["name"]),
        "code": (before.code.name, now["code"]["name"]),
        "kind of folder": (before.layout, now["layout"]),
    }
    other = [f"{what} {have}, not {want}" for what, (have, want) in names.items() if have != want]
    if other:
        raise StoreError(
            f"this folder belongs to another plan: {'; '.join(other)}",
            where=str(root),
            fix="give another folder with --out",
        )


def _refuse_another_answer(before: StoredHeader, now: Mapping[str, Any], root: Path) -> None:
    """What a folder keeps of a database is not replaced by what is answered later."""
    for name, material in before.materials.items():
        kept, new = material.crystal, now["materials"].get(name, {}).get("crystal", {})
        is_same_question = kept.confidence == FROM_DATABASE == new.get("confidence") and kept.source == new["source"]
        if is_same_question and kept.sha256 != new["sha256"]:
            raise StoreError(
                f"{kept.source} is another crystal in its database than the one that this folder keeps",
                reason=f"kept is {kept.reference}; now it is {new['reference']}",
                where=str(root),
                fix="give another folder with --out; in Python, load_study(..., folder=...) takes what is kept",
            )


def _use(plan: Plan, root: Path, layout: Layout, before: PlanFile | None, *, unchanged: bool) -> StoreUse | None:
    """The store of a run, and the id that the run has there: that of the plan before, where it is the same store.

    None too of a run that came out of an archive: the text is the same, and the steps lie in its own folder.
    """
    earlier = None if before is None else use_of(root, before)
    if unchanged and earlier is None:
        return None
    store = plan.study.store if layout == "run" else None
    if store is None:
        if earlier is not None:
            raise _another_home(root, f"in {earlier.store}", "in its own folder")
        return None
    is_relative = not Path(plan.study.content.store or "").expanduser().is_absolute()
    place = os.path.relpath(os.path.realpath(store), os.path.realpath(root)) if is_relative else str(store)
    use = StoreUse(root=root, place=place, user=secrets.token_hex(8) if before is None else before.user)
    if before is not None and earlier is None:
        raise _another_home(root, "in its own folder", f"in {use.store}", "take `store` out of the study")
    if earlier is not None and not use.is_known() and not _same(earlier.store, use.store):
        raise _another_home(root, f"in {earlier.store}", f"in {use.store}")
    return replace(use, user=secrets.token_hex(8)) if use.is_of_another() else use


def _another_home(root: Path, was: str, now: str, fix: str = "write `store` in the study as it was") -> StoreError:
    return StoreError(
        f"the steps of this run lie {was}, and the study has them {now}",
        where=str(root),
        fix=f"give another folder with --out, or {fix}",
    )


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _starts(plan: Plan) -> dict[str, Structure]:
    return {name: material.start for name, material in plan.materials.items()}


def _for_people(plan: Plan) -> dict[str, str]:
    """The study and its crystals as files of their own: nothing reads them again."""
    crystals = {f"structures/{m.name}.cif": _cif_of_unchanged(m.start) for m in plan.materials.values()}
    return {"study.toml": plan.study.text, **crystals}


@per_structure
def _cif_of_unchanged(structure: Structure) -> str:
    return str(structure.to(fmt="cif"))
