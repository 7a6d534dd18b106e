"""Powder patterns as a figure: what is drawn, and that names of planes do not lie over each other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.text import Annotation, Text

import dftflow
from dftflow.figures.diffraction import diffraction_drawing
from dftflow.figures.look import Look


@pytest.fixture(scope="module")
def drawn() -> dftflow.api.diffraction.Diffracted:  # type: ignore[name-defined]
    names = ("CsPbBr3_Pnma", "CsPbBr3_mono", "Cs4PbBr6_R-3c")
    return dftflow.diffraction(*names, markers=[15.0], weights={names[0]: 1.0, names[2]: 1.0})


def test_names_of_planes_lie_beside_each_other(drawn: object) -> None:
    drawing = diffraction_drawing(drawn.found, Look())  # type: ignore[attr-defined]
    assert drawing.build is not None
    figure = drawing.build()
    figure.draw_without_rendering()
    for ax in figure.axes:
        boxes = [Text.get_window_extent(text) for text in ax.texts if isinstance(text, Annotation)]
        for left, right in pairwise(sorted(boxes, key=lambda box: box.x0)):
            assert left.x1 <= right.x0 + 0.5
        title = next(text for text in ax.texts if not isinstance(text, Annotation)).get_window_extent()
        assert not [box for box in boxes if box.overlaps(title)]


def test_the_numbers_are_those_that_are_drawn(drawn: object) -> None:
    drawing = diffraction_drawing(drawn.found, Look())  # type: ignore[attr-defined]
    assert drawing.data is not None
    rows = drawing.data().rows
    assert list(dict.fromkeys(row[0] for row in rows)) == ["CsPbBr3_Pnma", "CsPbBr3_mono", "Cs4PbBr6_R-3c", "mixture"]
    for name in ("CsPbBr3_Pnma", "mixture"):
        assert max(row[3] for row in rows if row[:2] == (name, "pattern")) == pytest.approx(100)
    assert "Dotted: 15 degrees" in drawing.caption and "Scherrer" in drawing.caption
