"""How much of each Kohn-Sham state lies on which atoms and orbitals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHELLS", "ProjectionGroup", "Projections", "WeightArray", "shell_of", "summed"]

_Float = TypeVar("_Float", bound=np.floating[Any])
WeightArray = NDArray[np.float32]
SHELLS = ("s", "p", "d", "f")
"""Letter of the angular momentum l."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionGroup:
    """What one weight is of.

    Attributes
    ----------
    element
        Symbol.
    site
        Index into the geometry's atoms; None for all atoms of the element.
    orbital
        ``"s"``, ``"p"``, ``"d"``, ``"f"``, or one of a shell, which its name begins with: ``"px"``, ``"dx2-y2"``; None
        for all of them.
    """

    element: str
    site: int | None = None
    orbital: str | None = None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Projections:
    """Weights of the states on groups of atomic functions.

    Attributes
    ----------
    weights
        shape (n_spins, n_kpoints, n_bands, n_groups), read-only, of single precision, which no code prints to; the
        order of `Bands.eigenvalues_ev`. NaN where that is NaN, and at k-points that were not projected. Of a
        spinor, both components together.
    groups
        length n_groups; no two are equal.
    method
        What the functions are, and so what a weight is: spheres and orthonormal atomic orbitals give other ones.
    """

    weights: WeightArray
    groups: tuple[ProjectionGroup, ...]
    method: str

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, dtype=np.float32)
        if weights.ndim != 4 or weights.shape[3] != len(self.groups):
            raise ValueError(f"weights has shape {weights.shape}, of {len(self.groups)} groups")
        if len(set(self.groups)) != len(self.groups):
            raise ValueError("a group comes twice")
        weights = weights.view()  # it may be large: not copied
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)

    @property
    def captured(self) -> WeightArray:
        """Sum over the groups, shape (n_spins, n_kpoints, n_bands): how much of each state they hold together.

        It is 1 for no code: what lies between spheres, or outside the space of the atomic orbitals, is in no group.
        """
        return np.asarray(self.weights.sum(axis=3), dtype=np.float32)

    def by_element(self) -> Projections:
        """One group an element."""
        return self._by(lambda group: ProjectionGroup(element=group.element))

    def by_orbital(self) -> Projections:
        """One group for each shell of each element; one without an orbital stays without."""
        return self._by(lambda group: ProjectionGroup(element=group.element, orbital=shell_of(group)))

    def _by(self, group_of: Callable[[ProjectionGroup], ProjectionGroup]) -> Projections:
        groups, sums = summed(self.weights, self.groups, group_of, axis=3)
        return replace(self, weights=sums, groups=groups)


def shell_of(group: ProjectionGroup) -> str | None:
    """``"s"``, ``"p"``, ``"d"`` or ``"f"`` of its orbital; None without one."""
    return None if group.orbital is None else group.orbital[0]


def summed(
    values: NDArray[_Float],
    groups: tuple[ProjectionGroup, ...],
    group_of: Callable[[ProjectionGroup], ProjectionGroup],
    *,
    axis: int,
) -> tuple[tuple[ProjectionGroup, ...], NDArray[_Float]]:
    """`values`, with one number a group along `axis`, summed over those of which `group_of` makes the same group."""
    larger = [group_of(group) for group in groups]
    found = tuple(dict.fromkeys(larger))
    shape = [*values.shape]
    shape[axis] = len(found)
    sums = np.zeros(shape, dtype=values.dtype)
    into, of = np.moveaxis(sums, axis, 0), np.moveaxis(values, axis, 0)
    place = {group: index for index, group in enumerate(found)}
    for group, part in zip(larger, of, strict=True):
        into[place[group]] += part
    return found, sums
