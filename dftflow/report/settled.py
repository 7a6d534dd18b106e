"""Whether a run is finished, and everything that it follows from is as it was: then there is nothing to be derived.

``settled.json`` beside the report holds what the run followed from (the study, its files, the package, the engine),
what the steps ended with, and the table that was printed. When all of that is the same by content, `dftflow run` prints
the table again. Anything else, and a damaged ``settled.json`` too, takes the long way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

import dftflow
from dftflow.codes.registry import load_code
from dftflow.crystals.shipped import shipped_names
from dftflow.errors import DftflowError, StoreError
from dftflow.input_file import is_regular, named_place, read_regular
from dftflow.jobs.lock import locked
from dftflow.jobs.run_index import RunIndex, write_index
from dftflow.jobs.seals import Seal, changed_files, seal_of
from dftflow.jobs.shared_store import home_of
from dftflow.jobs.step_state import STATE_FILE, is_intact, read_state
from dftflow.jobs.store import PLAN_FILE, PlanFile, existing_plan, read_plan, storage_errors, write_atomically
from dftflow.report.place_lines import with_places
from dftflow.resources import structures_dir, templates_dir
from dftflow.stored_file import read_stored, read_stored_as
from dftflow.studies.reader import Study

if TYPE_CHECKING:
    from dftflow.model.outcome import StudyOutcome
    from dftflow.report.write import WrittenOutcome

__all__ = ["SETTLED_FILE", "Settlement"]

SETTLED_FILE = "settled.json"
REPORT = ("results.json", "report.html", PLAN_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """Content of ``settled.json``.

    Attributes
    ----------
    follows_from
        Digest of the study, its files, the package and the engine.
    elements
        Those that the engine has to know: symbols of all crystals of the plan.
    states
        SHA-256 of the steps: of the folder of each, and of its state, which holds the digests of all that it left.
    files
        The report and the plan as they were.
    table
        As it was printed, without the places of files: the folder may be called otherwise by now.
    shown
        Names of the figures that were named below it.
    digest
        Of all of this, so that one which somebody has edited is not believed.
    """

    follows_from: str
    elements: tuple[str, ...]
    states: str
    files: dict[str, Seal]
    table: str
    shown: tuple[str, ...]
    digest: str = ""

    def own_digest(self) -> str:
        content = json.dumps(asdict(replace(self, digest="")), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


class Settlement:
    """What a run of `study` follows from, as it is when this is made: before the run.

    Raises
    ------
    DftflowError
        When a file of the study cannot be read.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._sources = list(_sources(study))
        self._package = _package()

    def table(self, root: Path) -> str | None:
        """What the run in `root` printed when nothing has changed since; None when something has.

        An index that knows less than it could, as in a folder that was copied, is written anew.
        """
        try:
            before = read_stored_as(TypeAdapter(_Settled), root / SETTLED_FILE)
            is_own = before.digest == before.own_digest() and set(before.files) == set(REPORT)
            if not is_own or changed_files(root, before.files):
                return None
            index = RunIndex(root)
            plan = index.outline() or read_plan(root)
            if plan is None:
                return None
            home, unknown = home_of(root, plan).root, list[str]()
            if _states(home, plan, index, unknown) != before.states:
                return None
            same = self._follows_from(_engine(self._study, before.elements)) == before.follows_from
        except (OSError, ValueError, DftflowError):
            return None
        if not same or not all((root / name).is_file() for name in REPORT):
            return None
        if unknown:
            with suppress(StoreError), locked(root):  # not where it may be read alone, or another call is at work
                write_index(root, existing_plan(root), home)
        return with_places(before.table, root, before.shown)

    def note(self, root: Path, outcome: StudyOutcome, written: WrittenOutcome) -> None:
        """Write ``settled.json``, when every step has finished, and nothing was changed while they ran.

        Raises
        ------
        StoreError
            When it cannot be written.
        """
        plan = read_plan(root)
        states = None if plan is None else _states(home_of(root, plan).root, plan, RunIndex(root), [])
        if plan is None or states is None or self._sources != list(_sources(self._study)):
            return
        elements = _elements(plan)
        engine = _engine(self._study, elements)
        if any(engine.get(name) != what for step in outcome.steps for name, what in step.engine.items()):
            return
        files = {name: seal_of(root / name) for name in REPORT}
        content = _Settled(
            follows_from=self._follows_from(engine),
            elements=elements,
            states=states,
            files=files,
            table=written.table,
            shown=written.shown,
        )
        with storage_errors(root):
            whole = replace(content, digest=content.own_digest())
            write_atomically(root / SETTLED_FILE, json.dumps(asdict(whole), ensure_ascii=False))

    def _follows_from(self, engine: Mapping[str, str]) -> str:
        study = self._study
        preset = (study.preset_name, study.preset.model_dump(mode="json"))
        code = (study.content.code, study.code_options, dict(engine))
        measured = None if study.measured is None else study.measured.as_dict()
        what = [study.name, study.sha256, study.lists, preset, code, self._sources, self._package, measured]
        return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


