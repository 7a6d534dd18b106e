"""The figure of a mixture: its numbers, and what stands in its place."""

from __future__ import annotations

import pytest

from dftflow.analysis.bowing import fit_bowing
from dftflow.figures.alloy import alloy_drawing
from dftflow.figures.look import Look
from dftflow.model.alloy import Alloy, AlloyAt
from dftflow.model.quantity import Missing


def of(*points: AlloyAt) -> Alloy:
    x = [at.fraction for at in points]
    gap = fit_bowing(x, [at.gap_ev for at in points], [at.gap_spread_ev for at in points])
    length = fit_bowing(x, [at.length_ang for at in points], [None] * len(points))
    return Alloy(name="FAxCs", points=points, gap=gap, length=length)


def test_points_line_and_fit() -> None:
    found = of(
        AlloyAt(fraction=0, gaps_ev=(2.0,), lengths_ang=(6.0,), weights=(1,)),
        AlloyAt(fraction=0.5, gaps_ev=(1.9, 2.1), lengths_ang=(6.05, 6.05), weights=(1, 3)),
        AlloyAt(fraction=1, gaps_ev=(2.4,), lengths_ang=(6.2,), weights=(1,)),
    )
    drawing = alloy_drawing(found, Look())
    assert drawing.render("png")["png"].startswith(b"\x89PNG")
    assert drawing.data is not None
    records = drawing.data()
    row = dict(zip(records.columns, records.rows[1], strict=True))
    assert row["gap_ev"] == pytest.approx(2.05) and row["line_ev"] == pytest.approx(2.2)
    assert row["fit_ev"] == pytest.approx(2.05) and row["vegard_ang"] == pytest.approx(6.1)
    assert row["gap_spread_ev"] == pytest.approx(0.0866, abs=1e-4), "sqrt(0.75) x 0.1"


def test_without_a_fit_it_says_why() -> None:
    drawing = alloy_drawing(Alloy(name="A", points=(), missing=Missing(kind="refused", reason="no end")), Look())
    assert drawing.build is None and drawing.missing == "no end"
