"""Band structures: the bands of one calculation on axes, and figures of any number of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dftflow.model.levels import BandEdges
from dftflow.model.results import Bands
from dftflow.plot.drawing import Drawing, FigureData
from dftflow.plot.kpath import PathAxis, on_one_axis, path_axis
from dftflow.plot.labels import kpoint_name, wrapped
from dftflow.plot.look import COLUMN_IN, PAGE_IN, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["BandStructure", "bands_drawing", "draw_bands", "gap_text"]

BELOW_EV, ABOVE_EV, METAL_EV = 3.0, 2.5, (-6.0, 4.0)
"""What is shown of the bands: below the VBM and above the CBM, and about the Fermi level of a metal."""

_SPIN_STYLES = ("-", (0, (3.5, 1.5)))
_FIRST_WORDS = "Filled circle: valence-band maximum, open circle: conduction-band minimum."


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class BandStructure:
    """The bands of one calculation, and the energy that they are drawn from.

    Attributes
    ----------
    edges, why_no_edges
        Band edges, or why there are none.
    zero_ev
        The energy, on the scale of `bands`, that is drawn as 0.
    """

    name: str
    bands: Bands
    edges: BandEdges | None
    why_no_edges: str = ""
    zero_ev: float

    @property
    def levels_ev(self) -> tuple[float, float]:
        """VBM and CBM, relative to the zero; of a metal the Fermi level twice."""
        if self.edges is None:
            return (self.bands.fermi_ev - self.zero_ev,) * 2
        return self.edges.vbm.value_ev - self.zero_ev, self.edges.cbm.value_ev - self.zero_ev


def gap_text(edges: BandEdges | None) -> str:
    """``"gap 1.66 eV, direct at Γ"``, or that there is none."""
    if edges is None:
        return "no gap"
    kind = "direct" if edges.direct else "indirect"
    places = [(edges.vbm_label, edges.vbm_k), (edges.cbm_label, edges.cbm_k)]
    names = [_point_name(label, k) for label, k in places[: 1 if edges.direct else 2]]
    at = " to ".join(dict.fromkeys(name for name in names if name))
    return f"gap {edges.band_gap_ev:.2f} eV, {kind}{f' at {at}' if edges.direct and at else f', {at}' if at else ''}"


def _point_name(label: str, k: tuple[float, float, float]) -> str:
    return kpoint_name(label) if label else "Γ" if not any(k) else ""


def draw_bands(
    ax: Axes,
    axis: PathAxis,
    edges: BandEdges | None,
    *,
    zero_ev: float,
    energy_window: tuple[float, float],
    color: str,
    shaded: bool = True,
) -> None:
    """Bands along their path, the gap shaded, the VBM (filled) and CBM (open) marked wherever the path meets them.

    Of a metal, which has no edges, the Fermi level is a line. Legs with few points are drawn as points, joined by faint
    lines to guide the eye.

    Parameters
    ----------
    zero_ev
        The energy, on the scale of the bands, that is drawn as 0.
    energy_window
        Lowest and highest energy shown, relative to `zero_ev`.
    shaded
        Whether the gap is; not so where several lie over each other.
    """
    low, high = energy_window
    dots = {"marker": "o", "markersize": 2.2, "markeredgewidth": 0} if axis.is_sparse else {}
    width = 0.35 if axis.is_sparse else 0.8
    for spin, style in zip(axis.bands.eigenvalues_ev, _SPIN_STYLES, strict=False):
        for part in axis.parts:
            values = spin[list(part.points)] - zero_ev
            seen = (np.nanmax(values, axis=0) >= low) & (np.nanmin(values, axis=0) <= high)
            ax.plot(part.distance, values[:, seen], linestyle=style, color=color, linewidth=width, **dots)  # type: ignore[arg-type]
    if edges is None:
        ax.axhline(axis.bands.fermi_ev - zero_ev, color="0.5", linewidth=0.6, linestyle=(0, (5, 3)), zorder=1)
    else:
        _draw_edges(ax, axis, edges, zero_ev, color)
        if shaded:
            ax.axhspan(
                edges.vbm.value_ev - zero_ev, edges.cbm.value_ev - zero_ev, facecolor="0.93", edgecolor="none", zorder=0
            )
    _draw_path(ax, axis)
    ax.set_ylim(low, high)


def _draw_edges(ax: Axes, axis: PathAxis, edges: BandEdges, zero_ev: float, color: str) -> None:
    vbm, cbm = edges.vbm.value_ev - zero_ev, edges.cbm.value_ev - zero_ev
    for level, k, face, name in ((vbm, edges.vbm_k, color, "VBM"), (cbm, edges.cbm_k, "white", "CBM")):
        places = axis.places(k)
        ax.plot(
            places, [level] * len(places), "o", markersize=3.6, markerfacecolor=face, markeredgecolor="black",
            markeredgewidth=0.6, label=name, clip_on=False, zorder=5,
        )  # fmt: skip


def _draw_path(ax: Axes, axis: PathAxis) -> None:
    ticks = axis.ticks
    for x, _ in ticks[1:-1]:
        ax.axvline(x, color="0.6", linewidth=0.4, zorder=1)
    ax.set_xticks([x for x, _ in ticks], [name for _, name in ticks])
    if any("(" in name for _, name in ticks):  # coordinates of points that have no name
        ax.tick_params(axis="x", labelrotation=90, labelsize=6)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(0.0, axis.length or 1.0)


# --- figures ----------------------------------------------------------------------------------------------------


def bands_drawing(
    structures: Sequence[BandStructure],
    axis_label: str,
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
    axis_label
        What the energies are relative to.
    overlay
        All on the axes of the first.
    placed
        How the caption says what the energies are relative to, where that takes more words than the axis has.

    Raises
    ------
    AnalysisError
        When one has no path, or, to be drawn over each other, another path than the first.
    """
    axes = [path_axis(structure.bands) for structure in structures]
    if overlay:
        axes = on_one_axis([structure.name for structure in structures], axes)
    window = look.window_ev or _window(structures)
    colors = look.colors_of([structure.name for structure in structures])
    shown = _Shown(tuple(structures), tuple(axes), axis_label, window, colors, look)
    return Drawing(
        name=name,
        title=title,
        caption=_caption(shown, placed),
        build=lambda: _overlaid(shown) if overlay else _beside(shown),
        data=lambda: _data(shown),
        shows=([(s.name, s.bands, s.edges, s.zero_ev) for s in structures], axis_label, window, colors, look, overlay),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Shown:
    structures: tuple[BandStructure, ...]
    axes: tuple[PathAxis, ...]
    axis_label: str
    window: tuple[float, float]
    colors: Mapping[str, str]
    look: Look


def _window(structures: Sequence[BandStructure]) -> tuple[float, float]:
    lows, highs = [], []
    for structure in structures:
        low, high = structure.levels_ev
        below, above = METAL_EV if structure.edges is None else (-BELOW_EV, ABOVE_EV)
        lows.append(low + below)
        highs.append(high + above)
    return float(math.floor(min(lows))), float(math.ceil(max(highs)))


def _beside(shown: _Shown) -> Figure:
    count = len(shown.structures)
    n_columns = min(count, 2)
    n_rows = math.ceil(count / n_columns)
    size = shown.look.size_in(PAGE_IN if n_columns > 1 else COLUMN_IN, 3.2 * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    lengths = [axis.length for axis in shown.axes[:n_columns]]
    shares = [min(max(length / max(max(lengths), 1e-9), 0.6), 1.0) for length in lengths]
    grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False, width_ratios=shares).ravel()
    width = int(size[0] / n_columns * 72 / (0.62 * 8))
    for ax, structure, axis in zip(grid, shown.structures, shown.axes, strict=False):
        draw_bands(
            ax, axis, structure.edges, zero_ev=structure.zero_ev, energy_window=shown.window,
            color=shown.colors[structure.name],
        )  # fmt: skip
        ax.set_title(f"{wrapped(shown.look.label(structure.name), width)}\n{gap_text(structure.edges)}")
    for ax in grid[count:]:
        ax.set_visible(False)
    for ax in grid[::n_columns]:
        ax.set_ylabel(shown.axis_label)
    _spin_legend(figure, shown)
    return figure


def _overlaid(shown: _Shown) -> Figure:
    figure = Figure(figsize=shown.look.size_in(COLUMN_IN, 3.6), layout="constrained")
    ax = figure.subplots()
    for structure, axis in zip(shown.structures, shown.axes, strict=True):
        color = shown.colors[structure.name]
        draw_bands(
            ax, axis, structure.edges, zero_ev=structure.zero_ev, energy_window=shown.window, color=color, shaded=False
        )
    texts = {s.name: f"{wrapped(shown.look.label(s.name), 40)}, {gap_text(s.edges)}" for s in shown.structures}
    handles = [ax.plot([], [], color=shown.colors[name], label=text)[0] for name, text in texts.items()]
    ax.set_ylabel(shown.axis_label)
    figure.legend(handles=[*handles, *_spin_handles(ax, shown)], loc="outside upper center", ncols=1)
    return figure


def _spin_handles(ax: Axes, shown: _Shown) -> list[Line2D]:
    if all(len(structure.bands.eigenvalues_ev) == 1 for structure in shown.structures):
        return []
    named = zip(_SPIN_STYLES, ("spin up", "spin down"), strict=True)
    return [ax.plot([], [], color="0.3", linestyle=style, label=name)[0] for style, name in named]


def _spin_legend(figure: Figure, shown: _Shown) -> None:
    handles = _spin_handles(figure.axes[0], shown)
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2)


