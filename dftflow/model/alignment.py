"""Band edges of materials on one scale, and the offsets between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AbsoluteEdges", "Alignment", "AlignmentType", "SIGN_CONVENTION"]

AlignmentType = Literal["type I", "type II", "type III", "quasi-type II", "not resolved"]

SIGN_CONVENTION = "offset = edge of the first material minus edge of the second; positive: the first lies higher"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteEdges:
    """VBM and CBM of one material below the vacuum level of one surface.

    Attributes
    ----------
    material, surface
        Names, e.g. ``"CsPbBr3"`` and ``"(011) Pnma, CsBr3"``.
    vbm_ev, cbm_ev
        Relative to vacuum: negative numbers.
    uncertainty_ev
        Of each edge.
    """

    material: str
    surface: str
    vbm_ev: float
    cbm_ev: float
    uncertainty_ev: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Offsets between two materials by one method.

    Attributes
    ----------
    method
        ``"slab work functions (as in the paper)"``, ``"bulk line-up"`` …
    first, second
        None for a row that is quoted from a publication.
    valence_band_offset_ev, conduction_band_offset_ev
        First minus second (see `SIGN_CONVENTION`); None where a publication gives none.
    uncertainty_ev
        Of each offset; None when unknown.
    type
        By `tolerance_ev`; ``"not resolved"`` when the uncertainty leaves it open.
    types_by_tolerance
        The type for other tolerances: ((0.026, "type II"), …).
    source
        ``""`` for our own numbers, else the DOI.
    """

    method: str
    first: AbsoluteEdges | None
    second: AbsoluteEdges | None
    first_name: str
    second_name: str
    valence_band_offset_ev: float
    conduction_band_offset_ev: float | None
    uncertainty_ev: float | None
    type: AlignmentType
    tolerance_ev: float
    types_by_tolerance: tuple[tuple[float, AlignmentType], ...] = ()
    source: str = ""
