"""One thing that ``dftflow doctor`` tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "State"]

State = Literal["ok", "missing", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried.

    Attributes
    ----------
    state
        ``ok``; ``missing``: not there; ``broken``: there, and does not work.
    detail
        What was found.
    fix
        How to get or mend it; ``""`` when it is ok.
    required
        Whether dftflow can do nothing at all without it.
    """

    name: str
    state: State
    detail: str
    fix: str = ""
    required: bool = False
