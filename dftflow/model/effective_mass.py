"""Effective masses at band edges: what a study asks for, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dftflow.model.quantity import Missing

__all__ = ["Carrier", "CrystalMasses", "DirectionalMass", "EdgeMasses", "EdgePoints", "MassRequest", "MassTensor"]

Carrier = Literal["hole", "electron"]
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MassRequest:
    """Effective masses of some materials, from points up to twice `step_per_ang` around the band edges."""

    materials: tuple[str, ...]
    step_per_ang: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgePoints:
    """Around which k-points the states are calculated, as kept with the step (`Built.facts`).

    Attributes
    ----------
    vbm, cbm
        Fractional coordinates.
    step_per_ang
        The smaller of the two distances from them, 2π included.
    """

    vbm: Vector
    cbm: Vector
    step_per_ang: float

    def as_facts(self) -> dict[str, Any]:
        """Plain data."""
        return {"masses": {"vbm": list(self.vbm), "cbm": list(self.cbm), "step_per_ang": self.step_per_ang}}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> EdgePoints | None:
        """What `as_facts` wrote; None where it is not there, or is none."""
        told = facts.get("masses")
        if not isinstance(told, Mapping):
            return None
        try:
            vbm, cbm = ((float(a), float(b), float(c)) for a, b, c in (told["vbm"], told["cbm"]))
            return cls(vbm=vbm, cbm=cbm, step_per_ang=float(told["step_per_ang"]))
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MassTensor:
    """The masses of a band that is alone at its edge, in electron masses.

    Attributes
    ----------
    masses
        Principal ones, the lightest first.
    ranges
        Of each (lowest, highest), by how much the mass from twice the distance differs.
    axes
        Directions of the principal masses, Cartesian unit vectors.
    offset_per_ang
        From the k-point of the edge to the extremum of the fit.
    residual_ev
        Root mean square of what the quadratic form misses of the states that it is fitted to.
    window_ev
        Largest difference of those states from the edge.
    parabolic
        Largest relative difference of a principal mass from that by twice the distance.
    """

    masses: Vector
    ranges: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    axes: tuple[Vector, Vector, Vector]
    offset_per_ang: float
    residual_ev: float
    window_ev: float
    parabolic: float

    @property
    def density_of_states(self) -> float:
        """(m1 m2 m3)^(1/3): that of the density of states of one valley."""
        a, b, c = self.masses
        return float((a * b * c) ** (1 / 3))

    @property
    def conductivity(self) -> float:
        """3 / (1/m1 + 1/m2 + 1/m3): that of the conductivity, averaged over directions."""
        return 3 / sum(1 / mass for mass in self.masses)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionalMass:
    """The mass of one of several bands that are degenerate at the edge, along a direction, in electron masses.

    Attributes
    ----------
    direction
        ``"[100]"``: along Cartesian axes.
    band
        Counted from 1, from the edge outwards: of holes the heaviest first.
    parabolic
        As of `MassTensor`.
    """

    direction: str
    band: int
    bands: int
    mass: float
    range: tuple[float, float]
    parabolic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeMasses:
    """What is known of one edge: a tensor, masses along directions, or the reason why there are none."""

    carrier: Carrier
    tensor: MassTensor | None = None
    directional: tuple[DirectionalMass, ...] = ()
    missing: Missing | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrystalMasses:
    """Both edges of a crystal, and the step that they come from."""

    material: str
    step: str
    edges: tuple[EdgeMasses, ...] = ()
    missing: Missing | None = None
    remarks: tuple[str, ...] = field(default=())
