"""What the Materials Project is asked over HTTP, and why there is no answer.

``GET heartbeat`` without a key gives the version of the database, ``GET materials/summary/`` and ``materials/core/``
with the header ``x-api-key`` give ``{"data": [...], "meta": {"total_doc": n}}``, as the client mp-api 0.46 asks them.
That client takes 5 to 20 s to import, brings 60 packages, and connects without any time limit; a test compares what it
asks with what is asked here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pymatgen.core import Composition, Element

from dftflow.crystals.database_names import canonical_id
from dftflow.crystals.web import DATA_ERRORS, OFFLINE, Get, Json, Problem, Service
from dftflow.errors import SourceError

__all__ = ["Records", "ask", "materials_project", "reduced_formula"]

DEFAULT_ENDPOINT = "https://api.materialsproject.org/"
BELOW_ANY_HULL_EV = -100.0
MOST_RECORDS = 1000

_KEY_LENGTH = 32
_KEY_PAGE = "https://next-gen.materialsproject.org/api"
_FIELDS = (
    "material_id,formula_pretty,symmetry,energy_above_hull,theoretical,deprecated,deprecation_reasons,builder_meta,"
    "structure"
)
_PROBLEMS = {
    "another service": (
        "what answers at {host} is not {service}",
        f"check the endpoint (MP_API_ENDPOINT), normally {DEFAULT_ENDPOINT}",
    ),
    "unknown": (
        "{service} holds no {name}",
        "look it up at https://next-gen.materialsproject.org, or check the spelling",
    ),
    "refused": (
        "{service} refused the API key",
        f"compare MP_API_KEY with the key at {_KEY_PAGE}; if it is right, this network may be blocked: try another, "
        f"{OFFLINE}",
    ),
    "deprecated": (
        "{name} is deprecated: {service} has withdrawn it",
        "ask for the formula, as in mp:CsPbBr3, to see what the database holds today",
    ),
    "moved": ("{name} is a calculation, not a material", "write the id of its material, {detail}"),
}

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Records of the database, for one key."""

    get: Get
    endpoint: str
    key: str

    def __call__(self, kind: str, fields: str = _FIELDS, **criteria: str | float) -> list[Json]:
        """Those of a kind (``summary``, ``core``), ids in one spelling."""
        asked = {**criteria, "_limit": MOST_RECORDS, "_fields": fields}
        answer = self.get("search", f"{self.endpoint}materials/{kind}/", asked, key=self.key)
        return [{**record, "material_id": canonical_id(record["material_id"])} for record in answer["data"]]

    def of_formula(self, formula: str) -> list[Json]:
        """Of all that have not been withdrawn."""
        return self("summary", formula=formula, deprecated="False")

    def by_id(self, material_id: str) -> list[Json]:
        """The one with an id; raises `Problem` where it has been withdrawn, or is of a calculation."""
        wanted = canonical_id(material_id)
        for record in self("summary", material_ids=wanted):
            if record["material_id"] == wanted:
                _refuse_deprecated(record)
                return [record]
        fields = "material_id,formula_pretty,deprecated,deprecation_reasons"
        for record in self("core", fields, material_ids=wanted, deprecated="True"):
            _refuse_deprecated(record)
        for record in self("core", "material_id", task_ids=wanted):
            raise Problem("moved", record["material_id"])
        return []

    def of_search(self, most: int, above_hull_ev_per_atom: float | None, **what: str) -> tuple[int, list[Json]]:
        """How many a search finds by their ids, which are small; then they themselves if they are at most so many."""
        criteria: dict[str, str | float] = {**what, "deprecated": "False"}
        if above_hull_ev_per_atom is not None:
            criteria["energy_above_hull_min"] = BELOW_ANY_HULL_EV
            criteria["energy_above_hull_max"] = above_hull_ev_per_atom
        ids = sorted({record["material_id"] for record in self("summary", "material_id", **criteria)})
        return len(ids), self("summary", material_ids=",".join(ids)) if 0 < len(ids) <= most else []


def _refuse_deprecated(record: Json) -> None:
    if record.get("deprecated"):
        reasons = ", ".join(map(str, record.get("deprecation_reasons") or [])) or "no reason given"
        raise Problem("deprecated", f"{record.get('formula_pretty', '')}: {reasons}")


def materials_project(endpoint: str | None) -> Service:
    """At `endpoint`, or that of ``MP_API_ENDPOINT``, or the Materials Project itself; a slash ends its address."""
    address = (endpoint or os.environ.get("MP_API_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/") + "/"
    hint = "see https://status.materialsproject.org"
    return Service(name="the Materials Project", address=address, hint=hint, problems=_PROBLEMS)


def ask(
    service: Service, about: str, talk: Callable[[Records], Answer], api_key: str | None, timeout_s: float
) -> tuple[str, Answer]:
    """The version of the database (``"unknown"`` where it is hidden), and what `talk` gives.

    Raises
    ------
    SourceError, InputError
        As `Service.ask`; without a key, or with one that is none.
    """
    key = _key(api_key)

    def whole(get: Get) -> tuple[str, Answer]:
        version = _database_version(get, service.address)  # first: nothing secret goes to a captive portal
        return version, talk(Records(get=get, endpoint=service.address, key=key))

    return service.ask(about, whole, timeout_s)


def _database_version(get: Get, endpoint: str) -> str:
    """The service's firewall forbids the heartbeat to some networks that it serves otherwise (issue 1055 of mp-api)."""
    try:
        beat = get("heartbeat", f"{endpoint}heartbeat")
    except Problem as problem:
        if problem.status == 403:
            return "unknown"
        if problem.status == 404:
            raise Problem("another service", problem.detail) from None
        raise
    if not isinstance(beat.get("db_version"), str):
        raise Problem("another service", f"its heartbeat has {', '.join(beat)[:100]}")
    return beat["db_version"] or "unknown"


def _key(api_key: str | None) -> str:
    """The key, checked before anything is sent. No message holds it or a part of it."""
    key = (api_key if api_key is not None else os.environ.get("MP_API_KEY", "")).strip()
    if not key:
        raise SourceError(
            "no API key for the Materials Project",
            reason="the environment variable MP_API_KEY is not set",
            fix=f"get a free key at {_KEY_PAGE} and set MP_API_KEY, {OFFLINE}",
        )
    if len(key) != _KEY_LENGTH or not (key.isascii() and key.isalnum()):
        kind = "letters and digits" if len(key) == _KEY_LENGTH else f"characters, this one has {len(key)}"
        raise SourceError(
            "this is no API key of the Materials Project",
            reason=f"a key has {_KEY_LENGTH} {kind}",
            fix=f"copy the whole key from {_KEY_PAGE} into MP_API_KEY (keys of the old API had 16 characters)",
        )
    return key


def reduced_formula(formula: str) -> str | None:
    """The formula with the least whole numbers; None for what is none."""
    try:
        composition = Composition(formula)
        elements = all(isinstance(element, Element) for element in composition)
        if composition and elements and all(float(count).is_integer() for count in composition.values()):
            return composition.reduced_formula
    except DATA_ERRORS:
        pass
    return None
