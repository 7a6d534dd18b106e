"""The table ``[effective_masses]`` of a study."""

from __future__ import annotations

from typing import Annotated

from dftflow.model import bounds
from dftflow.model.effective_mass import MassRequest
from dftflow.studies.tables.named import ALL, Names, named_materials, wrong_materials
from dftflow.toml_file.entries import Table, within

__all__ = ["EffectiveMassesEntry"]


class EffectiveMassesEntry(Table):
    """Of which crystals the effective masses are calculated, and how far from the band edges."""

    materials: Names = (ALL,)
    step_per_ang: Annotated[float, within(bounds.MASS_STEP)] = 0.03

    def request(self, materials: tuple[str, ...]) -> MassRequest:
        """What is asked for, of the `materials` of the study."""
        return MassRequest(materials=named_materials(self.materials, materials), step_per_ang=self.step_per_ang)

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has."""
        return wrong_materials(self.materials, of_study)
