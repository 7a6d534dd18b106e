"""Figures of any number of band structures, beside or over each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dftflow.figures.bands import SPIN_STYLES, draw_bands, gap_text
from dftflow.figures.drawing import Drawing
from dftflow.figures.energy_axis import Reference, axis_label, refuse_empty, relative_to
from dftflow.figures.kpath import PathAxis, on_one_axis, path_axis
from dftflow.figures.labels import wrapped
from dftflow.figures.look import COLUMN_IN, PAGE_IN, Look
from dftflow.figures.projected_bands import draw_weights, group_name
from dftflow.model.levels import BandEdges
from dftflow.model.projections import Projections
from dftflow.model.records import Records
from dftflow.model.results import Bands, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["BandStructure", "bands_drawing", "window_around_gap"]

BELOW_EV, ABOVE_EV, METAL_EV = 3.0, 2.5, (-6.0, 4.0)
"""What is shown of the bands: below the VBM and above the CBM, and about the Fermi level of a metal."""

NARROW_IN = 4.5
"""A figure that is narrower has its panels below each other."""

_FIRST_WORDS = "Filled circle: valence-band maximum, open circle: conduction-band minimum."
_BEHIND = "0.7"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class BandStructure:
    """The bands of one calculation, and the energy that they are drawn from.

    Attributes
    ----------
    edges, why_no_edges
        Band edges, or why there are none.
    zero_ev
        The energy, on the scale of `bands`, that is drawn as 0.
    projections
        What the bands are made of, drawn as circles; None for the bands alone.
    """

    name: str
    bands: Bands
    edges: BandEdges | None
    why_no_edges: str = ""
    zero_ev: float
    projections: Projections | None = None

    @property
    def levels_ev(self) -> tuple[float, float]:
        """VBM and CBM, relative to the zero; of a metal the Fermi level twice."""
        if self.edges is None:
            return (self.bands.fermi_ev - self.zero_ev,) * 2
        return self.edges.vbm.value_ev - self.zero_ev, self.edges.cbm.value_ev - self.zero_ev


def bands_drawing(
    structures: Sequence[BandStructure],
    reference: Reference,
    look: Look,
    *,
    overlay: bool = False,
    name: str = "bands",
    title: str = "Band structures",
    placed: str = "",
) -> Drawing:
    """Band structures on one energy axis: beside each other, or over each other.

    Parameters
    ----------
    reference
        What the energies are relative to.
    overlay
        All on the axes of the first.
    placed
        How the caption says what the energies are relative to, where that takes more words than the axis has.

    Raises
    ------
    AnalysisError
        When one has no path, or, to be drawn over each other, another path than the first.
    InputError
        When no band reaches into the window that was asked for.
    """
    axes = [path_axis(structure.bands) for structure in structures]
    if overlay:
        axes = on_one_axis([structure.name for structure in structures], axes)
    window = look.window_ev or window_around_gap(structures)
    if look.window_ev is not None:
        refuse_empty(window, *_reach(structures, axes))
    colors = look.colors_of([structure.name for structure in structures])
    shown = _Shown(tuple(structures), tuple(axes), reference, window, colors, look)
    return Drawing(
        name=name,
        title=title,
        caption=_caption(shown, placed),
        build=lambda: _overlaid(shown) if overlay else _beside(shown),
        data=lambda: _data(shown),
        shows=(tuple(structures), reference, window, colors, look, overlay),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Shown:
    structures: tuple[BandStructure, ...]
    axes: tuple[PathAxis, ...]
    reference: Reference
    window: tuple[float, float]
    colors: Mapping[str, str]
    look: Look

    @property
    def group_names(self) -> list[str]:
        """Of what the bands are made of; empty for bands alone."""
        groups = [group for s in self.structures if s.projections is not None for group in s.projections.groups]
        return list(dict.fromkeys(map(group_name, groups)))

    @property
    def group_colors(self) -> Mapping[str, str]:
        """Name of a group -> its colour."""
        return self.look.colors_of(self.group_names)


def _reach(structures: Sequence[BandStructure], axes: Sequence[PathAxis]) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest energy of each band on the path, from the zero."""
    on_path = [
        structure.bands.eigenvalues_ev[:, [point for part in axis.parts for point in part.points]] - structure.zero_ev
        for structure, axis in zip(structures, axes, strict=True)
    ]
    low, high = (np.concatenate([edge(values, axis=1).ravel() for values in on_path]) for edge in (np.min, np.max))
    known = np.isfinite(low) & np.isfinite(high)
    return low[known], high[known]


def window_around_gap(structures: Sequence[BandStructure]) -> tuple[float, float]:
    """Lowest and highest energy that is shown unless a window is asked for, from the zero."""
    lows, highs = [], []
    for structure in structures:
        low, high = structure.levels_ev
        below, above = METAL_EV if structure.edges is None else (-BELOW_EV, ABOVE_EV)
        lows.append(low + below)
        highs.append(high + above)
    return float(math.floor(min(lows))), float(math.ceil(max(highs)))


def _beside(shown: _Shown) -> Figure:
    count = len(shown.structures)
    n_columns = 1 if (shown.look.width_in or PAGE_IN) < NARROW_IN else min(count, 2)
    n_rows = math.ceil(count / n_columns)
    size = shown.look.size_in(PAGE_IN if n_columns > 1 else COLUMN_IN, 3.2 * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    lengths = [axis.length for axis in shown.axes[:n_columns]]
    shares = [min(max(length / max(max(lengths), 1e-9), 0.6), 1.0) for length in lengths]
    grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False, width_ratios=shares).ravel()
    width = int(size[0] / n_columns * 72 / (0.62 * 8))
    for ax, structure, axis in zip(grid, shown.structures, shown.axes, strict=False):
        _draw(ax, structure, axis, shown)
        ax.set_title(f"{wrapped(shown.look.label(structure.name), width)}\n{gap_text(structure.edges)}")
    for ax in grid[count:]:
        ax.set_visible(False)
    for ax in grid[::n_columns]:
        ax.set_ylabel(axis_label(shown.reference))
    handles = [*_group_handles(figure.axes[0], shown), *_spin_handles(figure.axes[0], shown)]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=3 if size[0] < NARROW_IN else 6)
    return figure


