from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import matplotlib.style
import numpy as np
import pytest
from built import built
from diagrams import LEVELS, MINUS, case, column_ends, drawn_levels, faults, plain
from levels import FACES, MANY, all_pairs, pair, published, surface_levels
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from text_boxes import overlaps

from dftflow.analysis.alignment import align, exchanged
from dftflow.errors import AnalysisError
from dftflow.figures import drawing
from dftflow.figures.alignment import alignment_drawing, diagram_columns
from dftflow.figures.colors import material_colors
from dftflow.model.alignment import AbsoluteEdges, Alignment, ReferenceLevel

STYLE = drawing.__file__.replace("drawing.py", "dftflow.mplstyle")


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with matplotlib.style.context(["default", STYLE]):
        yield


def drawn(
    columns: Sequence[AbsoluteEdges],
    rows: Sequence[Alignment] = (),
    *,
    levels: Sequence[ReferenceLevel] = (),
    width_in: float | None = None,
    height_in: float | None = None,
) -> Figure:
    return built(alignment_drawing(columns, rows, levels=levels, width_in=width_in, height_in=height_in))


def of_rows(*rows: Alignment, width_in: float | None = None) -> Figure:
    return drawn(diagram_columns(rows, []), rows, width_in=width_in)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def notes(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


def edges(name: str, vbm: float, cbm: float, *, surface: str = "(001)", source: str = "") -> AbsoluteEdges:
    return AbsoluteEdges(material=name, surface=surface, vbm_ev=vbm, cbm_ev=cbm, range_ev=(0.0, 0.0), source=source)


# --- any columns at any width -----------------------------------------------------------------------------------


def test_the_overlap_check_sees_an_overlap() -> None:
    figure = Figure()
    figure.text(0.5, 0.5, "one")
    figure.text(0.505, 0.5, "two")
    assert overlaps(figure) == [("one", "two")]


@pytest.mark.parametrize("part", range(12))
def test_everything_is_said_where_it_is_and_nothing_on_another(part: int) -> None:
    """204 cases of 1 to 12 columns, 3.3, 6.7 and 4.5 in wide."""
    for seed in range(part, 204, 12):
        chosen = case(seed)
        assert faults(chosen, built(chosen.drawing())) == [], f"case {seed}"


@pytest.mark.parametrize("width_in", [3.3, 6.7, None])
@pytest.mark.parametrize("count", [16, 30])
def test_more_columns_are_legible_or_refused_with_a_width_that_does(count: int, width_in: float | None) -> None:
    columns = [edges(f"Cs{i + 1}PbBr3", -5.8 - 0.02 * i, -4.0, surface=f"(00{i})") for i in range(count)]
    rows = [align(a, b, method="m", range_holds="") for a, b in pairwise(columns)]
    try:
        figure = drawn(columns, rows, levels=LEVELS[:2], width_in=width_in)
    except AnalysisError as error:
        assert (count, width_in) == (30, 3.3)
        least = float(str(error).split("at least ")[1].split()[0])
        assert least > 3.3
        figure = drawn(columns, rows, levels=LEVELS[:2], width_in=least)
    assert overlaps(figure) == []
    assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 5
    assert sum(word.startswith("+0.02") for word in texts(figure)) == count - 1


def test_a_height_is_kept_or_refused_with_one_that_does() -> None:
    columns = surface_levels([-5.8, -6.1, -5.2], [1.9, 1.6, 3.0])
    assert drawn(columns, height_in=4.0, width_in=6.7).get_size_inches().tolist() == pytest.approx([6.7, 4.0])
    with pytest.raises(AnalysisError, match="no room in a height") as caught:
        drawn(columns, all_pairs(columns), height_in=1.0, width_in=6.7)
    least = float(str(caught.value).split("at least ")[1].split()[0])
    assert overlaps(drawn(columns, all_pairs(columns), height_in=least, width_in=6.7)) == []


def test_default_widths_are_those_of_a_journal() -> None:
    columns = [edges(name, -6.0, -4.0) for name in MANY]
    assert [drawn(columns[:count]).get_figwidth() for count in (1, 3, 4, 8)] == [3.3, 3.3, 6.7, 6.7]


# --- what it shows ----------------------------------------------------------------------------------------------


def test_the_diagram_says_the_numbers() -> None:
    figure = of_rows(pair(vbo=0.021))
    words = " ".join(texts(figure)).replace("\n", " ")
    for number in ("IP 5.81", "IP 5.83", "EA 3.90", "EA 4.19", "± 0.06", "+0.021 ± 0.123", "+0.289 ± 0.123"):
        assert number in words
    assert "not resolved" in words
    assert "edge on the left minus edge on the right (eV); positive: the left lies higher" in notes(figure)
    assert "By bulk line-up; types for a tolerance of 0.1 eV" in notes(figure)
    assert {"CsPbBr$_{3}$", "FAPbBr$_{3}$"} <= set(texts(figure))


@pytest.mark.parametrize(
    ("range_ev", "said"),
    [
        ((-0.003, 0.003), "IP 5.813 ± 0.003"),
        ((-0.004, 0.2), "IP 5.813 −0.200/+0.004"),
        ((-0.006, 0.006), "IP 5.81 ± 0.01"),
        ((-0.2, 0.0), "IP 5.81 +0.00/+0.20"),
        ((0.0, 0.0), "IP 5.81"),
    ],
)
def test_a_small_range_is_not_shown_as_none(range_ev: tuple[float, float], said: str) -> None:
    """Number and range with the same decimals; depths turn a range round."""
    figure = drawn([replace(edges("A", -5.8126, -3.9), range_ev=range_ev)], width_in=6.7)
    assert said in [word.replace("\n", " ") for word in texts(figure)]


def test_offsets_have_the_decimals_of_the_table() -> None:
    """Two where no number has more."""
    for vbm, said in ((-6.9, "+1.00"), (-6.901, "+1.001")):
        columns = [edges("A", -5.9, -3.6), edges("B", vbm, -3.9)]
        rows = [align(*columns, method="m", range_holds="")]
        assert any(word.split("\n")[1:2] == [said] for word in texts(drawn(columns, rows)) if "Delta" in word)


def test_offsets_stand_between_neighbours_left_minus_right() -> None:
    """VBMs -5, -6.5, -5.7; gaps 2, 2.4, 1: the CBMs are -3, -4.1, -4.7. A and C are no neighbours."""
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    ab, ac, bc = all_pairs([a, b, c])
    figure = drawn((a, b, c), (ab, ac, exchanged(bc)), width_in=6.7)
    ax = figure.axes[0]
    middles = [sum(ends) / 2 for ends in column_ends(ax, 3)]
    found = {}
    for text in ax.texts:
        if "Delta" in text.get_text():
            left = sum(middle < text.get_position()[0] for middle in middles) - 1
            found[left, "V" if "{V}" in text.get_text() else "C"] = text.get_text().split("\n")[1].split()[0]
    assert found == {(0, "V"): "+1.50", (0, "C"): "+1.10", (1, "V"): f"{MINUS}0.80", (1, "C"): "+0.60"}


def test_each_column_has_its_edges_and_its_range() -> None:
    columns = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0], [(-2.0, 0.0), (-0.1, 0.1), (-0.2, 0.3)])
    figure = drawn(columns, all_pairs(columns), width_in=6.7)
    ax = figure.axes[0]
    bars = [container.lines[2][0].get_segments()[0][:, 1] for container in ax.containers]
    np.testing.assert_allclose(bars, [[-7.0, -5.0], [-6.6, -6.4], [-5.9, -5.4]])
    assert ax.get_ylim()[0] < -7.0
    drawn_at = [drawn_levels(ax, *ends) for ends in column_ends(ax, 3)]
    np.testing.assert_allclose(drawn_at, [[-5.0, -3.0], [-6.5, -4.1], [-5.7, -4.7]])
    shown = {" ".join(text.split()) for text in texts(figure)}
    assert {"EA 3.00 +0.00/+2.00", "IP 5.00 +0.00/+2.00"} <= shown
    assert "Bars: range of both edges" in notes(figure)


