"""A question asked of a file, whose answer makes a wrong file speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Part"]

Part = Literal[
    "status",
    "structure",
    "energy",
    "forces",
    "stress",
    "fermi",
    "bands",
    "projections",
    "dos",
    "potential",
    "density",
    "shifts",
]
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

    @classmethod
    def of_two_files(
        cls,
        name: str,
        here: tuple[str, float | None],
        there: tuple[str, float | None],
        *,
        tolerance: float,
        concerns: tuple[Part, ...],
        unit: str = "",
    ) -> Check:
        """Whether two files tell the same number, each given with the file's name; None for one that tells none."""
        (one, a), (other, b) = here, there
        if a is None or b is None:
            return cls(name=name, passed=None, detail=f"{one if a is None else other} gives none", concerns=concerns)
        decimals = ".6f" if unit else "g"
        detail = f"{a:{decimals}} and {b:{decimals}}{unit}"
        return cls(name=name, passed=a == b or abs(a - b) <= tolerance, detail=detail, concerns=concerns)
