"""``ro-crate-metadata.json``: a study's folder as a Process Run Crate, and the files that such a text lists.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) with the profile Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5):
each step is a ``CreateAction`` with the engine as its instrument, each file has its size in bytes and its SHA-256.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from dftflow.errors import ParseError
from dftflow.exchange.names import METADATA_FILE, why_no_name
from dftflow.input_file import shortened
from dftflow.stored_file import plain_json

__all__ = ["CrateFile", "CrateStep", "CrateStudy", "crate_text", "damaged", "files_in_crate"]

CONTEXT = (
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
)
"""RO-Crate's words, and the one of the profile that they lack."""

RO_CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SPDX = "https://spdx.org/licenses/"
LICENCES = frozenset((
    "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0",
    "CC-BY-3.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "CDLA-Permissive-2.0", "MIT", "Apache-2.0", "BSD-2-Clause",
    "BSD-3-Clause", "LGPL-3.0-or-later", "GPL-2.0-or-later", "GPL-3.0-or-later", "GPL-3.0-only", "AGPL-3.0-or-later",
    "MPL-2.0", "EUPL-1.2",
))  # fmt: skip
"""Names of SPDX under which data and programs are given; any other text stands as it is, without an address."""
NO_LICENCE, LICENCE = "#no-licence", "#licence"
COMPLETED, FAILED = "http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus"
TEXT, BYTES = "text/plain", "application/octet-stream"
FORMATS = {
    ".json": "application/json", ".jsonl": "application/jsonl", ".xml": "application/xml", ".html": "text/html",
    ".csv": "text/csv", ".md": "text/markdown", ".toml": "application/toml", ".py": "text/x-python",
    ".sh": "application/x-sh", ".bib": "application/x-bibtex", ".svg": "image/svg+xml", ".png": "image/png",
    ".pdf": "application/pdf", ".cif": "chemical/x-cif", ".xyz": "chemical/x-xyz", ".gz": "application/gzip",
    ".bz2": "application/x-bzip2", ".xz": "application/x-xz", ".db": "application/vnd.sqlite3",
    **dict.fromkeys((".gpw", ".npz", ".npy", ".check", ".castep_bin", ".hdf5", ".h5", ".orbitals"), BYTES),
}  # fmt: skip
"""By ending, the same on every machine; a file with another ending is called a text."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrateFile:
    """A file: its path below the folder, size in bytes and SHA-256 as hexadecimal digits."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrateStep:
    """A step that has left files.

    Attributes
    ----------
    folder
        Its path below the study's; two steps of one calculation have one.
    engine, version
        Of what calculated it; the version is ``""`` where it is not known.
    inputs
        Names of its files that are its deck; all others are what it left.
    needs
        Folders of the steps before it.
    ended_ns
        When its last file was written, in ns since 1970; None where that is not known.
    failure
        Why it failed; ``""`` when it has finished.
    """

    name: str
    title: str
    folder: str
    engine: str
    version: str
    inputs: frozenset[str]
    needs: tuple[str, ...]
    ended_ns: int | None
    failure: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrateStudy:
    """What is said of the whole: `published` is a date (YYYY-MM-DD), `licence` an SPDX name or an address or ``""``."""

    name: str
    title: str
    preset: str
    published: str
    licence: str = ""
    authors: tuple[str, ...] = ()


# --- writing ----------------------------------------------------------------------------------------------------


def crate_text(study: CrateStudy, steps: Sequence[CrateStep], files: Sequence[CrateFile]) -> str:
    """The metadata of an archive; the same for the same folder."""
    acted = [step for step in steps if step.engine]
    folders = {step.folder: step for step in reversed(steps)}
    by_folder: dict[str, list[CrateFile]] = {folder: [] for folder in sorted(folders)}
    top: list[CrateFile] = []
    for file in files:
        home = next((above for above in _above(file.name) if above in by_folder), None)
        (top if home is None else by_folder[home]).append(file)
    graph = [
        _descriptor(),
        _root(study, top, by_folder, acted),
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        _licence(study.licence),
        *({"@id": _person(name), "@type": "Person", "name": name} for name in dict.fromkeys(study.authors)),
        *(_file(file) for file in files),
        *(_dataset(folders[folder], inside) for folder, inside in by_folder.items()),
        *_engines(acted),
        *(_action(step, by_folder[step.folder]) for step in acted),
    ]
    return json.dumps({"@context": list(CONTEXT), "@graph": graph}, indent=1, ensure_ascii=False) + "\n"


def _above(name: str) -> Iterable[str]:
    parts = name.split("/")[:-1]
    return ("/".join(parts[:length]) for length in range(len(parts), 0, -1))


def _descriptor() -> dict[str, Any]:
    return {
        "@id": METADATA_FILE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": RO_CRATE},
        "about": {"@id": "./"},
    }


def _root(
    study: CrateStudy, top: Sequence[CrateFile], folders: Iterable[str], acted: Sequence[CrateStep]
) -> dict[str, Any]:
    root = {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": {"@id": PROFILE},
        "name": study.title,
        "description": f"The folder of the study {study.name}, preset {study.preset}, as dftflow keeps it: study, "
        "plan, decks, results of each step, and what was derived from them.",
        "datePublished": study.published,
        "license": {"@id": _licence(study.licence)["@id"]},
        "hasPart": [{"@id": _id(file.name)} for file in top] + [{"@id": _id(folder) + "/"} for folder in folders],
        "mentions": [{"@id": _action_id(step)} for step in acted],
    }
    return root | (
        {"author": [{"@id": _person(name)} for name in dict.fromkeys(study.authors)]} if study.authors else {}
    )


