"""Energies of photons, and whether they lift an electron across a gap."""

from __future__ import annotations

from dftflow.model.absorption import Uptake
from dftflow.units import EV_NM

__all__ = ["photon_energy_ev", "uptake"]


def photon_energy_ev(wavelength_nm: float) -> float:
    """h c / wavelength, of a wavelength in vacuum; in air the energy is lower by 0.03 %.

    Examples
    --------
    >>> round(photon_energy_ev(365), 3)
    3.397
    """
    return EV_NM / wavelength_nm


def uptake(photon_ev: float, gap_ev: float, reach_ev: float) -> Uptake:
    """Whether one photon has the energy of the gap, or two together have it.

    Energies alone decide: nothing is said of how strongly light is taken up, of excitons below the gap, or of defects.

    Parameters
    ----------
    reach_ev
        How far the gap may be off; within it nothing is decided.

    Examples
    --------
    >>> [uptake(energy, 3.95, 0.05) for energy in (4.881, 3.397, 3.93, 1.55)]
    ['one photon', 'two photons', 'open', 'not absorbed']
    """
    one, two = photon_ev - gap_ev, 2 * photon_ev - gap_ev
    if one > reach_ev:
        return "one photon"
    if abs(one) <= reach_ev or abs(two) <= reach_ev:
        return "open"
    return "two photons" if two > 0 else "not absorbed"
