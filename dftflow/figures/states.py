"""Band structures with their densities of states beside them, on one energy axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dftflow.figures.band_figure import BandStructure, window_around_gap
from dftflow.figures.bands import draw_bands, gap_text
from dftflow.figures.dos import ShownDos, draw_upright
from dftflow.figures.drawing import Drawing
from dftflow.figures.energy_axis import Reference, axis_label, relative_to
from dftflow.figures.kpath import PathAxis, path_axis
from dftflow.figures.labels import wrapped
from dftflow.figures.look import COLUMN_IN, PAGE_IN, Look
from dftflow.figures.projected_bands import group_name
from dftflow.model.dos import DensityOfStates
from dftflow.model.records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["StatesPanel", "states_drawing", "with_main_parts"]

NARROW_IN = 4.5
DOS_SHARE = 0.45
"""Width of a density of states beside its bands, as part of theirs."""
PARTS_ARE = (
    "Its parts are shells of the elements; those below 5 % of the highest total are left out, and what lies between "
    "atoms is in none."
)
LEAST_PART, MOST_PARTS = 0.05, 6
"""Parts that reach less than this of the total in the window, or are not among so many, are not drawn."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class StatesPanel:
    """Bands and density of states of one crystal, each with the energy that is drawn as 0."""

    bands: BandStructure
    dos: ShownDos


def with_main_parts(dos: DensityOfStates, window_ev: tuple[float, float]) -> DensityOfStates:
    """With those of its parts that can be seen between two energies, on its own scale."""
    if dos.projected is None:
        return dos
    seen = (dos.energies_ev >= window_ev[0]) & (dos.energies_ev <= window_ev[1])
    if not seen.any():
        return dos
    heights = np.abs(dos.projected[:, :, seen]).max(axis=(0, 2))
    highest = float(np.abs(dos.total[:, seen]).max())
    order = [int(i) for i in np.argsort(-heights, kind="stable")[:MOST_PARTS] if heights[i] >= LEAST_PART * highest]
    kept = sorted(order)
    return replace(dos, projected=dos.projected[:, kept], groups=tuple(dos.groups[i] for i in kept))


