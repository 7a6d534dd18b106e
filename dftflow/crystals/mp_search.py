"""All entries of the Materials Project of one formula or of one set of elements."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from pymatgen.core import Composition, Element

from dftflow.crystals.database_names import is_material_id
from dftflow.crystals.materials_project import keep_entry
from dftflow.crystals.mp_service import ask, materials_project, reduced_formula
from dftflow.crystals.stored_answers import DamagedAnswer, answer_of, answer_path, default_cache_dir, keep, kept
from dftflow.crystals.web import DATA_ERRORS, Json, Problem, Service, check_time
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
    stays as it is. The answer itself is kept too, and used without a network or a key.

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
    InputError
        As `fetch_structure`.
    """
    check_time(timeout_s)
    service, asks = materials_project(endpoint), _criteria(what)
    limit = "" if above_hull_ev_per_atom is None else f"-{above_hull_ev_per_atom!r}"
    query = f"mp:all-{next(iter(asks.values()))}{limit}"
    path = answer_path(cache_dir or default_cache_dir(), query, service.address)
    before = None if refresh else _kept(path)
    if before is not None:
        _check_number(service, what, len(before), most)
        return before
    version, (number, records) = ask(
        service, what, lambda records: records.of_search(most, above_hull_ev_per_atom, **asks), api_key, timeout_s
    )
    _check_number(service, what, number, most)
    try:
        with service.understood(what):
            found = _entries(asks, records, number)
            for record in records:
                keep_entry(record, version, endpoint=service.address, folder=path.parent, replace=refresh)
        listed = [asdict(one) for one in found]
        keep(path, answer_of(query, service.address, version, of=listed, found=listed))
    except OSError as error:
        raise SourceError(
            f"the crystals that {what} stands for cannot be kept in {path.parent}",
            reason=error.strerror or str(error),
            fix="set XDG_CACHE_HOME to a folder that can be written",
        ) from error
    return found


def _criteria(what: str) -> dict[str, str]:
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
        answer = kept(path)
        return None if answer is None else tuple(FoundEntry(**one) for one in answer["found"])
    except (DamagedAnswer, *DATA_ERRORS) as error:
        raise SourceError(
            "an answer of the Materials Project that was kept is damaged",
            reason=str(error),
            fix=f"rm {shlex.quote(str(path))}, and it is asked again, which may give other entries",
            where=str(path),
        ) from error


def _entries(asks: dict[str, str], records: list[Json], number: int) -> tuple[FoundEntry, ...]:
    """The entries of an answer in the order of their ids; what is not all that was found is none."""
    named = {record["material_id"]: record for record in records}
    if len(named) != number:
        raise ValueError(f"it has {len(named)} of {number} crystals")
    return tuple(_found(asks, named[name]) for name in sorted(named, key=lambda name: (len(name), name)))


def _found(asks: dict[str, str], record: Json) -> FoundEntry:
    """An entry as it may be called; what is about something else, or no id, is no answer."""
    composition = Composition(record["formula_pretty"])
    formula = composition.reduced_formula
    elements = "-".join(sorted(element.symbol for element in composition.elements))
    if asks not in ({"formula": formula}, {"chemsys": elements}):
        raise ValueError(f"it is about {record['formula_pretty']!r}")
    if not is_material_id(record["material_id"]) or not re.fullmatch(r"[A-Za-z0-9]+", formula):
        raise ValueError(f"{record['material_id']!r} ({formula!r}) is no entry")
    return FoundEntry(material_id=record["material_id"], formula=formula)


def _check_number(service: Service, what: str, number: int, most: int) -> None:
    if number == 0:
        raise service.refusal(what, Problem("unknown"))
    if number <= most:
        return
    fewer = "ask for fewer: a formula instead of elements, or a smaller above_hull_ev_per_atom"
    raise SourceError(
        f"the Materials Project holds {number} crystals {what}, and at most {most} are taken",
        fix=fewer if not ENTRIES.holds(number) else f"write most = {number} if all of them are meant, or {fewer}",
    )
