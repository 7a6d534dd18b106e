"""Crystals from the Materials Project (10.1063/1.4812323), through its client mp-api and a cache on disk.

The cell is returned as the database sends it. Its client's "conventional standard" cell is not used: that one sorts
orthorhombic axes by length and so turns Pnma into a Pbnm-like cell, in which (hkl) names another plane. What the
database sends is primitive for centred lattices; a plane is then given with its setting (`dftflow.crystals.planes`).

The database recomputes its crystals: CsPbBr3 Pnma was a PBE cell (8.425, 12.011, 8.370 Å) and is an r2SCAN cell
(8.454, 11.879, 8.101 Å) today under the same id. The version of the database and the sha256 of the structure
therefore belong to every answer.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymatgen.core import Composition, Element, Structure

from dftflow.crystals.mp_cache import DamagedEntry, default_cache_dir, entry_path, read_entry, sha256_of, write_entry
from dftflow.crystals.symmetry import space_group
from dftflow.errors import CodeNotFoundError, DftflowError, InputError, SourceError

__all__ = ["DEFAULT_ENDPOINT", "FetchedStructure", "fetch_structure"]

DEFAULT_ENDPOINT = "https://api.materialsproject.org/"

_KEY_LENGTH = 32
_KEY_PAGE = "https://next-gen.materialsproject.org/api"
_STATUS_PAGE = "https://status.materialsproject.org"
_LOADING_LIMIT_S = 180.0
_MOST_POLYMORPHS = 12
_INSTALL = "pip install 'dftflow[mp]'"
_OFFLINE = "or name a shipped crystal or a file instead"

_ID = re.compile(r"mp-(?:\d+|[a-z]{1,10})")
_DATA_ERRORS = (KeyError, TypeError, ValueError, AttributeError)

Json = dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class FetchedStructure:
    """A crystal of the Materials Project and the state of the database it is from.

    Attributes
    ----------
    structure
        The cell as the database sends it: relaxed by DFT, axes neither exchanged nor reduced nor expanded.
    material_id, formula
        ``"mp-567629"``, ``"CsPbBr3"``.
    space_group, space_group_number
        As the database says (found with its tolerance of 0.1 Å).
    database_version
        Such as ``"2025.9.25"``; ``"unknown"`` when the service did not say.
    sha256
        Of the canonical JSON of the structure as sent: the same structure has the same sum on every day.
    retrieved
        ISO date (UTC) on which the database was asked.
    from_cache
        Whether the answer was already on disk.
    energy_above_hull_ev_per_atom
        Above the convex hull of the phase diagram, in eV per atom; None when not known.
    warnings
        Lines a person should read before using the crystal.
    """

    structure: Structure
    material_id: str
    formula: str
    space_group: str
    space_group_number: int
    database_version: str
    sha256: str
    retrieved: str
    from_cache: bool
    energy_above_hull_ev_per_atom: float | None
    warnings: tuple[str, ...] = ()


def fetch_structure(
    query: str,
    *,
    api_key: str | None = None,
    endpoint: str | None = None,
    timeout_s: float = 30.0,
    cache_dir: Path | None = None,
    refresh: bool = False,
) -> FetchedStructure:
    """The crystal with an id, or the only one with a formula.

    An answer on disk is used without a network, a key or the client. Otherwise the client runs in a process of its
    own, which is ended after `timeout_s` wherever it hangs.

    Parameters
    ----------
    query
        ``"mp-567629"``, or ``"mp:CsPbBr3"`` for a formula of which the database holds one crystal.
    api_key
        32 characters; ``MP_API_KEY`` of the environment when not given.
    endpoint
        Address of the service; ``MP_API_ENDPOINT`` or that of the Materials Project when not given.
    timeout_s
        Longest time for the network, in s. Importing the client (5 to 20 s) does not count.
    cache_dir
        Folder of the answers; ``$XDG_CACHE_HOME/dftflow/materials-project`` when not given.
    refresh
        Ask again although the answer is on disk.

    Raises
    ------
    SourceError
        Malformed, unknown or deprecated id; several crystals with this formula (they are listed); no, malformed or
        refused key; no network, no answer in time, too many requests, a failing service or one that is another.
    CodeNotFoundError
        When mp-api is not installed or cannot be loaded.
    InputError
        When `timeout_s` is no positive number.
    """
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise InputError(f"a time limit of {timeout_s} s is none", fix="give a positive number of seconds")
    question = _Question.of(query, _endpoint(endpoint), timeout_s)
    path = entry_path(cache_dir or default_cache_dir(), query=question.normal, endpoint=question.endpoint)
    remarks: list[str] = []
    if not refresh:
        try:
            entry = read_entry(path)
            if entry is not None:
                return _fetched(entry, from_cache=True)
        except (DamagedEntry, *_DATA_ERRORS) as error:
            remarks.append(f"the answer in {path} was damaged ({error}) and has been asked for again")
    material, version = _ask_service(question, _key(api_key))
    try:
        entry = _entry(question, material, version)
        fetched = _fetched(entry, from_cache=False, remarks=remarks)
    except _DATA_ERRORS as error:
        raise _not_understood(question, error) from error
    try:
        write_entry(path, entry)
    except OSError as error:
        remark = f"the answer could not be kept in {path.parent}: {error.strerror or error}"
        return replace(fetched, warnings=(remark, *fetched.warnings))
    return fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked of whom: either an id or a reduced formula."""

    query: str
    material_id: str | None
    formula: str | None
    endpoint: str
    timeout_s: float

    @classmethod
    def of(cls, query: str, endpoint: str, timeout_s: float) -> _Question:
        if _ID.fullmatch(query):
            return cls(query=query, material_id=query, formula=None, endpoint=endpoint, timeout_s=timeout_s)
        prefix, _, formula = query.partition(":")
        if prefix != "mp" or not formula:
            raise SourceError(
                f"{query!r} is no id of the Materials Project",
                fix="write mp- and a number, as in mp-567629, or mp: and a formula, as in mp:CsPbBr3",
            )
        return cls(query=query, material_id=None, formula=_reduced(formula), endpoint=endpoint, timeout_s=timeout_s)

    @property
    def normal(self) -> str:
        """The same for all spellings of a formula."""
        return self.material_id or f"mp:{self.formula}"

    @property
    def name(self) -> str:
        return self.query.removeprefix("mp:")


