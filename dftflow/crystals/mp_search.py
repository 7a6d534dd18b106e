"""All entries of the Materials Project of one formula or of one set of elements."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymatgen.core import Composition, Element

from dftflow.crystals.materials_project import keep_entry
from dftflow.crystals.mp_cache import DamagedEntry, default_cache_dir, entry_path, read_entry, write_entry
from dftflow.crystals.mp_names import is_material_id
from dftflow.crystals.mp_service import DATA_ERRORS, Json, Question, reduced_formula
from dftflow.errors import SourceError
from dftflow.model.bounds import ENTRIES

__all__ = ["FoundEntry", "search_entries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEntry:
    """An entry that a search has found: ``"mp-567629"``, ``"CsPbBr3"``."""

    material_id: str
    formula: str


def search_entries(
    what: str,
    *,
    above_hull_ev_per_atom: float | None = None,
    most: int = 12,
    api_key: str | None = None,
    endpoint: str | None = None,
    timeout_s: float = 60.0,
    cache_dir: Path | None = None,
    refresh: bool = False,
) -> tuple[FoundEntry, ...]:
    """The entries of a formula or of exactly these elements, in the order of their ids.

    Their crystals are kept on disk as those of `fetch_structure`, which then asks no more; one that is kept already
    stays as it is. The answer itself is kept too, and used without a network, a key or the client.

    Parameters
    ----------
    what
        ``"CsPbBr3"``, or elements as ``"Cs-Pb-Br"``.
    above_hull_ev_per_atom
        Only entries at most so far above the convex hull, in eV per atom; all unless given.
    most
        More than these are refused with their number, before a crystal is fetched.
    api_key, endpoint, timeout_s, cache_dir
        As `fetch_structure` takes them.
    refresh
        Ask again although the answer is on disk, and take the crystals as they are now.

    Raises
    ------
    SourceError
        Neither formula nor elements; no entry, or more than `most`; as `fetch_structure`; crystals that cannot be kept.
    CodeNotFoundError, InputError
        As `fetch_structure`.
    """
    asks = {**_criteria(what), "most": most, "above_hull_ev_per_atom": above_hull_ev_per_atom}
    limit = "" if above_hull_ev_per_atom is None else f"-{above_hull_ev_per_atom!r}"
    normal = f"mp:all-{asks.get('formula') or asks['chemsys']}{limit}"
    question = Question.of(name=what, normal=normal, asks={"search": asks}, endpoint=endpoint, timeout_s=timeout_s)
    folder = cache_dir or default_cache_dir()
    path = entry_path(folder, query=question.normal, endpoint=question.endpoint)
    kept = None if refresh else _kept(path)
    if kept is not None:
        _check_number(question, len(kept), most)
        return kept
    outcome = question.ask(api_key)
    try:
        return _keep(question, outcome, path, most, replace=refresh)
    except DATA_ERRORS as error:
        raise question.not_understood(error) from error
    except OSError as error:
        raise SourceError(
            f"the crystals that {question.name} stands for cannot be kept in {folder}",
            reason=error.strerror or str(error),
            fix="set XDG_CACHE_HOME to a folder that can be written",
        ) from error


def _criteria(what: str) -> dict[str, Any]:
    """What the service is asked for: ``formula`` or ``chemsys``, each in one spelling."""
    elements = what.split("-")
    if len(elements) > 1 and len(set(elements)) == len(elements) and all(map(Element.is_valid_symbol, elements)):
        return {"chemsys": "-".join(sorted(elements))}
    formula = reduced_formula(what)
    if formula is None:
        raise SourceError(
            f"{what!r} is neither a chemical formula nor a list of elements",
            fix='write mp = "CsPbBr3", or mp = "Cs-Pb-Br" for all of these three elements',
        )
    return {"formula": formula}


def _kept(path: Path) -> tuple[FoundEntry, ...] | None:
    """The answer on disk; one that is damaged is said, since another one may be of other entries."""
    try:
        entry = read_entry(path)
        return None if entry is None else tuple(FoundEntry(**one) for one in entry["found"])
    except (DamagedEntry, *DATA_ERRORS) as error:
        raise SourceError(
            "an answer of the Materials Project that was kept is damaged",
            reason=str(error),
            fix=f"rm {shlex.quote(str(path))}, and it is asked again, which may give other entries",
            where=str(path),
        ) from error


def _keep(question: Question, outcome: Json, path: Path, most: int, *, replace: bool) -> tuple[FoundEntry, ...]:
    """The entries of an answer, which is kept after each of their crystals."""
    _check_number(question, outcome["found"], most)
    records = {record["material_id"]: record for record in outcome["materials"]}
    found = tuple(_found(question, records[name]) for name in sorted(records, key=lambda name: (len(name), name)))
    if len(found) != outcome["found"]:
        raise ValueError(f"it has {len(found)} of {outcome['found']} crystals")
    version = str(outcome["database_version"])
    for record in records.values():
        keep_entry(record, version, endpoint=question.endpoint, folder=path.parent, replace=replace)
    write_entry(path, _entry(question, found, version))
    return found


def _found(question: Question, record: Json) -> FoundEntry:
    """An entry as it may be called; what is about something else, or no id, is no answer."""
    asks, composition = question.asks["search"], Composition(record["formula_pretty"])
    formula = composition.reduced_formula
    elements = "-".join(sorted(element.symbol for element in composition.elements))
    if asks.get("formula", formula) != formula or asks.get("chemsys", elements) != elements:
        raise ValueError(f"it is about {record['formula_pretty']!r}")
    if not is_material_id(record["material_id"]) or not re.fullmatch(r"[A-Za-z0-9]+", formula):
        raise ValueError(f"{record['material_id']!r} ({formula!r}) is no entry")
    return FoundEntry(material_id=record["material_id"], formula=formula)


def _entry(question: Question, found: tuple[FoundEntry, ...], version: str) -> Json:
    return {
        "query": question.normal,
        "endpoint": question.endpoint,
        "retrieved": datetime.now(UTC).date().isoformat(),
        "database_version": version or "unknown",
        "found": [asdict(one) for one in found],
    }


def _check_number(question: Question, number: int, most: int) -> None:
    if number == 0:
        raise question.error("unknown")
    if number <= most:
        return
    fewer = "ask for fewer: a formula instead of elements, or a smaller above_hull_ev_per_atom"
    raise SourceError(
        f"the Materials Project holds {number} crystals {question.name}, and at most {most} are taken",
        fix=fewer if not ENTRIES.holds(number) else f"write most = {number} if all of them are meant, or {fewer}",
    )
