"""Phases of one composition beside each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from dftflow.model.energy_error import EnergyError, EnergyErrorRequest
from dftflow.model.phase import FormulaUnit
from dftflow.model.quantity import Missing

__all__ = ["PhasesRequest", "Polymorph"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasesRequest:
    """The materials of which a study asks how the phases of one composition lie above each other."""

    materials: tuple[str, ...]
    error: EnergyErrorRequest = field(default_factory=EnergyErrorRequest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polymorph:
    """A phase among those of its composition.

    Attributes
    ----------
    above_lowest_ev
        Energy per formula unit above `lowest`, the lowest phase of the composition; 0 for that itself.
    volume_per_unit_ang3
        Of one formula unit.
    error
        None for the lowest phase, and where there is no energy.
    """

    name: str
    unit: FormulaUnit
    lowest: str
    above_lowest_ev: float | None
    volume_per_unit_ang3: float
    error: EnergyError | None = None
    missing: Missing | None = None
    origin: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
