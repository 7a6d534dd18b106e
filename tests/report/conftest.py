from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dftflow.model.outcome import StudyOutcome


@pytest.fixture(scope="session")
def outcomes() -> ModuleType:
    """The shared builder ``tests/outcomes.py``."""
    spec = importlib.util.spec_from_file_location("outcomes", Path(__file__).parents[1] / "outcomes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["outcomes"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def outcome(outcomes: ModuleType, tmp_path: Path) -> StudyOutcome:
    return outcomes.make_outcome(tmp_path)
