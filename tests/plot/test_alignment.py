from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import matplotlib.style
import numpy as np
import pytest
from levels import FACES, MANY, all_pairs, pair, published, surface_levels
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from text_boxes import overlaps

from dftflow.analysis.alignment import align, exchanged
from dftflow.errors import AnalysisError
from dftflow.model.alignment import SIGN_CONVENTION, AbsoluteEdges, Alignment, Range
from dftflow.plot import figures
from dftflow.plot.alignment import diagram_columns, diagram_size_in, draw_alignment
from dftflow.plot.colors import material_colors

STYLE = figures.__file__.replace("figures.py", "dftflow.mplstyle")
LONG = ("formamidinium lead bromide, cubic average structure", "caesium lead bromide, orthorhombic, relaxed at 0 K")


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with matplotlib.style.context(["default", STYLE]):
        yield


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(6.7, 3.9), layout="constrained").subplots()


def draw(ax: Axes, *rows: Alignment) -> tuple[AbsoluteEdges, ...]:
    columns = diagram_columns(rows, [edges.material for row in rows for edges in (row.first, row.second) if edges])
    draw_alignment(ax, columns, rows, material_colors(edges.material for edges in columns))
    return columns


def drawn(*rows: Alignment) -> Figure:
    """The diagram at the size that it asks for."""
    columns = diagram_columns(rows, [edges.material for row in rows for edges in (row.first, row.second) if edges])
    figure = Figure(figsize=diagram_size_in(columns, rows), layout="constrained")
    draw(figure.subplots(), *rows)
    return figure


def test_the_overlap_check_sees_an_overlap() -> None:
    figure = Figure()
    figure.text(0.5, 0.5, "one")
    figure.text(0.505, 0.5, "two")
    assert overlaps(figure) == [("one", "two")]


# --- no text on another -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("CsPbBr3", "FAPbBr3"), LONG], ids=["short", "long"])
@pytest.mark.parametrize("vbo", [0.0, 0.021, -0.021, 0.3, -0.3, 1.2, -1.2, 3.0, -3.0])
def test_no_texts_overlap_for_two(vbo: float, names: tuple[str, str]) -> None:
    assert overlaps(drawn(pair(vbo=vbo, names=names))) == []


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
    ip_first: float, gap_first: float, gap_second: float, range_ev: tuple[float, float]
) -> None:
    row = pair(vbo=0.021, ip_first=ip_first, gap_first=gap_first, gap_second=gap_second, ranges=(range_ev, range_ev))
    assert overlaps(drawn(row)) == []


def _range(dice: random.Random) -> Range:
    """The spread of a line-up, nothing, or the gap of a slab on one side."""
    kind, size = dice.randrange(4), dice.choice((0.02, 0.3, 1.4, 2.9))
    return {0: (0.0, 0.0), 1: (-size, 0.0)}.get(kind, (-size, size))


def _case(seed: int) -> list[AbsoluteEdges]:
    """2 to 10 surfaces: close, far and anywhere; affinities below 0.7 eV and of either sign; potentials above 9 eV."""
    dice = random.Random(seed)
    count = 10 if seed >= 203 else (2, 3, 4, 5, 6, 8, 3)[seed % 7]
    step = dice.choice((0.0, 0.02, -0.02, 0.3, 3.0 / count, None))
    top = dice.choice((-4.2, -5.8, -9.4, -11.5))
    vbms = [dice.uniform(-12.0, -2.5) if step is None else top - i * step for i in range(count)]
    gaps = [
        dice.choice((0.05, 0.4, dice.uniform(1.0, 3.5), abs(vbm) - 0.6, abs(vbm) - dice.uniform(-1.5, 0.7)))
        for vbm in vbms
    ]
    names = [*MANY, "formamidinium lead bromide, cubic", "Cs2Ag0.5In0.5BiBr6"]
    faces = [*FACES, "(011) Pnma, CsBr3/2 (half Cs2Br6), not known whether relaxed", "(1-10), WO3"]
    order = dice.sample(range(10), count)
    return [
        AbsoluteEdges(
            material=names[k], surface=faces[k], vbm_ev=vbm, cbm_ev=vbm + max(gap, 0.05), range_ev=_range(dice)
        )
        for k, vbm, gap in zip(order, vbms, gaps, strict=True)
    ]


