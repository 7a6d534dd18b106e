"""Fixtures of the folders whose tests take a run of the paper's study: copies of it, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from outcomes import StoredRun, make_failed

from dftflow.model.outcome import StudyOutcome

__all__ = ["failed", "outcome", "run", "stored"]


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A copy of the paper's study at `quick`."""
    return StoredRun.of(tmp_path_factory.mktemp("study") / "run")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """One for all tests of a module, which leave it as it is: two crystals and three slabs."""
    return StoredRun.of(tmp_path_factory.mktemp("study") / "run")


@pytest.fixture
def outcome(run: StoredRun) -> StudyOutcome:
    """What follows from it."""
    return run.outcome()


@pytest.fixture
def failed(tmp_path: Path) -> StudyOutcome:
    """The same, where the polar slab of CsPbBr3 did not converge."""
    return make_failed(tmp_path / "failed")
