"""Runs a scheduler's command: an argument list, without a shell, for a bounded time, and leaving no file."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import CodeNotFoundError

__all__ = ["Ended", "run_command"]

MOST_SHOWN = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes
    ----------
    code
        Its exit code; None when it was ended because it took too long.
    """

    code: int | None
    out: str
    err: str

    @property
    def said(self) -> str:
        """What it said of a failure, in one line."""
        return " ".join(f"{self.err} {self.out}".split())[:MOST_SHOWN] or f"exit code {self.code}"


def run_command(
    argv: tuple[str, ...], *, time_limit_s: float, folder: Path | None = None, read: Path | None = None
) -> Ended:
    """Run `argv`, in a session of its own: a Ctrl-C that is meant for dftflow does not end it half-way.

    Parameters
    ----------
    folder
        That it works in.
    read
        File that it has as its input.

    Raises
    ------
    CodeNotFoundError
        When there is no such program, or it cannot be started: it has done nothing.
    """
    try:
        with open(read or os.devnull, "rb") as given:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                encoding="utf-8",
                errors="replace",
            )
    except OSError as error:
        raise CodeNotFoundError(
            f"the scheduler's program {argv[0]!r} cannot be started here",
            reason=error.strerror or str(error),
            fix="call this on a login node of the cluster; `dftflow doctor --machine NAME` checks its profile",
        ) from None
    with process:
        try:
            out, err = process.communicate(timeout=time_limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return Ended(code=None, out=out, err=f"{argv[0]} gave no answer for {time_limit_s:.0f} s; {err}")
    return Ended(code=process.returncode, out=out, err=err)