def _rows(levels: list[AbsoluteEdges], dice: random.Random) -> list[Alignment]:
    """Rows for all pairs, some told the other way round, of one method or of two."""
    ways = ("bulk line-up through the slabs", dice.choice(("bulk line-up through the slabs", "work functions")))
    rows = []
    for number, (first, second) in enumerate(combinations(levels, 2)):
        way = ways[number % 2]
        row = align(first, second, method=f"{way} (010) and (010)", way=way, range_holds="spread")
        rows.append(exchanged(row) if number % 3 == 1 else row)
    return rows


@pytest.mark.parametrize("part", range(7))
def test_no_texts_overlap_for_any_number_of_materials(part: int) -> None:
    """210 cases: 2 to 8 materials, and seven times 10."""
    for seed in range(part, 210, 7):
        cases = _case(seed)
        assert overlaps(drawn(*_rows(cases, random.Random(seed)))) == [], f"case {seed}"


@pytest.mark.parametrize("step", [-0.02, 0.5])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_long_joined_names_stand_apart_with_their_formulas_whole(count: int, step: float) -> None:
    names = (
        "CsPbBr3-relaxed-orthorhombic-Pnma-0K", "interface-of-FAPbBr3/CsPbBr3-on-TiO2", "formamidinium_lead_bromide",
        "cubic-CsPbBr3+vacancy", "CsPbBr3-black-gamma-phase-with-vacancy",
    )  # fmt: skip
    levels = surface_levels([-6.0 + step * n for n in range(count)], [1.6 + 0.2 * n for n in range(count)])
    named = [replace(level, material=name) for level, name in zip(levels, names, strict=False)]
    figure = drawn(*all_pairs(named))
    assert overlaps(figure) == []
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    for name, label in zip(names, labels, strict=False):
        for formula, shown in (("CsPbBr3", "CsPbBr$_{3}$"), ("FAPbBr3", "FAPbBr$_{3}$"), ("TiO2", "TiO$_{2}$")):
            assert label.count(shown) == name.count(formula)


# --- what it shows ----------------------------------------------------------------------------------------------


def test_the_diagram_says_the_numbers(ax: Axes) -> None:
    draw(ax, pair(vbo=0.021))
    words = " ".join(t.get_text() for t in ax.texts)
    for number in ("IP 5.81", "IP 5.83", "EA 3.90", "EA 4.19", "+0.021 ± 0.123", "+0.289 ± 0.123"):
        assert number in words
    assert SIGN_CONVENTION in ax.get_xlabel().replace("\n", " ")
    assert "not resolved (tolerance 0.1 eV)" in ax.get_title(loc="left")
    assert [t.get_text().split("\n")[0] for t in ax.get_xticklabels()] == ["CsPbBr$_{3}$", "FAPbBr$_{3}$"]


def test_levels_are_drawn_where_they_are(ax: Axes) -> None:
    draw(ax, pair(vbo=0.5))
    levels = {round(float(line.get_ydata()[0]), 3) for line in ax.get_lines()}
    assert {-5.812, -6.312, -3.903, -4.671, 0.0} <= levels


def test_offsets_stand_between_neighbours_left_minus_right(ax: Axes) -> None:
    """VBMs -5, -6.5, -5.7; gaps 2, 2.4, 1: the CBMs are -3, -4.1, -4.7. A and C are no neighbours."""
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    ab, ac, bc = all_pairs([a, b, c])
    columns = draw(ax, ab, ac, exchanged(bc))
    assert columns == (a, b, c)
    middles = sorted(ax.get_xticks())
    found = {}
    for text in ax.texts:
        if "Delta" in text.get_text():
            left = sum(middle < text.get_position()[0] for middle in middles) - 1
            found[left, "V" if "{V}" in text.get_text() else "C"] = text.get_text().split("\n")[1].split()[0]
    minus = "\N{MINUS SIGN}"
    assert found == {(0, "V"): "+1.500", (0, "C"): "+1.100", (1, "V"): f"{minus}0.800", (1, "C"): "+0.600"}
    assert "left minus edge on the right" in ax.get_xlabel()