def test_bands_fill_from_their_edges_away_from_the_gap() -> None:
    figure = drawn([edges("CsPbBr3", -5.8, -3.9)])
    valence, conduction = (p for p in figure.axes[0].patches if isinstance(p, Rectangle))
    assert valence.get_y() + valence.get_height() == pytest.approx(-5.8)
    assert valence.get_y() == pytest.approx(figure.axes[0].get_ylim()[0])
    assert conduction.get_y() == pytest.approx(-3.9)
    assert conduction.get_height() > 0


def test_a_gradient_fades_away_from_the_edges() -> None:
    figure = built(alignment_drawing([edges("CsPbBr3", -5.8, -3.9)], [], fill="gradient"))
    valence, conduction = figure.axes[0].images
    assert valence.get_extent()[3] == pytest.approx(-5.8) and conduction.get_extent()[2] == pytest.approx(-3.9)
    (at_vbm, at_bottom), (at_top, at_cbm) = (
        (image.get_array()[0, 0].mean(), image.get_array()[-1, 0].mean()) for image in (valence, conduction)
    )
    assert at_vbm < 0.8 and at_cbm < 0.95 and at_bottom == at_top == 1.0


def test_reference_levels_are_lines_across_with_their_names() -> None:
    figure = drawn([edges("TiO2", -7.6, -4.2)], levels=LEVELS[:2])
    ax = figure.axes[0]
    assert drawn_levels(ax, *ax.get_xlim()) == [-5.67, -4.44, 0.0]
    assert {f"H$^{{+}}$/H$_{{2}}$ {MINUS}4.44$^\\mathrm{{a}}$"} <= set(texts(figure))
    assert "a: 10.1351/pac198658070955" in notes(figure)


