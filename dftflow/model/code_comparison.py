"""Whether two codes give the same of one thing, quantity by quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CodeComparison", "CodeRow", "CodeVerdict"]

CodeVerdict = Literal["agrees", "caution", "differs", "unknown", "not comparable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """One quantity of the two calculations.

    Attributes
    ----------
    first, second
        As text with units; ``"unknown"`` where the files do not tell.
    tolerance
        What two codes may differ by, and whose number that is; ``""`` where it has to be the same.
    verdict
        ``not comparable``: two codes, or two potentials, give it from different zeros or for different reasons.
    note
        What follows from the verdict; ``""`` when there is nothing to say.
    """

    quantity: str
    first: str
    second: str
    tolerance: str
    verdict: CodeVerdict
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeComparison:
    """All rows. The two agree when no row differs and none is unknown."""

    rows: tuple[CodeRow, ...]

    @property
    def verdict(self) -> CodeVerdict:
        """The worst of the rows: differs, unknown, caution, agrees."""
        order: tuple[CodeVerdict, ...] = ("differs", "unknown", "caution")
        return next((verdict for verdict in order if any(row.verdict == verdict for row in self.rows)), "agrees")

    @property
    def sentence(self) -> str:
        """The verdict for a person, with the rows that it is due to."""
        named = ", ".join(row.quantity for row in self.rows if row.verdict == self.verdict)
        return {
            "agrees": "they agree in all that can be compared",
            "caution": f"they agree in all that can be compared, with care for: {named}",
            "unknown": f"cannot be told whether they agree; not known: {named}",
            "differs": f"they do not agree in: {named}",
        }[self.verdict]
