"""Powder diffraction of the crystals of a study, and of any others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dftflow.analysis.line_assignment import marker_row, peak_row, spacing_rows
from dftflow.analysis.measured_peaks import measured_peaks
from dftflow.crystals.powder_lines import powder_lines
from dftflow.derive.cell_origin import FUNCTIONAL, cell_origin
from dftflow.derive.findings import Findings
from dftflow.errors import DftflowError
from dftflow.model.diffraction import Diffraction, DiffractionRequest, Reading, SpacingRow
from dftflow.model.outcome import MaterialOutcome
from dftflow.model.powder import MeasuredPattern, PowderLines
from dftflow.model.quantity import Missing, Quantity

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["DiffractingCrystal", "diffracting", "diffraction", "diffraction_quantities"]

BY_LINES = "kinematic powder diffraction"
OPEN_HOLDS = "what the relaxation of the cell leaves open; not what the functional is off by"
READ_OFF = "the error of the reading holds its last digit; the calibration of the picture is not in it"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class DiffractingCrystal:
    """A crystal with its name and where its cell comes from, as `PowderLines` has them."""

    name: str
    structure: Structure
    cell: str
    open_lengths_ang: tuple[float, float, float] | None = None


def diffracting(materials: Sequence[MaterialOutcome]) -> list[DiffractingCrystal]:
    """The crystals of a study with the cells that were calculated; as they were given where none was."""
    return [
        DiffractingCrystal(
            name=one.name,
            structure=one.bulk.as_given,
            cell=cell_origin(one),
            open_lengths_ang=one.bulk.open_lengths_as_given_ang,
        )
        for one in materials
    ]


def diffraction(request: DiffractionRequest, crystals: Sequence[DiffractingCrystal]) -> Diffraction:
    """Lines of each crystal, and what they are of the markers, readings and peaks of a request."""
    found: list[PowderLines] = []
    without: dict[str, Missing] = {}
    for one in crystals:
        try:
            found.append(_lines(request, one))
        except DftflowError as error:
            without[one.name] = Missing(kind="not derived", reason=error.sentence)
    measured = request.measured
    peaks = measured_peaks(measured, request.range_deg) if isinstance(measured, MeasuredPattern) else ()
    return Diffraction(
        request=request,
        crystals=tuple(found),
        without=without,
        markers=tuple(marker_row(one, marker, request) for marker in request.markers for one in found),
        spacings=tuple(row for reading in request.readings for row in spacing_rows(found, reading)),
        peaks=tuple(peak_row(found, peak, request) for peak in peaks),
    )


def _lines(request: DiffractionRequest, crystal: DiffractingCrystal) -> PowderLines:
    return powder_lines(
        crystal.structure,
        crystal=crystal.name,
        cell=crystal.cell,
        wavelength_ang=request.wavelength_ang,
        needed_deg=request.needed_deg,
        range_deg=request.range_deg,
        open_lengths_ang=crystal.open_lengths_ang,
    )


# --- quantities -------------------------------------------------------------------------------------------------


def diffraction_quantities(findings: Findings) -> Iterator[Quantity]:
    """The strongest line of each crystal, its line near each marker, and its planes nearest to each reading."""
    found = findings.diffraction
    if found is None:
        return
    by_name = {material.name: material for material in findings.materials}
    for name, missing in found.without.items():
        yield Quantity.of("strongest diffraction line", name, "degrees", None, missing, method=BY_LINES)
    for crystal in found.crystals:
        material = by_name[crystal.crystal]
        yield _strongest(found, crystal, material)
        yield from _markers(found, crystal, material)
        yield from _spacings(found, crystal, material)
    yield from _readings(found)
    yield from _peaks(found)


def _told(crystal: PowderLines, material: MaterialOutcome) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Origin and remarks of every number of a crystal."""
    origin = material.bulk.cell_step or material.bulk.source
    calculated = (FUNCTIONAL,) if material.bulk.cell_step else ()
    return (origin,), (f"cell {crystal.cell}", *calculated)