def test_a_couple_on_several_lines_keeps_its_charges() -> None:
    """Fe3+ is no Fe3 with a plus, however long the name around it."""
    couple = ReferenceLevel(name="Fe3+/Fe2+ in one molar perchloric acid, measured", energy_ev=-5.21, source="a book")
    found = " ".join(texts(drawn([edges("TiO2", -7.6, -4.2)], levels=[couple])))
    assert "Fe$^{3+}$/Fe$^{2+}$" in found and "\n" in found and "Fe$_{3}$" not in found


def test_one_material_has_one_colour_whatever_its_surfaces() -> None:
    columns = [
        edges("A2B", -5.8, -4, surface="(001)"),
        edges("TiO2", -7.6, -4.2),
        edges("A2B", -6.1, -4, surface="(110)"),
    ]
    lines = [line for line in drawn(columns).axes[0].get_lines() if line.get_linewidth() == 1.4]
    colors = [line.get_color() for line in sorted(lines, key=lambda line: float(line.get_xdata()[0]))]
    first, second = material_colors(["A2B", "TiO2"]).values()
    assert colors == [first, first, second, second, first, first]


def test_quoted_columns_are_dashed_and_say_where_they_are_from() -> None:
    figure = drawn(
        [
            edges("TiO2", -7.6, -4.2, source="10.1000/one"),
            edges("ZnO", -7.8, -4.4),
            edges("Si", -5.2, -4.05, source="mine.csv, row 3"),
        ]
    )
    dashed = [p for p in figure.axes[0].patches if p.get_linestyle() != "solid"]
    assert sorted({tuple(np.round(to_rgb(p.get_edgecolor()), 3)) for p in dashed}) == sorted(
        tuple(np.round(to_rgb(color), 3))
        for name, color in material_colors(["TiO2", "ZnO", "Si"]).items()
        if name != "ZnO"
    )
    assert {"TiO$_{2}$$^\\mathrm{a}$", "ZnO", "Si$^\\mathrm{b}$"} <= set(texts(figure))
    assert "Dashed: quoted. a: 10.1000/one; b: mine.csv, row 3." in notes(figure)


def test_what_has_no_room_is_named() -> None:
    columns = surface_levels([-5.0 - 0.2 * i for i in range(8)], [2.0] * 8)
    figure = drawn(columns, all_pairs(columns), width_in=3.3)
    assert "Without room here: ranges of the offsets." in notes(figure)
    data = alignment_drawing(columns, all_pairs(columns), width_in=3.3).data
    assert data is not None
    table = data()
    low = table.columns.index("range_low_ev")
    assert [row[low] for row in table.rows if row[0] == "offset"] == pytest.approx([-0.18] * 7)


def test_the_data_have_every_number() -> None:
    a, b = edges("TiO2", -7.6, -4.2, source="10.1000/one"), edges("CsPbBr3", -5.81, -3.9)
    row = align(b, a, method="line-up", range_holds="", tolerance_ev=0.2)
    data = alignment_drawing([a, b], [row], levels=LEVELS[:1]).data
    assert data is not None
    found = [{k: v for k, v in zip(data().columns, line, strict=True) if v not in (None, "")} for line in data().rows]
    nothing = {"surface": "(001)", "range_low_ev": 0.0, "range_high_ev": 0.0}
    assert found == [
        {"kind": "edges", "name": "TiO2", "vbm_ev": -7.6, "cbm_ev": -4.2, "source": "10.1000/one", **nothing},
        {"kind": "edges", "name": "CsPbBr3", "vbm_ev": -5.81, "cbm_ev": -3.9, **nothing},
        {
            "kind": "offset", "name": "TiO2", "second_name": "CsPbBr3", "second_surface": "(001)",
            "valence_band_offset_ev": -1.79, "conduction_band_offset_ev": -0.3, "type": "type II", "method": "line-up",
            **nothing,
        },
        {"kind": "level", "name": "H+/H2", "energy_ev": -4.44, "source": "10.1351/pac198658070955"},
    ]  # fmt: skip