def test_each_column_has_its_edges_and_its_range(ax: Axes) -> None:
    levels = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0], [(-2.0, 0.0), (-0.1, 0.1), (-0.2, 0.3)])
    draw(ax, *all_pairs(levels))
    bars = [container.lines[2][0].get_segments()[0][:, 1] for container in ax.containers]
    np.testing.assert_allclose(bars, [[-7.0, -5.0], [-6.6, -6.4], [-5.9, -5.4]])
    assert ax.get_ylim()[0] < -7.0
    drawn_levels = {round(float(line.get_ydata()[0]), 3) for line in ax.get_lines()}
    assert {-5.0, -6.5, -5.7, -3.0, -4.1, -4.7} <= drawn_levels
    words = [text.get_text() for text in ax.texts]
    assert {"EA 3.00\n+0.00/+2.00", "IP 5.00\n+0.00/+2.00", "IP 6.50 ± 0.10"} <= set(words)


def test_neighbours_without_a_row_have_no_numbers(ax: Axes) -> None:
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    ab, ac, _ = all_pairs([a, b, c])
    draw(ax, ab, ac)
    assert sum("Delta" in text.get_text() for text in ax.texts) == 2


def test_columns_stand_in_the_order_of_the_study_each_once() -> None:
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    ab, ac, bc = all_pairs([a, b, c])
    other = AbsoluteEdges(material=b.material, surface="(111)", vbm_ev=-6.0, cbm_ev=-3.6, range_ev=(0.0, 0.0))
    names = [c.material, b.material, a.material]
    assert diagram_columns([ab, ac, bc], names) == (c, b, a)
    assert diagram_columns([ab, align(other, c, method="x", range_holds="")], names) == (c, b, other, a)
    assert diagram_columns([ab], names) == (a, b)
    assert diagram_columns([published()], names) == ()


def test_two_methods_are_told_apart(ax: Axes) -> None:
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    (ab,), (bc,) = all_pairs([a, b]), all_pairs([b, c], way="work functions")
    draw(ax, ab, bc)
    labels = [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()]
    assert [("by bulk line-up" in label, "by work functions" in label) for label in labels] == [
        (True, False), (True, True), (False, True),
    ]  # fmt: skip


@pytest.mark.parametrize("vbo", [0.021, -0.021, 2.0])
def test_the_zoom_shows_both_edges_with_their_errors(ax: Axes, vbo: float) -> None:
    draw(ax, pair(vbo=vbo))
    (zoom,) = ax.child_axes
    bars = [container.lines[2][0].get_segments()[0][:, 1] for container in zoom.containers]
    np.testing.assert_allclose(bars, [[vbo - 0.06, vbo + 0.06], [-0.063, 0.063]], atol=1e-9)
    low, high = zoom.get_ylim()
    assert low < min(vbo - 0.06, -0.063)
    assert high > max(vbo + 0.06, 0.063)


def test_a_tiny_offset_still_makes_a_visible_step(ax: Axes) -> None:
    draw(ax, pair(vbo=0.021))
    ax.figure.draw_without_rendering()
    (zoom,) = ax.child_axes
    low, high = zoom.get_ylim()
    step_pt = 0.021 / (high - low) * zoom.get_window_extent().height / ax.figure.dpi * 72
    assert step_pt > 6


# --- what it refuses --------------------------------------------------------------------------------------------


def test_a_published_row_has_no_diagram(ax: Axes) -> None:
    with pytest.raises(AnalysisError, match="two materials with band edges"):
        draw(ax, published())


@pytest.mark.parametrize("vbm", [0.0, 0.3, float("nan")])
def test_a_valence_band_above_the_vacuum_level_is_not_drawn(ax: Axes, vbm: float) -> None:
    good, other = surface_levels([-5.0, -6.0], [2.0, 2.0])
    wrong = AbsoluteEdges(material="X", surface="(100)", vbm_ev=vbm, cbm_ev=vbm + 1, range_ev=(0.0, 0.0))
    with pytest.raises(AnalysisError, match=r"X \(100\)"):
        draw_alignment(ax, [good, other, wrong], [], material_colors([good.material, other.material, "X"]))


def test_a_conduction_band_above_the_vacuum_level_is(ax: Axes) -> None:
    levels = surface_levels([-5.0, -4.2, -6.0], [2.0, 5.5, 1.0])
    draw(ax, *all_pairs(levels))
    assert any("EA \N{MINUS SIGN}1.30" in text.get_text() for text in ax.texts)
    assert ax.get_ylim()[1] > 1.3
