from __future__ import annotations

from outcome_fixtures import stored

__all__ = ["stored"]
