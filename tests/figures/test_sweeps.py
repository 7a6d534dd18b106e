"""The figure of each setting that may be swept."""

from __future__ import annotations

import pytest

from dftflow.derive.swept import swept_series
from dftflow.figures.look import Look
from dftflow.figures.sweeps import sweep_drawing
from dftflow.model.point import SWEPT, Point
from dftflow.model.quantity import Quantity

WORDS = {"xc": ("LDA", "PBE"), "orientation": ("100/001", "110/001")}


@pytest.mark.parametrize("setting", SWEPT)
def test_every_setting_that_may_be_swept_has_a_figure(setting: str) -> None:
    """Numbers to scale and joined; words, and numbers that only name something, side by side."""
    values: tuple[float | str, ...] = WORDS.get(setting, (3, 1))
    gaps = [
        Quantity(name="band gap", subject="CsPbBr3", unit="eV", value=gap_ev, point=Point.of({setting: value}))
        for gap_ev, value in zip((4.0, 4.4), values, strict=True)
    ]
    drawing = sweep_drawing(swept_series(gaps), Look())
    assert drawing.name == f"sweep-{SWEPT[setting]}"
    figure = drawing.build()
    (axes,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["CsPbBr$_{3}$"]
    (line,) = [line for line in axes.get_lines() if line.get_label() == "CsPbBr3"]
    if setting in (*WORDS, "ordering", "seed"):
        assert list(line.get_xdata()) == [0, 1] and line.get_linestyle() == "None"
        assert [tick.get_text() for tick in axes.get_xticklabels()] == [str(value) for value in values]
    else:
        assert sorted(line.get_xdata()) == [1, 3] and line.get_linestyle() == "-"
