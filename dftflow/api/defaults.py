"""What is calculated of a crystal where a person names nothing: each number with the reason for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dftflow.codes.base import Code
from dftflow.codes.suggested_cutoff import SuggestedCutoff, suggested_cutoff
from dftflow.model.kpoint_grid import Counts, grid_of_spacing, spacing_of_grid

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Default", "DefaultGrid", "default_cutoff", "default_grid", "default_spacing_per_ang"]

SPACING_PER_ANG = {"relax": 0.35, "bands": 0.25}
METAL_SPACING_PER_ANG = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """A number that was chosen, as it is written, and why."""

    name: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} = {self.value}  ({self.why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultGrid:
    """A grid of k-points, and why it is this one."""

    size: Counts
    why: str


def default_cutoff(code: Code, structures: Sequence[Structure]) -> SuggestedCutoff:
    """One cutoff of the wave functions for all crystals; raises `SpecError` for an element without a potential."""
    return max((suggested_cutoff(code, structure) for structure in structures), key=lambda suggested: suggested.ev)


def default_spacing_per_ang(structure: Structure, task: str) -> tuple[float, str]:
    """Largest step between the k-points of a grid in 1/Å, 2π included, and why."""
    if all(site.specie.is_metal for site in structure):
        return METAL_SPACING_PER_ANG, "all of its elements are metals"
    if task == "relax":
        return SPACING_PER_ANG["relax"], "geometries ask for less than levels do"
    return SPACING_PER_ANG["bands"], "as in the preset converged"


def default_grid(structure: Structure, task: str, *, slab_axis: int | None = None) -> DefaultGrid:
    """The coarsest grid with at most the default spacing; one point along the normal of a slab."""
    spacing, why = default_spacing_per_ang(structure, task)
    size = grid_of_spacing(structure.lattice.matrix, spacing, normal=slab_axis)
    step = spacing_of_grid(structure.lattice.matrix, size, normal=slab_axis)
    normal = "" if slab_axis is None else "; 1 along the normal"
    told = f"{step:.2f} 1/Å apart; at most {spacing:g}, {why}{normal}"
    return DefaultGrid(size=size, why=told)