def states_drawing(
    panels: Sequence[StatesPanel],
    reference: Reference,
    look: Look,
    *,
    name: str = "states",
    title: str = "Band structures and densities of states",
) -> Drawing:
    """Each crystal's bands, and beside them the states per energy, parted into the shells of its elements.

    Parameters
    ----------
    reference
        What the energies are relative to.

    Raises
    ------
    AnalysisError
        When one has no path.
    """
    window = look.window_ev or window_around_gap([panel.bands for panel in panels])
    drawn = [_with_main_parts(panel, window) for panel in panels]
    axes = [path_axis(panel.bands.bands) for panel in drawn]
    parts = list(dict.fromkeys(part for panel in drawn for part in panel.dos.parts))
    shown = _Shown(drawn, axes, reference, window, look.colors_of(parts), look)
    return Drawing(
        name=name,
        title=title,
        caption=_caption(shown),
        build=lambda: _build(shown),
        data=lambda: _data(shown),
        shows=(tuple(drawn), reference, window, look),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Shown:
    panels: Sequence[StatesPanel]
    axes: Sequence[PathAxis]
    reference: Reference
    window: tuple[float, float]
    colors: Mapping[str, str]
    look: Look


def _with_main_parts(panel: StatesPanel, window: tuple[float, float]) -> StatesPanel:
    zero_ev = panel.dos.zero_ev
    dos = with_main_parts(panel.dos.dos, (window[0] + zero_ev, window[1] + zero_ev))
    return replace(panel, dos=replace(panel.dos, dos=dos))


def _build(shown: _Shown) -> Figure:
    count = len(shown.panels)
    n_columns = 1 if (shown.look.width_in or PAGE_IN) < NARROW_IN else min(count, 2)
    n_rows = math.ceil(count / n_columns)
    size = shown.look.size_in(PAGE_IN if n_columns > 1 else COLUMN_IN * 1.3, 3.3 * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(n_rows, 2 * n_columns, sharey=True, squeeze=False, width_ratios=[1, DOS_SHARE] * n_columns)
    pairs = [(row[i], row[i + 1]) for row in grid for i in range(0, 2 * n_columns, 2)]
    width = int(size[0] / n_columns * 72 / (0.62 * 8))
    for number, (pair, panel, axis) in enumerate(zip(pairs, shown.panels, shown.axes, strict=False)):
        _draw(pair, panel, axis, shown, width)
        if number % n_columns == 0:
            pair[0].set_ylabel(axis_label(shown.reference))
    for pair in pairs[count:]:
        for ax in pair:
            ax.set_visible(False)
    _add_legend(figure, [ax for _, ax in pairs[:count]], shown, narrow=size[0] < NARROW_IN)
    return figure


def _draw(pair: tuple[Axes, Axes], panel: StatesPanel, axis: PathAxis, shown: _Shown, width: int) -> None:
    left, right = pair
    edges, zero_ev = panel.bands.edges, panel.bands.zero_ev
    color = shown.look.colors.get(panel.bands.name, "black")
    draw_bands(left, axis, edges, zero_ev=zero_ev, energy_window=shown.window, color=color)
    draw_upright(right, panel.dos, window_ev=shown.window, colors=shown.colors)
    left.set_title(f"{wrapped(shown.look.label(panel.bands.name), width)}\n{gap_text(edges)}")
    right.set_xlabel("States per eV")
    if edges is not None:
        right.axhspan(
            edges.vbm.value_ev - zero_ev, edges.cbm.value_ev - zero_ev, facecolor="0.93", edgecolor="none", zorder=-1
        )
    elif panel.dos.fermi_ev is not None:
        right.axhline(panel.bands.bands.fermi_ev - zero_ev, color="0.5", linewidth=0.6, linestyle=(0, (5, 3)))
    left.set_ylim(*shown.window)


def _add_legend(figure: Figure, axes: Sequence[Axes], shown: _Shown, *, narrow: bool) -> None:
    handles = {text: handle for ax in axes for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    named = {shown.look.label(text): handle for text, handle in handles.items()}
    if len(named) > 1:
        figure.legend(named.values(), named, loc="outside lower center", ncols=4 if narrow else 7)


def _caption(shown: _Shown) -> str:
    words = [f"Bands and, beside them, the density of states, energies {relative_to(shown.reference)}."]
    if any(panel.bands.edges is not None for panel in shown.panels):
        words.append("Filled circle: valence-band maximum, open circle: conduction-band minimum; grey: the gap.")
    if any(panel.bands.edges is None for panel in shown.panels):
        words.append("Dashed: the Fermi level of a metal.")
    widths = dict.fromkeys(panel.dos.dos.broadening_ev for panel in shown.panels)
    said = ", ".join(f"{width:g}" for width in widths if width is not None)
    if said:
        words.append(f"Each state is a Gaussian with a standard deviation of {said} eV, which reaches into the gap.")
    if any(panel.dos.dos.groups for panel in shown.panels):
        words.append(PARTS_ARE)
    if any(len(panel.dos.dos.total) == 2 for panel in shown.panels):
        words.append("To the left the states of the second spin.")
    return " ".join(words)


def _data(shown: _Shown) -> Records:
    """One line for each energy of a density of states; the bands are in the figure of bands."""
    names = list(shown.colors)
    rows: list[tuple[float | int | str | None, ...]] = []
    for panel in shown.panels:
        groups = [group_name(group) for group in panel.dos.dos.groups]
        parts = panel.dos.parts
        for spin in range(len(panel.dos.dos.total)):
            for i in np.flatnonzero(panel.dos.drawn(shown.window)):
                own = [float(parts[name][spin, i]) if name in groups else None for name in names]
                energy = float(panel.dos.dos.energies_ev[i]) - panel.dos.zero_ev
                rows.append((panel.bands.name, spin + 1, energy, float(panel.dos.dos.total[spin, i]), *own))
    columns = ("name", "spin", "energy_ev", "total_per_ev", *(f"{name}_per_ev" for name in names))
    return Records(columns=columns, rows=tuple(rows))
