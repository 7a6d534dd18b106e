"""A grid of k-points that samples in different ways what the crystal has alike is said where its cell is relaxed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dftflow.crystals.grid_symmetry import grid_keeps_symmetry
from dftflow.crystals.per_structure import per_structure
from dftflow.errors import StructureError
from dftflow.model.kpoint_grid import NO_SHIFT, Counts, grid_text
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["caution_on_grid"]

FREE = ("lengths", "all")
"""Freedoms of a cell whose shape follows the stress."""

_keeps_symmetry = per_structure(grid_keeps_symmetry)
"""A deck is rendered for its identity, a plan and the run: asked for once."""


def caution_on_grid(structure: Structure, spec: CalcSpec) -> tuple[str, ...]:
    """What stands beside the deck of a relaxation whose grid breaks the crystal's symmetry; nothing elsewhere."""
    if spec.relaxation is None or spec.relaxation.cell not in FREE:
        return ()
    try:
        if _keeps_symmetry(structure, spec.grid, spec.grid_shift):
            return ()
        centred = _keeps_symmetry(structure, spec.grid, NO_SHIFT)
    except StructureError:  # without a symmetry none is broken
        return ()
    grid = grid_text(spec.grid, spec.grid_shift)
    return (
        f"The grid {grid} breaks the symmetry of the crystal: directions that are alike are sampled in different ways, "
        f"and a cell that relaxes on it may come out distorted; {_mend(spec.grid, centred)}.",
    )


def _mend(counts: Counts, centred: bool) -> str:
    if not centred:
        return "take as many points along all that is alike"
    return (
        f"the one that holds Γ does not: {{ size = {list(counts)}, gamma = true }} in a study, --gamma of dftflow deck"
    )
