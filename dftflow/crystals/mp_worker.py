"""Asks the Materials Project one question, in a process of its own that an alarm of the system ends.

The client mp-api connects in its constructor without any time limit, and neither a name look-up nor an answer that
comes one byte at a time can be interrupted from within. `SIGALRM` ends all of them. The import of the client does
not count.

Run as ``python -P mp_worker.py``: the question is one JSON object on stdin, stdout gets one JSON object a line, the
stages passed and last the outcome. The file stands alone, so that it runs where only the interpreter is known.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

import requests

__all__ = ["HEARTBEAT", "LOADING", "SEARCH", "Problem", "answer"]

HEARTBEAT, LOADING, SEARCH = "heartbeat", "loading mp-api", "search"
HEARTBEAT_LIMIT_S = 10.0
BELOW_ANY_HULL_EV = -100.0

_FIELDS = (
    "material_id",
    "formula_pretty",
    "symmetry",
    "energy_above_hull",
    "theoretical",
    "deprecated",
    "deprecation_reasons",
    "builder_meta",
    "structure",
)

Json = dict[str, Any]


class Problem(Exception):
    """Why there is no answer: a kind that the parent knows, and details for a person."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


def answer(question: Json, on_stage: Callable[[str], None]) -> Json:
    """The materials that a question is about.

    Parameters
    ----------
    question
        ``endpoint`` (ending in ``/``), ``key``, and one of ``material_id``, ``formula`` and ``search``. The last is a
        table with ``formula`` or ``chemsys``, with ``above_hull_ev_per_atom`` (None for any), and with ``most``.
    on_stage
        Called with the name of each stage before it begins.

    Returns
    -------
    dict
        ``database_version`` (``""`` when the service hides it) and ``materials``, a list of records as the service
        sends them with ``material_id`` in its canonical form, and how many were ``found``: of a search that finds more
        than it should, none is fetched. Or ``problem`` and ``detail``.
    """
    try:
        on_stage(HEARTBEAT)
        version = _database_version(question["endpoint"])
        on_stage(LOADING)
        connect = _client()
        on_stage(SEARCH)
        return {"database_version": version, **_search(connect, question)}
    except Problem as problem:
        return {"problem": problem.kind, "detail": problem.detail}


def _database_version(endpoint: str) -> str:
    """From the heartbeat, which needs no key: nothing secret is sent to what may be a captive portal.

    The service's firewall forbids the heartbeat to some networks that it serves otherwise (issue 1055 of mp-api).
    """
    try:
        response = requests.get(f"{endpoint}heartbeat", timeout=HEARTBEAT_LIMIT_S)
    except requests.exceptions.RequestException as error:
        raise _problem(error) from error
    if response.status_code == 403:
        return ""
    if response.status_code != 200:
        passing = response.status_code == 429 or response.status_code >= 500
        raise Problem("status" if passing else "not the service", f"{response.status_code} {_plain(response.text)}")
    try:
        body = response.json()
    except ValueError as error:
        raise Problem("not json", _plain(response.text)) from error
    if not isinstance(body, dict) or not isinstance(body.get("db_version"), str):
        raise Problem("not the service", _plain(response.text))
    return str(body["db_version"])


def _client() -> Any:
    try:
        from mp_api.client import MPRester
    except Exception as error:  # one of its 40 packages may be broken in any way
        raise Problem("cannot load", f"{type(error).__name__}: {error}") from error
    return MPRester


def _search(connect: Any, question: Json) -> Json:
    try:
        with connect(
            question["key"], endpoint=question["endpoint"], use_document_model=False, mute_progress_bars=True
        ) as client:
            if "search" in question:
                return _by_search(client, question["search"])
            if "formula" in question:
                return _found(_records(client, formula=question["formula"], deprecated=False))
            return _found([_by_id(client, question["material_id"])])
    except Problem:
        raise
    except Exception as error:  # besides its own MPRestError the client lets through whatever its libraries raise
        raise _problem(error) from error


def _found(records: list[Json]) -> Json:
    return {"found": len(records), "materials": records}


