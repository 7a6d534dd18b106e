"""``[photons]``: sources of light, and the gaps that they are compared with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from dftflow.model import bounds
from dftflow.model.absorption import AbsorptionRequest, KnownGap
from dftflow.studies.tables.named import ALL, Names, named_materials, refuse_twice, wrong_materials
from dftflow.toml_file.entries import EntryError, Paragraph, Table, Word, within

__all__ = ["MeasuredGapEntry", "PhotonsEntry"]

GOOD_TO_EV = 0.25
GOOD_TO_HOLDS = (
    "gaps of semilocal functionals between sets of potentials; how far they lie below measured ones it does not hold"
)
GapEV = Annotated[float, within(bounds.GAP_EV)]


class MeasuredGapEntry(Table):
    """A gap that somebody else gives."""

    material: Word
    gap_ev: GapEV
    plus_minus_ev: Annotated[float, within(bounds.GAP_REACH_EV)]
    said: Word
    source: Word

    def known(self) -> KnownGap:
        """The same as a type of the model."""
        return KnownGap(
            of=self.material, gap_ev=self.gap_ev, reach_ev=self.plus_minus_ev, reach_holds="as it is published",
            said=self.said, source=self.source,
        )  # fmt: skip


class PhotonsEntry(Table):
    """Wavelengths in vacuum, the materials whose calculated gaps count, and measured gaps."""

    sources_nm: Annotated[tuple[Annotated[float, within(bounds.PHOTON_NM)], ...], Field(min_length=1)]
    materials: Names = (ALL,)
    good_to_ev: Annotated[float, within(bounds.GAP_REACH_EV)] = GOOD_TO_EV
    good_to_holds: Paragraph = GOOD_TO_HOLDS
    measured: tuple[MeasuredGapEntry, ...] = ()

    @model_validator(mode="after")
    def _can_be_asked(self) -> PhotonsEntry:
        refuse_twice(self.sources_nm, "sources_nm")
        if self.good_to_ev != GOOD_TO_EV and self.good_to_holds == GOOD_TO_HOLDS:
            what = f"good_to_ev is {self.good_to_ev:g} and no longer what {GOOD_TO_EV:g} eV hold: say what it holds"
            raise EntryError(f"{what}, in good_to_holds", "good_to_ev")
        return self

    def request(self, of_study: tuple[str, ...]) -> AbsorptionRequest:
        """What is asked for, of the materials of the study."""
        return AbsorptionRequest(
            sources_nm=self.sources_nm, materials=named_materials(self.materials, of_study),
            good_to_ev=self.good_to_ev, good_to_holds=self.good_to_holds,
            measured=tuple(gap.known() for gap in self.measured),
        )  # fmt: skip

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has."""
        return wrong_materials(self.materials, of_study)
