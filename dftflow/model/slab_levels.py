"""The levels of a slab that dftflow did not plan: both of its faces, by every way that its files allow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dftflow.model.absolute import SlabSide
from dftflow.model.comparison import Comparison
from dftflow.model.levels import BandEdges, LineupSpread
from dftflow.model.surface import FoundSurface

__all__ = ["FaceLevels", "LineUp", "SlabLevels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUp:
    """Band edges of the crystal below the vacuum level of a face, lined up through the middle of the slab.

    Attributes
    ----------
    ionisation_potential_ev, electron_affinity_ev
        E_vac - E_VBM and E_vac - E_CBM of the crystal (10.1103/PhysRevLett.61.734).
    spread
        How much both depend together on where in the slab the line-up is made. It bounds no error.
    """

    ionisation_potential_ev: float
    electron_affinity_ev: float
    spread: LineupSpread


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceLevels:
    """One face of a slab.

    Attributes
    ----------
    name
        Its outermost layer; ``""`` where the surface was not told.
    own
        Vacuum level, work function and the slab's own band edges.
    line_up
        None where the crystal's edges could not be lined up; `SlabLevels.why_no_line_up` has the reason.
    """

    name: str
    own: SlabSide
    line_up: LineUp | None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SlabLevels:
    """One slab.

    Attributes
    ----------
    name, place
        Among those that it was given with; folder and seed.
    normal
        Lattice vector along which the vacuum lies: 0, 1, 2.
    surface, why_no_surface
        What surface it is, told from the calculated crystal and the calculated slab, or why that cannot be told.
    period_ang
        Width of the averaging window; None where the crystal was not lined up.
    edges, why_no_edges
        Band edges of the slab itself, or why there are none.
    faces, why_no_faces
        Low and high side, or why there is no vacuum level.
    why_no_line_up
        ``""`` where the crystal was lined up.
    comparison
        Whether the slab and the crystal may be subtracted; None without a crystal.
    remarks
        What a reader has to know of these numbers.
    """

    name: str
    place: Path
    normal: int
    surface: FoundSurface | None
    why_no_surface: str
    period_ang: float | None
    edges: BandEdges | None
    why_no_edges: str
    faces: tuple[FaceLevels, ...]
    why_no_faces: str
    why_no_line_up: str
    comparison: Comparison | None
    remarks: tuple[str, ...] = ()

    @property
    def is_lined_up(self) -> bool:
        """Whether its faces have the edges of the crystal."""
        return any(face.line_up is not None for face in self.faces)
