"""Vacuum levels on the two sides of a slab: plateaus of the plane-averaged potential, with their spread and slope.

Beyond the outermost ions there are only electrons, so the plane average rises to the vacuum level and stays there. It
does not when the vacuum is too thin, or when a slab with two different faces has no dipole correction and the vacuum is
a ramp. With the correction (Bengtsson, 10.1103/PhysRevB.59.12301) each side is flat, and the two meet in a jump, which
is meant to lie near the middle of the vacuum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dftflow.errors import VacuumError
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import PotentialProfile, VacuumLevel
from dftflow.model.results import FloatArray

__all__ = ["vacuum_levels"]

MIDDLE_MARGIN_ANG = 0.75
NOISE_EV = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    max_spread_ev: float
    max_slope_ev_per_ang: float
    min_width_ang: float


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Side:
    """The potential from one surface outwards; `distance_ang` counts from the outermost atom."""

    name: Literal["low", "high"]
    distance_ang: FloatArray
    potential_ev: FloatArray

    def spread_ev(self, start: int, stop: int) -> float:
        return float(np.ptp(self.potential_ev[start:stop]))

    def slope_ev_per_ang(self, start: int, stop: int) -> float:
        return float(np.polyfit(self.distance_ang[start:stop], self.potential_ev[start:stop], 1)[0])


def vacuum_levels(
    profile: PotentialProfile,
    zero: EnergyZero,
    *,
    max_spread_ev: float = 0.05,
    max_slope_ev_per_ang: float = 0.01,
    min_width_ang: float = 2.0,
    margin_ang: float = 1.5,
) -> tuple[VacuumLevel, VacuumLevel]:
    """Vacuum level below and above a slab.

    On each side the potential is searched from `margin_ang` outside the outermost atom to 0.75 Å before the middle of
    the vacuum. The first stretch of `min_width_ang` with a spread below `max_spread_ev` is the foot of the plateau,
    which ends where the potential leaves it by more than `max_spread_ev`. Within it the flattest stretch of
    `min_width_ang` is taken, and widened to the longest one with at most twice its spread, or 1 meV.

    Parameters
    ----------
    profile
        Of the slab; it may sit anywhere in its cell.
    zero
        Zero of the profile's potential.
    max_spread_ev, max_slope_ev_per_ang, min_width_ang
        What counts as a plateau.
    margin_ang
        Left out next to the outermost atoms.

    Returns
    -------
    low, high
        The plateaus next to the two surfaces. They differ for a slab with two different faces.

    Raises
    ------
    VacuumError
        When there is no vacuum, when it is too thin or a ramp, or when a jump lies between a surface and its plateau.
    """
    limits = _Limits(
        max_spread_ev=max_spread_ev, max_slope_ev_per_ang=max_slope_ev_per_ang, min_width_ang=min_width_ang
    )
    low_ang, high_ang = profile.atoms_ang
    vacuum_ang = profile.length_ang - (high_ang - low_ang)
    needed_ang = 2 * (margin_ang + min_width_ang + MIDDLE_MARGIN_ANG)
    if vacuum_ang < needed_ang:
        raise VacuumError(
            f"the vacuum is {max(vacuum_ang, 0.0):.2f} Å thick, too thin for a vacuum level",
            reason=f"each side needs {margin_ang:g} Å for the decay, {min_width_ang:g} Å of plateau and "
            f"{MIDDLE_MARGIN_ANG:g} Å before the middle",
            fix=f"make the vacuum at least {needed_ang:.1f} Å thick, better 15 Å",
        )
    reach_ang = (margin_ang, vacuum_ang / 2 - MIDDLE_MARGIN_ANG)
    low, high = _side(profile, "low", reach_ang), _side(profile, "high", reach_ang)
    _refuse_ramp(low, high, limits)
    return _plateau(profile, low, zero, limits), _plateau(profile, high, zero, limits)


def _side(profile: PotentialProfile, name: Literal["low", "high"], reach_ang: tuple[float, float]) -> _Side:
    low_ang, high_ang = profile.atoms_ang
    outwards_ang = low_ang - profile.z_ang if name == "low" else profile.z_ang - high_ang
    distance_ang = outwards_ang % profile.length_ang
    inside = np.flatnonzero((distance_ang >= reach_ang[0]) & (distance_ang <= reach_ang[1]))
    order = inside[np.argsort(distance_ang[inside])]
    if order.size < 4:
        raise VacuumError(
            f"the potential has only {order.size} grid points in the {name} side's vacuum",
            fix="raise the cutoff or the density of the grid",
        )
    return _Side(name=name, distance_ang=distance_ang[order], potential_ev=profile.planar_ev[order])


# --- the plateau of one side ------------------------------------------------------------------------------------


def _plateau(profile: PotentialProfile, side: _Side, zero: EnergyZero, limits: _Limits) -> VacuumLevel:
    start, stop = _window(side, limits)
    low_ang, high_ang = profile.atoms_ang
    near_ang, far_ang = float(side.distance_ang[start]), float(side.distance_ang[stop - 1])
    begin_ang = (high_ang + near_ang if side.name == "high" else low_ang - far_ang) % profile.length_ang
    slope = side.slope_ev_per_ang(start, stop)
    level_ev = float(side.potential_ev[start:stop].mean())
    _refuse_overshoot(side, start, level_ev, limits)
    return VacuumLevel(
        side=side.name,
        level=Energy(level_ev, zero),
        spread_ev=side.spread_ev(start, stop),
        slope_ev_per_ang=slope if side.name == "high" else -slope,
        window_ang=(begin_ang, begin_ang + far_ang - near_ang),
    )


def _window(side: _Side, limits: _Limits) -> tuple[int, int]:
    """Index range of the plateau: the flattest stretch of the least width, widened while it stays as flat."""
    stretches = _stretches(side, limits.min_width_ang)
    flat = [s for s in stretches if side.spread_ev(*s) <= limits.max_spread_ev]
    if not flat:
        raise _still_decaying(side, stretches, limits)
    end = _end_of_plateau(side, flat[0], limits.max_spread_ev)
    start, stop = min((s for s in flat if s[1] <= end), key=lambda s: side.spread_ev(*s))
    if abs(side.slope_ev_per_ang(start, stop)) > limits.max_slope_ev_per_ang:
        raise _still_decaying(side, stretches, limits)
    allowed_ev = min(limits.max_spread_ev, max(NOISE_EV, 2 * side.spread_ev(start, stop)))
    while stop < end and side.spread_ev(start, stop + 1) <= allowed_ev:
        stop += 1
    while start > 0 and side.spread_ev(start - 1, stop) <= allowed_ev:
        start -= 1
    return start, stop


def _stretches(side: _Side, width_ang: float) -> list[tuple[int, int]]:
    """Index ranges, from the surface outwards, that are just `width_ang` wide (the whole side when it is narrower)."""
    distance = side.distance_ang
    stops = np.searchsorted(distance, distance + width_ang - 1e-9) + 1
    found = [(start, int(stop)) for start, stop in enumerate(stops) if stop <= distance.size]
    return found or [(0, distance.size)]


def _end_of_plateau(side: _Side, first: tuple[int, int], max_spread_ev: float) -> int:
    """Index after the last point from `first` outwards that stays within `max_spread_ev` of its outer end."""
    beyond = np.abs(side.potential_ev[first[1] :] - side.potential_ev[first[1] - 1]) > max_spread_ev
    return first[1] + int(beyond.argmax()) if beyond.any() else side.potential_ev.size


# --- what is refused --------------------------------------------------------------------------------------------


def _refuse_ramp(low: _Side, high: _Side, limits: _Limits) -> None:
    """Refuse a uniform field: its slope has one sign across the vacuum, while two decays have opposite signs."""
    below, above = (
        sign * side.slope_ev_per_ang(*_stretches(side, limits.min_width_ang)[-1])
        for side, sign in ((low, -1), (high, 1))
    )
    field = (below + above) / 2
    if below * above > 0 and min(abs(below), abs(above)) > limits.max_slope_ev_per_ang:
        raise VacuumError(
            f"the vacuum is a ramp of {field:+.4f} eV/Å, so there is no vacuum level",
            reason="the slab has a dipole along its normal, and the periodic cell answers with a field (at most "
            f"{limits.max_slope_ev_per_ang:g} eV/Å is accepted)",
            fix="switch the dipole correction on, or use a slab with two equal faces",
        )


def _still_decaying(side: _Side, stretches: list[tuple[int, int]], limits: _Limits) -> VacuumError:
    best = min(stretches, key=lambda s: side.spread_ev(*s))
    return VacuumError(
        f"the potential has no plateau on the {side.name} side of the slab",
        reason=f"its flattest {limits.min_width_ang:g} Å vary by {side.spread_ev(*best):.3f} eV with a slope of "
        f"{side.slope_ev_per_ang(*best):+.4f} eV/Å outwards; accepted are {limits.max_spread_ev:g} eV and "
        f"{limits.max_slope_ev_per_ang:g} eV/Å",
        fix="add vacuum until the potential is flat; for a slab with two different faces put the jump of the dipole "
        "correction into the middle of the vacuum",
    )


def _refuse_overshoot(side: _Side, start: int, level_ev: float, limits: _Limits) -> None:
    """Refuse a plateau that is reached from above: a jump lies between it and the surface."""
    peak_ev = float(side.potential_ev[: start + 1].max())
    if peak_ev > level_ev + limits.max_spread_ev:
        raise VacuumError(
            f"the plateau on the {side.name} side of the slab does not belong to its surface",
            reason=f"the potential is {peak_ev - level_ev:.3f} eV higher between the surface and the plateau; outside "
            "the ions it can only rise to the vacuum level, so the jump of the dipole correction lies there",
            fix="move the slab to the middle of its cell, away from the jump, or add vacuum",
        )
