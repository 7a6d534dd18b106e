"""Whether two calculations may be subtracted, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Comparison", "ComparisonRow", "Verdict"]

Verdict = Literal["same", "differs", "unknown", "caution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One quantity of the two calculations.

    Attributes
    ----------
    first, second
        As text with units; ``"unknown"`` where the files do not tell.
    verdict
        ``same``; ``differs``: the difference of two energies would mean nothing; ``caution``: it has a meaning, with
        the error that `consequence` names; ``unknown``: one side does not tell.
    consequence
        What follows from it; ``""`` when they are the same.
    """

    quantity: str
    first: str
    second: str
    verdict: Verdict
    consequence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All rows. The calculations may be subtracted when no row differs and none is unknown."""

    rows: tuple[ComparisonRow, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the rows: differs, unknown, caution, same."""
        order: tuple[Verdict, ...] = ("differs", "unknown", "caution")
        return next((verdict for verdict in order if any(row.verdict == verdict for row in self.rows)), "same")

    @property
    def sentence(self) -> str:
        """The verdict for a person, with the rows that it is due to."""
        named = ", ".join(row.quantity for row in self.rows if row.verdict == self.verdict)
        return {
            "same": "may be subtracted",
            "caution": f"may be subtracted, with care for: {named}",
            "unknown": f"cannot be told whether they may be subtracted; not known: {named}",
            "differs": f"must not be subtracted, because of: {named}",
        }[self.verdict]
