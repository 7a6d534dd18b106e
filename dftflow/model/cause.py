"""Why a calculation has no results: a word for programs, and what a person calls it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CAUSES", "cause_words"]

CAUSES: Mapping[str, str] = {
    "scf_not_converged": "SCF not converged",
    "geom_not_converged": "geometry not converged",
    "out_of_time": "out of time",
    "out_of_memory": "out of memory",
    "stalled": "stalled",
    "printed_too_much": "printed too much",
    "killed": "killed",
    "truncated": "ended without an end in its log",
    "died": "the engine gave up",
    "not_started": "could not be started",
    "unknown": "how it ended is not known",
}
"""The statuses of `dftflow.model.results.Status` but ``finished``, and what ends an engine from outside."""


def cause_words(cause: str) -> str:
    """What a person calls it; a cause that is not among `CAUSES` by its own name, ``""`` where none was told."""
    return CAUSES.get(cause, cause.replace("_", " "))