def test_neighbours_without_a_row_have_no_numbers() -> None:
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    ab, ac, _ = all_pairs([a, b, c])
    assert sum("Delta" in text for text in texts(drawn((a, b, c), (ab, ac), width_in=6.7))) == 2


def test_columns_stand_in_the_order_of_the_study_each_once() -> None:
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    ab, ac, bc = all_pairs([a, b, c])
    other = AbsoluteEdges(material=b.material, surface="(111)", vbm_ev=-6.0, cbm_ev=-3.6, range_ev=(0.0, 0.0))
    names = [c.material, b.material, a.material]
    assert diagram_columns([ab, ac, bc], names) == (c, b, a)
    assert diagram_columns([ab, align(other, c, method="x", range_holds="")], names) == (c, b, other, a)
    assert diagram_columns([ab], names) == (a, b)
    assert diagram_columns([published()], names) == ()


def test_two_methods_are_told_apart() -> None:
    a, b, c = surface_levels([-5.0, -6.5, -5.7], [2.0, 2.4, 1.0])
    (ab,), (bc,) = all_pairs([a, b]), all_pairs([b, c], way="work functions")
    found = [plain(text) for text in texts(drawn((a, b, c), (ab, bc), width_in=6.7))]
    below = [next(text for text in found if text.startswith(plain(face))) for face in FACES[:3]]
    assert [("bybulkline-up" in label, "byworkfunctions" in label) for label in below] == [
        (True, False), (True, True), (False, True),
    ]  # fmt: skip


@pytest.mark.parametrize("vbo", [0.021, -0.021])
def test_the_zoom_shows_both_edges_with_their_errors(vbo: float) -> None:
    figure = of_rows(pair(vbo=vbo), width_in=6.7)
    _, zoom = figure.axes
    bars = [container.lines[2][0].get_segments()[0][:, 1] for container in zoom.containers]
    np.testing.assert_allclose(bars, [[vbo - 0.06, vbo + 0.06], [-0.063, 0.063]], atol=1e-9)
    low, high = zoom.get_ylim()
    assert low < min(vbo - 0.06, -0.063) and high > max(vbo + 0.06, 0.063)
    figure.draw_without_rendering()
    assert abs(vbo) / (high - low) * zoom.get_window_extent().height / figure.dpi * 72 > 6  # pt


def test_a_step_that_can_be_seen_needs_no_zoom() -> None:
    assert len(of_rows(pair(vbo=2.0), width_in=6.7).axes) == 1


def test_files_are_the_same_on_every_run_and_their_text_is_text() -> None:
    columns = surface_levels([-5.0, -6.5], [2.0, 2.4])
    for fill in ("flat", "gradient"):
        made = alignment_drawing(columns, all_pairs(columns), levels=LEVELS[:2], fill=fill)  # type: ignore[arg-type]
        files = made.render("svg")
        assert files == made.render("svg")
        assert b">Energy relative to vacuum (eV)</text>" in files["svg"]
        assert b"font-family: 'DejaVu Sans';" not in files["svg"]


# --- what it refuses --------------------------------------------------------------------------------------------


def test_nothing_has_no_diagram() -> None:
    made = alignment_drawing([], [])
    assert made.build is None and made.data is None and "no band edges" in made.missing


@pytest.mark.parametrize("vbm", [0.0, 0.3, float("nan")])
def test_a_valence_band_above_the_vacuum_level_is_not_drawn(vbm: float) -> None:
    good, other = surface_levels([-5.0, -6.0], [2.0, 2.0])
    with pytest.raises(AnalysisError, match=r"X \(100\)"):
        drawn([good, other, edges("X", vbm, vbm + 1, surface="(100)")])


def test_a_conduction_band_above_the_vacuum_level_is() -> None:
    columns = surface_levels([-5.0, -4.2, -6.0], [2.0, 5.5, 1.0])
    figure = drawn(columns, all_pairs(columns), width_in=6.7)
    assert any(f"EA {MINUS}1.30" in text for text in texts(figure))
    assert figure.axes[0].get_ylim()[1] > 1.3


def test_a_material_without_a_surface_and_a_dollar_in_its_name() -> None:
    figure = drawn([replace(edges("costs $5", -6.0, -4.0), surface="")])
    assert isinstance(figure.axes[0], Axes)
    assert r"costs \$5" in texts(figure) and overlaps(figure) == []
