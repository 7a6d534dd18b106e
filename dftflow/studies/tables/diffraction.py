"""``[diffraction]``: powder patterns of the crystals of a study, and what was measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from dftflow.model import bounds
from dftflow.model.diffraction import CU_K_ALPHA_NM, DiffractionRequest, Reading
from dftflow.model.powder import MeasuredPattern
from dftflow.model.quantity import Missing
from dftflow.studies.tables.named import ALL, Names, named_materials, refuse_twice, wrong_materials, wrong_name
from dftflow.toml_file.entries import EntryError, Place, Table, within

__all__ = ["DiffractionEntry", "ReadingEntry"]

Angle = Annotated[float, within(bounds.TWO_THETA_DEG)]
Tolerance = Annotated[float, within(bounds.TOLERANCE_DEG)]
Share = Annotated[float, within(bounds.LEAST_INTENSITY)]


class ReadingEntry(Table):
    """A distance of lattice planes that was read, and the error of the reading."""

    d_nm: Annotated[float, within(bounds.SPACING_NM)]
    plus_minus_nm: Annotated[float, within(bounds.READING_NM)]


class DiffractionEntry(Table):
    """Which materials diffract, what radiation, and what is asked of their lines."""

    materials: Names = (ALL,)
    wavelength_nm: Annotated[float, within(bounds.WAVELENGTH_NM)] = CU_K_ALPHA_NM
    range_deg: tuple[Angle, Angle] = (10.0, 50.0)
    size_nm: Annotated[float, within(bounds.CRYSTALLITE_NM)] = 20.0
    instrument_deg: Annotated[float, within(bounds.INSTRUMENT_DEG)] = 0.0
    weights: dict[str, Annotated[float, within(bounds.WEIGHT)]] = Field(default_factory=dict)
    markers: tuple[Angle, ...] = ()
    marker_tolerance_deg: Tolerance = 0.3
    least_intensity: Share = 1.0
    spacings_nm: tuple[ReadingEntry, ...] = ()
    measured: Place | None = None
    peak_tolerance_deg: Tolerance = 0.2

    @model_validator(mode="after")
    def _can_be_asked(self) -> DiffractionEntry:
        if not self.range_deg[0] < self.range_deg[1]:
            raise EntryError("range_deg has the lower angle first", "range_deg")
        refuse_twice(self.markers, "markers")
        refuse_twice([reading.d_nm for reading in self.spacings_nm], "spacings_nm")
        for number, reading in enumerate(self.spacings_nm):
            if reading.d_nm * 0.95 < self.wavelength_nm / 2:
                what = f"planes {reading.d_nm:g} nm apart diffract no radiation of {self.wavelength_nm:g} nm"
                raise EntryError(what, "spacings_nm", number, "d_nm")
        return self

    def named(self, materials: Sequence[str]) -> tuple[str, ...]:
        """The materials that are meant, of those of the study."""
        return named_materials(self.materials, tuple(materials))

    def wrong(self, materials: Sequence[str]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has; None where all are materials of the study."""
        named = self.named(materials)
        wrong = wrong_materials(self.materials, tuple(materials))
        weights = wrong_name(tuple(self.weights), named)
        return wrong or (("weights", weights.replace("the study has", "it is of")) if weights else None)

    def request(self, materials: Sequence[str], measured: MeasuredPattern | Missing | None) -> DiffractionRequest:
        """What the table asks for."""
        return DiffractionRequest(
            materials=self.named(materials),
            wavelength_nm=self.wavelength_nm,
            range_deg=self.range_deg,
            size_nm=self.size_nm,
            instrument_deg=self.instrument_deg,
            weights=self.weights,
            markers=self.markers,
            marker_tolerance_deg=self.marker_tolerance_deg,
            least_intensity=self.least_intensity,
            readings=tuple(Reading(d_nm=one.d_nm, plus_minus_nm=one.plus_minus_nm) for one in self.spacings_nm),
            measured=measured,
            peak_tolerance_deg=self.peak_tolerance_deg,
        )
