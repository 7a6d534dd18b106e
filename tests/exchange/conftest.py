"""A stored run of the engine whose steps are sealed, in a place where it may be changed, and the archive of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from outcomes import PAPER_STEPS, StoredRun

from dftflow.exchange.archive import write_archive
from dftflow.jobs.step_state import finished, write_state


def sealed_run(root: Path) -> StoredRun:
    run = StoredRun.of(root)
    for step in PAPER_STEPS:
        write_state(run.folder(step), finished(run.folder(step), wall_time_s=1.0, cpu_time_s=None))
    return run


@pytest.fixture
def run(tmp_path: Path) -> StoredRun:
    return sealed_run(tmp_path / "run")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    folder = tmp_path_factory.mktemp("archive")
    return write_archive(sealed_run(folder / "run").root, folder / "run.zip").file
