"""Alignment diagrams: any number of materials on one vacuum scale, with the offsets between neighbours."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dftflow.analysis.alignment import check_edges, exchanged
from dftflow.errors import AnalysisError
from dftflow.model.alignment import SIGN_CONVENTION, AbsoluteEdges, Alignment, Range, ReferenceLevel
from dftflow.plot.colors import material_colors
from dftflow.plot.drawing import Drawing, FigureData
from dftflow.plot.labels import filled, range_parts, signed, wrapped
from dftflow.plot.zoom import draw_zoom

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["alignment_drawing", "diagram_columns", "diagram_size_in", "draw_alignment"]

_VBO, _CBO = r"$\Delta E_\mathrm{V}$", r"$\Delta E_\mathrm{C}$"
_PAGE_IN, _PITCH_IN, _MARGIN_IN, _AXES_IN = 6.7, 0.84, 0.62, 2.9
_BLANK = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
_LEFT_TO_RIGHT = "offset (eV) = edge on the left minus edge on the right; bars: range of both edges"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the columns stand (fractions of the width), and how many characters fit into them and between them."""

    columns: tuple[tuple[float, float], ...]
    font_pt: float
    inside: int
    between: int
    below: int

    @property
    def line(self) -> float:
        """Height of a line of text, as a fraction of the axes."""
        return 1.25 * self.font_pt / 72 / _AXES_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Vertical room: the whole of it, and the height of the boxes that stand for bands, in eV."""

    low_ev: float
    high_ev: float
    box_ev: float

    @property
    def total_ev(self) -> float:
        return self.high_ev - self.low_ev


def alignment_drawing(
    columns: Sequence[AbsoluteEdges],
    rows: Sequence[Alignment],
    *,
    colors: Mapping[str, str] | None = None,
    levels: Sequence[ReferenceLevel] = (),
    width_in: float | None = None,
    height_in: float | None = None,
    fill: Literal["flat", "gradient"] = "flat",
    name: str = "alignment",
) -> Drawing:
    """Band edges of any number of surfaces on the vacuum scale, with the offsets between those that stand side by side.

    Parameters
    ----------
    columns
        From left to right; see `diagram_columns`.
    rows
        What the offsets between neighbours are taken from: rows that stand on their very levels. Neighbours without a
        row have no offset.
    colors
        Material -> colour; those of `material_colors` unless given.
    levels
        Drawn as lines across the diagram: redox couples, electrodes.
    width_in, height_in
        Of the figure, in inches; else a width of 3.3 (up to three columns) or 6.7, and the height that it takes.
    fill
        Whether the bands are of one tint or fade away from their edges.
    name
        Stem of the figure's files.

    Returns
    -------
    Drawing
        Its `data` have every number of the diagram, those that it has no room for too. Drawing it raises
        `AnalysisError` for edges that `check_edges` refuses.
    """
    columns, rows, levels = tuple(columns), tuple(rows), tuple(levels)
    shades = material_colors(edges.material for edges in columns) if colors is None else colors

    def build() -> Figure:
        figure = Figure(figsize=diagram_size_in(columns, rows), layout="constrained")
        draw_alignment(figure.subplots(), columns, rows, shades)
        return figure

    return Drawing(
        name=name,
        title="Band alignment",
        caption="Band edges relative to the vacuum level, and the offsets between neighbours, left minus right.",
        build=build if columns else None,
        data=(lambda: _data(columns, rows, levels)) if columns else None,
        shows=(columns, rows, {e.material: shades[e.material] for e in columns}, levels, width_in, height_in, fill),
        missing="" if columns else "there are no band edges relative to vacuum",
    )


def _data(columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment], levels: Sequence[ReferenceLevel]) -> FigureData:
    """One row for every column, every offset between neighbours and every reference level; `kind` says which."""
    names = (
        "kind", "name", "surface", "second_name", "second_surface", "energy_ev", "vbm_ev", "cbm_ev",
        "valence_band_offset_ev", "conduction_band_offset_ev", "range_low_ev", "range_high_ev", "type", "method", "source",
    )  # fmt: skip
    found: list[dict[str, float | str | None]] = [
        {
            "kind": "edges", "name": e.material, "surface": e.surface, "vbm_ev": e.vbm_ev, "cbm_ev": e.cbm_ev,
            "range_low_ev": e.range_ev[0], "range_high_ev": e.range_ev[1], "source": e.source,
        }
        for e in columns
    ]  # fmt: skip
    for left, right in pairwise(columns):
        row = _between(left, right, rows)
        if row is not None:
            low, high = row.range_ev or (None, None)
            found.append({
                "kind": "offset", "name": left.material, "surface": left.surface, "second_name": right.material,
                "second_surface": right.surface, "valence_band_offset_ev": row.valence_band_offset_ev,
                "conduction_band_offset_ev": row.conduction_band_offset_ev, "range_low_ev": low, "range_high_ev": high,
                "type": row.type, "method": row.method, "source": row.source,
            })  # fmt: skip
    found += [{"kind": "level", "name": v.name, "energy_ev": v.energy_ev, "source": v.source} for v in levels]
    return FigureData(columns=names, rows=tuple(tuple(row.get(name) for name in names) for row in found))


def diagram_columns(rows: Iterable[Alignment], names: Sequence[str]) -> tuple[AbsoluteEdges, ...]:
    """The levels that `rows` stand on, each once: by material in the order of `names`, else as they come.

    A single row keeps its own order, first and second.
    """
    rows = tuple(rows)
    found = list(dict.fromkeys(edges for row in rows for edges in (row.first, row.second) if edges is not None))
    order = list(dict.fromkeys([*(names if len(rows) > 1 else ()), *(edges.material for edges in found)]))
    return tuple(sorted(found, key=lambda edges: order.index(edges.material)))


def diagram_size_in(columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment]) -> tuple[float, float]:
    """Width and height (inches) at which the diagram of these columns is legible."""
    layout = _layout(len(columns))
    below = max((text.count("\n") + 1 for text in _names(columns, rows, layout)), default=1)
    return _width_in(len(columns)), _AXES_IN + 0.72 + below * 1.25 * layout.font_pt / 72


def _width_in(count: int) -> float:
    return max(_PAGE_IN, _MARGIN_IN + _PITCH_IN * count)


def _layout(count: int) -> _Layout:
    if count == 2:  # the right side is the zoom's
        return _Layout(columns=((0.07, 0.26), (0.455, 0.645)), font_pt=7, inside=19, between=18, below=27)
    pitch, font_pt = 1 / count, 7.0 if count < 5 else 6.0
    columns = tuple(((i + 0.25) * pitch, (i + 0.75) * pitch) for i in range(count))
    fit = (_width_in(count) - _MARGIN_IN) * pitch * 72 / (0.6 * font_pt)
    return _Layout(
        columns=columns, font_pt=font_pt, inside=int(fit / 2), between=int(0.46 * fit), below=min(30, int(0.95 * fit))
    )


def draw_alignment(
    ax: Axes, columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment], colors: Mapping[str, str]
) -> None:
    """Valence (filled) and conduction (open) band of every column below the vacuum level, offsets between neighbours.

    Text sits where no other text can be, whatever the offsets: electron affinity and ionisation potential inside the
    boxes, the offsets between the columns above and below their edges, names under the axis. Two columns have a zoom on
    the VBM beside them; more have the range of their edges as bars. An offset between two columns that do not stand
    beside each other is not shown.

    Parameters
    ----------
    columns
        From left to right; see `diagram_columns` and `diagram_size_in`.
    rows
        What the offsets between neighbours are taken from: rows that stand on their very levels.
    colors
        Material -> colour.

    Raises
    ------
    AnalysisError
        For fewer than two columns, or edges that `check_edges` refuses, such as a VBM above the vacuum level.
    """
    if len(columns) < 2:
        raise AnalysisError(
            "an alignment diagram needs two materials with band edges relative to vacuum",
            reason=f"there are {len(columns)}",
            fix="draw quoted offsets with draw_offsets",
        )
    for edges in columns:
        check_edges(edges)
    layout = _layout(len(columns))
    between = {i: row for i, pair in enumerate(pairwise(columns)) if (row := _between(*pair, rows)) is not None}
    scale = _scale(columns, layout, between.values())
    ax.set_xlim(0, 1)
    ax.set_ylim(scale.low_ev, scale.high_ev)
    _draw_vacuum(ax, layout)
    for edges, column in zip(columns, layout.columns, strict=True):
        _draw_material(ax, edges, column, colors[edges.material], scale, layout)
        if len(columns) > 2:
            _draw_range(ax, edges, column[0] + 0.04 * (column[1] - column[0]))
    for i, row in between.items():
        _draw_offset(ax, i, row, layout, scale, colors)
    if len(columns) == 2:
        draw_zoom(ax, columns, colors)
    ax.set_xticks(
        [sum(column) / 2 for column in layout.columns], _names(columns, rows, layout), fontsize=layout.font_pt
    )
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("Energy relative to vacuum (eV)")
    sign = SIGN_CONVENTION if len(columns) == 2 else _LEFT_TO_RIGHT
    ax.set_xlabel("\n".join(textwrap.wrap(f"Sign: {sign}.", 110)), fontsize=6.5, labelpad=5)
    ax.set_title(wrapped(_title(columns, rows), 95), loc="left")
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def _between(left: AbsoluteEdges, right: AbsoluteEdges, rows: Sequence[Alignment]) -> Alignment | None:
    """The first row that stands on both, turned so that `left` is its first."""
    for row in rows:
        if (row.first, row.second) == (left, right):
            return row
        if (row.first, row.second) == (right, left):
            return exchanged(row)
    return None


# --- words ------------------------------------------------------------------------------------------------------


def _ways(columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment]) -> list[str]:
    shown = [row for row in rows if row.first in columns and row.second in columns]
    return list(dict.fromkeys(row.same_way for row in shown))


def _names(columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment], layout: _Layout) -> list[str]:
    """Material and surface of every column; the method too, where the columns do not share one."""
    several = len(columns) > 2 and len(_ways(columns, rows)) > 1
    names = []
    for edges in columns:
        here = [row for row in rows if edges in (row.first, row.second)]
        lines = [edges.material, edges.surface, *(f"by {way}" for way in _ways(columns, here) if several)]
        names.append("\n".join(wrapped(line, layout.below) for line in lines))
    return names


def _title(columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment]) -> str:
    polar = ", polar plane" if any(row.polar for row in rows) else ""
    if len(columns) == 2 and len(rows) == 1:
        (row,) = rows
        return f"{_capital(row.method)}{polar}: {row.type} (tolerance {row.tolerance_ev:.3g} eV)"
    ways = _ways(columns, rows)
    tolerances = " and ".join(dict.fromkeys(f"{row.tolerance_ev:.3g}" for row in rows))
    way = _capital(ways[0]) if len(ways) == 1 else "By several methods, named below each column"
    return f"{way}{polar} (tolerance {tolerances} eV)"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _edge_text(name: str, value_ev: float, range_ev: Range, layout: _Layout) -> str:
    deeper = (0.0 - range_ev[1], 0.0 - range_ev[0])
    number = f"{name} {value_ev:.2f}".replace("-", "\N{MINUS SIGN}")
    return _with_range(number, range_parts(deeper, 2), layout.inside)


def _with_range(number: str, parts: Sequence[str], width: int) -> str:
    """A number and its range: on one line where they fit, else the range on lines of its own."""
    together = " ".join((number, "".join(parts))) if parts else number
    return together if len(together) <= width else f"{number}\n{filled(parts, width)}"


def _affinity_text(edges: AbsoluteEdges, layout: _Layout) -> str:
    return _edge_text("EA", 0.0 - edges.cbm_ev, edges.range_ev, layout)


def _ionisation_text(edges: AbsoluteEdges, layout: _Layout) -> str:
    return _edge_text("IP", 0.0 - edges.vbm_ev, edges.range_ev, layout)


def _valence_text(row: Alignment, layout: _Layout) -> str:
    text = _offset_text(_VBO, row.valence_band_offset_ev, row.range_ev, layout)
    if len(layout.columns) == 2:
        return text
    words = row.type.replace("-", "- ").split()
    return f"{text}\n{filled(words, layout.between)}"


def _conduction_text(row: Alignment, layout: _Layout) -> str:
    value = row.conduction_band_offset_ev
    return "" if value is None else _offset_text(_CBO, value, row.range_ev, layout)


def _offset_text(name: str, value_ev: float, range_ev: Range | None, layout: _Layout) -> str:
    unit = " (eV)" if len(layout.columns) == 2 else ""
    parts = () if range_ev is None else range_parts(range_ev)
    if len(parts) == 2:
        parts = (f"({parts[0]}", f"{parts[1]})")
    return f"{name}{unit}\n{_with_range(signed(value_ev), parts, layout.between)}"


def _lines(texts: Iterable[str]) -> int:
    return max((text.count("\n") + 1 for text in texts), default=0)


# --- lines and boxes --------------------------------------------------------------------------------------------


def _scale(columns: Sequence[AbsoluteEdges], layout: _Layout, between: Iterable[Alignment]) -> _Scale:
    """Room for the text above and below the levels, whose share of the height is known, and for the bars."""
    between = tuple(between)
    inside = [text(edges, layout) for edges in columns for text in (_affinity_text, _ionisation_text)]
    box = max(0.10, (_lines(inside) + 0.7) * layout.line)
    below = max(0.19, box + 0.03, (_lines(_valence_text(row, layout) for row in between) + 1.2) * layout.line)
    above = max(box + 0.03, (_lines(_conduction_text(row, layout) for row in between) + 1.2) * layout.line)
    lowest, highest = min(e.vbm_ev for e in columns), max(e.cbm_ev for e in columns)
    total = (highest - lowest) / (1 - above - below)
    if highest + above * total < 0.07 * total:  # the vacuum level is what stands highest
        total = (0.0 - lowest) / (1 - 0.07 - below)
    low, high = lowest - below * total, lowest - below * total + total
    if len(columns) > 2:
        low = min(low, *(e.vbm_ev + e.range_ev[0] - 0.02 * total for e in columns))
        high = max(high, *(e.vbm_ev + e.range_ev[1] + 0.02 * total for e in columns))
    return _Scale(low_ev=low, high_ev=high, box_ev=box * (high - low))


def _draw_vacuum(ax: Axes, layout: _Layout) -> None:
    two = len(layout.columns) == 2
    end = layout.columns[-1][1] + 0.02 if two else 1.0
    ax.plot([0, end], [0, 0], color="0.4", linewidth=0.7, linestyle=(0, (5, 3)), zorder=1)
    ax.annotate(
        r"$E_\mathrm{vac}$", (0 if two else 1, 0), xytext=(2, 2) if two else (3, 0), textcoords="offset points",
        ha="left", va="bottom" if two else "center", fontsize=7, annotation_clip=False,
    )  # fmt: skip


def _draw_material(
    ax: Axes, edges: AbsoluteEdges, column: tuple[float, float], color: str, scale: _Scale, layout: _Layout
) -> None:
    left, right = column
    middle, box = (left + right) / 2, scale.box_ev
    bottom = scale.low_ev
    ax.add_patch(
        Rectangle((left, bottom), right - left, edges.vbm_ev - bottom, facecolor=color, alpha=0.30, edgecolor="none")
    )
    ax.add_patch(Rectangle((left, edges.cbm_ev), right - left, box, facecolor=color, alpha=0.08, edgecolor="none"))
    for level in (edges.vbm_ev, edges.cbm_ev):
        ax.plot([left, right], [level, level], color=color, linewidth=1.4, solid_capstyle="butt", zorder=3)
    numbers = {"ha": "center", "va": "center", "fontsize": layout.font_pt}
    across = _BLANK if edges.cbm_ev < 0 < edges.cbm_ev + box else None  # the vacuum level would strike it out
    ax.text(middle, edges.cbm_ev + box / 2, _affinity_text(edges, layout), bbox=across, **numbers)  # type: ignore[arg-type]
    ax.text(middle, edges.vbm_ev - box / 2, _ionisation_text(edges, layout), **numbers)  # type: ignore[arg-type]
    gap = edges.cbm_ev - edges.vbm_ev
    if gap > 1.6 * layout.line * scale.total_ev:
        text = rf"$E_\mathrm{{g}}$ {gap:.2f}"
        ax.text(middle, edges.vbm_ev + gap / 2, text, color="0.3", **numbers)  # type: ignore[arg-type]


def _draw_range(ax: Axes, edges: AbsoluteEdges, x: float) -> None:
    bars = [[-edges.range_ev[0]], [edges.range_ev[1]]]
    ax.errorbar(x, edges.vbm_ev, yerr=bars, color="0.25", linewidth=0.7, capsize=1.5, zorder=4)


def _draw_offset(
    ax: Axes, number: int, row: Alignment, layout: _Layout, scale: _Scale, colors: Mapping[str, str]
) -> None:
    """Guide lines, arrows where they are long enough to be seen, and the two numbers."""
    assert row.first is not None
    assert row.second is not None
    left, right = layout.columns[number][1], layout.columns[number + 1][0]
    width = right - left
    for x, first, second in (
        (left + 0.36 * width, row.first.vbm_ev, row.second.vbm_ev),
        (left + 0.64 * width, row.first.cbm_ev, row.second.cbm_ev),
    ):
        ends = (x + 0.1 * width, x - 0.1 * width)
        ax.plot([left, ends[0]], [first, first], color=colors[row.first.material], linewidth=0.6, zorder=2)
        ax.plot([ends[1], right], [second, second], color=colors[row.second.material], linewidth=0.6, zorder=2)
        if abs(first - second) > 0.02 * scale.total_ev:
            arrow = {"arrowstyle": "<->", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
            ax.annotate("", (x, first), xytext=(x, second), arrowprops=arrow)
    pad, middle = 0.022 * scale.total_ev, (left + right) / 2
    style = {"ha": "center", "fontsize": layout.font_pt, "bbox": _BLANK}
    lower, higher = min(row.first.vbm_ev, row.second.vbm_ev), max(row.first.cbm_ev, row.second.cbm_ev)
    ax.text(middle, lower - pad, _valence_text(row, layout), va="top", **style)  # type: ignore[arg-type]
    if row.conduction_band_offset_ev is not None:
        ax.text(middle, higher + pad, _conduction_text(row, layout), va="bottom", **style)  # type: ignore[arg-type]
