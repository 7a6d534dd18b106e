"""What a study asks for of densities of states."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.kpoint_grid import NO_SHIFT, Counts, FloatArray, Shift, grid_of_spacing, grid_text
from dftflow.model.spec import StatesGrid

__all__ = ["DosRequest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DosRequest:
    """Densities of states on a grid of their own.

    Attributes
    ----------
    materials
        Names of those that it is of.
    kpoint_spacing_per_ang
        Largest step of the grid, 2π included; of no use where `grid` is given.
    grid
        Numbers of the grid, and where it stands; None for the one that follows from the spacing, which holds Γ.
    broadening_ev
        Standard deviation of the Gaussian that each state becomes.
    window_ev
        What the figure shows, from its zero; None for what lies around the gap.
    """

    materials: tuple[str, ...]
    kpoint_spacing_per_ang: float
    grid: tuple[Counts, Shift] | None = None
    broadening_ev: float = 0.1
    window_ev: tuple[float, float] | None = None

    def states_grid(self, cell_ang: FloatArray) -> StatesGrid:
        """The grid of a crystal whose lattice vectors are the rows of `cell_ang`, shape (3, 3)."""
        if self.grid is not None:
            counts, shift = self.grid
            return StatesGrid(counts=counts, shift=shift, note=f"density_of_states: {grid_text(counts, shift)}")
        spacing = self.kpoint_spacing_per_ang
        note = f"density_of_states: at most {spacing:g} 1/Å apart"
        return StatesGrid(counts=grid_of_spacing(cell_ang, spacing), shift=NO_SHIFT, note=note)
