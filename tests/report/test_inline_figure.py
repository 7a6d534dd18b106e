"""Tests of dftflow.report.inline_figure: a picture inside a page of others."""

from __future__ import annotations

import pytest
from html_cells import cell, texts
from matplotlib.figure import Figure

from dftflow.errors import AnalysisError
from dftflow.figures.drawing import Drawing
from dftflow.report import inline_figure as module
from dftflow.report.inline_figure import inline_figure


class Shown:
    def __init__(self, *drawings: Drawing) -> None:
        self.drawings = drawings

    def _repr_html_(self) -> str:
        return str("".join(map(inline_figure, self.drawings)))


def curve(title: str = "", caption: str = "A curve") -> Drawing:
    def build() -> Figure:
        figure = Figure(figsize=(2, 1.5))
        ax = figure.subplots()
        ax.plot([0, 1, 2], [0, 1, 0], "o-", clip_on=True)
        ax.set_title(title)
        return figure

    return Drawing(name="curve", title="Curve", caption=caption, build=build)


def test_the_same_figure_twice_shares_no_name() -> None:
    root = cell(Shown(curve(), curve()))
    pictures = list(root.iter("{http://www.w3.org/2000/svg}svg"))
    assert len(pictures) == 2
    assert all(list(picture.iter("{http://www.w3.org/2000/svg}use")) for picture in pictures)  # what points to names


def test_texts_stay_texts_and_hold_anything() -> None:
    assert "<b> & 'c'" in texts(cell(Shown(curve("<b> & 'c'\x0c", caption='"<i>"\x00'))))


def test_it_is_described_for_who_cannot_see_it() -> None:
    (picture,) = cell(Shown(curve(caption="What it shows"))).iter("{http://www.w3.org/2000/svg}svg")
    assert (picture.attrib["role"], picture.attrib["aria-label"]) == ("img", "What it shows")
    assert picture.attrib["viewBox"] == "0 0 144 108"


def test_a_large_one_is_a_picture_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_SVG_BYTES", 100)
    (image,) = cell(Shown(curve(caption='A "curve"'))).iter("img")
    assert image.attrib["alt"] == 'A "curve"'


def test_what_cannot_be_drawn_says_why() -> None:
    def build() -> Figure:
        raise AnalysisError("the VBM lies above the CBM")

    missing = Drawing(name="n", title="t", caption="c", build=None, missing="there is no structure")
    failing = Drawing(name="n", title="t", caption="c", build=build)
    assert texts(cell(Shown(missing, failing))) == (
        "No figure: there is no structure No figure: the VBM lies above the CBM"
    )
