from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib.style
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import dftflow.plot.figures
from dftflow.errors import AnalysisError
from dftflow.model.alignment import SIGN_CONVENTION
from dftflow.plot.alignment import draw_alignment, draw_offsets

STYLE = Path(dftflow.plot.figures.__file__).with_name("dftflow.mplstyle")
LONG = ("formamidinium lead bromide, cubic average structure", "caesium lead bromide, orthorhombic, relaxed at 0 K")


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with matplotlib.style.context(["default", str(STYLE)]):
        yield


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(6.7, 3.9), layout="constrained").subplots()


def _shown_texts(figure: Figure) -> list[Text]:
    """Every text that is drawn: matplotlib keeps spare tick labels, and labels of ticks outside the view."""
    of_ticks: set[Text] = set()
    drawn: list[Text] = []
    for ax in figure.findobj(Axes):
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            for tick in axis.majorTicks + axis.minorTicks:
                of_ticks |= {tick.label1, tick.label2}
            pairs = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
            drawn += [label for place, label in pairs if min(limits) <= place <= max(limits)]
    drawn += [text for text in figure.findobj(Text) if text not in of_ticks]
    return [text for text in drawn if text.get_visible() and text.get_text().strip()]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes, less a hair, meet on the canvas; and texts that leave the canvas."""
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in _shown_texts(figure)]
    pairs = [(a, b) for (a, p), (b, q) in itertools.combinations(boxes, 2) if p.padded(-0.5).overlaps(q.padded(-0.5))]
    width, height = figure.canvas.get_width_height()
    outside = [(t, "canvas") for t, b in boxes if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1]
    return pairs + outside


def test_the_overlap_check_sees_an_overlap() -> None:
    figure = Figure()
    figure.text(0.5, 0.5, "one")
    figure.text(0.505, 0.5, "two")
    assert overlaps(figure) == [("one", "two")]


@pytest.mark.parametrize("names", [("CsPbBr3", "FAPbBr3"), LONG], ids=["short", "long"])
@pytest.mark.parametrize("vbo", [0.0, 0.021, -0.021, 0.3, -0.3, 1.2, -1.2, 3.0, -3.0])
def test_no_texts_overlap(outcomes: ModuleType, vbo: float, names: tuple[str, str]) -> None:
    row = outcomes.alignment(vbo=vbo, names=names)
    figure = Figure(figsize=(6.7, 5.95), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3.9, 2.05])
    draw_alignment(top.subplots(), row)
    draw_offsets(bottom.subplots(), [row, outcomes.alignment(vbo=-vbo, method="slab work functions")])
    assert overlaps(figure) == []


@pytest.mark.parametrize(
    ("ip_first", "gap_first", "gap_second", "range_ev"),
    [
        (7.9, 7.6, 1.0, (-0.05, 0.05)),
        (4.0, 0.2, 0.05, (-0.3, 0.3)),
        (11.0, 9.0, 8.5, (-1.2, 1.2)),
        (6.0, 1.9, 1.6, (0.0, 0.0)),
        (6.0, 1.9, 1.6, (-2.1, 1.8)),
    ],
)
def test_no_texts_overlap_for_other_gaps(
    outcomes: ModuleType, ip_first: float, gap_first: float, gap_second: float, range_ev: tuple[float, float]
) -> None:
    figure = Figure(figsize=(6.7, 3.9), layout="constrained")
    row = outcomes.alignment(
        vbo=0.021, ip_first=ip_first, gap_first=gap_first, gap_second=gap_second, range_ev=range_ev
    )
    draw_alignment(figure.subplots(), row)
    assert overlaps(figure) == []


def test_the_diagram_says_the_numbers(outcomes: ModuleType, ax: Axes) -> None:
    draw_alignment(ax, outcomes.alignment(vbo=0.021))
    words = " ".join(t.get_text() for t in ax.texts)
    for number in ("IP 5.81", "IP 5.83", "EA 3.90", "EA 4.19", "+0.021 ± 0.123", "+0.289 ± 0.123"):
        assert number in words
    assert SIGN_CONVENTION in ax.get_xlabel().replace("\n", " ")
    assert "not resolved (tolerance 0.1 eV)" in ax.get_title(loc="left")
    assert [t.get_text().split("\n")[0] for t in ax.get_xticklabels()] == ["CsPbBr$_{3}$", "FAPbBr$_{3}$"]


def test_levels_are_drawn_where_they_are(outcomes: ModuleType, ax: Axes) -> None:
    draw_alignment(ax, outcomes.alignment(vbo=0.5))
    levels = {round(float(line.get_ydata()[0]), 3) for line in ax.get_lines()}
    assert {-5.812, -6.312, -3.903, -4.671, 0.0} <= levels


@pytest.mark.parametrize("vbo", [0.021, -0.021, 2.0])
def test_the_zoom_shows_both_edges_with_their_errors(outcomes: ModuleType, ax: Axes, vbo: float) -> None:
    draw_alignment(ax, outcomes.alignment(vbo=vbo))
    (zoom,) = ax.child_axes
    bars = [container.lines[2][0].get_segments()[0][:, 1] for container in zoom.containers]
    np.testing.assert_allclose(bars, [[vbo - 0.087, vbo + 0.087], [-0.087, 0.087]], atol=1e-9)
    low, high = zoom.get_ylim()
    assert low < min(vbo, 0) - 0.087
    assert high > max(vbo, 0) + 0.087


def test_a_tiny_offset_still_makes_a_visible_step(outcomes: ModuleType, ax: Axes) -> None:
    draw_alignment(ax, outcomes.alignment(vbo=0.021))
    ax.figure.draw_without_rendering()
    (zoom,) = ax.child_axes
    low, high = zoom.get_ylim()
    step_pt = 0.021 / (high - low) * zoom.get_window_extent().height / ax.figure.dpi * 72
    assert step_pt > 6


def test_a_published_row_has_no_diagram(outcomes: ModuleType, ax: Axes) -> None:
    with pytest.raises(AnalysisError, match="published"):
        draw_alignment(ax, outcomes.published())


def test_offsets_stand_beside_each_other_with_their_errors(outcomes: ModuleType, ax: Axes) -> None:
    rows = [outcomes.alignment(vbo=0.021), outcomes.alignment(vbo=-0.083, range_ev=None), outcomes.published()]
    draw_offsets(ax, rows)
    points = [tuple(round(float(v), 3) for v in c.lines[0].get_xydata()[0]) for c in ax.containers]
    assert points == [(0.021, -0.19), (0.289, 0.19), (-0.083, 0.81), (0.185, 1.19), (0.021, 1.81)]
    first = ax.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(first[:, 0], [0.021 - 0.123, 0.021 + 0.123])
    words = [t.get_text() for t in ax.texts]
    assert "+0.021 ± 0.123" in words[0]
    assert "not given" in words[-1]
    assert outcomes.PAPER_DOI in ax.get_yticklabels()[-1].get_text()
    assert "±0.1 eV" in ax.get_xlabel()
