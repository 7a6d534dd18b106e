from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib.style
import pytest
from outcome_fixtures import failed, outcome, run

from dftflow.figures import drawing

__all__ = ["failed", "outcome", "run", "style"]


@pytest.fixture
def style() -> Iterator[None]:
    """The look of the figures, as `Drawing.render` gives it."""
    with matplotlib.style.context(["default", str(Path(drawing.__file__).with_name("dftflow.mplstyle"))]):
        yield
