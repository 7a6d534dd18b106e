"""How a command's end reaches the person or the program that called it.

A command prints its result on stdout and everything else on stderr. With ``--json`` stdout is one JSON document: the
result or, when there is none, ``{"error": {...}}``. Titles, names, messages of engines and lines of files are of
others: all that is printed passes `gated_output`, so that none of it moves the cursor, colours or turns a line round.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import click

from dftflow.errors import CodeNotFoundError, DftflowError, StoreError
from dftflow.model.printable import brief, only_printable

__all__ = ["BUG", "INTERRUPTED", "as_dftflow_error", "gated_output", "print_error", "tell", "ungated"]

INTERRUPTED = 130
BUG = 70
_STORAGE_FIX = {
    errno.ENOSPC: "free some space and give the same command again: what is finished is kept",
    errno.EDQUOT: "free some of your quota and give the same command again: what is finished is kept",
    errno.EROFS: "choose a folder that can be written (--out)",
    errno.EACCES: "choose a folder that you may write (--out), or change its permissions",
    errno.EPERM: "choose a folder that you may write (--out), or change its permissions",
    errno.ENOENT: "check that the folder is there, and was not removed meanwhile",
    errno.ENOTDIR: "a part of this path is a file: choose another one (--out)",
    errno.EISDIR: "a folder has the name of a file: choose another one (--out)",
    errno.ENAMETOOLONG: "choose a shorter name",
}
_OTHER_STORAGE_FIX = "check the file system, or choose another folder (--out)"


class _Gate:
    """A stream of text to which only what can be printed is written; its buffer, which goes past it, is not given."""

    def __init__(self, behind: TextIO) -> None:
        self.behind = behind

    def write(self, text: str | bytes) -> int:
        # click writes what a shell completes as bytes
        told = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
        self.behind.write(only_printable(told, keep="\n\t"))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self.behind, name)


def tell(line: str) -> None:
    """Tell a person how far a command is, beside its answer."""
    click.echo(line, err=True)


@contextmanager
def gated_output() -> Iterator[None]:
    """Within it, stdout and stderr show what is not printable by its code: ``\\u001b`` for ESC."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Gate(ungated(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def ungated(stream: TextIO) -> TextIO:
    """The stream itself, for what has made its own text safe."""
    return stream.behind if isinstance(stream, _Gate) else stream


def as_dftflow_error(error: Exception) -> DftflowError | None:
    """The error in dftflow's terms; None for what only a bug in dftflow can raise."""
    if isinstance(error, DftflowError):
        return error
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, BrokenPipeError):
        name = error.filename2 or error.filename
        return StoreError(
            "a file cannot be read or written",
            reason=os.strerror(error.errno),
            fix=_STORAGE_FIX.get(error.errno, _OTHER_STORAGE_FIX),
            where=os.fsdecode(name) if isinstance(name, str | bytes) else "",
        )
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("dftflow"):
        return CodeNotFoundError(
            f"the Python package {error.name.partition('.')[0]!r} is not installed",
            fix="`dftflow doctor` says what is missing and how to get it",
        )
    if isinstance(error, MemoryError):
        return StoreError(
            "this machine is out of memory", fix="fewer processes at once (--workers), or a larger machine"
        )
    return None


def print_error(error: Exception, *, as_json: bool, debug: bool) -> int:
    """Print `error` as JSON on stdout or as text on stderr, and return the exit code of the command."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        return _print_usage_error(error, as_json=as_json)
    known = as_dftflow_error(error)
    if known is None:
        known = DftflowError(
            f"dftflow has a bug here ({type(error).__name__}: {brief(str(error))})",
            fix="report it, with what the same command prints after `dftflow --debug`",
        )
        code = BUG
    else:
        code = known.exit_code
    if as_json:
        said = {"summary": known.summary, "reason": known.reason, "fix": known.fix, "where": known.where}
        _print_json(type(error if code == BUG else known).__name__, code, **said)
    else:
        print(f"error: {known}", file=sys.stderr)
    return code


def _print_usage_error(error: click.ClickException, *, as_json: bool) -> int:
    if as_json:
        context = getattr(error, "ctx", None)
        fix = f"see `{context.command_path} --help`" if context else ""
        summary = error.format_message()
        _print_json(type(error).__name__, error.exit_code, summary=summary, reason="", fix=fix, where="")
    else:
        error.show()
    return error.exit_code


def _print_json(kind: str, exit_code: int, **said: Any) -> None:
    print(json.dumps({"error": {"type": kind, "exit_code": exit_code, **said}}, indent=1))
