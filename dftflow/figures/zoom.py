"""The valence-band maxima of two materials beside their alignment diagram, on a scale of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dftflow.figures.labels import mathtext
from dftflow.figures.offsets import bars_of
from dftflow.model.alignment import AbsoluteEdges

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_zoom"]


def draw_zoom(ax: Axes, pair: Sequence[AbsoluteEdges], colors: Mapping[str, str]) -> None:
    """Both VBMs with their ranges as bars, relative to the second material's VBM."""
    levels = [e.vbm_ev - pair[1].vbm_ev for e in pair]
    for x, level, edges in zip((0, 1), levels, pair, strict=True):
        color, bars = colors[edges.material], bars_of(edges.range_ev)
        ax.plot([x - 0.28, x + 0.28], [level, level], color=color, linewidth=1.4, solid_capstyle="butt")
        if any(edges.range_ev):
            ax.errorbar(x, level, yerr=bars, color="0.1", linewidth=0.6, capsize=1.3, capthick=0.6)
        ax.axhline(level, color=color, linewidth=0.4, linestyle=(0, (2, 2)), zorder=0)
    below, above = (max(abs(e.range_ev[end]) for e in pair) for end in (0, 1))
    room = max(0.25 * abs(levels[0]), 0.01)
    ax.set_xlim(-0.55, 1.55)
    ax.set_ylim(min(levels) - max(1.35 * below, room), max(levels) + max(1.35 * above, room))
    ax.set_xticks([])
    ax.locator_params(axis="y", nbins=5)
    ax.tick_params(labelsize=6)
    ax.set_title(f"VBM $-$ VBM({mathtext(_short(pair[1].material))}),\nzoom (eV)", fontsize=6)
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= 12 else "2nd"
