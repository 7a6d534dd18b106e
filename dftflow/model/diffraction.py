"""What is asked of powder diffraction, and what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dftflow.errors import InputError
from dftflow.model import bounds
from dftflow.model.bounds import Bound
from dftflow.model.powder import MeasuredPattern, MeasuredPeak, PowderLine, PowderLines, two_theta_deg
from dftflow.model.printable import shown
from dftflow.model.quantity import Missing

__all__ = [
    "CU_K_ALPHA_NM",
    "Diffraction",
    "DiffractionRequest",
    "MarkerRow",
    "PeakRow",
    "Reading",
    "SpacingRow",
]

CU_K_ALPHA_NM = 0.15405
_DECIMAL = re.compile(r"(\d+(?:\.(\d+))?)(?:\s*(?:\+-|\+/-|±)\s*(\d+(?:\.\d+)?))?")
REACH = 0.05
"""Planes whose distance differs more from the one that was read are no candidates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A distance of lattice planes that was read off a picture, in nm, with the error of the reading."""

    d_nm: float
    plus_minus_nm: float

    def __post_init__(self) -> None:
        _refuse("the distance of lattice planes", self.d_nm, bounds.SPACING_NM)
        _refuse("the error of a reading", self.plus_minus_nm, bounds.READING_NM)

    def __str__(self) -> str:
        return f"{self.d_nm:g} ± {self.plus_minus_nm:.2g} nm"

    @classmethod
    def of_text(cls, text: str) -> Reading:
        """``"0.581"``, with half a unit of its last digit as the error; or ``"0.581+-0.002"``.

        Raises
        ------
        InputError
            For what is neither.
        """
        found = _DECIMAL.fullmatch(text.strip())
        if found is None:
            fix = "give nanometres: 0.581, or 0.581+-0.002"
            raise InputError(f"{shown(text)} is no distance of lattice planes", fix=fix)
        error = float(found[3]) if found[3] else 0.5 * 10 ** -len(found[2] or "")
        return cls(d_nm=float(found[1]), plus_minus_nm=error)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class DiffractionRequest:
    """What is to be calculated of the powder patterns of crystals.

    Attributes
    ----------
    materials
        Of a study; empty where crystals are given by themselves.
    wavelength_nm
        Of the radiation; 0.15405 nm is Cu Kα1.
    range_deg
        Lowest and highest 2θ.
    size_nm, instrument_deg
        Size of the crystallites, and the width (FWHM) that the instrument gives to a sharp line.
    weights
        Name of a crystal -> its share of the mass of a mixture; empty where none is drawn.
    markers, marker_tolerance_deg
        Angles at which each crystal is asked for a line, and how far it may be off.
    least_intensity
        Relative intensity, in percent, that counts as a line for markers and measured peaks.
    readings
        Distances of lattice planes that were read.
    measured, peak_tolerance_deg
        A measured pattern, or why it is missing, and how far a line may be from one of its peaks.
    """

    materials: tuple[str, ...] = ()
    wavelength_nm: float = CU_K_ALPHA_NM
    range_deg: tuple[float, float] = (10.0, 50.0)
    size_nm: float = 20.0
    instrument_deg: float = 0.0
    weights: Mapping[str, float] | None = None
    markers: tuple[float, ...] = ()
    marker_tolerance_deg: float = 0.3
    least_intensity: float = 1.0
    readings: tuple[Reading, ...] = ()
    measured: MeasuredPattern | Missing | None = None
    peak_tolerance_deg: float = 0.2

    def __post_init__(self) -> None:
        _refuse("the wavelength", self.wavelength_nm, bounds.WAVELENGTH_NM)
        for angle in (*self.range_deg, *self.markers):
            _refuse("an angle 2θ", angle, bounds.TWO_THETA_DEG)
        if not self.range_deg[0] < self.range_deg[1]:
            low, high = self.range_deg
            raise InputError(f"the range of angles from {low:g} to {high:g} is empty", fix="give the lower angle first")
        _refuse("the size of crystallites", self.size_nm, bounds.CRYSTALLITE_NM)
        _refuse("the width of the instrument", self.instrument_deg, bounds.INSTRUMENT_DEG)
        _refuse("the tolerance of a marker", self.marker_tolerance_deg, bounds.TOLERANCE_DEG)
        _refuse("the tolerance of a peak", self.peak_tolerance_deg, bounds.TOLERANCE_DEG)
        _refuse("the least intensity", self.least_intensity, bounds.LEAST_INTENSITY)
        _refuse_twice("marker", self.markers)
        _refuse_twice("distance of lattice planes", [reading.d_nm for reading in self.readings])
        if isinstance(self.measured, MeasuredPattern) and not self.measured.lies_in(self.range_deg):
            raise InputError(
                f"the measured pattern {self.measured.name} {self.measured.beside(self.range_deg)}",
                fix="give a range that holds angles of it",
            )
        for name, weight in (self.weights or {}).items():
            _refuse(f"the weight of {name}", weight, bounds.WEIGHT)
        for reading in self.readings:
            self._refuse_too_narrow(reading)

    def _refuse_too_narrow(self, reading: Reading) -> None:
        if two_theta_deg(10 * reading.d_nm * (1 - REACH), self.wavelength_ang) is None:
            raise InputError(
                f"planes {reading.d_nm:g} nm apart diffract no radiation of {self.wavelength_nm:g} nm",
                reason="by Bragg's law a distance is at least half the wavelength",
                fix="give a shorter wavelength",
            )

    @property
    def wavelength_ang(self) -> float:
        """The wavelength in Å."""
        return 10 * self.wavelength_nm

    @property
    def needed_deg(self) -> tuple[float, float]:
        """The range of angles in which lines are needed: the one asked for, and what markers and readings take."""
        ends = [*self.range_deg]
        ends += [marker + side * self.marker_tolerance_deg for marker in self.markers for side in (-1, 1)]
        for reading in self.readings:
            angles = [two_theta_deg(10 * reading.d_nm * part, self.wavelength_ang) for part in (1 - REACH, 1 + REACH)]
            ends += [angle for angle in angles if angle is not None]
        return max(0.0, min(ends)), min(180.0, max(ends))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerRow:
    """Whether a crystal has a line near an angle, and its nearest lines below and above that count."""

    marker_deg: float
    crystal: str
    line: PowderLine | None
    below: PowderLine | None
    above: PowderLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpacingRow:
    """A reading beside the line of a crystal whose planes are nearest to it."""

    reading: Reading
    crystal: str
    setting: str
    line: PowderLine

    @property
    def off_ang(self) -> float:
        """Calculated minus read, in Å."""
        return self.line.d_ang - 10 * self.reading.d_nm

    @property
    def off_percent(self) -> float:
        """`off_ang` in percent of the reading."""
        return 10 * self.off_ang / self.reading.d_nm

    @property
    def in_errors(self) -> float:
        """How many errors of the reading they are apart."""
        return abs(self.off_ang) / (10 * self.reading.plus_minus_nm)

    @property
    def agrees(self) -> bool:
        """Whether the error of the reading and what is open of the cell, where known, reach over the difference."""
        return abs(self.off_ang) <= 10 * self.reading.plus_minus_nm + (self.line.open_ang or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakRow:
    """A measured peak and the lines that may be it, the strongest first; none where it is unassigned."""

    peak: MeasuredPeak
    lines: tuple[tuple[str, PowderLine], ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Diffraction:
    """What was found of a request.

    Attributes
    ----------
    crystals
        Lines of each, in the order asked for.
    without
        Name of a crystal without lines -> why.
    markers, spacings, peaks
        The rows; of a reading those of all crystals, the nearest first.
    """

    request: DiffractionRequest
    crystals: tuple[PowderLines, ...]
    without: Mapping[str, Missing]
    markers: tuple[MarkerRow, ...] = ()
    spacings: tuple[SpacingRow, ...] = ()
    peaks: tuple[PeakRow, ...] = ()

    @property
    def measured(self) -> MeasuredPattern | None:
        """The measured pattern; None where there is none."""
        return self.request.measured if isinstance(self.request.measured, MeasuredPattern) else None

    def verdict(self, reading: Reading) -> str:
        """Which planes fit a reading best, and whether that is more than the error of the reading tells."""
        rows = [row for row in self.spacings if row.reading == reading]
        if not rows:
            return f"no planes within {100 * REACH:g} % of {reading}"
        best = rows[0]
        text = f"{best.crystal} {best.line.name} is nearest, off by {abs(best.off_percent):.2f} %"
        if len(rows) == 1:
            return text
        apart_ang = abs(rows[1].off_ang) - abs(best.off_ang)
        word = "more" if apart_ang > 10 * reading.plus_minus_nm else "no more"
        return (
            f"{text}; {rows[1].crystal} {rows[1].line.name} lies {apart_ang:.3f} Å further off, {word} than the error "
            f"of the reading, {10 * reading.plus_minus_nm:g} Å"
        )


def _refuse(what: str, value: float, bound: Bound) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not bound.holds(value):
        raise InputError(f"{what} cannot be {shown(value)}", fix=f"it can be {bound}")


def _refuse_twice(what: str, values: Sequence[float]) -> None:
    twice = next((value for number, value in enumerate(values) if value in values[:number]), None)
    if twice is not None:
        raise InputError(f"the {what} {twice:g} stands twice", fix="leave one out")
