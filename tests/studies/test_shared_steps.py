"""What several points of a sweep share: one calculation, which ends for all of them as it ended, and is run once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from counting_engine import CountingEngine

from dftflow.model.outcome import StudyOutcome
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.reader import Study, load_study

BULK, SLAB = "CsBr/bulk-bands", "CsBr/slab-110-potential"
POINT = "-vacuum-22"
BULK_SEED = "CsBr-bulk-bands"
SWEEP = "[[sweep]]\nvacuum_ang = [22.0]\n"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CountingEngine:
    return CountingEngine(tmp_path / "engine", monkeypatch)


@pytest.fixture
def file(write_study: Callable[..., Path]) -> Path:
    """Four steps, of which two are one calculation: a crystal knows nothing of the vacuum beside its slab."""
    file = write_study()
    file.write_text(f"{file.read_text()}\n{SWEEP}")
    return file


def study_of(file: Path) -> Study:
    return load_study(str(file), "quick")


def said_of(outcome: StudyOutcome) -> dict[str, tuple[str, str, str]]:
    """How each step ended, why, and by which cause."""
    return {step.name: (step.state, step.failure, step.cause) for step in outcome.steps}


def test_a_shared_step_whose_engine_was_killed_has_failed_at_every_point(
    file: Path, tmp_path: Path, engine: CountingEngine
) -> None:
    """It leaves input files alone, and what is said of the gap is how it ended."""
    engine.before[BULK_SEED] = engine.before[BULK_SEED + POINT] = "kill -9 $$"
    root = tmp_path / "run"
    assert engine.run(file, root, most_tries=0).count(BULK_SEED) == 1
    outcome = outcome_of_folder(root)
    said = said_of(outcome)
    assert said[BULK][0] == "failed" and "killed" in said[BULK][1] and said[BULK] == said[BULK + POINT]
    (material,) = outcome.materials
    assert material.bulk.why_no_edges == f"{BULK} failed: {said[BULK][1]}"
    now = run_study(study_of(file), root, workers=1, most_tries=0)
    assert now.materials[0].bulk.why_no_edges == material.bulk.why_no_edges and said_of(now) == said
