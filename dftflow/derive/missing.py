"""The reason why a number is missing, from what the gate said."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.admission import Admission, Admitted
from dftflow.model.quantity import Missing

__all__ = ["MissingOffset", "missing_results"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingOffset:
    """Two materials that a study asks to align and between which no offset of its own follows, and why."""

    first: str
    second: str
    missing: Missing


def missing_results(step: str, admission: Admission) -> Missing | None:
    """Why `step` has no results that can be used; None when it has."""
    if isinstance(admission, Admitted):
        return None
    text = " ".join(admission.reason.split())
    return Missing(kind=admission.kind, reason=f"{step} {admission.kind}{f': {text}' if text else ''}")
