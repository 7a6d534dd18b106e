"""Potential profiles of slabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dftflow.model.levels import PotentialProfile, SurfaceLevels, VacuumLevel
from dftflow.model.results import FloatArray
from dftflow.plot.labels import spread_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_potential_profile"]


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
    levels: SurfaceLevels | None = None,
    color: str,
) -> None:
    """Planar and macroscopic average around the slab's middle, with the vacuum plateaus and the levels of the surface.

    Energies are relative to the vacuum level that `levels` belong to, else the first of `vacuum`, else to the
    profile's own zero.

    Parameters
    ----------
    vacuum
        The plateaus; each is drawn over its window.
    levels
        Gives E_F (slab) and the bulk's VBM and CBM lined up through the slab's middle.
    """
    low_atom, high_atom = profile.atoms_ang
    centre, half = (low_atom + high_atom) / 2, (high_atom - low_atom) / 2
    reference = levels.vacuum if levels is not None else next(iter(vacuum), None)
    zero_ev = reference.level.value_ev if reference is not None else 0.0
    distance, planar, macroscopic = _periods(profile, centre)
    ax.axvspan(-half, half, facecolor="0.94", edgecolor="none", zorder=0, label="slab")
    ax.plot(distance, planar - zero_ev, color="0.55", linewidth=0.7, label="planar average")
    window = f"macroscopic average ({profile.period_ang:.2f} Å window)"
    ax.plot(distance, macroscopic - zero_ev, color=color, linewidth=1.4, label=window)
    _draw_plateaus(ax, profile, vacuum, centre, zero_ev)
    ax.set_xlim(float(distance[0]), float(distance[-1]))
    bottom, top = float(planar.min()) - zero_ev, float(planar.max()) - zero_ev
    ax.set_ylim(bottom - 0.06 * (top - bottom), top + 0.10 * (top - bottom))
    if levels is not None:
        _draw_levels(ax, levels, half)
    ax.set_xlabel("Distance from the slab's middle (Å)")
    ax.set_ylabel("Potential relative to vacuum (eV)" if reference is not None else "Potential (eV)")


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


def _draw_levels(ax: Axes, levels: SurfaceLevels, half: float) -> None:
    named = (
        ("CBM", -levels.electron_affinity_ev, "-"),
        ("$E_\\mathrm{F}$", -levels.work_function_ev, (0, (4, 2))),
        ("VBM", -levels.ionisation_potential_ev, "-"),
    )
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
