"""The plane-wave cutoff that a code's potentials ask for, where somebody wants one and names none."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from dftflow.codes.base import Code

__all__ = ["UNTESTED_EV", "SuggestedCutoff", "SuggestsCutoff", "suggested_cutoff"]

UNTESTED_EV: Final = 500.0
ROUND_EV: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedCutoff:
    """A cutoff of the wave functions, and why it is this one.

    Attributes
    ----------
    asked
        Whether it is for the potentials of these elements, or the hardest usual ones where theirs are not known; False
        for one number whatever the elements.
    """

    ev: float
    why: str
    asked: bool = True

    @classmethod
    def at_least(cls, least_ev: float, why: str) -> SuggestedCutoff:
        """The next multiple of 5 eV."""
        return cls(ev=ROUND_EV * ceil(round(least_ev / ROUND_EV, 6)), why=why)

    @classmethod
    def untested(cls, why: str) -> SuggestedCutoff:
        """500 eV, where nothing is known of the elements."""
        return cls(ev=UNTESTED_EV, why=f"not tested; {why}", asked=False)


@runtime_checkable
class SuggestsCutoff(Protocol):
    """A `Code` that knows what its potentials ask for; a code need not be one."""

    def suggested_cutoff(self, structure: Structure) -> SuggestedCutoff:
        """A cutoff that the potentials of these elements ask for, cells that move included, or the code's own."""
        ...


def suggested_cutoff(code: Code, structure: Structure) -> SuggestedCutoff:
    """What `code` asks for; 500 eV where it knows no more than that.

    Raises
    ------
    SpecError
        The code has no potential for an element.
    """
    if isinstance(code, SuggestsCutoff):
        return code.suggested_cutoff(structure)
    return SuggestedCutoff.untested(f"{code.name} names no cutoff here")
