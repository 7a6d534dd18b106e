"""Which light a crystal takes up, by its gap and the energy of the photons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Absorption", "AbsorptionRequest", "KnownGap", "Uptake"]

Uptake = Literal["one photon", "two photons", "not absorbed", "open"]
"""``two photons``: too little energy for one, enough for two at once; ``open``: within how far the gap may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGap:
    """A gap, measured or calculated.

    Attributes
    ----------
    of
        The material.
    reach_ev, reach_holds
        How far it may be off, either way, and what that holds.
    said
        How it was found: ``"calculated"``, ``"absorption, 298 K"``.
    source
        A step of the study, a DOI, or where else it stands.
    """

    of: str
    gap_ev: float
    reach_ev: float
    reach_holds: str
    said: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsorptionRequest:
    """What a study asks of light.

    Attributes
    ----------
    sources_nm
        Wavelengths in vacuum.
    materials
        Of the study, whose calculated gaps count.
    good_to_ev, good_to_holds
        How far a calculated gap may be off, and what that holds.
    measured
        Gaps that others give.
    """

    sources_nm: tuple[float, ...]
    materials: tuple[str, ...]
    good_to_ev: float
    good_to_holds: str
    measured: tuple[KnownGap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorption:
    """One source of light and one gap."""

    wavelength_nm: float
    photon_ev: float
    gap: KnownGap
    uptake: Uptake
