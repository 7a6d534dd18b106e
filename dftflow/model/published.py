"""Numbers that a publication gives, and how they stand beside what a study finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dftflow.model.quantity import Missing, Quantity

__all__ = ["PublishedNumber", "StandsBeside", "Verdict"]

Verdict = Literal["agree", "differ", "open", "none"]
"""``open``: nothing says how far either number may be off, so that no difference means anything; ``none``: there is
nothing to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNumber:
    """One number of a publication, and the quantity of the study that it is compared with.

    Attributes
    ----------
    quantity, subject, method
        Of the quantity, as `dftflow.model.quantity.Quantity` has them; a `method` that is ``""`` is any.
    value
        In the unit of the quantity; or a word.
    unit
        That the publication's value is given in.
    plus_minus
        How far it may be off, by the publication or by the last digit that it gives; None where that is not known.
    good_to, good_to_holds
        How far ours may be off beside its own uncertainty, and why that much: what functional, model or temperature
        leave open. None and ``""`` where the study does not say.
    said
        How the publication got it: ``"absorption"``, ``"PBE, CASTEP"``.
    source
        A DOI, or where else it stands.
    """

    quantity: str
    subject: str
    value: float | str
    unit: str = ""
    method: str = ""
    plus_minus: float | None = None
    good_to: float | None = None
    good_to_holds: str = ""
    said: str = ""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandsBeside:
    """A published number, ours, and whether the two agree.

    Attributes
    ----------
    ours
        None where the study has no such quantity; one without a value says why.
    difference
        Ours minus the published one; None of words, and where there is none.
    verdict, why
        Whether they agree, and by what.
    """

    published: PublishedNumber
    ours: Quantity | None
    verdict: Verdict
    why: str
    difference: float | None = None

    @property
    def missing(self) -> Missing | None:
        """Why there is nothing to compare with."""
        return None if self.ours is None else self.ours.missing