def _licence(licence: str) -> dict[str, Any]:
    if not licence:
        why = "No licence was given: ask the authors before you use or hand on more than the law allows."
        return {"@id": NO_LICENCE, "@type": "CreativeWork", "name": "no licence given", "description": why}
    address = licence if "://" in licence else f"{SPDX}{licence}" if licence in LICENCES else LICENCE
    return {"@id": address, "@type": "CreativeWork", "name": licence, "description": f"The licence: {licence}"}


def _file(file: CrateFile) -> dict[str, Any]:
    return {
        "@id": _id(file.name),
        "@type": "File",
        "name": file.name,
        "encodingFormat": FORMATS.get(PurePosixPath(file.name).suffix.lower(), TEXT),
        "contentSize": str(file.size),
        "sha256": file.sha256,
    }


def _dataset(step: CrateStep, files: Sequence[CrateFile]) -> dict[str, Any]:
    missing = f"; not in this archive: {', '.join(step.left_out)}" if step.left_out else ""
    return {
        "@id": _id(step.folder) + "/",
        "@type": "Dataset",
        "name": step.name,
        "description": f"{step.title}{missing}",
        "hasPart": [{"@id": _id(file.name)} for file in files],
    }


def _engines(steps: Sequence[CrateStep]) -> list[dict[str, Any]]:
    return [
        {"@id": _engine_id(engine, version), "@type": "SoftwareApplication", "name": engine}
        | ({"softwareVersion": version} if version else {})
        for engine, version in sorted({(step.engine, step.version) for step in steps})
    ]


def _action(step: CrateStep, files: Sequence[CrateFile]) -> dict[str, Any]:
    inputs = [file.name for file in files if file.name in step.inputs]
    left = [file.name for file in files if file.name not in step.inputs]
    ended = {} if step.ended_ns is None else {"endTime": _time(step.ended_ns)}
    failed = {"error": step.failure} if step.failure else {}
    return {
        "@id": _action_id(step),
        "@type": "CreateAction",
        "name": step.name,
        "description": step.title,
        "instrument": {"@id": _engine_id(step.engine, step.version)},
        "object": [{"@id": _id(name)} for name in inputs] + [{"@id": _id(need) + "/"} for need in step.needs],
        "result": [{"@id": _id(name)} for name in left],
        "actionStatus": FAILED if step.failure else COMPLETED,
        **ended,
        **failed,
    }


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).isoformat()


def _id(name: str) -> str:
    return quote(name)


def _action_id(step: CrateStep) -> str:
    return f"#step/{_id(step.name)}"


def _engine_id(engine: str, version: str) -> str:
    return f"#engine/{quote(engine)}{f'-{quote(version)}' if version else ''}"


def _person(name: str) -> str:
    return f"#person/{quote(name)}"


# --- reading ----------------------------------------------------------------------------------------------------


def files_in_crate(text: str, where: str) -> Mapping[str, CrateFile]:
    """The files that the metadata of an archive list, by their path below the folder.

    Raises
    ------
    ParseError
        When they are no metadata of an RO-Crate; when a file has no path below the folder, no size or no SHA-256, or is
        listed twice.
    """
    found: dict[str, CrateFile] = {}
    for entity in _graph(text, where):
        kinds = entity.get("@type")
        if "File" in (kinds if isinstance(kinds, list) else [kinds]):
            file = _listed(entity, where)
            if file.name in found:
                raise damaged(f"{shortened(file.name)} is listed twice", where)
            found[file.name] = file
    return found


def damaged(reason: str, where: str) -> ParseError:
    """What is said of an archive whose list of files is not to be believed."""
    return ParseError(
        "the list of files of this archive cannot be used",
        reason=reason,
        fix="get the archive again from where it comes from; `dftflow export FOLDER --ro-crate FILE` writes one",
        where=where,
    )


def _graph(text: str, where: str) -> list[dict[str, Any]]:
    try:
        content = plain_json(text)
    except ValueError as error:
        raise damaged(f"{METADATA_FILE}: {' '.join(str(error).split())[:200]}", where) from None
    graph = content.get("@graph") if isinstance(content, dict) else None
    if not isinstance(graph, list) or not all(isinstance(entity, dict) for entity in graph):
        raise damaged(f"{METADATA_FILE} has no @graph of entities", where)
    return graph


def _listed(entity: Mapping[str, Any], where: str) -> CrateFile:
    told = [entity.get(key) for key in ("@id", "contentSize", "sha256")]
    if not all(isinstance(word, str) for word in told):
        raise damaged(f"a file has no name, size or SHA-256: {shortened(told[0])}", where)
    name, size, digest = unquote(str(told[0]), errors="strict"), str(told[1]), str(told[2])
    reason = why_no_name(name)
    if reason:
        raise damaged(f"{shortened(name)} is no path below a folder: {reason}", where)
    if not _SIZE.fullmatch(size) or not _SHA256.fullmatch(digest):
        raise damaged(f"{shortened(name)} has no size or SHA-256 that could be one", where)
    return CrateFile(name=name, size=int(size), sha256=digest)