def _draw(ax: Axes, structure: BandStructure, axis: PathAxis, shown: _Shown) -> None:
    """The bands in their colour; grey under the circles that show what they are made of."""
    projections = structure.projections
    color = shown.colors[structure.name] if projections is None else _BEHIND
    draw_bands(ax, axis, structure.edges, zero_ev=structure.zero_ev, energy_window=shown.window, color=color)
    if projections is not None:
        draw_weights(
            ax, axis, projections, zero_ev=structure.zero_ev, energy_window=shown.window, colors=shown.group_colors
        )


def _overlaid(shown: _Shown) -> Figure:
    figure = Figure(figsize=shown.look.size_in(COLUMN_IN, 3.6), layout="constrained")
    ax = figure.subplots()
    for number, (structure, axis) in enumerate(zip(shown.structures, shown.axes, strict=True)):
        draw_bands(
            ax, axis, structure.edges, zero_ev=structure.zero_ev, energy_window=shown.window,
            color=shown.colors[structure.name], shaded=False, line_pt=max(1.4 - 0.6 * number, 0.5),
        )  # fmt: skip
    texts = {s.name: f"{wrapped(shown.look.label(s.name), 40)}, {gap_text(s.edges)}" for s in shown.structures}
    handles = [ax.plot([], [], color=shown.colors[name], label=text)[0] for name, text in texts.items()]
    ax.set_ylabel(axis_label(shown.reference))
    figure.legend(handles=[*handles, *_spin_handles(ax, shown)], loc="outside upper center", ncols=1)
    return figure


def _spin_handles(ax: Axes, shown: _Shown) -> list[Line2D]:
    if all(len(structure.bands.eigenvalues_ev) == 1 for structure in shown.structures):
        return []
    named = zip(SPIN_STYLES, ("spin up", "spin down"), strict=True)
    return [ax.plot([], [], color="0.3", linestyle=style, label=name)[0] for style, name in named]


def _group_handles(ax: Axes, shown: _Shown) -> list[Line2D]:
    return [
        ax.plot([], [], "o", color=color, markersize=4, markeredgewidth=0, label=shown.look.label(name))[0]
        for name, color in shown.group_colors.items()
    ]


def _caption(shown: _Shown, placed: str) -> str:
    several = "Band structures on one energy axis" if len(shown.structures) > 1 else "Band structure"
    words = [f"{several}, {placed or relative_to(shown.reference)}."]
    metals = [s for s in shown.structures if s.edges is None]
    if len(metals) < len(shown.structures):
        words.append(_FIRST_WORDS)
    for metal in metals:
        why = metal.why_no_edges.partition(";")[0]
        words.append(f"{metal.name} has no gap to mark: {why}. Dashed: its Fermi level.")
    methods = dict.fromkeys(s.projections.method for s in shown.structures if s.projections is not None)
    if methods:
        words.append(f"The area of a coloured circle is the weight of the state ({'; '.join(methods)}).")
    sparse = [s.name for s, axis in zip(shown.structures, shown.axes, strict=True) if axis.is_sparse]
    if sparse:
        of = f" of {', '.join(sparse)}" if len(sparse) < len(shown.structures) else ""
        words.append(f"Points are what was calculated{of}; the thin lines between them are to guide the eye.")
    return " ".join(words)


def _data(shown: _Shown) -> Records:
    """One line an eigenvalue on the path that lies in the window."""
    names = shown.group_names
    rows = [
        row for s, axis in zip(shown.structures, shown.axes, strict=True) for row in _rows(s, axis, names, shown.window)
    ]
    columns = ("name", "part", "distance_per_ang", "k_a", "k_b", "k_c", "label", "spin", "band", "energy_ev")
    return Records(columns=(*columns, *(f"{name}_weight" for name in names)), rows=tuple(rows))


def _rows(
    structure: BandStructure, axis: PathAxis, names: Sequence[str], window: tuple[float, float]
) -> Iterator[tuple[float | int | str | None, ...]]:
    bands = structure.bands
    for number, part in enumerate(axis.parts, start=1):
        for point, x in zip(part.points, part.distance, strict=True):
            k = (float(component) for component in bands.kpoints_frac[point])
            place: tuple[float | int | str, ...] = (structure.name, number, float(x), *k, bands.labels[point])
            energies = bands.eigenvalues_ev[:, point] - structure.zero_ev
            for spin, band in np.argwhere((energies >= window[0]) & (energies <= window[1])):
                weights = _weights(structure.projections, (int(spin), point, int(band)), names)
                yield (*place, int(spin) + 1, int(band) + 1, float(energies[spin, band]), *weights)


def _weights(
    projections: Projections | None, state: tuple[int, int, int], names: Sequence[str]
) -> tuple[float | None, ...]:
    """Of each named group in a state; None for a group that the calculation does not have, or that is not told."""
    if projections is None:
        return (None,) * len(names)
    own = dict(zip(map(group_name, projections.groups), map(float, projections.weights[state]), strict=True))
    return tuple(value if (value := own.get(name, math.nan)) == value else None for name in names)
