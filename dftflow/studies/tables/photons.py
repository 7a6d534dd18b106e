"""``[photons]``: sources of light, and the gaps that they are compared with."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from dftflow.model import bounds
from dftflow.model.absorption import AbsorptionRequest, KnownGap
from dftflow.toml_file.entries import Paragraph, Table, Word, within

__all__ = ["PhotonsEntry"]

GOOD_TO_EV = 0.25
GOOD_TO_HOLDS = (
    "gaps of semilocal functionals between sets of potentials; how far they lie below measured ones it does not hold"
)
GapEV = Annotated[float, within(bounds.GAP_EV)]


class _MeasuredGap(Table):
    """A gap that somebody else gives."""

    material: Word
    gap_ev: GapEV
    plus_minus_ev: Annotated[float, within(bounds.REACH)]
    said: Word
    source: Word

    def asked(self) -> KnownGap:
        """The same as a type of the model."""
        return KnownGap(
            of=self.material, gap_ev=self.gap_ev, reach_ev=self.plus_minus_ev, reach_holds="as it is published",
            said=self.said, source=self.source,
        )  # fmt: skip


def _as_names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class PhotonsEntry(Table):
    """Wavelengths in vacuum, the materials whose calculated gaps count, and measured gaps."""

    sources_nm: Annotated[tuple[Annotated[float, within(bounds.PHOTON_NM)], ...], Field(min_length=1)]
    materials: Annotated[tuple[Word, ...], BeforeValidator(_as_names)] = ("all",)
    good_to_ev: Annotated[float, within(bounds.REACH)] = GOOD_TO_EV
    good_to_holds: Paragraph = GOOD_TO_HOLDS
    measured: tuple[_MeasuredGap, ...] = ()

    def asked(self, materials: tuple[str, ...]) -> AbsorptionRequest:
        """The same as a type of the model; `materials` are those that it names."""
        return AbsorptionRequest(
            sources_nm=self.sources_nm, materials=materials, good_to_ev=self.good_to_ev,
            good_to_holds=self.good_to_holds, measured=tuple(gap.asked() for gap in self.measured),
        )  # fmt: skip
