"""``[phases]`` of a study file."""

from __future__ import annotations

from dftflow.model.polymorph import PhasesRequest
from dftflow.studies.tables.energy_error import EnergyErrorEntry
from dftflow.studies.tables.named import Names, named_materials, wrong_materials

__all__ = ["PhasesEntry"]


class PhasesEntry(EnergyErrorEntry):
    """Materials among which phases of one composition are compared."""

    materials: Names

    def request(self, of_study: tuple[str, ...]) -> PhasesRequest:
        """The request; ``"all"`` stands for the materials of the study."""
        return PhasesRequest(materials=named_materials(self.materials, of_study), error=self.error())

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has."""
        return wrong_materials(self.materials, of_study)
