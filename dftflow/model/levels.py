"""Band edges, potential profiles and vacuum levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dftflow.model.energy import Energy
from dftflow.model.results import FloatArray, readonly

__all__ = ["BandEdges", "PotentialProfile", "SurfaceLevels", "VacuumLevel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandEdges:
    """Valence-band maximum and conduction-band minimum, found by counting electrons.

    Attributes
    ----------
    vbm, cbm
        The two edges with their zero.
    vbm_k, cbm_k
        Fractional coordinates of the k-points.
    vbm_label, cbm_label
        Names of these points, ``""`` when they have none.
    fermi_ev
        Fermi level as the code gave it, same zero.
    fermi_in_gap
        Whether that Fermi level lies between the edges.
    """

    vbm: Energy
    cbm: Energy
    vbm_k: tuple[float, float, float]
    cbm_k: tuple[float, float, float]
    vbm_label: str
    cbm_label: str
    direct: bool
    fermi_ev: float
    fermi_in_gap: bool

    @property
    def band_gap_ev(self) -> float:
        """Fundamental gap."""
        return self.cbm - self.vbm


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PotentialProfile:
    """Plane-averaged potential along the slab normal, and its macroscopic average (10.1103/PhysRevLett.61.734).

    Attributes
    ----------
    z_ang
        shape (n,); distance along the normal, from 0 to just below `length_ang`.
    planar_ev, macroscopic_ev
        shape (n,).
    length_ang
        Height of the cell along the normal.
    period_ang
        Width of the averaging window: the distance after which the crystal repeats along the normal.
    atoms_ang
        Lowest and highest atom along the normal, after the slab was unwrapped; the high end may exceed `length_ang`.
    kind
        As in `PotentialGrid`.
    """

    z_ang: FloatArray
    planar_ev: FloatArray
    macroscopic_ev: FloatArray
    length_ang: float
    period_ang: float
    atoms_ang: tuple[float, float]
    kind: Literal["electrostatic", "local"]

    def __post_init__(self) -> None:
        z = readonly(self.z_ang, (None,), "z_ang")
        object.__setattr__(self, "z_ang", z)
        for name in ("planar_ev", "macroscopic_ev"):
            object.__setattr__(self, name, readonly(getattr(self, name), z.shape, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class VacuumLevel:
    """The plateau of the plane-averaged potential on one side of a slab.

    Attributes
    ----------
    side
        ``low`` (below the slab along its normal) or ``high`` (above).
    level
        Mean over `window_ang`.
    spread_ev
        Largest minus smallest value in the window.
    slope_ev_per_ang
        Of a straight line through the window.
    window_ang
        Start and end, along the normal, in the frame of `PotentialProfile`; may exceed the cell by one period.
    """

    side: Literal["low", "high"]
    level: Energy
    spread_ev: float
    slope_ev_per_ang: float
    window_ang: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceLevels:
    """Absolute levels of one surface: one named termination, one side.

    All are energies below (positive) the vacuum level. `work_function_ev` is E_vac - E_F of the slab as the paper
    takes it; the other two line the bulk's band edges up through the middle of the slab.

    Attributes
    ----------
    work_function_ev
        E_vac - E_F. In a gapped slab E_F is arbitrary within the gap.
    ionisation_potential_ev, electron_affinity_ev
        E_vac - E_VBM and E_vac - E_CBM of the bulk, by the line-up
        V_bulk average <-> macroscopic average in the slab's middle (10.1103/PhysRevLett.61.734).
    lineup_uncertainty_ev
        Half the variation of the macroscopic average over the slab's middle, and the vacuum level's spread, added
        in quadrature.
    slab_gap_ev
        Gap of the slab calculation itself at its own k-points, None when it is metallic.
    """

    vacuum: VacuumLevel
    work_function_ev: float
    ionisation_potential_ev: float
    electron_affinity_ev: float
    lineup_uncertainty_ev: float
    bulk_average_ev: float
    slab_centre_average_ev: float
    slab_gap_ev: float | None
