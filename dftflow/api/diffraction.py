"""Powder patterns of crystals, and which of their lines a measured peak or a distance of planes may be.

>>> import dftflow                                                                # doctest: +SKIP
>>> dftflow.diffraction("CsPbBr3_Pnma", "CsPbBr3_Pm-3m", spacings=["0.581"])      # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more
from dftflow.api.structures import StructureLike, as_structure
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.ions import formula_of
from dftflow.crystals.sources import load_crystal
from dftflow.derive.diffraction import DiffractingCrystal
from dftflow.derive.diffraction import diffraction as diffraction_of
from dftflow.errors import AnalysisError, InputError
from dftflow.figures.diffraction import MOST_PATTERNS, diffraction_drawing
from dftflow.input_file import named_place
from dftflow.model.diffraction import CU_K_ALPHA_NM, Diffraction, DiffractionRequest, Reading
from dftflow.model.powder import MeasuredPattern, PowderLine, PowderLines
from dftflow.model.records import Records
from dftflow.studies.measured_pattern import read_measured_pattern

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Diffracted", "diffraction"]

_COLUMNS = ("crystal", "planes", "setting", "two_theta_deg", "d_ang", "intensity")


class Diffracted:
    """What was found of the powder patterns of crystals.

    Attributes
    ----------
    found
        Lines of each crystal, and the rows of markers, readings and measured peaks.
    """

    def __init__(self, found: Diffraction) -> None:
        self.found = found

    def __repr__(self) -> str:
        names = ", ".join(one.crystal for one in self.found.crystals)
        return f"<Diffracted {names}, {self.found.request.wavelength_nm:g} nm>"

    def __getitem__(self, crystal: str) -> PowderLines:
        for one in self.found.crystals:
            if one.crystal == crystal:
                return one
        known = ", ".join(one.crystal for one in self.found.crystals)
        raise InputError(f"there are no lines of {crystal!r}", fix=f"there are those of {known}")

    def verdict(self, spacing: str | float | Reading) -> str:
        """Which planes fit a distance best, in a sentence."""
        return self.found.verdict(_reading(spacing))

    def records(self) -> Records:
        """A row for each line in the range."""
        rows = [
            (one.crystal, line.name, one.setting, line.two_theta_deg, line.d_ang, line.intensity)
            for one in self.found.crystals
            for line in one.between(*self.found.request.range_deg)
        ]
        return Records(columns=_COLUMNS, rows=tuple(rows))

    def to_frame(self) -> pd.DataFrame:
        """`records` as a pandas table; raises `CodeNotFoundError` without pandas."""
        return self.records().frame()

    def to_dict(self) -> dict[str, Any]:
        """As plain data: the document of ``dftflow diffraction --json``."""
        request = self.found.request
        return {
            "wavelength_nm": request.wavelength_nm,
            "range_deg": list(request.range_deg),
            "crystals": [_plain(one, request) for one in self.found.crystals],
            "markers": [
                {
                    "marker_deg": row.marker_deg,
                    "tolerance_deg": request.marker_tolerance_deg,
                    "crystal": row.crystal,
                    **{name: _line(getattr(row, name)) for name in ("line", "below", "above")},
                }
                for row in self.found.markers
            ],
            "spacings": [
                {
                    "d_nm": reading.d_nm,
                    "plus_minus_nm": reading.plus_minus_nm,
                    "verdict": self.found.verdict(reading),
                    "candidates": [
                        {
                            "crystal": row.crystal,
                            "line": _line(row.line),
                            "off_ang": row.off_ang,
                            "off_percent": row.off_percent,
                            "reading_errors": row.in_errors,
                            "agrees": row.agrees,
                        }
                        for row in self.found.spacings
                        if row.reading == reading
                    ],
                }
                for reading in request.readings
            ],
            "peaks": [
                {
                    "two_theta_deg": row.peak.two_theta_deg,
                    "height": row.peak.height,
                    "lines": [{"crystal": name, **(_line(line) or {})} for name, line in row.lines],
                }
                for row in self.found.peaks
            ],
        }

    def figure(self, **look: Unpack[LookOptions]) -> PlottedFigure:
        """The patterns below each other.

        Raises
        ------
        InputError
            For more than ten crystals, and for what is no look of a figure.
        """
        refuse_more(len(self.found.crystals), MOST_PATTERNS)
        names = [one.crystal for one in self.found.crystals]
        return plotted(names, look, lambda look: diffraction_drawing(self.found, look))

    def save(self, path: str | os.PathLike[str], **look: Unpack[LookOptions]) -> Path:
        """Write the figure, or its numbers to a ``.csv``; raises as `PlottedFigure.save`."""
        return self.figure(**look).save(path)

    def _repr_html_(self) -> str:
        return self.figure()._repr_html_()


def diffraction(
    *crystals: StructureLike,
    wavelength_nm: float = CU_K_ALPHA_NM,
    range_deg: tuple[float, float] = (10.0, 50.0),
    size_nm: float = 20.0,
    instrument_deg: float = 0.0,
    weights: Mapping[str, float] | None = None,
    markers: Sequence[float] = (),
    marker_tolerance_deg: float = 0.3,
    least_intensity: float = 1.0,
    spacings: Sequence[str | float | Reading] = (),
    measured: str | os.PathLike[str] | MeasuredPattern | None = None,
    peak_tolerance_deg: float = 0.2,
) -> Diffracted:
    """Powder patterns of crystals: their lines, and what is near markers, distances of planes and measured peaks.

    Parameters
    ----------
    crystals
        As `dftflow.api.structures.as_structure` takes them.
    wavelength_nm, range_deg
        Of the radiation (Cu Kα1 unless given), and lowest and highest 2θ.
    size_nm, instrument_deg
        Size of the crystallites, and width (FWHM) that the instrument gives to a sharp line; of the curves alone.
    weights
        Name of a crystal -> its share of the mass, for the pattern of a mixture.
    markers, marker_tolerance_deg, least_intensity
        Angles at which each crystal is asked for a line; how far one may be off; the least relative intensity, in
        percent, that counts.
    spacings
        Distances of lattice planes in nm: ``"0.581"`` with half a unit of the last digit as its error,
        ``"0.581+-0.002"``, or a `Reading`. Of a number the shortest text counts.
    measured, peak_tolerance_deg
        A file of two columns, or a pattern; its peaks are assigned to the lines within the tolerance.

    Raises
    ------
    InputError
        A number out of its range, no crystal, a weight of none of them, a file that is no pattern.
    StructureError
        There is no such crystal.
    AnalysisError
        None of the crystals has a line in the range.
    """
    named = _named(crystals)
    unknown = next((name for name in weights or {} if name not in named), None)
    if unknown is not None:
        raise InputError(
            f"there is a weight of {unknown!r}, which is none of the crystals", fix=f"use {', '.join(named)}"
        )
    request = DiffractionRequest(
        wavelength_nm=wavelength_nm,
        range_deg=range_deg,
        size_nm=size_nm,
        instrument_deg=instrument_deg,
        weights=weights,
        markers=tuple(markers),
        marker_tolerance_deg=marker_tolerance_deg,
        least_intensity=least_intensity,
        readings=tuple(map(_reading, spacings)),
        measured=_measured(measured),
        peak_tolerance_deg=peak_tolerance_deg,
    )
    found = diffraction_of(request, list(named.values()))
    if found.without:
        name, missing = next(iter(found.without.items()))
        raise AnalysisError(f"no pattern of {name}", reason=missing.reason)
    return Diffracted(found)


def _named(crystals: Sequence[StructureLike]) -> dict[str, DiffractingCrystal]:
    if not crystals:
        raise InputError("there is no crystal", fix="give a shipped name, a file or a pymatgen Structure")
    found: dict[str, DiffractingCrystal] = {}
    seen: Counter[str] = Counter()
    for one in crystals:
        crystal = load_crystal(one) if isinstance(one, str | os.PathLike) else one
        held = as_structure(crystal)
        name = crystal.name if isinstance(crystal, Crystal) else formula_of(held)
        source = crystal.source if isinstance(crystal, Crystal) else "a structure"
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found[name] = DiffractingCrystal(name=name, structure=held, cell=f"as given: {source}")
    return found


def _reading(given: str | float | Reading) -> Reading:
    return given if isinstance(given, Reading) else Reading.of_text(given if isinstance(given, str) else repr(given))


def _measured(given: str | os.PathLike[str] | MeasuredPattern | None) -> MeasuredPattern | None:
    if given is None or isinstance(given, MeasuredPattern):
        return given
    return read_measured_pattern(named_place(given))


def _plain(one: PowderLines, request: DiffractionRequest) -> dict[str, Any]:
    lines = [_line(line) for line in one.between(*request.range_deg)]
    return {"crystal": one.crystal, "setting": one.setting, "cell": one.cell, "lines": lines}


def _line(line: PowderLine | None) -> dict[str, Any] | None:
    if line is None:
        return None
    return {
        "planes": line.name,
        "two_theta_deg": line.two_theta_deg,
        "d_ang": line.d_ang,
        "intensity": line.intensity,
        "open_ang": line.open_ang,
    }
