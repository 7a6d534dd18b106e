from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import matplotlib.style
import numpy as np
import pytest
from levels import PAPER_DOI, all_pairs, pair, published, surface_levels
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from text_boxes import overlaps

from dftflow.analysis.alignment import exchanged
from dftflow.figures import figure_files
from dftflow.figures.offsets import draw_offsets, offsets_by_pair, offsets_height_in


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    path = figure_files.__file__.replace("figure_files.py", "dftflow.mplstyle")
    with matplotlib.style.context(["default", path]):
        yield


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(6.7, 3.9), layout="constrained").subplots()


def test_offsets_stand_beside_each_other_with_their_errors(ax: Axes) -> None:
    rows = [pair(vbo=0.021), replace(pair(vbo=-0.083), range_ev=None), published()]
    draw_offsets(ax, rows)
    points = [tuple(float(v) for v in c.lines[0].get_xydata()[0]) for c in ax.containers]
    assert [x for x, _ in points] == pytest.approx([0.021, 0.289, -0.083, 0.185, 0.021])
    heights = [y for _, y in points]
    assert heights == sorted(heights)
    middles = ax.get_yticks()
    assert [(heights[i] + heights[i + 1]) / 2 for i in (0, 2)] == pytest.approx(list(middles[:2]))
    first = ax.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(first[:, 0], [0.021 - 0.123, 0.021 + 0.123])
    words = [t.get_text() for t in ax.texts]
    assert "+0.021 ± 0.123" in words[0]
    assert "not given" in words[-1]
    assert PAPER_DOI in ax.get_yticklabels()[-1].get_text()
    assert ax.get_xlabel().startswith("Offset, CsPbBr$_{3}$ minus FAPbBr$_{3}$ (eV)")
    assert "±0.1 eV" in ax.get_xlabel()


def test_rows_stand_under_their_pair_and_are_turned_to_it(ax: Axes) -> None:
    """A-B, A-C, then B-A: the last belongs to the first group, with its sign turned."""
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    ab, ac, _ = all_pairs([a, b, c])
    rows = [ab, ac, exchanged(ab)]
    assert offsets_by_pair(rows) == ((ab, ab), (ac,))
    draw_offsets(ax, rows)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    headings = [i for i, label in enumerate(labels) if "minus" in label]
    assert headings == [0, 3]
    assert [label.get_fontweight() for label in ax.get_yticklabels()].count("bold") == 2
    assert [float(c.lines[0].get_xdata()[0]) for c in ax.containers[::2]] == pytest.approx([1.5, 1.5, 0.7])


def test_each_row_has_its_own_tolerance(ax: Axes) -> None:
    narrow, wide = pair(), pair(tolerance_ev=0.2)
    draw_offsets(ax, [narrow, wide])
    shades = [shade.get_paths()[0].get_extents() for shade in ax.collections[:4] if shade.get_zorder() == 0]
    assert [(round(s.x0, 3), round(s.x1, 3)) for s in shades] == [(-0.1, 0.1), (-0.2, 0.2)]
    assert "±0.1, ±0.2 eV" in ax.get_xlabel()


def test_a_slab_of_which_it_is_not_known_whether_it_was_relaxed(ax: Axes) -> None:
    draw_offsets(ax, [pair(relaxed=None), pair(relaxed=False)])
    labels = [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]
    assert "not known whether relaxed" in labels[0] and "not relaxed" in labels[1]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_no_texts_overlap(count: int) -> None:
    surfaces = surface_levels([-5.0 - 0.7 * i for i in range(count)], [2.0] * count, [(-2.1, 0.0)] * count)
    long = replace(published(method="photoemission and inverse photoemission of films on gold"), polar=True)
    rows = [*all_pairs(surfaces), long, pair(ranges=((-2.85, 0.0), (-2.174, 0.0)))]
    figure = Figure(figsize=(6.7, offsets_height_in(rows)), layout="constrained")
    draw_offsets(figure.subplots(), rows)
    assert overlaps(figure) == []
