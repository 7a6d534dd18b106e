"""Renders templates of others in a process apart: what they cost is bounded, whatever they are.

One process serves all renderings of an interpreter, so that a study of many decks starts it once; it ends with the
interpreter, whose end closes its input. Between the two go messages with their length in front: `pickle` of plain data
towards it, JSON back, because what comes from there is not trusted.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import IO, Any

from jinja2 import TemplateError

import dftflow
from dftflow.errors import SpecError
from dftflow.rendering.quoting import LANGUAGES, Language, Verbatim
from dftflow.rendering.template_sandbox import render_here
from dftflow.rendering.template_source import TemplateSource

__all__ = ["render_apart", "serve"]

CPU_SECONDS = 2
MEMORY_BYTES = 512 << 20
WALL_SECONDS = 120.0
"""For the start of an interpreter on a machine that is busy; the processor time is what bounds a template."""
LONGEST_ANSWER = 200_000_000
_HEAD = 8
_NEEDED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR")


def render_apart(name: str, values: Mapping[str, Any], *, search: Sequence[TemplateSource], language: Language) -> str:
    """As `dftflow.rendering.templates.render_template`.

    Raises
    ------
    SpecError
        As there, and when the process was ended because it took more time or memory than a deck may.
    """
    sources = [source if isinstance(source, Path) else dict(source) for source in search]
    request = pickle.dumps((name, _plain(values), sources, language.name))
    answer = _WORKER.ask(request)
    if answer is None:
        raise SpecError(
            "the template cannot be rendered",
            reason=f"it takes more than {CPU_SECONDS} s or {MEMORY_BYTES >> 20} MiB",
            where=_file_in(sources, name),
        )
    if "text" in answer:
        return str(answer["text"])
    raise SpecError(answer["summary"], reason=answer["reason"], fix=answer["fix"], where=answer["where"])


def _file_in(sources: Sequence[Path | dict[str, str]], name: str) -> str:
    files = [source / name for source in sources if isinstance(source, Path)]
    return next((str(file) for file in files if file.is_file()), name)


def _plain(value: Any) -> Any:
    """Data that another interpreter can hold without the modules that it comes from."""
    if is_dataclass(value) and not isinstance(value, type):
        return SimpleNamespace(**{field.name: _plain(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else tuple(map(_plain, value))
    if value is None or type(value) in (bool, int, float, str, Verbatim):
        return value
    if hasattr(value, "item"):  # a number of numpy
        return value.item()
    return value


# --- this side --------------------------------------------------------------------------------------------------


class _Worker:
    """The process, started when it is first asked, and again after it was ended."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, request: bytes) -> dict[str, Any] | None:
        """Its answer; None when it gave none in time."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(len(request).to_bytes(_HEAD) + request)
                process.stdin.flush()
                answer = _read(process.stdout, time.monotonic() + WALL_SECONDS)
            except BrokenPipeError:
                answer = None
            found: dict[str, Any] | None = None if answer is None else json.loads(answer)
            if found is None or found["ends"]:
                process.kill()
                process.wait()
                self._process = None
        return found

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._owner = os.getpid()
            self._process = _started()
        return self._process


def _started() -> subprocess.Popen[bytes]:
    # -P: nothing is imported from the folder that dftflow was called in, which may be somebody else's
    root = str(Path(dftflow.__file__).resolve().parent.parent)
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from dftflow.rendering.template_process import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _NEEDED if name in os.environ} | {"PYTHONPATH": paths},
        start_new_session=True,  # an interrupt of the terminal ends dftflow, and with it this process
    )


def _read(stream: IO[bytes], until: float) -> bytes | None:
    """One message; None when there is none by then, or it is too long."""
    head = _exactly(stream, _HEAD, until)
    length = None if head is None else int.from_bytes(head)
    return None if length is None or length > LONGEST_ANSWER else _exactly(stream, length, until)


def _exactly(stream: IO[bytes], length: int, until: float) -> bytes | None:
    content = bytearray()
    while len(content) < length:
        ready, _, _ = select.select([stream], [], [], max(0.0, until - time.monotonic()))
        part = os.read(stream.fileno(), min(length - len(content), 1 << 20)) if ready else b""
        if not part:
            return None
        content += part
    return bytes(content)


_WORKER = _Worker()


# --- the other side ---------------------------------------------------------------------------------------------


class _OutOfTime(TemplateError):
    """The template has used up its time."""


def serve() -> None:
    """Answer requests until the input ends; ends itself after a rendering that reached a limit."""
    inward, outward = sys.stdin.buffer, sys.stdout.buffer
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _stop)
    while head := inward.read(_HEAD):
        answer = _answer(inward.read(int.from_bytes(head)))
        content = json.dumps(answer).encode()
        outward.write(len(content).to_bytes(_HEAD) + content)
        outward.flush()
        if answer["ends"]:
            return


def _stop(number: int, frame: object) -> None:
    raise _OutOfTime(f"it takes more than {CPU_SECONDS} s")


def _answer(request: bytes) -> dict[str, object]:
    """The text or the error; ``ends`` says that a limit was reached, after which this process is not used again."""
    name, values, search, language = pickle.loads(request)
    used = time.process_time()
    # what runs in C is not interrupted by a handler: the process is ended a little later
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + CPU_SECONDS + 3, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        text = render_here(name, values, search=search, language=LANGUAGES[language])
    except SpecError as error:
        ends = isinstance(error.__cause__, _OutOfTime | MemoryError)
        said = {"summary": error.summary, "reason": error.reason, "fix": error.fix, "where": error.where}
        return {**said, "ends": ends}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"text": text, "ends": False}