def _states(home: Path, plan: PlanFile, index: RunIndex, unknown: list[str]) -> str | None:
    """Digest of where the steps lie and of their states; None when one has not finished, or is not as it was left.

    `unknown` gets the steps that the index could know and does not.
    """
    found = hashlib.sha256()
    for step in plan.steps:
        digest = _state(home, step.folder, index, unknown) if step.folder else None
        if digest is None:
            return None
        found.update(f"{step.folder}\0{digest}\n".encode())
    return found.hexdigest()


def _state(home: Path, place: str, index: RunIndex, unknown: list[str]) -> str | None:
    known = index.finished(home, place)
    if known is not None:
        return known.sha256
    folder = home / place
    state = read_state(folder)
    if not is_intact(folder, state):
        return None
    if not state.tries:
        unknown.append(place)
    return hashlib.sha256(read_stored(folder / STATE_FILE)).hexdigest()


def _sources(study: Study) -> Iterator[str]:
    """What each crystal and molecule of the study is read from, by content."""
    entries = study.content.materials.values()
    for source in dict.fromkeys(entry.structure for entry in entries):
        yield _crystal(study, source)
    for molecule in dict.fromkeys(made.by for entry in entries for made in entry.substitute):
        if not _is_known(molecule):
            yield _content(named_place(molecule, base=study.file.parent))


def _is_known(incoming: str) -> bool:
    """Whether it is an atom, a vacancy, or a molecule of the package, and no file."""
    from dftflow.crystals.mixture import VACANCY, is_element  # with ASE
    from dftflow.crystals.molecules import MOLECULES

    return incoming in MOLECULES or incoming == VACANCY or is_element(incoming)


def _crystal(study: Study, source: str) -> str:
    if source in shipped_names():
        return source  # its content is the package's
    kept = study.kept.get(source)
    if kept is not None:
        return kept.sha256
    place = named_place(source, base=study.file.parent)
    if is_regular(place):
        return _content(place)
    from dftflow.crystals.sources import load_crystal  # with every reader

    return load_crystal(source, base_dir=study.file.parent).sha256


def _content(file: Path) -> str:
    return hashlib.sha256(read_regular(file)).hexdigest()


def _elements(plan: PlanFile) -> tuple[str, ...]:
    species = {
        kind["element"]
        for material in plan.header["materials"].values()
        for site in material["start"]["sites"]
        for kind in site["species"]
    }
    return tuple(sorted(species))


def _engine(study: Study, elements: tuple[str, ...]) -> dict[str, str]:
    """Version and data sets of the engine, for all elements of the study."""
    return dict(load_code(study.content.code, study.code_options).fingerprint(elements))


@cache
def _package() -> str:
    """Digest of this package: its version alone does not tell two states of a checkout apart."""
    digest = hashlib.sha256()
    for folder in (Path(dftflow.__file__).parent, templates_dir(), structures_dir()):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(folder)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
