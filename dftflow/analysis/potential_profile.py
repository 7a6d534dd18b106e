"""Plane averages of a potential along the normal of a slab, and their macroscopic average.

The macroscopic average is the plane average smoothed with a box as wide as the crystal's repeat along the normal.
Inside a crystal it is flat, and there it is what the bulk's own average is lined up with: Baldereschi, Baroni and
Resta, 10.1103/PhysRevLett.61.734.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dftflow.errors import AnalysisError
from dftflow.model.levels import PotentialProfile
from dftflow.model.periodic_cell import cell_heights_ang, largest_empty_part
from dftflow.model.results import FloatArray, PotentialGrid

__all__ = [
    "SlabCentre",
    "bulk_average_ev",
    "macroscopic_average",
    "planar_average",
    "potential_profile",
    "slab_centre_average",
]

SURFACE_SKIN_ANG = 1.0
SAMPLES = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class SlabCentre:
    """The macroscopic average in the middle of a slab.

    Attributes
    ----------
    mean_ev
        Mean over `window_ang`.
    half_variation_ev
        Half of largest minus smallest value in the window: zero in a slab that is bulk-like in its middle.
    windows_ev
        Change of the mean between windows half a period and a whole period wide about the same middle.
    centre_ev
        Value in the very middle.
    window_ang
        Start and end, in the frame of `PotentialProfile.atoms_ang`.
    """

    mean_ev: float
    half_variation_ev: float
    windows_ev: float
    centre_ev: float
    window_ang: tuple[float, float]


def planar_average(grid: PotentialGrid) -> tuple[FloatArray, FloatArray]:
    """Average over the planes of constant third index, which are parallel to a and b in an oblique cell too.

    Returns
    -------
    z_ang
        shape (n_c,); height of each plane along the normal a × b, from 0.
    planar_ev
        shape (n_c,).
    """
    planar_ev: FloatArray = grid.values_ev.mean(axis=(0, 1))
    z_ang = np.arange(planar_ev.size) * cell_heights_ang(grid.cell_ang)[2] / planar_ev.size
    return z_ang, planar_ev


def macroscopic_average(planar_ev: FloatArray, length_ang: float, period_ang: float) -> FloatArray:
    """Average of a periodic function over a box of width `period_ang` around each point.

    The box multiplies the Fourier coefficient of wave vector 2πm/L by sinc(m w/L) = sin(πmw/L)/(πmw/L): exact for the
    trigonometric interpolant of the samples, whatever the width, while a sum over grid points rounds it to the grid.

    Parameters
    ----------
    planar_ev
        shape (n,); samples at equal distances over one cell.
    length_ang, period_ang
        Length L of the cell, width w of the box.
    """
    orders = np.arange(planar_ev.size // 2 + 1)
    coefficients = np.fft.rfft(planar_ev) * np.sinc(orders * period_ang / length_ang)
    return np.asarray(np.fft.irfft(coefficients, planar_ev.size), dtype=np.float64)


def potential_profile(grid: PotentialGrid, atom_frac_z: FloatArray, period_ang: float) -> PotentialProfile:
    """Profile of a slab along its normal.

    Parameters
    ----------
    grid
        Potential of the slab's cell; a and b lie in the surface, c may be oblique.
    atom_frac_z
        shape (n_atoms,); fractional coordinates along c, in any cell image. The largest gap between them is the vacuum.
    period_ang
        Distance after which the crystal's plane average repeats along the normal.

    Raises
    ------
    AnalysisError
        When the period does not fit into the cell, or there are no atoms.
    """
    z_ang, planar_ev = planar_average(grid)
    length_ang = float(cell_heights_ang(grid.cell_ang)[2])
    if not 0 < period_ang <= length_ang:
        raise AnalysisError(
            f"the averaging window of {period_ang:g} Å does not fit into the cell",
            reason=f"the cell is {length_ang:.2f} Å high along the slab's normal",
            fix="give the distance after which the crystal repeats along the normal",
        )
    return PotentialProfile(
        z_ang=z_ang,
        planar_ev=planar_ev,
        macroscopic_ev=macroscopic_average(planar_ev, length_ang, period_ang),
        length_ang=length_ang,
        period_ang=period_ang,
        atoms_ang=_unwrapped_extent(np.asarray(atom_frac_z, dtype=np.float64), length_ang),
        kind=grid.kind,
    )


def _unwrapped_extent(frac_z: FloatArray, length_ang: float) -> tuple[float, float]:
    """Lowest and highest atom when the cell is cut through its largest empty part."""
    if frac_z.size == 0:
        raise AnalysisError("a profile needs the atoms of the slab, and there are none")
    vacuum = largest_empty_part(frac_z)
    return vacuum.end * length_ang, (vacuum.end + 1.0 - vacuum.width) * length_ang


def bulk_average_ev(grid: PotentialGrid) -> float:
    """Mean potential of a crystal's cell: what the middle of a slab is lined up with."""
    return float(grid.values_ev.mean())


def slab_centre_average(profile: PotentialProfile) -> SlabCentre:
    """Macroscopic average over the middle of the slab, with its variation there.

    The average at height z sees one period around z. It is bulk-like only where that stays 1 Å or more inside the
    outermost atoms, so the window has the width thickness - period - 2 Å, at most one period. A slab too thin for
    that gets a window of half a period, whose averages do see the surfaces. What the variation, the change between
    windows and the value in the middle tell is how much a line-up depends on where it is made. They bound no error: in
    a slab as cut the average comes in from a face with a long tail, and is farther off than it varies.

    Raises
    ------
    AnalysisError
        When the slab is thinner than one period: no average in it is free of vacuum.
    """
    low_ang, high_ang = profile.atoms_ang
    period_ang, thickness_ang = profile.period_ang, high_ang - low_ang
    if thickness_ang < (1 - 1e-6) * period_ang:
        raise AnalysisError(
            "the slab is too thin to have a middle",
            reason=f"it is {thickness_ang:.2f} Å thick, and the crystal repeats after {period_ang:.2f} Å",
            fix=f"make it at least {2 * period_ang + 2 * SURFACE_SKIN_ANG:.1f} Å thick",
        )
    width_ang = float(np.clip(thickness_ang - period_ang - 2 * SURFACE_SKIN_ANG, period_ang / 2, period_ang))
    samples, narrow, wide = (_about_middle(profile, width) for width in (width_ang, period_ang / 2, period_ang))
    centre_ang = (low_ang + high_ang) / 2
    return SlabCentre(
        mean_ev=float(samples.mean()),
        half_variation_ev=float(np.ptp(samples)) / 2,
        windows_ev=abs(float(wide.mean() - narrow.mean())),
        centre_ev=float(samples[SAMPLES // 2]),
        window_ang=(centre_ang - width_ang / 2, centre_ang + width_ang / 2),
    )


def _about_middle(profile: PotentialProfile, width_ang: float) -> FloatArray:
    """The macroscopic average at `SAMPLES` heights, evenly spaced over a window about the slab's middle."""
    middle = sum(profile.atoms_ang) / 2
    heights = np.linspace(middle - width_ang / 2, middle + width_ang / 2, SAMPLES)
    return np.asarray(np.interp(heights, profile.z_ang, profile.macroscopic_ev, period=profile.length_ang))
