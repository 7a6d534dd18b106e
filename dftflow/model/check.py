"""A question asked of a file, whose answer makes a wrong file speak."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One consistency check on what a calculation left.

    Attributes
    ----------
    name
        What was compared: ``"mean of the density = number of electrons"``.
    passed
        None when it could not be decided (``detail`` says why).
    detail
        The numbers on both sides, with units.
    """

    name: str
    passed: bool | None
    detail: str
