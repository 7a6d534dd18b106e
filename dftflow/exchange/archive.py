"""Writes a study's folder as one archive: a zip with ``ro-crate-metadata.json``, the same bytes for the same folder."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from dftflow.errors import DftflowError, StoreError
from dftflow.exchange.crate import CrateFile, CrateStep, CrateStudy, crate_text
from dftflow.exchange.folder_files import FolderFile, LeftOut, files_below, files_of_step, files_of_study
from dftflow.exchange.names import METADATA_FILE, refuse_clashes
from dftflow.exchange.new_file import new_file
from dftflow.input_file import open_regular
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.local import IDENTITY_LENGTH
from dftflow.jobs.step_state import STATE_FILE, StepState, portable_text, read_state
from dftflow.jobs.store import PLAN_FILE, PlanFile, existing_plan, plan_text, storage_errors
from dftflow.model.step import Step
from dftflow.studies.built_file import read_built
from dftflow.studies.standing import standing_of
from dftflow.studies.study_folder import StudyFolder

__all__ = ["MOST_FILE_BYTES", "WrittenArchive", "write_archive"]

MOST_FILE_BYTES = 100 << 20
"""What is larger stays behind unless all is asked for: densities and wave functions, which a run makes again."""

CHUNK = 1 << 20
FIRST_DATE = (1980, 1, 1, 0, 0, 0)
FILE_MODE, PROGRAM_MODE, FOLDER_MODE = 0o100644, 0o100755, 0o40755
UNIX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenArchive:
    """An archive as it was written: its file, size in bytes, SHA-256, number of files, and what was left out."""

    file: Path
    size: int
    sha256: str
    n_files: int
    left_out: tuple[LeftOut, ...]


def write_archive(
    root: Path, file: Path, *, everything: bool = False, licence: str = "", authors: tuple[str, ...] = ()
) -> WrittenArchive:
    """Write the folder of a study into a zip archive that is an RO-Crate; its steps in a store are put in too.

    Parameters
    ----------
    root
        Of a run or of decks.
    everything
        Files of more than `MOST_FILE_BYTES` too.
    licence
        SPDX name or address of the licence; where it is ``""`` the archive says that none was given.

    Raises
    ------
    InputError
        The folder holds no study, or something is at `file` already.
    StoreError
        A step of it is running or uncertain, or the archive cannot be written.
    """
    ends = {end.name: end for end in standing_of(root).ends}
    _refuse_moving(ends, root)
    folder = StudyFolder.existing(root)
    places = {step.name: _place(folder, step) for step in folder.plan.steps}
    names = _names(folder, places)
    states = {name: read_state(folder.home.root / place) for place, name in names.items()}
    texts = {f"{name}/{STATE_FILE}": portable_text(state) for name, state in states.items() if _ended(state)}
    if folder.home.is_shared:
        texts[PLAN_FILE] = plan_text(_without_store(existing_plan(root), names))
    kept, left = _files(folder, names, most_bytes=None if everything else MOST_FILE_BYTES)
    kept = {one: file for one, file in kept.items() if one.name not in texts}
    refuse_clashes((*(one.name for one in kept), *texts), str(root))
    study = CrateStudy(
        name=folder.plan.study.name,
        title=folder.plan.study.content.title,
        preset=folder.plan.study.preset_name,
        published=_published(root, states),
        licence=licence,
        authors=authors,
    )
    with _new_stream(file) as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            files = list(_added(archive, kept, texts))
            at = {step: names.get(place, "") for step, place in places.items()}
            steps = [_crate_step(folder, step, at, states, ends[step.name], left) for step in folder.plan.steps]
            text = crate_text(study, [step for step in steps if step is not None], files)
            for name in sorted(states):
                archive.writestr(_entry(f"{name}/", mode=FOLDER_MODE), b"")
            archive.writestr(_entry(METADATA_FILE), text.encode())
        size = stream.tell()
        digest = _digest_of(stream)
    return WrittenArchive(file=file, size=size, sha256=digest, n_files=len(files), left_out=left)


def _refuse_moving(ends: Mapping[str, NodeOutcome], root: Path) -> None:
    moving = [name for name, end in ends.items() if end.state in ("running", "uncertain")]
    if moving:
        raise StoreError(
            f"{len(moving)} steps of this folder are running or uncertain: {', '.join(moving[:3])}",
            reason="an archive holds what has ended",
            fix="wait for them; `dftflow status` shows where they are",
            where=str(root),
        )


def _place(folder: StudyFolder, step: Step) -> str:
    """Where the step lies below the folder or its store; ``""`` where it has left nothing."""
    place = folder.folder_of(step)
    if place is None or not place.is_dir():
        return ""
    folder.refuse_led_outside(place)
    return place.relative_to(folder.home.root).as_posix()


def _names(folder: StudyFolder, places: Mapping[str, str]) -> dict[str, str]:
    """Place of a step that is there -> its name in the archive: a step in a store is called as in a run without one."""
    names: dict[str, str] = {}
    for step, place in places.items():
        if place and folder.home.is_shared:
            names.setdefault(place, f"steps/{step}-{PurePosixPath(place).name[:IDENTITY_LENGTH]}")
        elif place:
            names[place] = place
    return names


def _without_store(plan: PlanFile, names: Mapping[str, str]) -> PlanFile:
    steps = (replace(step, folder=names.get(step.folder, ""), earlier="") for step in plan.steps)
    return replace(plan, store="", user="", steps=tuple(steps))


def _files(
    folder: StudyFolder, names: Mapping[str, str], *, most_bytes: int | None
) -> tuple[dict[FolderFile, Path], tuple[LeftOut, ...]]:
    """What is handed on, as it is called in the archive, with where it lies; and what is left out."""
    root, home = folder.root, folder.home.root
    own, left_out = files_below(root, files_of_study(root, noted=not folder.home.is_shared), most_bytes=most_bytes)
    kept, left = {one: root / one.name for one in own}, list(left_out)
    for place, name in names.items():
        inside, left_out = files_below(home, files_of_step(home, place), most_bytes=most_bytes)
        kept |= {replace(one, name=name + one.name.removeprefix(place)): home / one.name for one in inside}
        left += [replace(one, name=name + one.name.removeprefix(place)) for one in left_out]
    return kept, tuple(sorted(left, key=lambda one: one.name))


def _ended(state: StepState) -> bool:
    return state.state in ("finished", "failed", "refused")


def _published(root: Path, states: Mapping[str, StepState]) -> str:
    """The day on which the last step ended; where none has, that of the plan."""
    ended = [ns for state in states.values() if (ns := _ended_ns(state)) is not None]
    ns = max(ended, default=(root / PLAN_FILE).stat().st_mtime_ns)
    return datetime.fromtimestamp(ns // 10**9, UTC).date().isoformat()


def _ended_ns(state: StepState) -> int | None:
    return max((seal.content_ns for seal in state.files.values() if 0 < seal.content_ns < 2**62), default=None)


def _crate_step(
    folder: StudyFolder,
    step: Step,
    places: Mapping[str, str],
    states: Mapping[str, StepState],
    end: NodeOutcome,
    left: tuple[LeftOut, ...],
) -> CrateStep | None:
    """The step; `places` are those in the archive."""
    place, there = places[step.name], folder.folder_of(step)
    if not place or there is None:
        return None
    try:
        record = read_built(there)
    except DftflowError:
        record = None
    acted = end.state in ("finished", "failed", "refused")
    return CrateStep(
        name=step.name,
        title=step.title,
        folder=place,
        engine=folder.plan.code.name if acted else "",
        version="" if record is None else record.engine.get("version", ""),
        inputs=frozenset() if record is None else frozenset(f"{place}/{name}" for name in (*record.deck, "built.json")),
        needs=tuple(sorted({before for need in step.needs if (before := places[str(need.step)])})),
        ended_ns=_ended_ns(states[place]),
        failure="" if end.state == "finished" else _failure(end, folder.home.root),
        left_out=tuple(f"{one.name} ({one.reason})" for one in left if one.name.startswith(f"{place}/")),
    )


def _failure(end: NodeOutcome, root: Path) -> str:
    """Why a step has no results, in one line and without the place of the folder on this machine."""
    return " ".join(end.failure.replace(f"{root}/", "").split()) or end.state


# --- the archive ------------------------------------------------------------------------------------------------


def _added(archive: zipfile.ZipFile, kept: Mapping[FolderFile, Path], texts: Mapping[str, str]) -> Iterator[CrateFile]:
    """The files in the order of their names, hashed while they are put into `archive`."""
    of_texts = {FolderFile(name=name): Path() for name in texts}
    for one, file in sorted({**kept, **of_texts}.items(), key=lambda item: item[0].name):
        digest, size = hashlib.sha256(), 0
        entry = _entry(one.name, mode=PROGRAM_MODE if one.is_program else FILE_MODE)
        with archive.open(entry, "w", force_zip64=True) as target:
            for piece in [texts[one.name].encode()] if one.name in texts else _pieces(file):
                target.write(piece)
                digest.update(piece)
                size += len(piece)
        yield CrateFile(name=one.name, size=size, sha256=digest.hexdigest())


def _pieces(file: Path) -> Iterator[bytes]:
    with storage_errors(file), open_regular(file, links=False) as stream:
        while piece := stream.read(CHUNK):
            yield piece


def _entry(name: str, *, mode: int = FILE_MODE) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, FIRST_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = UNIX
    entry.external_attr = mode << 16
    return entry


@contextmanager
def _new_stream(file: Path) -> Iterator[IO[bytes]]:
    """A stream beside `file` that takes its place when all was written."""
    with new_file(file) as beside, beside.open("xb+") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _digest_of(stream: IO[bytes]) -> str:
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
