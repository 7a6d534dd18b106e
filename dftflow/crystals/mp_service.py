"""A question to the Materials Project, asked through its client in a process of its own, and why there is no answer."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymatgen.core import Composition, Element

from dftflow.errors import CodeNotFoundError, DftflowError, InputError, SourceError
from dftflow.installer import install_line

__all__ = ["DATA_ERRORS", "DEFAULT_ENDPOINT", "Json", "Question", "reduced_formula"]

DEFAULT_ENDPOINT = "https://api.materialsproject.org/"

_KEY_LENGTH = 32
_KEY_PAGE = "https://next-gen.materialsproject.org/api"
_STATUS_PAGE = "https://status.materialsproject.org"
_LOADING_LIMIT_S = 180.0
_OFFLINE = "or name a shipped crystal or a file instead"

DATA_ERRORS = (KeyError, TypeError, ValueError, AttributeError)
"""What an answer of another form raises where it is read."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of whom.

    Attributes
    ----------
    name
        What a person calls it.
    normal
        The same for all spellings of it.
    asks
        As `dftflow.crystals.mp_worker.answer` takes it: ``material_id``, ``formula`` or ``search``.
    endpoint
        Address of the service, with a slash at its end.
    """

    name: str
    normal: str
    asks: Mapping[str, Any]
    endpoint: str
    timeout_s: float

    @classmethod
    def of(cls, *, name: str, normal: str, asks: Mapping[str, Any], endpoint: str | None, timeout_s: float) -> Question:
        """A question to `endpoint`, or to the one of ``MP_API_ENDPOINT``, or to the Materials Project itself."""
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise InputError(f"a time limit of {timeout_s} s is none", fix="give a positive number of seconds")
        address = (endpoint or os.environ.get("MP_API_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/") + "/"
        return cls(name=name, normal=normal, asks=asks, endpoint=address, timeout_s=timeout_s)

    def ask(self, api_key: str | None) -> Json:
        """The answer of `dftflow.crystals.mp_worker.answer`; raises what `fetch_structure` does."""
        key = _key(api_key)
        if find_spec("mp_api") is None:
            raise CodeNotFoundError(
                "mp-api, the client of the Materials Project, is not installed",
                fix=f"{install_line('dftflow[mp]')}, {_OFFLINE}",
            )
        asked = {**self.asks, "endpoint": self.endpoint, "timeout_s": self.timeout_s, "key": key}
        outcome = _run_worker(asked)
        if "problem" in outcome:
            raise self.error(outcome["problem"], outcome["detail"])
        return outcome

    def error(self, kind: str, detail: str = "") -> DftflowError:
        """Why there is no answer."""
        if kind == "cannot load":
            return CodeNotFoundError(
                "mp-api, the client of the Materials Project, cannot be loaded",
                reason=detail,
                fix=f"{install_line('mp-api', again=True)}, {_OFFLINE}",
            )
        reason = detail
        if kind == "status":
            kind, reason = _status_kind(int(detail[:3])), f"it answered with status {detail}"
        elif kind == "time limit" and detail:
            reason = f"it hung at this stage: {detail}"
        host = urlsplit(self.endpoint).netloc or self.endpoint
        update = install_line("mp-api", again=True)
        texts = {"host": host, "timeout_s": self.timeout_s, "name": self.name, "detail": detail, "update": update}
        summary, fix = (text.format(**texts) for text in _PROBLEMS[kind])
        return SourceError(summary, reason=reason, fix=fix)

    def not_understood(self, error: Exception) -> SourceError:
        """For an answer of another form."""
        return SourceError(
            f"the answer of the Materials Project about {self.name} is not understood",
            reason=f"{type(error).__name__}: {error}",
            fix=f"update dftflow and its client ({install_line('mp-api', again=True)}), {_OFFLINE}",
        )


def reduced_formula(formula: str) -> str | None:
    """The formula with the least whole numbers; None for what is none."""
    try:
        composition = Composition(formula)
        elements = all(isinstance(element, Element) for element in composition)
        if composition and elements and all(float(count).is_integer() for count in composition.values()):
            return composition.reduced_formula
    except ValueError:
        pass
    return None


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
        f"update it ({{update}}) and try again, {_OFFLINE}",
    ),
}


def _status_kind(status: int) -> str:
    if status in (401, 403):
        return "refused"
    if status == 429:
        return "too many"
    return "failing" if status >= 500 else "client"
