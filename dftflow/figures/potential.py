"""Potential profiles: one slab on axes, and figures of any number of slabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dftflow.figures.drawing import Drawing
from dftflow.figures.energy_axis import SAME_VACUUM_EV, refuse_empty
from dftflow.figures.labels import spread_apart, wrapped
from dftflow.figures.look import PAGE_IN, Look
from dftflow.figures.structure import draw_slab_side
from dftflow.model.absolute import SlabSide
from dftflow.model.levels import PotentialProfile, SurfaceLevels, VacuumLevel
from dftflow.model.records import Records
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pymatgen.core import Structure

__all__ = ["SlabPotential", "draw_potential_profile", "potential_drawing"]


def _periods(profile: PotentialProfile, centre: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distance from the slab's middle over one cell around it, with both averages there."""
    length = profile.length_ang
    x = (profile.z_ang - centre + length / 2) % length - length / 2
    order = np.argsort(x)
    closed = np.append(order, order[0])
    distance = np.append(x[order], x[order[0]] + length)
    return distance, profile.planar_ev[closed], profile.macroscopic_ev[closed]


def draw_potential_profile(
    ax: Axes,
    profile: PotentialProfile,
    vacuum: Sequence[VacuumLevel],
    *,
    levels: SurfaceLevels | SlabSide | None = None,
    color: str,
    macroscopic: bool = True,
) -> None:
    """Planar and macroscopic average around the slab's middle, with the vacuum plateaus and the levels of the surface.

    Energies are relative to the vacuum level that `levels` belong to, else the first of `vacuum`, else to the
    profile's own zero.

    Parameters
    ----------
    vacuum
        The plateaus; each is drawn over its window.
    levels
        Gives E_F (slab), and the VBM and CBM of the bulk lined up through the slab's middle or of the slab itself.
    macroscopic
        Whether the average over the profile's window is drawn; not so where no period of the crystal is known.
    """
    low_atom, high_atom = profile.atoms_ang
    centre, half = (low_atom + high_atom) / 2, (high_atom - low_atom) / 2
    zero_ev, reference = _zero(vacuum, levels)
    distance, planar, smooth = _periods(profile, centre)
    ax.axvspan(-half, half, facecolor="0.94", edgecolor="none", zorder=0, label="slab")
    ax.plot(distance, planar - zero_ev, color="0.55", linewidth=0.7, label="planar average")
    window = f"macroscopic average ({profile.period_ang:.2f} Å window)"
    if macroscopic:
        ax.plot(distance, smooth - zero_ev, color=color, linewidth=1.4, label=window)
    _draw_plateaus(ax, profile, vacuum, centre, zero_ev)
    ax.set_xlim(float(distance[0]), float(distance[-1]))
    bottom, top = float(planar.min()) - zero_ev, float(planar.max()) - zero_ev
    ax.set_ylim(bottom - 0.06 * (top - bottom), top + 0.10 * (top - bottom))
    if levels is not None:
        _draw_levels(ax, levels, half)
    ax.set_xlabel("Distance from the slab's middle (Å)")
    ax.set_ylabel(f"Potential{reference} (eV)")


def _zero(vacuum: Sequence[VacuumLevel], levels: SurfaceLevels | SlabSide | None) -> tuple[float, str]:
    """The energy that is drawn as 0, and what it is: of two vacuum levels that differ, which."""
    reference = levels.vacuum if levels is not None else next(iter(vacuum), None)
    if reference is None:
        return 0.0, ""
    level_ev = reference.level.value_ev
    if all(abs(other.level.value_ev - level_ev) <= SAME_VACUUM_EV for other in vacuum):
        return level_ev, " relative to vacuum"
    side = {"low": "below", "high": "above"}[reference.side]
    return level_ev, f" relative to the vacuum\n{side} the slab"


def _draw_plateaus(
    ax: Axes, profile: PotentialProfile, vacuum: Sequence[VacuumLevel], centre: float, zero_ev: float
) -> None:
    length = profile.length_ang
    spread_ev = max((plateau.spread_ev for plateau in vacuum), default=0.0)
    for number, plateau in enumerate(vacuum):
        start, end = (z - centre for z in plateau.window_ang)
        middle = (start + end) / 2
        shift = (middle + length / 2) % length - length / 2 - middle
        name = f"vacuum plateaus (spread ≤ {1000 * spread_ev:.0f} meV)" if number == 0 else "_"
        level = plateau.level.value_ev - zero_ev
        ax.axvspan(start + shift, end + shift, facecolor="0.25", alpha=0.15, edgecolor="none", zorder=0)
        ends = [start + shift, end + shift]
        ax.plot(ends, [level, level], color="0.15", linewidth=2.2, label=name, zorder=4, solid_capstyle="butt")


