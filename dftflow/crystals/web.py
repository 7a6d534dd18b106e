"""Questions to services of the web: JSON alone, in bounded size, and everything within one time limit.

No library bounds the whole of a request: name look-ups, headers and bodies that come one byte at a time each outlast
the time limits of requests. A question is therefore asked in a thread that nobody waits for any longer than that.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dftflow.errors import InputError, SourceError
from dftflow.stored_file import plain_json

__all__ = ["DATA_ERRORS", "OFFLINE", "Get", "Json", "Problem", "Service", "check_time"]

Answer = TypeVar("Answer")
Json = dict[str, Any]
Parameters = Mapping[str, str | float]

DATA_ERRORS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
"""What an answer of another form raises where it is read."""

OFFLINE = "or name a shipped crystal or a file instead"
MOST_BYTES = 64 << 20
MOST_REDIRECTS = 5
PIECE_BYTES = 1 << 16


def check_time(timeout_s: float) -> None:
    """Raise `InputError` for a time limit that is none."""
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise InputError(f"a time limit of {timeout_s} s is none", fix="give a positive number of seconds")


class Problem(Exception):
    """Why there is no answer: a kind of `_PROBLEMS` or one of the service's own, and details for a person."""

    def __init__(self, kind: str, detail: str = "", status: int = 0) -> None:
        super().__init__(kind, detail)
        self.kind, self.detail, self.status = kind, detail, status


