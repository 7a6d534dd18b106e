from __future__ import annotations

from outcome_fixtures import failed, outcome, run

__all__ = ["failed", "outcome", "run"]
