"""What schedulers that are programs on a PATH have in common: their state is one file, and their jobs really run."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["StubQueue", "state_of"]


class StubQueue:
    """Its programs and jobs, in a folder.

    Parameters
    ----------
    home
        The folder.
    script
        File that each program is; it is called with `home`, `given`, the program's name and its arguments.

    Attributes
    ----------
    path
        Folder of the programs.
    """

    def __init__(self, home: Path, script: str, programs: Iterable[str], *given: str) -> None:
        self.home, self.path = home, home / "bin"
        self.path.mkdir(parents=True)
        for name in programs:
            words = (sys.executable, "-S", "-E", str(Path(script).resolve()), str(home), *given, name)
            program = self.path / name
            program.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
            program.chmod(0o755)
        with state_of(home):
            pass

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Id -> job, of all that it has accepted."""
        with state_of(self.home) as state:
            found: dict[str, dict[str, Any]] = state["jobs"]
        return found

    def wait(self, *, patience_s: float = 60.0) -> None:
        """Until no job runs or is about to."""
        until = time.monotonic() + patience_s
        while any(job["state"] == "RUNNING" or job.get("late") for job in self.jobs.values()):
            assert time.monotonic() < until, self.jobs
            time.sleep(0.02)

    def end(self) -> None:
        """End what still runs."""
        for job in self.jobs.values():
            if job["state"] == "RUNNING":
                with suppress(ProcessLookupError):
                    os.killpg(job["pid"], signal.SIGKILL)


@contextmanager
def state_of(home: Path) -> Iterator[dict[str, Any]]:
    """What it knows; nobody else changes it in the block."""
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = home / "state.json"
        state = json.loads(file.read_text()) if file.exists() else {"next": 100, "jobs": {}, "does": {}}
        yield state
        file.write_text(json.dumps(state, indent=1))