class Get:
    """One JSON object after another from a service, until its time is over.

    Attributes
    ----------
    at
        What is being asked for, for the message when the time is over.
    """

    def __init__(self, service: Service, deadline: float) -> None:
        from requests import Session  # a quarter of a second

        self.at = ""
        self._service, self._deadline, self._session = service, deadline, Session()
        self._session.max_redirects = MOST_REDIRECTS

    def __call__(self, at: str, url: str, parameters: Parameters | None = None, *, key: str = "") -> Json:
        """What is at `url`.

        Parameters
        ----------
        at
            One word for it.
        key
            Sent as ``x-api-key``, to this address alone: an answer that leads elsewhere is then no answer.

        Raises
        ------
        Problem
        """
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        self.at = at
        try:
            status, body = self._fetched(url, {"x-api-key": key} if key else {}, parameters or {})
        except (RequestException, HTTPError) as error:  # urllib3's own while the body is read
            raise Problem(*_why_unreachable(error)) from None
        text = body.replace(key.encode() or b"\0", b"***").decode("utf-8", "replace")
        if status != 200:
            raise Problem(_kind_of_status(status), f"it answered with status {status} {_message(text)}".strip(), status)
        try:
            found = plain_json(text)
        except ValueError as error:
            page = text.lstrip()[:1] == "<"
            raise Problem("web page" if page else "no json", _plain(text) if page else _plain(str(error))) from None
        if not isinstance(found, dict):
            raise Problem("another service", _plain(text))
        return found

    def _fetched(self, url: str, headers: dict[str, str], parameters: Parameters) -> tuple[int, bytes]:
        left_s = max(self._deadline - time.monotonic(), 0.01)
        follow = self._service.redirects and not headers
        with self._session.get(
            url, params=parameters, headers=headers, timeout=left_s, stream=True, allow_redirects=follow
        ) as answer:
            body = bytearray()
            while piece := answer.raw.read1(PIECE_BYTES, decode_content=True):
                body += piece
                if len(body) > MOST_BYTES:
                    raise Problem("too large", f"it has more than {MOST_BYTES >> 20} MiB")
                if time.monotonic() > self._deadline:
                    raise Problem("time limit")
            return answer.status_code, bytes(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Whom a question is put to.

    Attributes
    ----------
    name
        ``"the Materials Project"``.
    address
        Where it is.
    hint
        What else a person may look at when it cannot be reached.
    problems
        Kinds of problems of its own: summary and fix, each with ``{host}``, ``{name}`` and ``{detail}`` in it.
    redirects
        Whether it may lead elsewhere.
    """

    name: str
    address: str
    hint: str
    problems: dict[str, tuple[str, str]]
    redirects: bool = False

    def ask(self, about: str, talk: Callable[[Get], Answer], timeout_s: float) -> Answer:
        """The answer of `talk`, called with what gets JSON.

        Raises
        ------
        SourceError
            No answer, or one that is not understood.
        InputError
            A time limit that is none.
        """
        check_time(timeout_s)
        get = Get(self, time.monotonic() + timeout_s)
        answers: list[Answer] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                answers.append(talk(get))
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(timeout_s)
        if answers:
            return answers[0]
        error = errors[0] if errors else Problem("time limit")
        if not isinstance(error, Problem):
            with self.understood(about):
                raise error
        if error.kind == "time limit":
            error = Problem("time limit", f"it hung at this stage: {get.at}")
        raise self.refusal(about, error, timeout_s) from None

    def refusal(self, about: str, problem: Problem, timeout_s: float = 0.0) -> SourceError:
        """Why there is no answer."""
        summary, fix = {**_PROBLEMS, **self.problems}[problem.kind]
        words = {
            "service": self.name, "host": urlsplit(self.address).netloc or self.address, "name": about,
            "detail": problem.detail, "timeout_s": timeout_s, "hint": self.hint, "offline": OFFLINE,
        }  # fmt: skip
        return SourceError(summary.format(**words), reason=problem.detail, fix=fix.format(**words))

    @contextmanager
    def understood(self, about: str) -> Iterator[None]:
        """Within it, an answer of another form is a `SourceError`."""
        try:
            yield
        except DATA_ERRORS as error:
            reason = f"{type(error).__name__}: {_plain(str(error))}"
            raise SourceError(
                f"the answer of {self.name} about {about} is not understood",
                reason=reason,
                fix=f"update dftflow, {OFFLINE}",
            ) from None


_PROBLEMS = {
    "unreachable": (
        "{service} cannot be reached at {host}",
        "check the network, and HTTPS_PROXY behind a proxy, {offline}",
    ),
    "time limit": ("{service} did not answer within {timeout_s:g} s", "check the network, {hint}, {offline}"),
    "web page": (
        "what answers at {host} is a web page, not {service}",
        "log in to the network (a hotel's or institute's portal answers like this), or check the proxy, {offline}",
    ),
    "no json": ("the answer of {service} about {name} is no JSON", "{hint}, {offline}"),
    "too large": ("the answer of {service} about {name} is too large", "{hint}, {offline}"),
    "another service": ("what answers at {host} is not {service}", "{hint}, {offline}"),
    "unknown": ("{service} holds no {name}", "check the spelling, {hint}, {offline}"),
    "refused": ("{service} refused the question", "this network may be blocked: try another, {offline}"),
    "too many": ("{service} got too many requests", "wait some minutes and try again, {offline}"),
    "failing": ("{service} is failing", "try again later, {hint}, {offline}"),
}


def _kind_of_status(status: int) -> str:
    if status in (401, 403):
        return "refused"
    if status == 404:
        return "unknown"
    if status == 429:
        return "too many"
    return "failing" if status >= 500 else "another service"


def _why_unreachable(error: Exception) -> tuple[str, str]:
    """Of an error of requests, whose text has objects and addresses in it."""
    text = str(error)
    if "timed out" in text:
        return "time limit", ""
    reason = re.search(r"\[[^\[\]]*(?:Errno|SSL)[^\]]*\][^'\")(]*|Invalid URL.*|Failed to resolve '[^']*'", text)
    return "unreachable", _plain(reason.group(0) if reason else text)


def _message(text: str) -> str:
    """What a service says of an error: ``detail`` of its JSON, else the text."""
    try:
        told = plain_json(text)
        told = told["errors"][0] if "errors" in told else told
        return _plain(str(told["detail"]))
    except DATA_ERRORS:
        return _plain(text)


def _plain(text: str, limit: int = 200) -> str:
    """First `limit` characters of a text without HTML tags, on one line."""
    line = " ".join(re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", text[:20000]).split())
    return line if len(line) <= limit else f"{line[:limit]}…"
