"""Band edges before and after corrections, of two crystals beside each other or of crystals on zeros of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from dftflow.derive.ledger import moves_or_reason
from dftflow.figures.diagram_words import CONDUCTION, VALENCE
from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import mathtext, signed
from dftflow.figures.look import PAGE_IN, Look
from dftflow.model.correction import HYBRIDS
from dftflow.model.ledger import EdgeMove
from dftflow.model.outcome import MaterialOutcome
from dftflow.model.records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LedgerColumn", "ledger_columns", "ledger_drawing"]

_HEIGHT_IN, _BAR, _TINT = 3.4, 0.36, 0.16
_BELOW = 0.5
"""Of the lowest level, in eV: the room for its number."""
UNMOVED = EdgeMove(corrections=(), vbm_ev=0.0, cbm_ev=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerColumn:
    """Edges of one crystal: before anything, on the zero of the figure, and the corrections that move them."""

    material: str
    vbm_ev: float
    cbm_ev: float
    moves: tuple[EdgeMove, ...]

    def after(self, move: EdgeMove) -> tuple[float, float]:
        """VBM and CBM with a correction."""
        return self.vbm_ev + move.vbm_ev, self.cbm_ev + move.cbm_ev


def ledger_columns(materials: Sequence[MaterialOutcome]) -> list[LedgerColumn]:
    """A column for each crystal that has corrections, with zero at its own valence band maximum."""
    found = []
    for material in materials:
        moves, _ = moves_or_reason(material.bulk)
        if moves and material.bulk.edges is not None:
            gap_ev = material.bulk.edges.band_gap_ev
            found.append(LedgerColumn(material=material.name, vbm_ev=0.0, cbm_ev=gap_ev, moves=moves))
    return found


def ledger_drawing(
    columns: Sequence[LedgerColumn], functional: str, look: Look, *, name: str, title: str, on_vacuum: bool
) -> Drawing:
    """Each crystal's edges by the functional alone and with each correction that all of them have.

    Parameters
    ----------
    on_vacuum
        Whether energies count from the vacuum level, so that offsets between the first two columns mean something.
    """
    shared = set.intersection(*({move.corrections for move in column.moves} for column in columns))
    kept = [
        replace(column, moves=(UNMOVED, *(move for move in column.moves if move.corrections in shared)))
        for column in columns
    ]

    def build() -> Figure:
        figure = Figure(figsize=look.size_in(PAGE_IN, _HEIGHT_IN), layout="constrained")
        _draw(figure.subplots(), kept, functional, look, on_vacuum=on_vacuum)
        return figure

    zero = "the vacuum level" if on_vacuum else "each crystal's own valence band maximum before corrections"
    caption = (
        f"Band edges relative to {zero}: by {functional}, and with corrections in its density, at its k-points. "
        "Bars: what is open of spin-orbit coupling."
    )
    if on_vacuum:
        caption += f" Below: the offsets of both edges in eV, {columns[0].material} minus {columns[1].material}."
    return Drawing(
        name=name,
        title=title,
        caption=caption,
        build=build,
        data=lambda: _data(kept, functional),
        shows=(tuple(kept), functional, on_vacuum, look),
    )


def _draw(ax: Axes, columns: Sequence[LedgerColumn], functional: str, look: Look, *, on_vacuum: bool) -> None:
    colors = look.colors_of([column.material for column in columns])
    width = 0.8 / len(columns)
    for number, column in enumerate(columns):
        shift = (number - (len(columns) - 1) / 2) * width
        for place, move in enumerate(column.moves):
            _draw_edges(ax, place + shift, width * 0.86, column.after(move), move, colors[column.material])
        ax.plot([], [], color=colors[column.material], linewidth=2.2, label=mathtext(look.label(column.material)))
    moves = columns[0].moves
    ax.set_xticks(range(len(moves)), [_heading(columns, place, functional, on_vacuum) for place in range(len(moves))])
    ax.tick_params(axis="x", length=0, labelsize=6.5)
    ax.set_xlim(-0.5, len(moves) - 0.5)
    lowest = min(column.after(move)[0] for column in columns for move in column.moves)
    highest = max(column.after(move)[1] for column in columns for move in column.moves)
    ax.set_ylim(lowest - _BELOW, highest + _BELOW)
    ax.set_ylabel("Energy relative to vacuum (eV)" if on_vacuum else "Energy above own VBM before (eV)")
    for place in range(1, len(moves)):
        ax.axvline(place - 0.5, color="0.9", linewidth=0.6, zorder=0)
    ax.legend(frameon=False, ncols=len(columns), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def _draw_edges(ax: Axes, center: float, width: float, edges: tuple[float, float], move: EdgeMove, color: str) -> None:
    """The gap as an open strip between its edges, each with its number and with what is open of it."""
    left, (vbm_ev, cbm_ev) = center - width / 2, edges
    ax.fill_between([left, left + width], vbm_ev, cbm_ev, color=color, alpha=_TINT, linewidth=0)
    for level_ev, open_ev, side in ((vbm_ev, move.vbm_open_ev, -1), (cbm_ev, move.cbm_open_ev, 1)):
        half_ev = abs(open_ev or 0.0)
        ax.hlines(level_ev, left, left + width, color=color, linewidth=1.6)
        if half_ev:
            ax.errorbar(center, level_ev, yerr=half_ev, color="0.25", linewidth=0.8, capsize=2)
        ax.annotate(
            f"{level_ev:.2f}".replace("-", "\N{MINUS SIGN}"),
            (center, level_ev + side * half_ev),
            xytext=(0, 2 * side),
            textcoords="offset points",
            ha="center",
            va="bottom" if side > 0 else "top",
            fontsize=6,
        )


def _heading(columns: Sequence[LedgerColumn], place: int, functional: str, on_vacuum: bool) -> str:
    corrections = columns[0].moves[place].corrections
    own = (functional,) if not set(corrections) & set(HYBRIDS) else ()
    name = " + ".join((*own, *corrections))
    text = name.replace(" + ", "\n+ ") if " + " in name else f"{name}\n"
    if not on_vacuum:
        return text
    one, other = (column.after(column.moves[place]) for column in columns[:2])
    return f"{text}\n{VALENCE} {signed(one[0] - other[0])}\n{CONDUCTION} {signed(one[1] - other[1])}"


def _data(columns: Sequence[LedgerColumn], functional: str) -> Records:
    names = ("material", "with", "vbm_ev", "cbm_ev", "vbm_shift_ev", "cbm_shift_ev", "vbm_open_ev", "cbm_open_ev")
    rows = [
        (
            *(column.material, move.name or functional, *column.after(move)),
            *(move.vbm_ev, move.cbm_ev, move.vbm_open_ev, move.cbm_open_ev),
        )
        for column in columns
        for move in column.moves
    ]
    return Records(columns=names, rows=tuple(rows))
