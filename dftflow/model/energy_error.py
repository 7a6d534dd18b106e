"""How far a difference of total energies may be off: by its convergence, and by the functional."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

__all__ = [
    "ELEMENT_ERROR_EV",
    "ELEMENT_ERROR_SOURCE",
    "OXIDE_SPREAD_EV",
    "OXIDE_SPREAD_SOURCE",
    "EnergyError",
    "EnergyErrorRequest",
]

OXIDE_SPREAD_EV = 0.024
"""Per atom: standard deviation of the errors of GGA(+U) for 135 reactions of ternary oxides from binary ones, which
are normal with a mean near zero (10.1103/PhysRevB.85.155208)."""

OXIDE_SPREAD_SOURCE = "GGA for ternary from binary oxides, one standard deviation, 10.1103/PhysRevB.85.155208"

ELEMENT_ERROR_EV = 0.22
"""Per atom: mean absolute error of PBE for energies of formation of strongly bound compounds from their elements, twice
the 0.11 eV of SCAN (10.1103/PhysRevMaterials.2.063801)."""

ELEMENT_ERROR_SOURCE = "PBE for compounds from elements, mean absolute error, 10.1103/PhysRevMaterials.2.063801"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyErrorRequest:
    """What a study states of the errors of its energies; None where it leaves that to its sweeps, or to a default.

    Attributes
    ----------
    convergence_ev_per_atom, functional_ev_per_atom
        Of a difference of energies, per atom of one side of it.
    functional_source
        Where the latter is from.
    """

    convergence_ev_per_atom: float | None = None
    functional_ev_per_atom: float | None = None
    functional_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyError:
    """Of one difference of energies.

    Attributes
    ----------
    convergence_ev, convergence_holds
        None and ``""`` where neither a sweep nor the study tells it.
    functional_ev, functional_holds
        What the functional may be off by.
    """

    convergence_ev: float | None
    convergence_holds: str
    functional_ev: float
    functional_holds: str

    @property
    def total_ev(self) -> float:
        """Both as if independent: the root of the sum of squares."""
        return hypot(self.convergence_ev or 0.0, self.functional_ev)

    @property
    def holds(self) -> str:
        """What `total_ev` is made of."""
        functional = f"functional {self.functional_ev:.2g} eV ({self.functional_holds})"
        if self.convergence_ev is None:
            return f"{functional}; nothing of how far it is converged"
        return f"convergence {self.convergence_ev:.2g} eV ({self.convergence_holds}) and {functional}, in quadrature"

    def resolves(self, value_ev: float) -> bool:
        """Whether the sign of `value_ev` is told: both parts are known, and it is larger than they are together."""
        return self.convergence_ev is not None and abs(value_ev) > self.total_ev
