"""Alignment diagrams: two materials on one vacuum scale, and the offsets by several methods."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from dftflow.errors import AnalysisError
from dftflow.model.alignment import SIGN_CONVENTION, AbsoluteEdges, Alignment, Range
from dftflow.model.results import FloatArray
from dftflow.plot.labels import mathtext, range_text, signed, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MATERIAL_COLORS", "draw_alignment", "draw_offsets"]

MATERIAL_COLORS = ("C0", "C1")
_COLUMNS = ((0.07, 0.26), (0.455, 0.645))
_ZOOM = (0.775, 0.10, 0.215, 0.72)
_VBO, _CBO = r"$\Delta E_\mathrm{V}$", r"$\Delta E_\mathrm{C}$"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Vertical room: the deepest VBM, the highest CBM, and the distance from the former to the vacuum or the latter."""

    lowest_ev: float
    highest_ev: float
    span_ev: float


def _both(alignment: Alignment) -> tuple[AbsoluteEdges, AbsoluteEdges]:
    if alignment.first is None or alignment.second is None:
        raise AnalysisError(
            f"the alignment by {alignment.method!r} cannot be drawn as a diagram",
            reason="it gives offsets, but no band edges relative to vacuum",
            fix="draw it with draw_offsets",
        )
    return alignment.first, alignment.second


def draw_alignment(ax: Axes, alignment: Alignment) -> None:
    """Valence (filled) and conduction (open) band of both materials below the vacuum level, with a zoom on the VBM.

    Text sits where no other text can be, whatever the offsets: electron affinity and ionisation potential inside
    the boxes, the offsets above and below everything else between the columns, names under the axis.

    Raises
    ------
    AnalysisError
        When the alignment has no absolute edges (a row quoted from a publication).
    """
    pair = _both(alignment)
    lowest, highest = min(e.vbm_ev for e in pair), max(e.cbm_ev for e in pair)
    scale = _Scale(lowest, highest, max(0.0, highest) - lowest)
    ax.set_xlim(0, 1)
    ax.set_ylim(lowest - 0.30 * scale.span_ev, max(0.12 * scale.span_ev, highest + 0.24 * scale.span_ev))
    ax.plot([0, _COLUMNS[1][1] + 0.02], [0, 0], color="0.4", linewidth=0.7, linestyle=(0, (5, 3)), zorder=1)
    ax.annotate(
        r"$E_\mathrm{vac}$", (0, 0), xytext=(2, 2), textcoords="offset points", ha="left", va="bottom", fontsize=7
    )
    for edges, column, color in zip(pair, _COLUMNS, MATERIAL_COLORS, strict=True):
        _draw_material(ax, edges, column, color, scale)
    _draw_offset(ax, pair, alignment, scale)
    _draw_zoom(ax, pair, alignment)
    names = [f"{wrapped(e.material, 24)}\n{wrapped(e.surface, 34)}" for e in pair]
    ax.set_xticks([sum(column) / 2 for column in _COLUMNS], names)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("Energy relative to vacuum (eV)")
    ax.set_xlabel("\n".join(textwrap.wrap(f"Sign: {SIGN_CONVENTION}.", 110)), fontsize=6.5, labelpad=5)
    method = alignment.method[:1].upper() + alignment.method[1:]
    polar = ", polar plane" if alignment.polar else ""
    title = f"{method}{polar}: {alignment.type} (tolerance {alignment.tolerance_ev:.3g} eV)"
    ax.set_title(wrapped(title, 95), loc="left")
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def _draw_material(ax: Axes, edges: AbsoluteEdges, column: tuple[float, float], color: str, scale: _Scale) -> None:
    left, right = column
    middle, box = (left + right) / 2, 0.15 * scale.span_ev
    bottom = ax.get_ylim()[0]
    ax.add_patch(
        Rectangle((left, bottom), right - left, edges.vbm_ev - bottom, facecolor=color, alpha=0.30, edgecolor="none")
    )
    ax.add_patch(Rectangle((left, edges.cbm_ev), right - left, box, facecolor=color, alpha=0.08, edgecolor="none"))
    for level in (edges.vbm_ev, edges.cbm_ev):
        ax.plot([left, right], [level, level], color=color, linewidth=1.4, solid_capstyle="butt", zorder=3)
    deeper = f" {range_text((0.0 - edges.range_ev[1], 0.0 - edges.range_ev[0]), 2)}"
    numbers = {"ha": "center", "va": "center", "fontsize": 7}
    ax.text(middle, edges.cbm_ev + box / 2, f"EA {-edges.cbm_ev:.2f}{deeper}", **numbers)  # type: ignore[arg-type]
    ax.text(middle, edges.vbm_ev - box / 2, f"IP {-edges.vbm_ev:.2f}{deeper}", **numbers)  # type: ignore[arg-type]
    gap = edges.cbm_ev - edges.vbm_ev
    if gap > 0.09 * scale.span_ev:
        text = rf"$E_\mathrm{{g}}$ {gap:.2f}"
        ax.text(middle, edges.vbm_ev + gap / 2, text, color="0.3", **numbers)  # type: ignore[arg-type]


