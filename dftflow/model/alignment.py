"""Band edges of materials on one scale, and the offsets between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dftflow.model.shown import Tabled

__all__ = [
    "AbsoluteEdges",
    "Alignment",
    "AlignmentRequest",
    "AlignmentType",
    "NOT_GIVEN",
    "PublishedOffset",
    "Range",
    "ReferenceLevel",
    "SIGN_CONVENTION",
]

AlignmentType = Literal["type I", "type II", "type III", "quasi-type II", "not resolved"]

SIGN_CONVENTION = "offset = edge of the first material minus edge of the second; positive: the first lies higher"

NOT_GIVEN = "not given"
"""In `Alignment.range_holds`: that one of the two has no range."""

Range = tuple[float, float]
"""How far a number may lie from where it is given: (lowest, highest), such as (-0.03, 0.03) or (-2.1, 0.0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteEdges:
    """VBM and CBM of one material below the vacuum level of one surface.

    Attributes
    ----------
    material, surface
        Names, e.g. ``"CsPbBr3"`` and ``"(011) Pnma, CsBr3"``.
    vbm_ev, cbm_ev
        Relative to vacuum: negative numbers.
    range_ev
        How far both edges together may lie from there, by what `Alignment.range_holds` names.
    source
        Where quoted numbers are from (a DOI, a file and its row); ``""`` for what was calculated here.
    """

    material: str
    surface: str
    vbm_ev: float
    cbm_ev: float
    range_ev: Range
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLevel:
    """A level beside the band edges: a redox couple, the work function of an electrode.

    Attributes
    ----------
    energy_ev
        Relative to vacuum: a negative number.
    """

    name: str
    energy_ev: float
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Alignment(Tabled):
    """Offsets between two materials by one method.

    Attributes
    ----------
    method
        ``"slab work functions"``, ``"bulk line-up"`` …, with what tells this row from others of the same pair.
    way
        The method alone, the same for every pair and plane; ``""`` where `method` is no more than that.
    first, second
        None for a row that is quoted from a publication.
    valence_band_offset_ev, conduction_band_offset_ev
        First minus second (see `SIGN_CONVENTION`); None where a publication gives none.
    range_ev, range_holds
        How far each offset may lie from there, and what that range holds; None and ``""`` when unknown.
    type
        By `tolerance_ev`; ``"not resolved"`` when the range leaves it open.
    types_by_tolerance
        The type for other tolerances: ((0.026, "type II"), …).
    polar
        One of the planes is polar: its faces are neutral only by a reconstruction that was chosen.
    relaxed
        Whether the ions of both slabs were relaxed; None where that is not known.
    remarks
        What a reader has to know of this row.
    contradicts
        Numbers, counted from 1, of the rows of the same two materials whose ranges leave no common value with it.
    source
        ``""`` for our own numbers, else the DOI.
    """

    method: str
    way: str = ""
    first: AbsoluteEdges | None
    second: AbsoluteEdges | None
    first_name: str
    second_name: str
    valence_band_offset_ev: float
    conduction_band_offset_ev: float | None
    range_ev: Range | None
    range_holds: str = ""
    type: AlignmentType
    tolerance_ev: float
    types_by_tolerance: tuple[tuple[float, AlignmentType], ...] = ()
    polar: bool = False
    relaxed: bool | None = True
    remarks: tuple[str, ...] = ()
    contradicts: tuple[int, ...] = ()
    source: str = ""

    def _in_short(self) -> str:
        offset = f"valence band offset {self.valence_band_offset_ev:+.3f} eV"
        return f"{self.first_name} and {self.second_name}: {self.type}, {offset}, {self.method}"

    @property
    def pair(self) -> frozenset[str]:
        """Names of the two materials, whatever their order."""
        return frozenset((self.first_name, self.second_name))

    @property
    def is_as_it_stands(self) -> bool:
        """Whether its type goes through no range, or through that of one material alone."""
        return self.range_ev is None or NOT_GIVEN in self.range_holds

    @property
    def same_way(self) -> str:
        """What rows share that were found by the same method."""
        return self.way or self.method


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedOffset:
    """An offset quoted from a publication; the first of its materials minus the second."""

    materials: tuple[str, str]
    method: str
    valence_band_offset_ev: float
    conduction_band_offset_ev: float | None
    type: AlignmentType
    doi: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentRequest:
    """Which materials a study compares.

    Attributes
    ----------
    materials
        Each two of them are aligned; offsets are the edge of the earlier minus that of the later.
    surfaces
        Names of the surfaces that count (``"CsPbBr3/slab-010"``); a material of which none is named counts with all.
    """

    materials: tuple[str, ...]
    surfaces: tuple[str, ...] = ()
    tolerance_ev: float = 0.10
    published: tuple[PublishedOffset, ...] = ()

    def takes(self, material: str, surface: str) -> bool:
        """Whether a surface of `material` counts."""
        own = [name for name in self.surfaces if name.startswith(f"{material}/")]
        return not own or surface in own
