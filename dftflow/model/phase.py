"""A phase among others: its formula unit, and the energy that it is compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dftflow.model.quantity import Missing
from dftflow.model.results import Results

if TYPE_CHECKING:
    from dftflow.model.point import Point

__all__ = ["ATOM_TOLERANCE", "FormulaUnit", "PhaseEnergies", "PhaseEnergy", "PhasesAt"]

ATOM_TOLERANCE = 1e-6
"""Of a number of atoms per formula unit: fractions of a mixture are quotients of whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaUnit:
    """What a crystal's formula counts.

    Attributes
    ----------
    formula
        With molecules by their names: ``"FAPbBr3"``.
    counts
        Element -> atoms of it; of a mixture these need not be whole.
    """

    formula: str
    counts: Mapping[str, float]

    @property
    def atoms(self) -> float:
        """In one formula unit."""
        return sum(self.counts.values())

    def same_composition(self, other: FormulaUnit) -> bool:
        """Whether both hold the same elements in the same proportions."""
        elements = self.counts.keys() | other.counts.keys()
        shares = ((self.counts.get(e, 0.0) / self.atoms, other.counts.get(e, 0.0) / other.atoms) for e in elements)
        return all(abs(a - b) < ATOM_TOLERANCE for a, b in shares)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PhaseEnergy:
    """One material of a study as a phase.

    Attributes
    ----------
    step, results
        That the energy comes from; no results where there are none.
    energy_per_atom_ev, missing
        At zero smearing, on the scale of the run itself; or why there is none.
    gap_ev
        Of its band structure; None in a metal, and where it is not known.
    volume_per_atom_ang3
        Of the cell as it was calculated.
    remarks
        What has to stand beside its energy.
    """

    name: str
    unit: FormulaUnit
    step: str
    results: Results | None
    energy_per_atom_ev: float | None
    missing: Missing | None
    gap_ev: float | None
    volume_per_atom_ang3: float
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.energy_per_atom_ev is None) == (self.missing is None):
            raise ValueError(f"{self.name} needs either an energy or a reason why there is none")

    @property
    def energy_per_unit_ev(self) -> float:
        """Of one formula unit; asked only where there is an energy."""
        assert self.energy_per_atom_ev is not None, "those without an energy are left out"
        return self.energy_per_atom_ev * self.unit.atoms


PhaseEnergies = Mapping[str, PhaseEnergy]
"""Name of a material -> it as a phase."""

PhasesAt = Mapping["Point", PhaseEnergies]
"""Point of a sweep -> the phases there."""
