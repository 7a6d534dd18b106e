"""The artists of an alignment diagram, at the places that its layout gives them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from dftflow.figures.diagram_layout import LABEL_PT, Diagram, Layout, laid_out
from dftflow.figures.diagram_words import CONDUCTION, SHORT_TYPES, VALENCE, edge_texts, gap_text
from dftflow.figures.offsets import bars_of
from dftflow.figures.ruler import Ruler
from dftflow.figures.zoom import draw_zoom
from dftflow.model.alignment import AbsoluteEdges, Alignment

__all__ = ["draw_diagram"]

_INK, _GREY, _PALE = "0.1", "0.4", "0.6"
_VALENCE_TINT, _CONDUCTION_TINT, _DEEP_TINT = 0.36, 0.13, 0.62
_THIN, _EDGE = 0.6, 1.4
_VACUUM, _LEVEL, _QUOTED = (0, (5, 3)), (0, (1.5, 1.5)), (0, (2.5, 2))
_ON_LINES = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}

Fill = Literal["flat", "gradient"]


def draw_diagram(diagram: Diagram, *, width_in: float | None, height_in: float | None, fill: Fill) -> Figure:
    """Valence and conduction band of every column below the vacuum level, the offsets between neighbours.

    Raises
    ------
    AnalysisError
        As `laid_out`.
    """
    ruler = Ruler()
    layout = laid_out(diagram, width_in, height_in, ruler)
    width, height = layout.size
    figure = Figure(figsize=(width / 72, height / 72))
    ax = _axes(figure, layout.panel, layout)
    ax.set_xlim(0, layout.panel[2])
    ax.set_ylim(layout.low_ev, layout.high_ev)
    _draw_axis(ax, layout, ruler)
    _draw_labels(ax, layout)
    for place, edges in enumerate(diagram.columns):
        _draw_column(ax, layout, edges, layout.centers[place], diagram.colors[edges.material], fill)
        _draw_edge_texts(ax, layout, edges, layout.centers[place], ruler)
    for place, row in diagram.between.items():
        _draw_steps(ax, diagram, layout, place)
        _draw_offset(ax, layout, diagram.offset_texts(row, layout.saying), row, place)
    if layout.strip and diagram.between:
        _draw_headings(ax, layout)
    _draw_names(ax, layout)
    if layout.notes:
        size = {"fontsize": layout.notes_pt, "color": _GREY}
        figure.text(4 / width, 4 / height, layout.notes, ha="left", va="bottom", **size)  # type: ignore[arg-type]
    if layout.zoom is not None:
        draw_zoom(_axes(figure, layout.zoom, layout), diagram.columns, diagram.colors)
    return figure


def _axes(figure: Figure, place: tuple[float, float, float, float], layout: Layout) -> Axes:
    width, height = layout.size
    left, bottom, across, up = place
    return figure.add_axes((left / width, bottom / height, across / width, up / height))


def _draw_axis(ax: Axes, layout: Layout, ruler: Ruler) -> None:
    panel = layout.panel[3]
    ticks = MaxNLocator(nbins=max(3, int(panel // 26)), steps=[1, 2, 5, 10]).tick_values(layout.low_ev, layout.high_ev)
    room = layout.ev(4.0)
    ax.set_yticks([tick for tick in ticks if layout.low_ev + room <= tick <= layout.high_ev - room])
    ax.tick_params(axis="y", labelsize=6.5)
    ax.set_xticks([])
    long = "Energy relative to vacuum (eV)"
    ax.set_ylabel(long if ruler.width_pt(long, 7.0) < panel else "Energy (eV)", fontsize=7.0, labelpad=3)
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def _draw_labels(ax: Axes, layout: Layout) -> None:
    """Lines across all columns, behind them, and their names at the right."""
    right = layout.panel[2]
    for number, label in enumerate(layout.labels):
        dashes = _VACUUM if number == 0 else _LEVEL
        color = _PALE if number == 0 else _GREY
        ax.plot([0, right], [label.energy_ev] * 2, color=color, linewidth=_THIN, linestyle=dashes, zorder=1)
        if abs(label.at_ev - label.energy_ev) > layout.ev(0.5):
            ends = [label.energy_ev, label.at_ev]
            ax.plot([right, right + 6], ends, color=_PALE, linewidth=0.4, clip_on=False, zorder=1)
        ax.text(right + 8, label.at_ev, label.text, ha="left", va="center", fontsize=LABEL_PT, color=_INK)


def _draw_column(ax: Axes, layout: Layout, edges: AbsoluteEdges, center: float, color: str, fill: Fill) -> None:
    left, right = center - layout.column / 2, center + layout.column / 2
    top = edges.cbm_ev + layout.ev(layout.box)
    _draw_band(ax, (left, right), (edges.vbm_ev, layout.low_ev), color, _VALENCE_TINT, fill)
    _draw_band(ax, (left, right), (edges.cbm_ev, top), color, _CONDUCTION_TINT, fill)
    if edges.source:
        for low, high in ((layout.low_ev, edges.vbm_ev), (edges.cbm_ev, top)):
            size = right - left, high - low
            ax.add_patch(Rectangle((left, low), *size, fill=False, edgecolor=color, linestyle=_QUOTED, zorder=2.5))
    for level in (edges.vbm_ev, edges.cbm_ev):
        ax.plot([left, right], [level, level], color=color, linewidth=_EDGE, solid_capstyle="butt", zorder=3)
    if layout.saying.ranges and any(edges.range_ev):
        bars = bars_of(edges.range_ev)
        ax.errorbar(
            left + 2.4, edges.vbm_ev, yerr=bars, color=_INK, linewidth=_THIN, capsize=1.3, capthick=_THIN, zorder=4
        )


def _draw_band(
    ax: Axes, ends: tuple[float, float], levels_ev: tuple[float, float], color: str, tint: float, fill: Fill
) -> None:
    """A band from its edge on, opaque, so that the lines of levels pass behind it."""
    (left, right), (edge, end) = ends, levels_ev
    if fill == "flat":
        corner, face = (left, min(edge, end)), _tinted(color, tint)
        ax.add_patch(Rectangle(corner, right - left, abs(end - edge), facecolor=face, edgecolor="none", zorder=2))
        return
    deep = _DEEP_TINT if tint == _VALENCE_TINT else 2.2 * tint
    shades = np.array([[_tinted(color, deep * (1 - step))] for step in np.linspace(0, 1, 64)])
    if end > edge:
        shades = shades[::-1]
    limits = ax.get_xlim(), ax.get_ylim()
    extent = (left, right, min(edge, end), max(edge, end))
    ax.imshow(shades, extent=extent, aspect="auto", interpolation="bilinear", zorder=2)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])


def _tinted(color: str, tint: float) -> tuple[float, float, float]:
    red, green, blue = (1 - tint * (1 - channel) for channel in to_rgb(color))
    return red, green, blue


def _draw_edge_texts(ax: Axes, layout: Layout, edges: AbsoluteEdges, center: float, ruler: Ruler) -> None:
    """In the bands, clear of the bar at the left; the gap between them."""
    saying = layout.saying
    upright = saying.edge == "upright"
    affinity, potential = edge_texts(edges, saying.edge)
    half, middle = layout.ev(layout.box / 2), (edges.vbm_ev + edges.cbm_ev) / 2
    texts = [(affinity, edges.cbm_ev + half, _INK), (potential, edges.vbm_ev - half - layout.ev(0.7), _INK)]
    texts += [(gap_text(edges, saying.edge), middle, _GREY)] if edges in layout.with_gap else []
    bar = layout.bar if any(edges.range_ev) else 0.0
    for text, at, color in texts:
        size = ruler.size_pt(text, saying.font_pt)
        shift = max(0.0, size[1 if upright else 0] / 2 + bar - layout.column / 2)
        ax.text(
            center + shift, at, text, color=color, fontsize=saying.font_pt, rotation=90 if upright else 0, ha="center",
            va="center", bbox=_ON_LINES if color == _GREY and layout.labels[1:] else None, zorder=5,
        )  # fmt: skip


def _draw_steps(ax: Axes, diagram: Diagram, layout: Layout, place: int) -> None:
    """Between two columns: lines that carry the edges on, and arrows where the steps are long enough to be seen."""
    left, right = diagram.columns[place : place + 2]
    start, end = layout.centers[place] + layout.column / 2, layout.centers[place + 1] - layout.column / 2
    levels = ((0.36, left.vbm_ev, right.vbm_ev), (0.64, left.cbm_ev, right.cbm_ev))
    if layout.saying.in_strips:
        for _, first, second in levels:
            ax.plot([start, end], [first, second], color=_PALE, linewidth=0.5, zorder=1.5)
        return
    width = end - start
    for share, first, second in levels:
        x, reach = start + share * width, 0.1 * width
        ax.plot([start, x + reach], [first] * 2, color=diagram.colors[left.material], linewidth=_THIN, zorder=1.5)
        ax.plot([x - reach, end], [second] * 2, color=diagram.colors[right.material], linewidth=_THIN, zorder=1.5)
        if abs(first - second) > layout.ev(4.0):
            arrow = {"arrowstyle": "<->", "linewidth": _THIN, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 5}
            ax.annotate("", (x, first), xytext=(x, second), arrowprops=arrow)


def _draw_offset(ax: Axes, layout: Layout, texts: tuple[str, str], row: Alignment, place: int) -> None:
    """The two numbers between two columns, or in the strips below and above the axes."""
    assert row.first is not None
    assert row.second is not None
    middle = (layout.centers[place] + layout.centers[place + 1]) / 2
    valence, conduction = texts
    if layout.saying.in_strips:
        upright = {"rotation": 90 if layout.saying.offset == "upright strip" else 0}
        places = (layout.low_ev - layout.ev(3), layout.high_ev + layout.ev(3))
    else:
        upright = {}
        lower = min(row.first.vbm_ev, row.second.vbm_ev) - layout.ev(2.5)
        places = (lower, max(row.first.cbm_ev, row.second.cbm_ev) + layout.ev(2.5))
    style: dict[str, Any] = {"ha": "center", "fontsize": layout.saying.font_pt, "color": _INK, "zorder": 5, **upright}
    ax.text(middle, places[0], valence, va="top", bbox=_ON_LINES, **style)
    if layout.saying.in_strips:
        short = {**style, "rotation": 0}
        ax.text(middle, layout.low_ev - layout.ev(layout.strip), SHORT_TYPES[row.type], va="top", **short)
    if conduction:
        ax.text(middle, places[1], conduction, va="bottom", bbox=_ON_LINES, **style)


def _draw_headings(ax: Axes, layout: Layout) -> None:
    """What the numbers in the strips are."""
    half = layout.ev(3 + (layout.strip - 5) / 2)
    style: dict[str, Any] = {"ha": "right", "fontsize": layout.saying.font_pt, "color": _INK}
    ax.text(-4, layout.low_ev - half, VALENCE, va="center", **style)
    ax.text(-4, layout.high_ev + half, CONDUCTION, va="center", **style)
    ax.text(-4, layout.low_ev - layout.ev(layout.strip), "type", va="top", **style)


def _draw_names(ax: Axes, layout: Layout) -> None:
    names = layout.names
    top = layout.low_ev - layout.ev(layout.strip + layout.types + 4)
    for center, name, surface, after in zip(layout.centers, names.names, names.surfaces, names.after_pt, strict=True):
        if names.lying:
            places = ((center, top), (center, top - layout.ev(after)))
            style: dict[str, Any] = {"ha": "center", "va": "top"}
        else:
            start = center - names.thick_pt / 2
            places = ((start, top), (start + after, top))
            style = {"ha": "left", "va": "top", "rotation": 90, "multialignment": "right"}
        ax.text(*places[0], name, fontsize=names.font_pt, color=_INK, **style)
        if surface:
            ax.text(*places[1], surface, fontsize=names.surface_font_pt, color=_GREY, **style)
