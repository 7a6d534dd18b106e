"""Densities of states: one calculation on axes, and figures of any number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dftflow.figures.drawing import Drawing
from dftflow.figures.energy_axis import Reference, axis_label, refuse_empty, relative_to
from dftflow.figures.labels import wrapped
from dftflow.figures.look import COLUMN_IN, PAGE_IN, Look
from dftflow.figures.projected_bands import group_name
from dftflow.model.dos import DensityOfStates
from dftflow.model.levels import BandEdges
from dftflow.model.records import Records
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ShownDos", "dos_drawing", "draw_dos", "draw_upright"]

WINDOW_EV = (-6.0, 6.0)
LEAST_SHOWN = 1e-3
"""Part of the highest value below which a density cannot be told from none."""
_TOTAL = "0.35"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ShownDos:
    """The density of states of one calculation, and the energy that it is drawn from.

    Attributes
    ----------
    zero_ev
        The energy, on the scale of `dos`, that is drawn as 0.
    edges
        Band edges, which are shaded; None for a metal.
    complete_up_to_ev
        Above it bands were not calculated, and nothing is drawn; None where that is not known.
    no_empty_bands
        Of each channel whether no empty band of it was calculated; ``()`` where that is not known.
    """

    name: str
    dos: DensityOfStates
    zero_ev: float
    edges: BandEdges | None = None
    complete_up_to_ev: float | None = None
    no_empty_bands: tuple[bool, ...] = ()

    @property
    def parts(self) -> Mapping[str, FloatArray]:
        """Name of each group -> states per eV, shape (n_spins, n); empty where there is no projection."""
        if self.dos.projected is None:
            return {}
        return {group_name(group): self.dos.projected[:, i] for i, group in enumerate(self.dos.groups)}

    @property
    def end_ev(self) -> float:
        """The energy, relative to the zero, up to which it is drawn."""
        return np.inf if self.complete_up_to_ev is None else self.complete_up_to_ev - self.zero_ev

    def drawn(self, window_ev: tuple[float, float]) -> NDArray[np.bool_]:
        """Of each energy whether it is drawn in a window, relative to the zero."""
        energies = self.dos.energies_ev - self.zero_ev
        return (energies >= window_ev[0]) & (energies <= min(window_ev[1], self.end_ev))

    @property
    def states_ev(self) -> FloatArray:
        """Energies, relative to the zero, at which there are states: more than tails of others, which do not show."""
        total = np.abs(self.dos.total).max(axis=0)
        there = self.drawn((-np.inf, np.inf)) & (total > LEAST_SHOWN * total.max())
        energies: FloatArray = self.dos.energies_ev[there] - self.zero_ev
        return energies

    @property
    def fermi_ev(self) -> float | None:
        """Fermi level relative to the zero."""
        return None if self.dos.fermi_ev is None else self.dos.fermi_ev - self.zero_ev


def draw_dos(ax: Axes, shown: ShownDos, *, window_ev: tuple[float, float], colors: Mapping[str, str]) -> None:
    """States per eV and cell over the energy: the total, the part of each element; spin down below the axis.

    Parameters
    ----------
    window_ev
        Lowest and highest energy, relative to the zero.
    colors
        Name of a group -> colour.
    """
    energies = shown.dos.energies_ev - shown.zero_ev
    seen = shown.drawn(window_ev)
    signs = (1, -1)[: len(shown.dos.total)]
    for spin, sign in enumerate(signs):
        total = sign * shown.dos.total[spin, seen]
        ax.fill_between(energies[seen], total, color="0.9", linewidth=0, zorder=0)
        ax.plot(energies[seen], total, color=_TOTAL, linewidth=0.8, label="total" if sign > 0 else "_")
        for name, values in shown.parts.items():
            label = name if sign > 0 else "_"
            ax.plot(energies[seen], sign * values[spin, seen], color=colors[name], linewidth=0.9, label=label)
    if len(signs) == 2:
        ax.yaxis.set_major_formatter(lambda states, _: f"{abs(states):g}")
        ax.axhline(0, color="black", linewidth=0.5)
    if shown.edges is None and shown.fermi_ev is not None:
        ax.axvline(shown.fermi_ev, color="0.5", linewidth=0.6, linestyle=(0, (5, 3)))
    if shown.edges is not None:
        for level in (shown.edges.vbm, shown.edges.cbm):
            ax.axvline(level.value_ev - shown.zero_ev, color="0.5", linewidth=0.5, linestyle=(0, (1, 2)))
    ax.set_xlim(*window_ev)
    ax.margins(y=0.08)
    if not ((shown.states_ev >= window_ev[0]) & (shown.states_ev <= window_ev[1])).any():
        ax.set_ylim(-1, 1)  # tails alone, which are not to fill the axes
    if len(signs) == 1:
        ax.set_ylim(bottom=0)


def draw_upright(ax: Axes, shown: ShownDos, *, window_ev: tuple[float, float], colors: Mapping[str, str]) -> None:
    """As `draw_dos`, with the energy upwards, beside bands: the second spin to the left of the axis."""
    energies = shown.dos.energies_ev - shown.zero_ev
    seen = shown.drawn(window_ev)
    signs = (1, -1)[: len(shown.dos.total)]
    for spin, sign in enumerate(signs):
        total = sign * shown.dos.total[spin, seen]
        ax.fill_betweenx(energies[seen], total, color="0.9", linewidth=0, zorder=0)
        ax.plot(total, energies[seen], color=_TOTAL, linewidth=0.8, label="total" if sign > 0 else "_")
        for name, values in shown.parts.items():
            label = name if sign > 0 else "_"
            ax.plot(sign * values[spin, seen], energies[seen], color=colors[name], linewidth=0.9, label=label)
    if len(signs) == 2:
        ax.xaxis.set_major_formatter(lambda states, _: f"{abs(states):g}")
        ax.axvline(0, color="black", linewidth=0.5)
    else:
        ax.set_xlim(left=0)
    ax.set_ylim(*window_ev)


# --- figures ----------------------------------------------------------------------------------------------------


def dos_drawing(shown: Sequence[ShownDos], reference: Reference, look: Look) -> Drawing:
    """Densities of states below each other on one energy axis.

    Parameters
    ----------
    reference
        What the energies are relative to.

    Raises
    ------
    InputError
        When there are no states in the window that was asked for.
    """
    window = look.window_ev or _window(shown)
    if look.window_ev is not None:
        states = np.concatenate([one.states_ev for one in shown])
        refuse_empty(window, states, states)
    names = list(dict.fromkeys(name for one in shown for name in one.parts))
    colors = look.colors_of(names)

    def build() -> Figure:
        size = (COLUMN_IN, 2.3) if len(shown) == 1 else (PAGE_IN, 1.9 * len(shown))
        width, height = look.size_in(*size)
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False).ravel()
        for ax, one in zip(axes, shown, strict=True):
            draw_dos(ax, one, window_ev=window, colors=colors)
            ax.set_title(wrapped(look.label(one.name), int(width * 14)))
            _name_spins(ax, one)
        axes[-1].set_xlabel(axis_label(reference))
        figure.supylabel("States per eV and cell", fontsize=7.5)
        handles = {text: handle for ax in axes for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
        handles = {look.label(text): handle for text, handle in handles.items()}
        if len(handles) > 1:
            figure.legend(handles.values(), handles, loc="outside upper center", ncols=6)
        return figure

    return Drawing(
        name="dos",
        title="Density of states" if len(shown) == 1 else "Densities of states",
        caption=_caption(shown, reference),
        build=build,
        data=lambda: _data(shown, window),
        shows=(tuple(shown), reference, window, look),
    )


def _name_spins(ax: Axes, shown: ShownDos) -> None:
    """Beside the axes, where no curve is."""
    if len(shown.dos.total) == 2:
        for y, va, name in ((1.0, "top", "spin up"), (0.0, "bottom", "spin down")):
            ax.text(1.01, y, name, transform=ax.transAxes, va=va, rotation=90, fontsize=6.5, color="0.3")


def _window(shown: Sequence[ShownDos]) -> tuple[float, float]:
    middles = [one.fermi_ev or 0.0 for one in shown]
    edges = [(e.vbm.value_ev - one.zero_ev, e.cbm.value_ev - one.zero_ev) for one in shown if (e := one.edges)]
    low = min([low for low, _ in edges] or middles)
    high = max([high for _, high in edges] or middles)
    return float(np.floor(low + WINDOW_EV[0])), float(np.ceil(high + WINDOW_EV[1]))


def _caption(shown: Sequence[ShownDos], reference: Reference) -> str:
    words = [f"Density of states, energies {relative_to(reference)}."]
    sources = dict.fromkeys(f"{one.dos.source}{_width(one.dos)}" for one in shown)
    words.append(f"From {'; '.join(sources)}.")
    if any(one.edges is not None for one in shown):
        words.append("Dotted: band edges of the same eigenvalues.")
    if any(one.edges is None and one.fermi_ev is not None for one in shown):
        words.append("Dashed: Fermi level.")
    ends = [one.end_ev for one in shown if one.complete_up_to_ev is not None]
    if ends:
        words.append(f"Drawn up to where all bands were calculated ({_ends(ends)} eV).")
    words += dict.fromkeys(map(_without_empty, shown))
    return " ".join(filter(None, words))


def _ends(ends_ev: Sequence[float]) -> str:
    """Where the curves end, in their order."""
    return ", ".join(dict.fromkeys(f"{round(end, 1) + 0.0:.1f}" for end in ends_ev))


def _without_empty(one: ShownDos) -> str:
    if not any(one.no_empty_bands):
        return ""
    spin = "" if all(one.no_empty_bands) else f" of spin {'up' if one.no_empty_bands[0] else 'down'}"
    return f"No empty band{spin} was calculated."


def _width(dos: DensityOfStates) -> str:
    return "" if dos.broadening_ev is None else f" (levels {dos.broadening_ev:.3g} eV wide)"


def _data(shown: Sequence[ShownDos], window: tuple[float, float]) -> Records:
    names = list(dict.fromkeys(name for one in shown for name in one.parts))
    rows: list[tuple[float | int | str | None, ...]] = []
    for one in shown:
        parts = one.parts
        for spin in range(len(one.dos.total)):
            for i in np.flatnonzero(one.drawn(window)):
                own = [float(parts[name][spin, i]) if name in parts else None for name in names]
                energy = float(one.dos.energies_ev[i]) - one.zero_ev
                rows.append((one.name, spin + 1, energy, float(one.dos.total[spin, i]), *own))
    columns = ("name", "spin", "energy_ev", "total_per_ev", *(f"{name}_per_ev" for name in names))
    return Records(columns=columns, rows=tuple(rows))
