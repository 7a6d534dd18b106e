"""Offsets between any number of materials as a matrix: each against each, row minus column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dftflow.analysis.alignment import exchanged
from dftflow.model.alignment import AbsoluteEdges, Alignment

__all__ = ["OffsetMatrix", "offset_matrix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetMatrix:
    """One row and one column for each of some levels, in their order.

    Attributes
    ----------
    names
        Material and surface, n of them.
    cells
        n rows of n: the offsets of the row's levels minus the column's; None on the diagonal and between two levels of
        one material.
    """

    names: tuple[str, ...]
    cells: tuple[tuple[Alignment | None, ...], ...]

    @property
    def valence_ev(self) -> tuple[tuple[float | None, ...], ...]:
        """Valence band offsets; antisymmetric."""
        return tuple(tuple(None if one is None else one.valence_band_offset_ev for one in row) for row in self.cells)

    @property
    def conduction_ev(self) -> tuple[tuple[float | None, ...], ...]:
        """Conduction band offsets; antisymmetric."""
        return tuple(tuple(None if one is None else one.conduction_band_offset_ev for one in row) for row in self.cells)

    @property
    def types(self) -> tuple[tuple[str, ...], ...]:
        """Types of the alignments; symmetric, ``""`` where there is no offset."""
        return tuple(tuple("" if one is None else one.type for one in row) for row in self.cells)


def offset_matrix(columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment]) -> OffsetMatrix:
    """The matrix of the rows that stand on two of `columns`, whichever of them is first there.

    Parameters
    ----------
    columns
        Levels, no two of which have both material and surface in common.
    """
    found = {(row.first, row.second): row for row in rows if row.first is not None and row.second is not None}

    def cell(one: AbsoluteEdges, other: AbsoluteEdges) -> Alignment | None:
        if (one, other) in found:
            return found[one, other]
        return exchanged(found[other, one]) if (other, one) in found else None

    return OffsetMatrix(
        names=tuple(f"{edges.material} {edges.surface}".strip() for edges in columns),
        cells=tuple(tuple(cell(one, other) for other in columns) for one in columns),
    )
