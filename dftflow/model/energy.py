"""An energy and the zero it is counted from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dftflow.errors import ReferenceMismatch

__all__ = ["Energy", "EnergyReference", "EnergyZero"]

EnergyReference = Literal["cell_average", "vacuum", "fermi", "core_level"]


@dataclass(frozen=True, slots=True)
class EnergyZero:
    """What an energy is counted from.

    Attributes
    ----------
    run
        The calculation whose zero this is: path of its folder and its seed, as the reader of its files names it, so
        that two calculations never share one. ``"vacuum"`` energies of different runs share the zero ``run=""``.
    reference
        ``cell_average`` (the code's own zero, tied to the cell-averaged potential of that run), ``vacuum``,
        ``fermi`` or ``core_level``.
    """

    run: str
    reference: EnergyReference


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy in eV together with its zero; only energies of the same zero can be subtracted."""

    value_ev: float
    zero: EnergyZero

    def __sub__(self, other: Energy) -> float:
        """Difference in eV; raises `ReferenceMismatch` when the zeros differ."""
        if self.zero != other.zero:
            raise ReferenceMismatch(
                "two energies with different zeros cannot be subtracted",
                reason=f"one counts from {self.zero}, the other from {other.zero}",
                fix="line both up with a common reference (vacuum level, macroscopic average, core level) first",
            )
        return self.value_ev - other.value_ev
