"""Offsets by several methods beside each other, pair by pair."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dftflow.analysis.alignment import in_order
from dftflow.figures.diagram_words import CONDUCTION, VALENCE
from dftflow.figures.labels import mathtext, signed, wrapped
from dftflow.model.alignment import Alignment, Range
from dftflow.model.outcome import relaxation_text
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bars_of", "draw_offsets", "offsets_by_pair", "offsets_height_in"]

_LINE_IN, _FOOT_IN = 0.125, 0.55


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A heading (`row` is None) or a row: its label, and its upper end and height in lines of text."""

    label: str
    top: float
    height: float
    row: Alignment | None

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def offsets_by_pair(rows: Sequence[Alignment]) -> tuple[tuple[Alignment, ...], ...]:
    """The rows of each two materials, in the order of the first, which gives first and second of all of them."""
    groups: dict[frozenset[str], list[Alignment]] = {}
    for row in rows:
        group = groups.setdefault(row.pair, [])
        group.append(in_order(row, group[0].first_name, group[0].second_name) if group else row)
    return tuple(map(tuple, groups.values()))


def offsets_height_in(rows: Sequence[Alignment]) -> float:
    """Height (inches) at which the offsets of these rows are legible."""
    return _FOOT_IN + _LINE_IN * sum(entry.height for entry in _entries(rows))


def draw_offsets(ax: Axes, rows: Sequence[Alignment]) -> None:
    """Valence offsets filled, conduction offsets open, bars for their ranges, the tolerance of each row shaded.

    Rows of more than one pair of materials stand under the names of the pair.
    """
    entries = _entries(rows)
    for entry in entries:
        if entry.row is not None:
            _draw_row(ax, entry, entry.row)
    ax.axvline(0, color="0.5", linewidth=0.6, zorder=1)
    ax.set_yticks([entry.middle for entry in entries], [entry.label for entry in entries])
    for label, entry in zip(ax.get_yticklabels(), entries, strict=True):
        label.set_fontweight("bold" if entry.row is None else "normal")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(entries[-1].top + entries[-1].height, 0)
    ax.margins(x=0.12)
    ax.set_xlabel(_axis_label(rows))
    ax.spines[["top", "right", "left"]].set_visible(False)


def _draw_row(ax: Axes, entry: _Entry, row: Alignment) -> None:
    tolerance = row.tolerance_ev
    ends = [entry.top, entry.top + entry.height]
    ax.fill_betweenx(ends, -tolerance, tolerance, facecolor="0.92", edgecolor="none", zorder=0)
    for y, value, name, marker, face in (
        (entry.middle - 0.8, row.valence_band_offset_ev, VALENCE, "o", "black"),
        (entry.middle + 0.8, row.conduction_band_offset_ev, CONDUCTION, "s", "white"),
    ):
        label = f"{name}  {'not given' if value is None else signed(value, row.range_ev)}"
        ax.annotate(
            label, (1, y), xycoords=("axes fraction", "data"), xytext=(5, 0), textcoords="offset points",
            ha="left", va="center", fontsize=7,
        )  # fmt: skip
        if value is not None:
            bars = None if row.range_ev is None else bars_of(row.range_ev)
            ax.errorbar(
                value, y, xerr=bars, fmt=marker, color="black", markerfacecolor=face, markeredgewidth=0.7, linewidth=0.8
            )


def _entries(rows: Sequence[Alignment]) -> list[_Entry]:
    groups = offsets_by_pair(rows)
    entries: list[_Entry] = []
    top = 0.0
    for group in groups:
        heading = [(_pair(group[0]), None)] if len(groups) > 1 else []
        for label, row in (*heading, *((_method(row), row) for row in group)):
            lines = label.count("\n") + 1
            height = lines + 0.8 if row is None else max(lines, 3.2) + 0.8
            entries.append(_Entry(label=label, top=top, height=height, row=row))
            top += height
    return entries


def bars_of(range_ev: Range) -> FloatArray:
    """Lengths of an error bar downwards and upwards, shape (2, 1)."""
    return np.array([[-range_ev[0]], [range_ev[1]]])


def _pair(row: Alignment) -> str:
    return f"{wrapped(row.first_name, 34)}\nminus {wrapped(row.second_name, 28)}"


def _method(row: Alignment) -> str:
    relaxation = relaxation_text(row.relaxed) if not row.source else ""
    flags = ("polar plane" if row.polar else "", relaxation)
    text = ", ".join(filter(None, (row.method, *flags, row.source)))
    return f"{wrapped(text, 34)}\n{row.type}"


def _axis_label(rows: Sequence[Alignment]) -> str:
    tolerances = ", ".join(dict.fromkeys(f"±{row.tolerance_ev:.3g}" for row in rows))
    what = "Offset (eV)"
    if len({row.pair for row in rows}) == 1:
        first, second = (mathtext(textwrap.shorten(n, 40)) for n in (rows[0].first_name, rows[0].second_name))
        what = f"Offset, {first} minus {second} (eV)"
    return f"{what}\nbars: range; shaded: tolerance {tolerances} eV"
