"""Band edges, potential profiles and vacuum levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dftflow.model.energy import Energy
from dftflow.model.results import FloatArray, readonly
from dftflow.model.shown import Shown

__all__ = ["BandEdges", "LineupSpread", "PotentialProfile", "PrintedGap", "SurfaceLevels", "VacuumLevel"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BandEdges(Shown):
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

    @property
    def kind(self) -> str:
        """``direct`` or ``indirect``."""
        return "direct" if self.direct else "indirect"

    def _in_short(self) -> str:
        return f"gap {self.band_gap_ev:.3f} eV, {self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedGap:
    """A gap as the code itself printed it, where no eigenvalues are left by which it could be counted.

    Attributes
    ----------
    vbm, cbm
        The highest occupied and the lowest unoccupied level; None where only their difference is printed.
    source
        Which line it is from, and what is not known of it: a sentence for a person.
    """

    band_gap_ev: float
    source: str
    vbm: Energy | None = None
    cbm: Energy | None = None


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
class LineupSpread:
    """How much a line-up depends on where and how it is made. That is no error bar, and bounds none.

    The error can be larger: the finite thickness of the slab (of the unrelaxed CsBr face of cubic CsPbBr3 a slab of
    12 Å, flat to 0.01 eV, is 0.10 eV off one of 29 Å), the termination, and what cutoff, k-points and functional do
    are not in it. It can be smaller: in a relaxed slab the layers are no longer one period of the crystal apart, so
    that the average over one period ripples, and part of that cancels in the mean.

    Attributes
    ----------
    flatness_ev
        Half the variation of the macroscopic average over the slab's middle.
    windows_ev
        Change of its mean between two windows about the middle, half a period and a whole period wide.
    centre_ev
        Mean over the middle against the value at the very centre.
    vacuum_ev
        Largest minus smallest value of the vacuum plateau.
    """

    flatness_ev: float
    windows_ev: float
    centre_ev: float
    vacuum_ev: float

    @property
    def total_ev(self) -> float:
        """Sum of the parts, which are not independent of each other."""
        return self.flatness_ev + self.windows_ev + self.centre_ev + self.vacuum_ev


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SurfaceLevels(Shown):
    """Absolute levels of one surface: one named termination, one side.

    All are energies below (positive) the vacuum level.

    Attributes
    ----------
    work_function_ev
        E_vac - E_F of the slab. In a gapped slab E_F is arbitrary within the gap.
    ionisation_potential_ev, electron_affinity_ev
        E_vac - E_VBM and E_vac - E_CBM of the bulk, by the line-up
        V_bulk average <-> macroscopic average in the slab's middle (10.1103/PhysRevLett.61.734).
    spread
        Of that line-up.
    slab_edges, why_no_slab_edges
        Band edges of the slab calculation itself, at the k-points that were calculated, or why there are none.
    """

    vacuum: VacuumLevel
    work_function_ev: float
    ionisation_potential_ev: float
    electron_affinity_ev: float
    spread: LineupSpread
    bulk_average_ev: float
    slab_centre_average_ev: float
    slab_edges: BandEdges | None
    why_no_slab_edges: str = ""

    def __post_init__(self) -> None:
        if self.slab_edges is None and not self.why_no_slab_edges:
            raise ValueError("a slab without band edges of its own needs a reason")

    def _in_short(self) -> str:
        return (
            f"IP {self.ionisation_potential_ev:.3f} eV, EA {self.electron_affinity_ev:.3f} eV, "
            f"W {self.work_function_ev:.3f} eV, {self.vacuum.side} side"
        )

    @property
    def slab_gap_ev(self) -> float | None:
        """Gap of the slab itself."""
        return None if self.slab_edges is None else self.slab_edges.band_gap_ev

    @property
    def slab_ionisation_potential_ev(self) -> float | None:
        """E_vac - E_VBM of the slab's own bands, quantum confinement and surface states included."""
        return None if self.slab_edges is None else self.vacuum.level - self.slab_edges.vbm

    @property
    def slab_electron_affinity_ev(self) -> float | None:
        """E_vac - E_CBM of the slab's own bands."""
        return None if self.slab_edges is None else self.vacuum.level - self.slab_edges.cbm