def _draw_levels(ax: Axes, levels: SurfaceLevels | SlabSide, half: float) -> None:
    below_vacuum = (
        ("CBM", levels.electron_affinity_ev, "-"),
        ("$E_\\mathrm{F}$", levels.work_function_ev, (0, (4, 2))),
        ("VBM", levels.ionisation_potential_ev, "-"),
    )
    named = [(name, -depth, style) for name, depth, style in below_vacuum if depth is not None]
    low, high = ax.get_ylim()
    left, right = ax.get_xlim()
    places = spread_apart([value for _, value, _ in named], 0.062 * (high - low))
    end = right + 0.025 * (right - left)  # beside the axes, where no curve is
    for (name, value, style), place in zip(named, places, strict=True):
        ax.plot([-half, half], [value, value], color="black", linewidth=0.8, linestyle=style, zorder=3, label="_")
        ax.plot(
            [half, right, end], [value, value, place], color="0.5", linewidth=0.4, zorder=3, label="_", clip_on=False
        )
        text = f"{name} {value:.2f}".replace("-", "\N{MINUS SIGN}")
        ax.text(end + 0.005 * (right - left), place, text, ha="left", va="center", fontsize=6.5)


# --- figures ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SlabPotential:
    """The potential across one slab, on a figure.

    Attributes
    ----------
    structure
        The slab with its normal along the third lattice vector, drawn above the profile; None for a profile alone.
    levels
        See `draw_potential_profile`.
    macroscopic
        Whether the window of the profile is a period of the crystal.
    """

    name: str
    profile: PotentialProfile
    vacuum: tuple[VacuumLevel, ...]
    levels: SurfaceLevels | SlabSide | None = None
    structure: Structure | None = None
    macroscopic: bool = True


def potential_drawing(
    slabs: Sequence[SlabPotential],
    look: Look,
    *,
    name: str = "potential",
    title: str,
    caption: str,
    of: str = "",
) -> Drawing:
    """The plane-averaged potential of slabs, one below the other, each with its atoms above it.

    Raises
    ------
    InputError
        When no potential reaches into the window that was asked for.
    """
    if look.window_ev is not None:
        ends = [
            np.array([edge(s.profile.planar_ev) - _zero(s.vacuum, s.levels)[0] for s in slabs]) for edge in (min, max)
        ]
        refuse_empty(look.window_ev, *ends)
    return Drawing(
        name=name,
        title=title,
        caption=caption,
        build=lambda: _build(slabs, look),
        data=lambda: _data(slabs, look.window_ev or (-np.inf, np.inf)),
        shows=(tuple(slabs), look),
        of=of,
    )


def _build(slabs: Sequence[SlabPotential], look: Look) -> Figure:
    width_in = look.width_in or PAGE_IN
    sides_in = [_side_in(slab, width_in) for slab in slabs]
    each_in = 2.5 if len(slabs) == 1 else 1.9
    height_in = look.height_in or sum(sides_in) + (each_in + 0.3) * len(slabs) + 0.5
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    ratios = [ratio for side_in in sides_in for ratio in (max(side_in, 0.01), each_in)]
    axes = figure.subplots(2 * len(slabs), 1, height_ratios=ratios, squeeze=False).ravel()
    colors = look.colors_of([slab.name for slab in slabs])
    for slab, side, ax in zip(slabs, axes[::2], axes[1::2], strict=True):
        side.sharex(ax)
        if slab.structure is None:
            side.axis("off")
        else:
            draw_slab_side(side, slab.structure)
        side.set_title(wrapped(look.label(slab.name), int(width_in * 13)))
        draw_potential_profile(
            ax, slab.profile, slab.vacuum, levels=slab.levels, color=colors[slab.name], macroscopic=slab.macroscopic
        )
        if look.window_ev is not None:
            ax.set_ylim(*look.window_ev)
        if len(slabs) > 1:
            _legend(ax, width_in)
    if len(slabs) == 1:
        handles = axes[1].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=_legend_columns(width_in))
    return figure


def _legend_columns(width_in: float) -> int:
    return 4 if width_in > 6 else 2 if width_in > 4.5 else 1


def _legend(ax: Axes, width_in: float) -> None:
    """Below the axes of one slab: windows and spreads are its own."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.26), ncols=_legend_columns(width_in))


def _side_in(slab: SlabPotential, width_in: float) -> float:
    """Height at which the atoms seen from the side have the scale of the axis."""
    if slab.structure is None:
        return 0.0
    across_ang = min(slab.structure.lattice.a, slab.structure.lattice.b) + 2.2
    return float(0.85 * width_in * across_ang / slab.profile.length_ang)


def _data(slabs: Sequence[SlabPotential], window: tuple[float, float]) -> Records:
    """Both averages; None where one lies outside the window, and no line where both do."""
    low, high = window
    rows: list[tuple[float | int | str | None, ...]] = []
    for slab in slabs:
        centre = sum(slab.profile.atoms_ang) / 2
        zero_ev, _ = _zero(slab.vacuum, slab.levels)
        for distance, planar, smooth in zip(*_periods(slab.profile, centre), strict=True):
            drawn = (float(planar) - zero_ev, float(smooth) - zero_ev if slab.macroscopic else None)
            averages = [value if value is not None and low <= value <= high else None for value in drawn]
            if averages != [None, None]:
                rows.append((slab.name, float(distance), *averages))
    columns = ("name", "distance_ang", "planar_average_ev", "macroscopic_average_ev")
    return Records(columns=columns, rows=tuple(rows))
