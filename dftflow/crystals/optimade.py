"""Crystals from the databases that speak OPTIMADE (10.1038/s41597-021-00974-z), and a store of their answers on disk.

Two questions make an answer: ``GET /v1/structures/<id>`` for the entry, ``GET /v1/info`` for the licence of the
database. The client of optimade-python-tools asks filters of many providers at a time, without a time limit on the
whole and with packages of its own; pymatgen's, which has the table of providers that is used here, drops what an entry
says of its disorder.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from pymatgen.core import Composition

from dftflow.crystals.crystal import Crystal
from dftflow.crystals.mp_service import reduced_formula
from dftflow.crystals.optimade_entry import FIELDS, structure_of_entry
from dftflow.crystals.stored_answers import (
    answer_of,
    answer_path,
    cache_folder,
    crystal_of_answer,
    kept_or_asked,
)
from dftflow.crystals.symmetry import space_group
from dftflow.crystals.web import DATA_ERRORS, Get, Json, Problem, Service, check_time
from dftflow.errors import SourceError

__all__ = ["fetch_structure", "providers"]

MOST_LISTED = 12
MOST_LETTERS = 200
_ADDRESS = re.compile(r"(https?://[^?#\s]+?)(?:/v1(?:\.\d+)*)?/structures/([^/?#\s]+)/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """An entry, or a formula, of a database.

    Attributes
    ----------
    base
        Address of the database, without ``/v1``.
    entry, formula
        One of them; the other is ``""``.
    """

    query: str
    provider: str
    base: str
    entry: str = ""
    formula: str = ""

    @property
    def service(self) -> Service:
        """For questions and refusals."""
        return Service(
            name=f"the OPTIMADE database {self.provider}",
            address=self.base,
            hint="see https://www.optimade.org/providers-dashboard",
            problems={},
            redirects=True,
        )


def providers() -> Mapping[str, str]:
    """Name of each database -> its address, as pymatgen lists them."""
    from pymatgen.ext.optimade import OptimadeRester

    return dict(OptimadeRester.aliases)


def fetch_structure(
    query: str, *, timeout_s: float = 30.0, cache_dir: Path | None = None, refresh: bool = False
) -> Crystal:
    """The crystal of an entry, in the cell that the database sends; one on disk is used without a network.

    Parameters
    ----------
    query
        ``"optimade:cod/1000041"``: a database of `providers` and the id of an entry; ``"optimade:oqmd:CsPbBr3"`` for
        a formula of which it has one entry; ``"optimade:https://.../v1/structures/ID"`` for any other database.
    timeout_s
        Longest time for all of it, in s.
    cache_dir
        Folder of the answers; ``$XDG_CACHE_HOME/dftflow/optimade`` when not given.
    refresh
        Ask again although the answer is on disk.

    Raises
    ------
    SourceError
        Unknown database or entry; several entries of a formula (they are listed); no network, no answer in time, too
        many requests, a failing service or one that is another.
    StructureError
        An entry that is no ordered crystal, or lacks its hydrogens.
    InputError
        When `timeout_s` is no positive number.
    """
    check_time(timeout_s)
    asked = _question(query)

    def ask() -> Json:
        return asked.service.ask(asked.entry or asked.formula, lambda get: _asked(asked, get), timeout_s)

    name = re.sub(r"[^A-Za-z0-9.-]+", "-", query.removeprefix("optimade:"))[:60]
    path = answer_path(cache_dir or cache_folder() / "optimade", query, asked.base, name)
    return kept_or_asked(path, read=_crystal, ask=ask, refresh=refresh)


def _question(query: str) -> _Question:
    what = query.removeprefix("optimade:")
    if what.startswith(("http://", "https://")):
        address = _ADDRESS.fullmatch(what)
        if address is None:
            raise _no_question(query)
        return _Question(query=query, provider=address[1].split("/")[2], base=address[1], entry=unquote(address[2]))
    named = re.fullmatch(r"([A-Za-z0-9._-]+)([/:])(\S+)", what)
    if named is None:
        raise _no_question(query)
    provider, by_id, rest = named[1], named[2] == "/", named[3]
    known = providers()
    if provider not in known:
        near = difflib.get_close_matches(provider, known, n=2)
        raise SourceError(
            f"no OPTIMADE database {provider!r} is known",
            reason=f"known are {', '.join(sorted(known))}",
            fix=f"did you mean {' or '.join(near)}?"
            if near
            else "paste the address of the entry: optimade:https://.../v1/structures/ID",
        )
    base = known[provider].rstrip("/")
    if by_id:
        return _Question(query=query, provider=provider, base=base, entry=rest)
    formula = reduced_formula(rest)
    if formula is None:
        raise SourceError(f"{rest!r} is no chemical formula", fix=f"write it as in optimade:{provider}:CsPbBr3")
    return _Question(query=query, provider=provider, base=base, formula=formula)


def _no_question(query: str) -> SourceError:
    return SourceError(
        f"{query!r} names no entry of an OPTIMADE database",
        fix="write optimade:DATABASE/ID, as in optimade:cod/1000041, optimade:DATABASE:FORMULA, or optimade: and the "
        "address of the entry, https://.../v1/structures/ID",
    )


def _asked(asked: _Question, get: Get) -> Json:
    """What is kept on disk."""
    fields = ",".join(FIELDS)
    found = {} if asked.entry else _only(asked, get)
    wanted = asked.entry or str(found["id"])
    body = get("entry", f"{asked.base}/v1/structures/{quote(wanted, safe='')}", {"response_fields": fields})
    if "data" not in body or "meta" not in body:
        raise Problem("another service", f"its answer has {', '.join(body)[:100]}")
    entry = body["data"]
    if entry is None:
        raise Problem("unknown")
    if entry["id"] != wanted or entry.get("type", "structures") != "structures":
        raise ValueError(f"it is about {str(entry['id'])[:60]!r}")
    attributes = {name: entry["attributes"].get(name) for name in FIELDS}
    answer = answer_of(
        asked.query,
        asked.base,
        f"OPTIMADE {str(body['meta']['api_version'])[:20]}",
        of=attributes,
        id=wanted,
        provider=asked.provider,
        attributes=attributes,
        license=_license(asked, get),
    )
    _crystal(answer, [])
    return answer


def _only(asked: _Question, get: Get) -> Json:
    """The one entry of a formula; several are listed for a person to choose from."""
    reduced = Composition(asked.formula).as_reduced_dict()
    written = "".join(f"{symbol}{int(n) if n > 1 else ''}" for symbol, n in sorted(reduced.items()))
    what: dict[str, str | float] = {
        "filter": f'chemical_formula_reduced="{written}"',
        "response_fields": "nsites,lattice_vectors,structure_features",
        "page_limit": MOST_LISTED,
    }
    body = get("search", f"{asked.base}/v1/structures", what)
    found = body["data"]
    if not found:
        raise Problem("unknown")
    if len(found) == 1 and not body["meta"].get("more_data_available"):
        return dict(found[0])
    told = body["meta"].get("data_returned")
    number = told if isinstance(told, int) else f"at least {len(found)}"
    raise SourceError(
        f"{asked.service.name} holds {number} entries {asked.formula}",
        reason="\n       ".join(["one has to be chosen:", *map(_row, found[:MOST_LISTED])]),
        fix=f"write the id of the one that is meant, as in optimade:{asked.provider}/{found[0]['id']}",
    )


def _row(entry: Json) -> str:
    attributes = entry["attributes"]
    vectors = attributes.get("lattice_vectors") or []
    lengths = " ".join(f"{sum(x * x for x in vector) ** 0.5:.3f}" for vector in vectors if None not in vector)
    features = "".join(f", {feature}" for feature in attributes.get("structure_features") or [])
    return f"{entry['id']}: {attributes.get('nsites')} atoms, {lengths} Å{features}"[:MOST_LETTERS]


def _license(asked: _Question, get: Get) -> str:
    """Of the whole database: SPDX identifiers, else the page that describes it; ``""`` where it is not said."""
    try:
        told = get("licence", f"{asked.base}/v1/info")["data"]["attributes"]
        spdx, page = told.get("available_licenses") or [], told.get("license") or ""
        return (" or ".join(map(str, spdx)) or str(page["href"] if isinstance(page, dict) else page))[:MOST_LETTERS]
    except Problem as problem:
        if problem.kind == "time limit":
            raise
    except DATA_ERRORS:
        pass
    return ""


def _crystal(answer: Json, remarks: list[str]) -> Crystal:
    name = f"{answer['provider']} {answer['id']}"
    structure, lines = structure_of_entry(answer["attributes"], str(answer["query"]))
    license = str(answer["license"]) or "not said by the database"
    changed = answer["attributes"].get("last_modified")
    dated = f", last modified {str(changed)[:10]}" if changed else ""
    return crystal_of_answer(
        answer,
        structure,
        space_group(structure),
        name=name,
        version=f"{answer['database_version']}{dated}",
        warnings=(*remarks, *lines, f"licence of the database: {license}"),
    )
