"""What the gate answers: results that may be used for a step, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dftflow.model.built import Built
from dftflow.model.results import Results

__all__ = ["Admission", "Admitted", "Refusal", "RefusalKind"]

RefusalKind = Literal["not run", "running", "uncertain", "failed", "refused"]
"""``failed``: the calculation itself, or its files; ``refused``: whole results that are not those of this step."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Admitted:
    """Results of a step.

    Attributes
    ----------
    results
        Whole, finished, and those of what `built` says.
    remarks
        What is not as the study asks, and has to stand beside every number that comes from here.
    """

    built: Built
    results: Results
    folder: Path
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Refusal:
    """Why a step has no results that can be used.

    Attributes
    ----------
    built
        What was to be calculated; None where it could not be built.
    cause
        Of a failure, see `dftflow.model.cause`.
    log_tail
        Last lines of the log of a calculation that failed.
    """

    kind: RefusalKind
    reason: str
    built: Built | None = None
    folder: Path | None = None
    cause: str = ""
    log_tail: str = ""
    wall_time_s: float | None = None
    cpu_time_s: float | None = None


Admission = Admitted | Refusal