def _strongest(found: Diffraction, crystal: PowderLines, material: MaterialOutcome) -> Quantity:
    line = crystal.strongest(*found.request.range_deg)
    assert line is not None, "a crystal without lines has none of this"
    origin, remarks = _told(crystal, material)
    planes = f"{line.name} {crystal.setting}, d = {line.d_ang:.4f} Å"
    return Quantity(
        name="strongest diffraction line", subject=crystal.crystal, unit="degrees", value=line.two_theta_deg,
        method=f"{BY_LINES}, {found.request.wavelength_nm:g} nm", origin=origin, remarks=(planes, *remarks),
    )  # fmt: skip


def _markers(found: Diffraction, crystal: PowderLines, material: MaterialOutcome) -> Iterator[Quantity]:
    origin, remarks = _told(crystal, material)
    request = found.request
    counts = f"within {request.marker_tolerance_deg:g} degrees, of at least {request.least_intensity:g} % intensity"
    for row in found.markers:
        if row.crystal != crystal.crystal:
            continue
        near = [line for line in (row.below, row.line, row.above) if line is not None]
        told = ", ".join(f"{line.name} {line.two_theta_deg:.2f} ({line.intensity:.0f} %)" for line in near)
        yield Quantity(
            name=f"line near {row.marker_deg:g} degrees", subject=crystal.crystal,
            unit="degrees" if row.line else "", value=row.line.two_theta_deg if row.line else "none",
            method=f"{BY_LINES}, {request.wavelength_nm:g} nm", origin=origin,
            remarks=(counts, f"nearest lines: {told}" if told else "no lines near it", *remarks),
        )  # fmt: skip


def _spacings(found: Diffraction, crystal: PowderLines, material: MaterialOutcome) -> Iterator[Quantity]:
    origin, remarks = _told(crystal, material)
    for reading in found.request.readings:
        name = f"distance of the planes nearest to {reading.d_nm:g} nm"
        row = next((r for r in found.spacings if (r.reading, r.crystal) == (reading, crystal.crystal)), None)
        if row is None:
            why = Missing(kind="not derived", reason=f"no planes that diffract lie within 5 % of {reading}")
            yield Quantity.of(name, crystal.crystal, "Å", None, why, method=BY_LINES)
            continue
        open_ang = row.line.open_ang
        yield Quantity(
            name=name, subject=crystal.crystal, unit="Å", value=row.line.d_ang, method=BY_LINES, origin=origin,
            uncertainty=None if open_ang is None else (-open_ang, open_ang),
            uncertainty_holds="" if open_ang is None else OPEN_HOLDS,
            remarks=(_fit(row), *remarks),
        )  # fmt: skip


def _fit(row: SpacingRow) -> str:
    agrees = "within" if row.agrees else "beyond"
    return (
        f"planes {row.line.name} {row.setting}, {row.off_percent:+.2f} % or {row.in_errors:.1f} errors of the reading "
        f"{row.reading} off, {agrees} the errors that are known"
    )


def _readings(found: Diffraction) -> Iterator[Quantity]:
    for reading in found.request.readings:
        yield Quantity.of(
            f"planes nearest to {reading.d_nm:g} nm", "the study", "", _best(found, reading),
            Missing(kind="not derived", reason=found.verdict(reading)), method=BY_LINES,
            remarks=(found.verdict(reading), READ_OFF),
        )  # fmt: skip


def _peaks(found: Diffraction) -> Iterator[Quantity]:
    if found.measured is None:
        return
    for row in found.peaks:
        lines = [f"{name} {line.name} {line.two_theta_deg:.2f} ({line.intensity:.0f} %)" for name, line in row.lines]
        nearest = f"lines within {found.request.peak_tolerance_deg:g} degrees: {', '.join(lines) or 'none'}"
        yield Quantity(
            name=f"measured peak at {row.peak.two_theta_deg:.2f} degrees", subject=found.measured.name, unit="",
            value=f"{row.lines[0][0]} {row.lines[0][1].name}" if row.lines else "unassigned", method=BY_LINES,
            remarks=(f"height {row.peak.height:.0f} % of the highest", nearest),
        )  # fmt: skip


def _best(found: Diffraction, reading: Reading) -> str | None:
    row = next((row for row in found.spacings if row.reading == reading), None)
    return None if row is None else f"{row.crystal} {row.line.name} {row.setting}"
