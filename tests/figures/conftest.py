from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib.style
import pytest
from outcomes import StoredRun, make_failed

from dftflow.figures import drawing
from dftflow.model.outcome import StudyOutcome


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A copy of the paper's study at `quick`."""
    return StoredRun.of(tmp_path_factory.mktemp("study") / "run")


@pytest.fixture
def outcome(run: StoredRun) -> StudyOutcome:
    """What follows from it."""
    return run.outcome()


@pytest.fixture
def failed(tmp_path: Path) -> StudyOutcome:
    """The same, where the polar slab of CsPbBr3 did not converge."""
    return make_failed(tmp_path / "failed")


@pytest.fixture
def style() -> Iterator[None]:
    """The look of the figures, as `Drawing.render` gives it."""
    with matplotlib.style.context(["default", str(Path(drawing.__file__).with_name("dftflow.mplstyle"))]):
        yield
