"""The table ``[density_of_states]`` of a study."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from dftflow.model import bounds
from dftflow.model.dos_request import DosRequest
from dftflow.model.kpoint_grid import shift_of_grid
from dftflow.studies.tables.kpoints import GridSpacing, KPointGrid
from dftflow.studies.tables.named import ALL, Names, named_materials, wrong_materials
from dftflow.toml_file.entries import Table, within

__all__ = ["SPACING_PER_ANG", "DensityOfStatesEntry"]

SPACING_PER_ANG = 0.15
"""Between neighbouring points, 2π included: about half of what densities of insulators are calculated with."""


def _ordered(window: tuple[float, float]) -> tuple[float, float]:
    if not window[0] < window[1]:
        raise PydanticCustomError("no_window", "the first energy has to be below the second")
    return window


_Energy = Annotated[float, within(bounds.WINDOW_EV)]


class DensityOfStatesEntry(Table):
    """Of which crystals the states are calculated on a grid of their own, and how they are smeared."""

    materials: Names = (ALL,)
    kpoint_spacing_per_ang: GridSpacing | None = None
    kpoints: KPointGrid | None = None
    broadening_ev: Annotated[float, within(bounds.SMEARING_EV)] = 0.1
    window_ev: Annotated[tuple[_Energy, _Energy], AfterValidator(_ordered)] | None = None

    @model_validator(mode="after")
    def _has_one_grid(self) -> DensityOfStatesEntry:
        if self.kpoints is not None and self.kpoint_spacing_per_ang is not None:
            raise ValueError("density_of_states has kpoints and kpoint_spacing_per_ang: leave one out")
        return self

    def request(self, materials: tuple[str, ...]) -> DosRequest:
        """What is asked for, of the `materials` of the study. A grid holds Γ unless ``gamma = false``."""
        grid = None
        if self.kpoints is not None:
            counts = self.kpoints.size
            grid = counts, shift_of_grid(counts, gamma=self.kpoints.gamma is not False)
        return DosRequest(
            materials=named_materials(self.materials, materials),
            kpoint_spacing_per_ang=self.kpoint_spacing_per_ang or SPACING_PER_ANG,
            grid=grid,
            broadening_ev=self.broadening_ev,
            window_ev=self.window_ev,
        )

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has."""
        return wrong_materials(self.materials, of_study)
