"""What is known of the ordering of a mixture, and of how its molecules are turned, for the quantities of a study."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mixture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A crystal into which something was put.

    Attributes
    ----------
    orientations
        How many ways of turning its molecules are this one by the symmetry of the host.
    degeneracy, arrangements
        How many arrangements of the ions are this ordering, of how many; 1 and 1 where nothing is mixed.
    correlation_error
        How far its pairs are off those of the random mixture, from 0 to 1; None where nothing is mixed.
    """

    orientations: int = 1
    degeneracy: int = 1
    arrangements: int = 1
    correlation_error: float | None = None

    def weight(self, setting: str) -> int:
        """For how many crystals it stands in a mean over a setting that is swept."""
        return {"ordering": self.degeneracy, "orientation": self.orientations}.get(setting, 1)