def _records(client: Any, **criteria: Any) -> list[Json]:
    found = client.materials.summary.search(**criteria, fields=list(_FIELDS))
    return [{**material, "material_id": _canonical(material["material_id"])} for material in found]


def _by_search(client: Any, search: Json) -> Json:
    """First the ids alone, which are small; what has been withdrawn does not count."""
    criteria: Json = {key: search[key] for key in ("formula", "chemsys") if key in search}
    if search["above_hull_ev_per_atom"] is not None:
        criteria["energy_above_hull"] = (BELOW_ANY_HULL_EV, search["above_hull_ev_per_atom"])
    found = client.materials.summary.search(**criteria, deprecated=False, fields=["material_id"])
    ids = sorted({_canonical(material["material_id"]) for material in found})
    if not 0 < len(ids) <= search["most"]:
        return {"found": len(ids), "materials": []}
    return {"found": len(ids), "materials": _records(client, material_ids=ids)}


def _by_id(client: Any, material_id: str) -> Json:
    wanted = _canonical(material_id)
    for material in client.materials.summary.search(material_ids=[wanted], fields=list(_FIELDS)):
        if _canonical(material["material_id"]) == wanted:
            _refuse_deprecated(material)
            return {**material, "material_id": wanted}
    fields = ["material_id", "formula_pretty", "deprecated", "deprecation_reasons"]
    for material in client.materials.search(material_ids=[wanted], deprecated=True, fields=fields):
        _refuse_deprecated(material)
    for material in client.materials.search(task_ids=[wanted], fields=["material_id"]):
        raise Problem("moved", _canonical(material["material_id"]))
    raise Problem("unknown")


def _refuse_deprecated(material: Json) -> None:
    if material.get("deprecated"):
        reasons = ", ".join(map(str, material.get("deprecation_reasons") or [])) or "no reason given"
        raise Problem("deprecated", f"{material.get('formula_pretty', '')}: {reasons}")


def _canonical(material_id: str) -> str:
    """One spelling for both kinds of id: ``mp-lxf`` and ``mp-8039`` are the same material."""
    from mp_api.client.core.utils import validate_ids

    return str(validate_ids([str(material_id)])[0])


def _problem(error: Exception) -> Problem:
    """What an exception of requests or of the client means; the client wraps all of them in text."""
    text = str(error)
    status = re.search(r"status code (\d{3})\b|too many (\d{3}) error responses", text)
    if status:
        message = text.partition("with message:")[2]
        return Problem("status", f"{status.group(1) or status.group(2)} {_plain(message)}".strip())
    if "JSONDecodeError" in {kind.__name__ for kind in type(error).__mro__}:
        return Problem("not json", _plain(str(getattr(error, "doc", ""))))
    if "timed out" in text:
        return Problem("time limit")
    if re.search(r"Max retries exceeded|Connection aborted|Connection broken|Invalid URL|No connection adapters", text):
        reason = re.search(r"\[[^\[\]]*(?:Errno|SSL)[^\]]*\][^'\")(]*|Invalid URL.*|Failed to resolve '[^']*'", text)
        return Problem("unreachable", _plain(reason.group(0) if reason else text))
    return Problem("client", f"{type(error).__name__}: {_plain(text)}")


def _plain(text: str, limit: int = 200) -> str:
    """First `limit` characters of a text without HTML tags, on one line."""
    words = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", text).split()
    line = " ".join(words)
    return line if len(line) <= limit else f"{line[:limit]}…"


def _main() -> None:
    question = json.load(sys.stdin)
    channel, sys.stdout = sys.stdout, sys.stderr  # whatever the client prints must not mix with the answer
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    left_s = float(question["timeout_s"])

    def on_stage(stage: str) -> None:
        nonlocal left_s
        print(json.dumps({"stage": stage}), file=channel, flush=True)
        left_now_s, _ = signal.setitimer(signal.ITIMER_REAL, 0.0)
        left_s = left_now_s or left_s
        if stage != LOADING:
            signal.setitimer(signal.ITIMER_REAL, left_s)

    outcome = answer(question, on_stage)
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    print(json.dumps(outcome), file=channel, flush=True)


if __name__ == "__main__":
    _main()
