"""Which lines fit: the picture of 0.581 nm and the peak at 15 degrees of the CsPbBr3 and Cs4PbBr6 papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dftflow.analysis.line_assignment import marker_row, peak_row, spacing_rows
from dftflow.crystals.powder_lines import powder_lines
from dftflow.crystals.shipped import load_shipped
from dftflow.model.diffraction import Diffraction, DiffractionRequest, Reading, SpacingRow
from dftflow.model.powder import MeasuredPeak, PowderLines

PHASES = ("CsPbBr3_Pnma", "CsPbBr3_mono", "CsPbBr3_P4mbm", "CsPbBr3_Pm-3m")
READ = Reading.of_text("0.581")
REQUEST = DiffractionRequest(markers=(15.0,), readings=(READ,))


def crystals(names: Sequence[str]) -> list[PowderLines]:
    return [
        powder_lines(
            load_shipped(name).structure, crystal=name, cell="", wavelength_ang=1.5405,
            needed_deg=REQUEST.needed_deg, range_deg=REQUEST.range_deg,
        )
        for name in names
    ]  # fmt: skip


def test_the_picture_fits_pnma_better_than_the_monoclinic_cell() -> None:
    rows = spacing_rows(crystals(("CsPbBr3_mono", "CsPbBr3_Pnma", "CsPbBr3_Pm-3m")), READ)
    told = [(row.crystal, row.line.planes[0], round(row.line.d_ang, 3), round(row.off_percent, 2)) for row in rows]
    assert told[:4] == [
        ("CsPbBr3_Pnma", (1, 0, 1), 5.813, 0.05),
        ("CsPbBr3_mono", (1, 0, 0), 5.827, 0.29),
        ("CsPbBr3_Pnma", (0, 2, 0), 5.868, 0.99),
        ("CsPbBr3_Pm-3m", (1, 0, 0), 5.874, 1.1),
    ]
    assert [row.agrees for row in rows[:3]] == [True, False, False]
    assert [round(row.in_errors, 1) for row in rows[:2]] == [0.6, 3.4]


def test_whether_the_reading_tells_them_apart_is_said() -> None:
    found = crystals(("CsPbBr3_mono", "CsPbBr3_Pnma"))

    def verdict(text: str) -> str:
        reading = Reading.of_text(text)
        rows = spacing_rows(found, reading)
        request = DiffractionRequest(readings=(reading,))
        return Diffraction(request=request, crystals=tuple(found), without={}, spacings=rows).verdict(reading)

    assert "CsPbBr3_Pnma (101) is nearest" in verdict("0.581")
    assert "0.014 Å further off, more than the error of the reading" in verdict("0.581")
    assert "no more than the error of the reading, 0.02 Å" in verdict("0.581+-0.002")
    assert verdict("0.45") == "no planes within 5 % of 0.45 ± 0.005 nm"


@pytest.mark.parametrize("name", PHASES)
def test_every_phase_of_cspbbr3_has_a_line_at_15_degrees(name: str) -> None:
    row = marker_row(crystals((name,))[0], 15.0, REQUEST)
    assert row.line is not None and row.line.intensity > 20


def test_cs4pbbr6_has_none_there() -> None:
    row = marker_row(crystals(("Cs4PbBr6_R-3c",))[0], 15.0, REQUEST)
    assert row.line is None and row.below is not None and row.above is not None
    assert (round(row.below.two_theta_deg, 2), round(row.above.two_theta_deg, 2)) == (12.88, 20.08)


def test_a_line_too_weak_does_not_count() -> None:
    loose = DiffractionRequest(markers=(15.0,), least_intensity=39.0)
    assert marker_row(crystals(("CsPbBr3_Pnma",))[0], 15.0, loose).line is None


def test_a_peak_has_the_lines_near_it_the_strongest_first() -> None:
    found = crystals(("CsPbBr3_Pnma", "Cs4PbBr6_R-3c"))
    row = peak_row(found, MeasuredPeak(two_theta_deg=15.2, height=30), REQUEST)
    assert [(name, line.planes[0]) for name, line in row.lines] == [
        ("CsPbBr3_Pnma", (1, 0, 1)), ("CsPbBr3_Pnma", (0, 2, 0)),
    ]  # fmt: skip
    assert peak_row(found, MeasuredPeak(two_theta_deg=18.0, height=30), REQUEST).lines == ()


def test_what_the_relaxation_leaves_open_counts_beside_the_error_of_the_reading() -> None:
    """5.827 Å is 0.017 Å off 0.581 nm +- 0.0005: an open 0.01 Å is not enough, 0.02 Å is."""
    (mono,) = crystals(("CsPbBr3_mono",))
    line = mono.between(15.1, 15.3)[0]
    rows = [
        SpacingRow(reading=READ, crystal="x", setting="", line=replace(line, d_ang=5.827, open_ang=open_ang))
        for open_ang in (None, 0.01, 0.02)
    ]
    assert [row.agrees for row in rows] == [False, False, True]
