"""A metal beside a semiconductor: what holds electrons and holes back, by the vacuum level that both are given."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.alignment import AbsoluteEdges, Range, ReferenceLevel

__all__ = ["BY_VACUUM", "CONTACT_LACKS", "SchottkyContact"]

BY_VACUUM = "vacuum line-up (Schottky-Mott)"
CONTACT_LACKS = (
    "by the vacuum levels of the two free surfaces alone: charge that goes over, interface states that hold the Fermi "
    "level and the bonds of the contact are not in it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchottkyContact:
    """Barriers between a metal and a semiconductor by the rule of Schottky and Mott.

    Attributes
    ----------
    metal, metal_name, metal_surface
        The Fermi level below the vacuum level of the metal's surface, and what these are called.
    edges
        Those of the semiconductor's surface.
    method
        With the two planes.
    range_ev, range_holds
        How far both barriers together may lie from there, and what that holds: what raises the one lowers the other.
    remarks
        What a reader has to know of it.
    """

    metal: ReferenceLevel
    metal_name: str
    metal_surface: str
    edges: AbsoluteEdges
    method: str
    range_ev: Range
    range_holds: str
    remarks: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Both, with their surfaces."""
        return f"{self.metal_name} {self.metal_surface} | {self.edges.material} {self.edges.surface}"

    @property
    def work_function_ev(self) -> float:
        """Of the metal."""
        return 0.0 - self.metal.energy_ev

    @property
    def electron_barrier_ev(self) -> float:
        """From the Fermi level up to the CBM; below zero where the Fermi level lies in the conduction band."""
        return self.edges.cbm_ev - self.metal.energy_ev

    @property
    def hole_barrier_ev(self) -> float:
        """From the VBM up to the Fermi level; below zero where the Fermi level lies in the valence band."""
        return self.metal.energy_ev - self.edges.vbm_ev
