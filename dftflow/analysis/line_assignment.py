"""Which lines of which crystals a marker, a distance of planes that was read, or a measured peak may be."""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.model.diffraction import REACH, DiffractionRequest, MarkerRow, PeakRow, Reading, SpacingRow
from dftflow.model.powder import MeasuredPeak, PowderLine, PowderLines

__all__ = ["marker_row", "peak_row", "spacing_rows"]


def marker_row(crystal: PowderLines, marker_deg: float, request: DiffractionRequest) -> MarkerRow:
    """Whether a crystal has a line that counts within the tolerance of a marker, and its neighbours that count."""
    counted = [line for line in crystal.lines if line.intensity >= request.least_intensity]
    near = request.marker_tolerance_deg
    here = [line for line in counted if abs(line.two_theta_deg - marker_deg) <= near]
    return MarkerRow(
        marker_deg=marker_deg,
        crystal=crystal.crystal,
        line=max(here, key=lambda line: line.intensity, default=None),
        below=next((line for line in reversed(counted) if line.two_theta_deg < marker_deg - near), None),
        above=next((line for line in counted if line.two_theta_deg > marker_deg + near), None),
    )


def spacing_rows(crystals: Sequence[PowderLines], reading: Reading) -> tuple[SpacingRow, ...]:
    """Every line of every crystal whose planes are within 5 % of a reading, the nearest first."""
    rows = [
        SpacingRow(reading=reading, crystal=one.crystal, setting=one.setting, line=line)
        for one in crystals
        for line in one.lines
        if abs(line.d_ang - 10 * reading.d_nm) <= REACH * 10 * reading.d_nm
    ]
    return tuple(sorted(rows, key=lambda row: abs(row.off_ang)))


def peak_row(crystals: Sequence[PowderLines], peak: MeasuredPeak, request: DiffractionRequest) -> PeakRow:
    """The lines that count within the tolerance of a peak, the strongest first."""
    near = request.peak_tolerance_deg
    found: list[tuple[str, PowderLine]] = [
        (one.crystal, line)
        for one in crystals
        for line in one.between(peak.two_theta_deg - near, peak.two_theta_deg + near)
        if line.intensity >= request.least_intensity
    ]
    return PeakRow(peak=peak, lines=tuple(sorted(found, key=lambda pair: -pair[1].intensity)))
