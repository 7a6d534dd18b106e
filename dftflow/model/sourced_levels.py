"""Band edges as a source gives them: quoted from elsewhere, or calculated; and what was quoted beside them."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.alignment import AbsoluteEdges, Alignment, ReferenceLevel

__all__ = ["LevelSource", "SourcedLevels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedLevels:
    """Band edges of one material relative to vacuum, with all that is known of where they come from.

    Attributes
    ----------
    edges
        Its `source` is ``""`` exactly for what was calculated here; its range is (0, 0) where `range_holds` is ``""``.
    way
        How they were found: ``"quoted levels"``, ``"bulk line-up through the slab"``.
    method
        What a quoted number was measured or calculated with, as its source says; ``""`` where it does not.
    range_holds
        What the range of the edges holds; ``""`` when no uncertainty is given.
    origin
        File and line, folder, or ``"given in Python"``.
    polar
        The surface is of a polar plane.
    color
        ``#RRGGBB`` or a name; ``""`` where none is asked for.
    remarks
        What has to be known of these numbers.
    """

    edges: AbsoluteEdges
    way: str
    origin: str
    method: str = ""
    range_holds: str = ""
    polar: bool = False
    color: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Material and surface."""
        return f"{self.edges.material} {self.edges.surface}".strip()

    @property
    def is_quoted(self) -> bool:
        """Whether the numbers are of others."""
        return bool(self.edges.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSource:
    """All that one source gives.

    Attributes
    ----------
    levels
        Band edges, in their order.
    references
        Redox couples, electrodes.
    offsets
        Offsets between two materials that were measured or published, each with its `Alignment.source`.
    notes
        What of the source was not used, and why.
    refused
        Files and parts of results that fail a check, with the reason.
    """

    levels: tuple[SourcedLevels, ...] = ()
    references: tuple[ReferenceLevel, ...] = ()
    offsets: tuple[Alignment, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
