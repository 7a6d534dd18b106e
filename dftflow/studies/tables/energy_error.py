"""What a table of a study file states of the errors of its energies."""

from __future__ import annotations

from typing import Annotated

from dftflow.model import bounds
from dftflow.model.energy_error import EnergyErrorRequest
from dftflow.toml_file.entries import Table, Text, within

__all__ = ["EnergyErrorEntry"]

ErrorEV = Annotated[float, within(bounds.ENERGY_ERROR_EV)]


class EnergyErrorEntry(Table):
    """The keys that tables of energies share."""

    convergence_ev_per_atom: ErrorEV | None = None
    functional_ev_per_atom: ErrorEV | None = None
    functional_source: Text = ""

    def error(self) -> EnergyErrorRequest:
        """What is stated."""
        return EnergyErrorRequest(
            convergence_ev_per_atom=self.convergence_ev_per_atom,
            functional_ev_per_atom=self.functional_ev_per_atom,
            functional_source=self.functional_source,
        )
