"""``[hull]`` of a study file."""

from __future__ import annotations

from pydantic import model_validator

from dftflow.model.hull import HullRequest
from dftflow.studies.tables.energy_error import EnergyErrorEntry
from dftflow.studies.tables.named import Names, named_materials, wrong_materials, wrong_name
from dftflow.toml_file.entries import EntryError, Word

__all__ = ["HullEntry"]


class HullEntry(EnergyErrorEntry):
    """Materials of a convex hull, and the compounds that it lies between where these are given."""

    materials: Names = ("all",)
    terminals: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _lies_between_some(self) -> HullEntry:
        if len(self.terminals) == 1:
            raise EntryError("a hull lies between two terminals or more, or those that are found", "terminals")
        return self

    def request(self, of_study: tuple[str, ...]) -> HullRequest:
        """The request; ``"all"`` stands for the materials of the study."""
        materials = named_materials(self.materials, of_study)
        return HullRequest(materials=materials, terminals=self.terminals, error=self.error())

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has."""
        wrong = wrong_materials(self.materials, of_study, least=2)
        if wrong is not None:
            return wrong
        text = wrong_name(self.terminals, named_materials(self.materials, of_study))
        return ("terminals", text.replace("the study has", "the hull has")) if text else None
