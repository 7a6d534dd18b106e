"""Real GPAW ground states, each calculated once a session, under a lock when tests run in parallel."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pymatgen.core import Structure

from dftflow.codes.gpaw import GPAW
from dftflow.jobs.environment import ONE_THREAD
from dftflow.model.spec import CalcSpec

RunDeck = Callable[[str, Structure, CalcSpec], Path]


@pytest.fixture(scope="session")
def start_deck() -> Callable[[Path, Structure, CalcSpec], subprocess.Popen[bytes]]:
    """Starts a deck and does not wait for it."""
    return start


@pytest.fixture(scope="session")
def run_deck(tmp_path_factory: pytest.TempPathFactory) -> RunDeck:
    """Renders, runs and returns the folder; one that is finished is used again."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "gpaw-ground-states"
    root.mkdir(exist_ok=True)

    def run(name: str, structure: Structure, spec: CalcSpec) -> Path:
        folder = root / name
        with open(root / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "results.json").exists():
                start(folder, structure, spec).wait()
        return folder

    return run


def start(folder: Path, structure: Structure, spec: CalcSpec) -> subprocess.Popen[bytes]:
    """Writes the deck unless it is there, and starts it."""
    code = GPAW()
    deck = code.render(structure, spec, "deck")
    folder.mkdir(exist_ok=True)
    for file, text in deck.files.items():
        (folder / file).write_text(text)
    with open(folder / "stdout.log", "ab") as out, open(folder / "stderr.log", "ab") as err:
        environment = {**os.environ, **ONE_THREAD}
        return subprocess.Popen(code.command(deck), cwd=folder, stdout=out, stderr=err, env=environment)