def _draw_offset(ax: Axes, pair: tuple[AbsoluteEdges, AbsoluteEdges], alignment: Alignment, scale: _Scale) -> None:
    """Guide lines, arrows where they are long enough to be seen, and the two numbers."""
    left, right = _COLUMNS[0][1], _COLUMNS[1][0]
    for x, (first, second) in (
        (left + 0.36 * (right - left), (pair[0].vbm_ev, pair[1].vbm_ev)),
        (left + 0.64 * (right - left), (pair[0].cbm_ev, pair[1].cbm_ev)),
    ):
        ax.plot([left, x + 0.02], [first, first], color=MATERIAL_COLORS[0], linewidth=0.6, zorder=2)
        ax.plot([x - 0.02, right], [second, second], color=MATERIAL_COLORS[1], linewidth=0.6, zorder=2)
        if abs(first - second) > 0.03 * scale.span_ev:
            arrow = {"arrowstyle": "<->", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
            ax.annotate("", (x, first), xytext=(x, second), arrowprops=arrow)
    pad, middle = 0.035 * scale.span_ev, (left + right) / 2
    vbo = f"{_VBO} (eV)\n{signed(alignment.valence_band_offset_ev, alignment.range_ev)}"
    blank = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    ax.text(middle, scale.lowest_ev - pad, vbo, ha="center", va="top", fontsize=7, bbox=blank)
    if alignment.conduction_band_offset_ev is not None:
        cbo = f"{_CBO} (eV)\n{signed(alignment.conduction_band_offset_ev, alignment.range_ev)}"
        ax.text(middle, scale.highest_ev + pad, cbo, ha="center", va="bottom", fontsize=7, bbox=blank)


def _draw_zoom(ax: Axes, pair: tuple[AbsoluteEdges, AbsoluteEdges], alignment: Alignment) -> None:
    """Both VBMs with their error bars, on a scale of their own: relative to the second material's."""
    zoom = ax.inset_axes(_ZOOM)
    levels = [e.vbm_ev - pair[1].vbm_ev for e in pair]
    for x, level, edges, color in zip((0, 1), levels, pair, MATERIAL_COLORS, strict=True):
        zoom.plot([x - 0.28, x + 0.28], [level, level], color=color, linewidth=1.6, solid_capstyle="butt")
        zoom.errorbar(x, level, yerr=_bars(edges.range_ev), color="0.25", linewidth=0.8)
        zoom.axhline(level, color=color, linewidth=0.4, linestyle=(0, (2, 2)), zorder=0)
    below, above = (max(abs(e.range_ev[end]) for e in pair) for end in (0, 1))
    room = max(0.25 * abs(levels[0]), 0.01)
    zoom.set_xlim(-0.55, 1.55)
    zoom.set_ylim(min(levels) - max(1.35 * below, room), max(levels) + max(1.35 * above, room))
    zoom.set_xticks([])
    zoom.locator_params(axis="y", nbins=5)
    zoom.tick_params(labelsize=6.5)
    zoom.set_title(f"VBM $-$ VBM({mathtext(_short(alignment.second_name))}),\nzoom (eV)", fontsize=6.5)


def _bars(range_ev: Range) -> FloatArray:
    """Lengths of an error bar downwards and upwards, shape (2, 1)."""
    return np.array([[-range_ev[0]], [range_ev[1]]])


def _short(name: str) -> str:
    return name if len(name) <= 12 else "2nd"


def draw_offsets(ax: Axes, alignments: Sequence[Alignment]) -> None:
    """Offsets by every method beside each other, the tolerance shaded: valence filled, conduction open, error bars."""
    for row, alignment in enumerate(alignments):
        offsets = (
            (row - 0.19, alignment.valence_band_offset_ev, _VBO, "o", "black"),
            (row + 0.19, alignment.conduction_band_offset_ev, _CBO, "s", "white"),
        )
        for y, value, name, marker, face in offsets:
            label = f"{name}  {'not given' if value is None else signed(value, alignment.range_ev)}"
            ax.annotate(
                label, (1, y), xycoords=("axes fraction", "data"), xytext=(5, 0), textcoords="offset points",
                ha="left", va="center", fontsize=7,
            )  # fmt: skip
            if value is not None:
                bars = None if alignment.range_ev is None else _bars(alignment.range_ev)
                ax.errorbar(
                    value, y, xerr=bars, fmt=marker, color="black", markerfacecolor=face, markeredgewidth=0.7,
                    linewidth=0.8,
                )  # fmt: skip
    tolerance = alignments[0].tolerance_ev
    ax.axvspan(-tolerance, tolerance, facecolor="0.92", edgecolor="none", zorder=0)
    ax.axvline(0, color="0.5", linewidth=0.6, zorder=1)
    ax.set_yticks(range(len(alignments)), [_method(a) for a in alignments])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(alignments) - 0.5, -0.5)
    ax.margins(x=0.12)
    first, second = (mathtext(textwrap.shorten(n, 40)) for n in (alignments[0].first_name, alignments[0].second_name))
    ax.set_xlabel(f"Offset, {first} minus {second} (eV)\nbars: range; shaded: tolerance ±{tolerance:.3g} eV")
    ax.spines[["top", "right", "left"]].set_visible(False)


def _method(alignment: Alignment) -> str:
    flags = ("polar plane" if alignment.polar else "", "not relaxed" if alignment.relaxed is False else "")
    text = ", ".join(filter(None, (alignment.method, *flags, alignment.source)))
    return f"{wrapped(text, 34)}\n{alignment.type}"