def _caption(shown: _Shown, placed: str) -> str:
    zero = shown.axis_label.removesuffix(" (eV)").removeprefix("Energy ").replace("$E_\\mathrm{F}$", "the Fermi level")
    several = "Band structures on one energy axis" if len(shown.structures) > 1 else "Band structure"
    words = [f"{several}, {placed or zero}."]
    metals = [s for s in shown.structures if s.edges is None]
    if len(metals) < len(shown.structures):
        words.append(_FIRST_WORDS)
    words += [
        f"{metal.name} has no gap to mark ({metal.why_no_edges}); the dashed line is its Fermi level."
        for metal in metals
    ]
    sparse = [s.name for s, axis in zip(shown.structures, shown.axes, strict=True) if axis.is_sparse]
    if sparse:
        of = f" of {', '.join(sparse)}" if len(sparse) < len(shown.structures) else ""
        words.append(f"Points are what was calculated{of}; the thin lines between them are to guide the eye.")
    return " ".join(words)


def _data(shown: _Shown) -> FigureData:
    """One line an eigenvalue on the path, in the window or not."""
    rows: list[tuple[float | int | str | None, ...]] = []
    for structure, axis in zip(shown.structures, shown.axes, strict=True):
        bands = structure.bands
        for number, part in enumerate(axis.parts, start=1):
            for point, x in zip(part.points, part.distance, strict=True):
                k = (float(component) for component in bands.kpoints_frac[point])
                place: tuple[float | int | str, ...] = (structure.name, number, float(x), *k, bands.labels[point])
                rows += [
                    (*place, spin, band, float(value) - structure.zero_ev)
                    for spin, values in enumerate(bands.eigenvalues_ev[:, point], start=1)
                    for band, value in enumerate(values, start=1)
                    if np.isfinite(value)
                ]
    columns = ("name", "part", "distance_per_ang", "k_a", "k_b", "k_c", "label", "spin", "band", "energy_ev")
    return FigureData(columns=columns, rows=tuple(rows))
