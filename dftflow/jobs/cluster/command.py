"""Runs a scheduler's command: an argument list, without a shell, for a bounded time, and leaving no file.

Variables by which a person sets options of Slurm's commands (``SBATCH_TIMELIMIT``, ``SQUEUE_PARTITION`` ...) are not
handed on: Slurm puts the first over what a script says (sbatch(1), INPUT ENVIRONMENT VARIABLES), and the others would
hide jobs that are there.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import CodeNotFoundError

__all__ = ["Ended", "run_command", "scheduler_environment"]

MOST_SHOWN = 2000
OPTIONS_OF_COMMANDS = ("SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SINFO_", "SCONTROL_")
LAST_WORDS_S = 1.0
"""How long the pipes of a command that was ended are listened to: who left its session may hold them for ever."""


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
                env=scheduler_environment(),
                start_new_session=True,
                encoding="utf-8",
                errors="replace",
            )
    except OSError as error:
        raise CodeNotFoundError(
            f"the scheduler's program {argv[0]!r} cannot be started here",
            reason=error.strerror or str(error),
            fix="call this on a login node of the cluster, with that program's folder on the PATH (cron's is short); "
            "`dftflow doctor --machine NAME` checks its profile",
        ) from None
    try:
        out, err = process.communicate(timeout=time_limit_s)
    except subprocess.TimeoutExpired:
        out, err = _last_words(process)
        return Ended(code=None, out=out, err=f"{argv[0]} gave no answer for {time_limit_s:.0f} s; {err}")
    return Ended(code=process.returncode, out=out, err=err)


def scheduler_environment() -> dict[str, str]:
    """The variables that a scheduler's command gets, and its jobs from it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OPTIONS_OF_COMMANDS)}


def _last_words(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End a command, and all that it has started in its session; what it has printed, as far as that comes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()
        return "", "a process that it left behind holds its output"
