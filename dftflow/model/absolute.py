"""What one calculation tells by itself: band edges and, for a slab, its levels below the vacuum."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.levels import BandEdges, PrintedGap, VacuumLevel

__all__ = ["CalculationLevels", "SlabSide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlabSide:
    """The levels of a slab's own calculation below the vacuum level of one of its sides.

    Attributes
    ----------
    work_function_ev
        E_vac - E_F.
    ionisation_potential_ev, electron_affinity_ev
        E_vac - E_VBM and E_vac - E_CBM of the slab's own bands, at its own k-points; None when it has no gap. They
        hold the quantum confinement of the slab; a line-up with the crystal does not.
    """

    vacuum: VacuumLevel
    work_function_ev: float
    ionisation_potential_ev: float | None
    electron_affinity_ev: float | None

    @property
    def band_gap_ev(self) -> float | None:
        """Of the slab's own bands."""
        if self.ionisation_potential_ev is None or self.electron_affinity_ev is None:
            return None
        return self.ionisation_potential_ev - self.electron_affinity_ev


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculationLevels:
    """Everything that follows from one calculation without another.

    Attributes
    ----------
    edges, why_no_edges
        Band edges, or the reason why there are none.
    printed_gap
        Without eigenvalues: the gap that the code printed, where it did.
    normal
        Lattice vector along which the cell holds a vacuum (0, 1, 2); None for a crystal or a molecule.
    sides
        Lower and upper side; ``()`` when there is no vacuum level.
    why_no_vacuum
        Why a cell with a vacuum has no vacuum level; ``""`` otherwise.
    remarks
        What a person has to know before using these numbers.
    """

    edges: BandEdges | None
    why_no_edges: str
    printed_gap: PrintedGap | None = None
    normal: int | None = None
    sides: tuple[SlabSide, ...] = ()
    why_no_vacuum: str = ""
    remarks: tuple[str, ...] = ()
