"""A density of states, as a code wrote it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dftflow.model.energy import EnergyZero
from dftflow.model.projections import ProjectionGroup, shell_of, summed
from dftflow.model.results import FloatArray, readonly

__all__ = ["DensityOfStates"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class DensityOfStates:
    """States per eV and cell.

    Attributes
    ----------
    energies_ev
        shape (n,); ascending.
    total
        shape (n_spins, n); of n_spins = 1, both spins together. A code that smears by Methfessel and Paxton has
        negative ones.
    projected
        shape (n_spins, n_groups, n); None where the files hold the total alone. Its sum over the groups is not `total`:
        what lies between the atoms is in no group.
    groups
        length n_groups; ``()`` without `projected`.
    fermi_ev
        Fermi level that stands beside it, on the same zero; None where none does.
    zero
        Zero of `energies_ev` and `fermi_ev`.
    broadening_ev
        Width that the levels were smeared with, where the files tell.
    integrated
        shape (n_spins, n); electrons up to each energy, where the code gives them.
    source
        File it is from, and what the groups are.
    """

    energies_ev: FloatArray
    total: FloatArray
    projected: FloatArray | None = None
    groups: tuple[ProjectionGroup, ...] = ()
    fermi_ev: float | None
    zero: EnergyZero
    broadening_ev: float | None = None
    integrated: FloatArray | None = None
    source: str

    def __post_init__(self) -> None:
        energies = readonly(self.energies_ev, (None,), "energies_ev")
        if not (np.diff(energies) > 0).all():
            raise ValueError("energies_ev do not ascend")
        total = readonly(self.total, (None, len(energies)), "total")
        object.__setattr__(self, "energies_ev", energies)
        object.__setattr__(self, "total", total)
        if self.integrated is not None:
            object.__setattr__(self, "integrated", readonly(self.integrated, total.shape, "integrated"))
        if self.projected is None:
            if self.groups:
                raise ValueError("there are groups, and nothing projected on them")
            return
        shape = len(total), len(self.groups), len(energies)
        object.__setattr__(self, "projected", readonly(self.projected, shape, "projected"))

    def by_element(self) -> DensityOfStates:
        """One group an element."""
        return self._by(lambda group: ProjectionGroup(element=group.element))

    def by_orbital(self) -> DensityOfStates:
        """One group for each shell of each element; one without an orbital stays without."""
        return self._by(lambda group: ProjectionGroup(element=group.element, orbital=shell_of(group)))

    def _by(self, group_of: Callable[[ProjectionGroup], ProjectionGroup]) -> DensityOfStates:
        if self.projected is None:
            return self
        groups, sums = summed(self.projected, self.groups, group_of, axis=1)
        return replace(self, projected=sums, groups=groups)
