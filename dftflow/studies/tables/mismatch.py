"""``[[mismatch]]``: two crystals of a study, and how far they are from fitting onto each other."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from dftflow.model import bounds
from dftflow.model.miller import FORMS, THIRD_INDEX, third_index_holds
from dftflow.model.mismatch import MismatchRequest, NamedPlane
from dftflow.studies.tables.named import wrong_materials
from dftflow.toml_file.entries import EntryError, Table, Word, within

__all__ = ["MismatchEntry", "PlanesEntry"]

Index = Annotated[int, within(bounds.MILLER_INDEX)]


def _plane(miller: tuple[int, ...]) -> tuple[int, ...]:
    if len(miller) not in (3, 4) or not any(miller):
        raise PydanticCustomError("no_plane", "a plane has {forms}", {"forms": FORMS})
    if not third_index_holds(miller):
        raise PydanticCustomError("no_plane", THIRD_INDEX)
    return miller


Miller = Annotated[tuple[Index, ...], AfterValidator(_plane)]


class PlanesEntry(Table):
    """A plane of each crystal, with the setting that its indices belong to."""

    first: Miller
    second: Miller
    first_setting: Word | None = None
    second_setting: Word | None = None

    def named(self) -> tuple[NamedPlane, NamedPlane]:
        """Both planes."""
        return (
            NamedPlane(miller=self.first, setting=self.first_setting),
            NamedPlane(miller=self.second, setting=self.second_setting),
        )


class MismatchEntry(Table):
    """Two materials, the strained one first, and which of their planes are compared."""

    materials: tuple[Word, Word]
    planes: tuple[PlanesEntry, ...] = ()
    max_index: Annotated[int, within(bounds.MISMATCH_INDEX)] = 1
    max_area_ang2: Annotated[float, within(bounds.MATCH_AREA_ANG2)] = 150.0
    most_strain_percent: Annotated[float, within(bounds.STRAIN_PERCENT)] = 10.0
    published_percent: Annotated[float, within(bounds.FRACTION_PERCENT)] | None = None

    @model_validator(mode="after")
    def _are_two(self) -> MismatchEntry:
        if len(set(self.materials)) < 2:
            raise EntryError(f"mismatch.materials names a material twice: {', '.join(self.materials)}", "materials")
        return self

    def request(self) -> MismatchRequest:
        """What the table asks for."""
        return MismatchRequest(
            first=self.materials[0],
            second=self.materials[1],
            planes=tuple(entry.named() for entry in self.planes),
            max_index=self.max_index,
            max_area_ang2=self.max_area_ang2,
            most_strain_percent=self.most_strain_percent,
            published_percent=self.published_percent,
        )

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has."""
        return wrong_materials(self.materials, of_study)