def _reduced(formula: str) -> str:
    try:
        composition = Composition(formula)
        elements = all(isinstance(element, Element) for element in composition)
        if composition and elements and all(float(count).is_integer() for count in composition.values()):
            return composition.reduced_formula
    except ValueError:
        pass
    raise SourceError(
        f"{formula!r} is no chemical formula", fix="write whole numbers and element symbols, as in mp:CsPbBr3"
    )


def _endpoint(endpoint: str | None) -> str:
    return (endpoint or os.environ.get("MP_API_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/") + "/"


def _key(api_key: str | None) -> str:
    """The key, checked before anything is sent. No message holds it or a part of it."""
    key = (api_key if api_key is not None else os.environ.get("MP_API_KEY", "")).strip()
    if not key:
        raise SourceError(
            "no API key for the Materials Project",
            reason="the environment variable MP_API_KEY is not set",
            fix=f"get a free key at {_KEY_PAGE} and set MP_API_KEY, {_OFFLINE}",
        )
    if len(key) != _KEY_LENGTH or not (key.isascii() and key.isalnum()):
        kind = "letters and digits" if len(key) == _KEY_LENGTH else f"characters, this one has {len(key)}"
        raise SourceError(
            "this is no API key of the Materials Project",
            reason=f"a key has {_KEY_LENGTH} {kind}",
            fix=f"copy the whole key from {_KEY_PAGE} into MP_API_KEY (keys of the old API had 16 characters)",
        )
    return key


def _ask_service(question: _Question, key: str) -> tuple[Json, str]:
    """The record of the one material, and the version of the database (``""`` when hidden)."""
    if find_spec("mp_api") is None:
        raise CodeNotFoundError(
            "mp-api, the client of the Materials Project, is not installed", fix=f"{_INSTALL}, {_OFFLINE}"
        )
    outcome = _run_worker({**asdict(question), "key": key})
    if "problem" in outcome:
        raise _error(question, outcome["problem"], outcome["detail"])
    try:
        return _only(question, outcome["materials"]), str(outcome["database_version"])
    except _DATA_ERRORS as error:
        raise _not_understood(question, error) from error


def _entry(question: _Question, material: Json, version: str) -> Json:
    """What is kept on disk. The key is no part of it."""
    if question.formula not in (None, Composition(material["formula_pretty"]).reduced_formula):
        raise ValueError(f"it is about {material['formula_pretty']}")
    return {
        "query": question.normal,
        "endpoint": question.endpoint,
        "retrieved": datetime.now(UTC).date().isoformat(),
        "database_version": version or "unknown",
        "sha256": sha256_of(material["structure"]),
        "material": material,
    }


def _run_worker(question: Json) -> Json:
    """Outcome of `mp_worker`, from which every trace of the key has been taken out."""
    argv = [sys.executable, "-P", str(Path(__file__).with_name("mp_worker.py"))]
    limit_s = question["timeout_s"] + _LOADING_LIMIT_S
    try:
        done = subprocess.run(argv, input=json.dumps(question), capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return {"problem": "cannot load", "detail": f"it was not loaded within {_LOADING_LIMIT_S:.0f} s"}
    lines = [json.loads(line) for line in done.stdout.replace(question["key"], "***").splitlines()]
    if done.returncode == 0 and lines:
        return dict(lines[-1])
    if done.returncode == -signal.SIGALRM:
        return {"problem": "time limit", "detail": lines[-1]["stage"] if lines else ""}
    last = done.stderr.replace(question["key"], "***").strip().splitlines()[-1:]
    return {"problem": "client", "detail": f"its process ended with code {done.returncode}. {' '.join(last)}".strip()}


def _only(question: _Question, materials: list[Json]) -> Json:
    """The one crystal of an answer; several are listed for the user to choose from."""
    if len(materials) == 1:
        return materials[0]
    if not materials:
        raise _error(question, "unknown")
    ranked = sorted(materials, key=lambda one: (one["energy_above_hull"] is None, one["energy_above_hull"]))
    rows = [_row(one) for one in ranked[:_MOST_POLYMORPHS]]
    if len(ranked) > len(rows):
        rows.append(f"and {len(ranked) - len(rows)} more, higher in energy")
    raise SourceError(
        f"the Materials Project holds {len(materials)} crystals {question.name}",
        reason="\n       ".join(["one has to be chosen:", *rows]),
        fix=f"write the id of the one that is meant, such as {ranked[0]['material_id']}; compare space group, lattice "
        "and coordination, not the energy alone",
    )


def _row(material: Json) -> str:
    lattice, symmetry = material["structure"]["lattice"], material["symmetry"]
    lengths = " ".join(f"{lattice[axis]:.3f}" for axis in "abc")
    angles = " ".join(f"{lattice[angle]:.2f}" for angle in ("alpha", "beta", "gamma"))
    energy = material["energy_above_hull"]
    height = "energy not known" if energy is None else f"{1000 * energy:.0f} meV/atom above the hull"
    observed = "" if material.get("theoretical") is None else ", predicted" if material["theoretical"] else ", observed"
    return (
        f"{material['material_id']}: {symmetry['symbol']} ({symmetry['number']}), {lengths} Å, {angles}°, "
        f"{len(material['structure']['sites'])} atoms, {height}{observed}"
    )


def _fetched(entry: Json, *, from_cache: bool, remarks: list[str] | None = None) -> FetchedStructure:
    material = entry["material"]
    structure = Structure.from_dict(material["structure"])
    version, retrieved = str(entry["database_version"]), str(entry["retrieved"])
    group, number = str(material["symmetry"]["symbol"]), int(material["symmetry"]["number"])
    energy = material["energy_above_hull"]
    lines = list(remarks or ())
    if from_cache:
        lines.append(f"taken from the cache: database version {version}, retrieved {retrieved}")
    if version == "unknown":
        lines.append("the service did not say which version of the database this is from")
    if (material.get("builder_meta") or {}).get("license") == "BY-NC":
        lines.append("this entry (GNoME) is licensed CC BY-NC 4.0: not for commercial use")
    return FetchedStructure(
        structure=structure,
        material_id=str(material["material_id"]),
        formula=str(material["formula_pretty"]),
        space_group=group,
        space_group_number=number,
        database_version=version,
        sha256=str(entry["sha256"]),
        retrieved=retrieved,
        from_cache=from_cache,
        energy_above_hull_ev_per_atom=None if energy is None else float(energy),
        warnings=(*lines, *_cell_remarks(structure, group, number)),
    )


def _cell_remarks(structure: Structure, symbol: str, number: int) -> list[str]:
    found = space_group(structure)
    if found.number != number:
        return [
            f"the database says {symbol} ({number}), the atoms have {found.symbol} ({found.number}) to within 0.001 Å"
        ]
    if not found.setting:
        return [
            f"the cell of {len(structure)} atoms is not the conventional one of {symbol}: grids of k-points count for "
            "it, and planes need the name of their setting"
        ]
    return []


_PROBLEMS = {
    "unreachable": (
        "the Materials Project cannot be reached at {host}",
        f"check the network, and HTTPS_PROXY behind a proxy, {_OFFLINE}",
    ),
    "time limit": (
        "the Materials Project did not answer within {timeout_s:g} s",
        f"check the network, see {_STATUS_PAGE}, or allow more time, {_OFFLINE}",
    ),
    "not json": (
        "what answers at {host} is a web page, not the Materials Project",
        f"log in to the network (a hotel's or institute's portal answers like this), or check the proxy, {_OFFLINE}",
    ),
    "not the service": (
        "what answers at {host} is not the Materials Project",
        f"check the endpoint (MP_API_ENDPOINT), normally {DEFAULT_ENDPOINT}",
    ),
    "unknown": (
        "the Materials Project holds no {name}",
        "look it up at https://next-gen.materialsproject.org, or check the spelling",
    ),
    "deprecated": (
        "{name} is deprecated: the Materials Project has withdrawn it",
        "ask for the formula, as in mp:CsPbBr3, to see what the database holds today",
    ),
    "moved": ("{name} is a calculation, not a material", "write the id of its material, {detail}"),
    "refused": (
        "the Materials Project refused the API key",
        f"compare MP_API_KEY with the key at {_KEY_PAGE}; if it is right, this network may be blocked: try another, "
        f"{_OFFLINE}",
    ),
    "too many": ("the Materials Project got too many requests", f"wait some minutes and try again, {_OFFLINE}"),
    "failing": ("the Materials Project is failing", f"see {_STATUS_PAGE} and try again later, {_OFFLINE}"),
    "client": (
        "the client of the Materials Project failed",
        f"update it ({_INSTALL} --upgrade) and try again, {_OFFLINE}",
    ),
}


def _error(question: _Question, kind: str, detail: str = "") -> DftflowError:
    if kind == "cannot load":
        return CodeNotFoundError(
            "mp-api, the client of the Materials Project, cannot be loaded",
            reason=detail,
            fix=f"{_INSTALL} --upgrade --force-reinstall, {_OFFLINE}",
        )
    reason = detail
    if kind == "status":
        kind, reason = _status_kind(int(detail[:3])), f"it answered with status {detail}"
    elif kind == "time limit" and detail:
        reason = f"it hung at this stage: {detail}"
    host = urlsplit(question.endpoint).netloc or question.endpoint
    texts = {"host": host, "timeout_s": question.timeout_s, "name": question.name, "detail": detail}
    summary, fix = (text.format(**texts) for text in _PROBLEMS[kind])
    return SourceError(summary, reason=reason, fix=fix)


def _status_kind(status: int) -> str:
    if status in (401, 403):
        return "refused"
    if status == 429:
        return "too many"
    return "failing" if status >= 500 else "client"


def _not_understood(question: _Question, error: Exception) -> SourceError:
    return SourceError(
        f"the answer of the Materials Project about {question.name} is not understood",
        reason=f"{type(error).__name__}: {error}",
        fix=f"update dftflow and its client ({_INSTALL} --upgrade), {_OFFLINE}",
    )
