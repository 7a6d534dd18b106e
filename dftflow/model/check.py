"""A question asked of a file, whose answer makes a wrong file speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Part"]

Part = Literal["status", "structure", "energy", "forces", "stress", "fermi", "bands", "potential", "density"]
"""What results consist of, and what a failed check takes out of them; without its status a calculation has not ended
in any way that is known."""


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
    concerns
        The parts that would be wrong if it fails, and are refused then; see `dftflow.gate.calculation`.
    """

    name: str
    passed: bool | None
    detail: str
    concerns: tuple[Part, ...]
