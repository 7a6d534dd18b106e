"""What a table of a study file states of the errors of its energies."""

from __future__ import annotations

from typing import Annotated

from pydantic import model_validator

from dftflow.model import bounds
from dftflow.model.energy_error import EnergyErrorRequest
from dftflow.toml_file.entries import EntryError, Table, Text, within

__all__ = ["EnergyErrorEntry"]

ErrorEV = Annotated[float, within(bounds.ENERGY_ERROR_EV)]


class EnergyErrorEntry(Table):
    """The keys that tables of energies share."""

    convergence_ev_per_atom: ErrorEV | None = None
    functional_ev_per_atom: ErrorEV | None = None
    functional_source: Text = ""

    @model_validator(mode="after")
    def _has_a_source(self) -> EnergyErrorEntry:
        if self.functional_source and self.functional_ev_per_atom is None:
            raise EntryError("functional_source is the source of functional_ev_per_atom, which is not there",
                             "functional_source")  # fmt: skip
        return self

    def error(self) -> EnergyErrorRequest:
        """What is stated."""
        return EnergyErrorRequest(
            convergence_ev_per_atom=self.convergence_ev_per_atom,
            functional_ev_per_atom=self.functional_ev_per_atom,
            functional_source=self.functional_source,
        )
