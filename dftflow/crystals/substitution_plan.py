"""What a substitution comes to: the host in units, its supercell, and how many ions of each kind are on each site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.mixture import Replacement, Sublattice, fitting_repeats, not_met, sublattices_of
from dftflow.crystals.placed_units import Unit, units_of
from dftflow.crystals.supercell import Repeats, check_atoms, check_repeats
from dftflow.errors import StructureError
from dftflow.model.bounds import PSEUDOCUBIC_ANG

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["SubstitutionPlan", "substitution_plan"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SubstitutionPlan:
    """What is to be built.

    Attributes
    ----------
    host
        Units of the unit cell, scaled.
    cell_ang
        The unit cell, scaled.
    repeats, chosen
        Of the unit cell, and whether dftflow chose them.
    contents
        Of each sublattice how many ions stay, and how many each replacement takes.
    """

    host: tuple[Unit, ...]
    cell_ang: NDArray[np.float64]
    sublattices: tuple[Sublattice, ...]
    repeats: Repeats
    chosen: bool
    contents: tuple[tuple[int, ...], ...]

    @property
    def supercell_ang(self) -> NDArray[np.float64]:
        return np.asarray(self.cell_ang * np.array(self.repeats)[:, None], dtype=np.float64)

    @property
    def mixed(self) -> bool:
        return any(sum(count > 0 for count in counts) > 1 for counts in self.contents)

    def number_of(self, unit: Unit) -> int | None:
        """Of the sublattice that a unit of the host is on."""
        names = [sublattice.name for sublattice in self.sublattices]
        called = unit.label or unit.name
        return names.index(called) if called in names else None


def substitution_plan(
    structure: Structure,
    replacements: Sequence[Replacement],
    supercell: Repeats | None,
    pseudocubic_ang: float | None,
) -> SubstitutionPlan:
    repeats = supercell or (1, 1, 1)
    check_repeats(repeats)
    check_atoms(len(structure) * prod(map(int, repeats)), repeats)
    units = units_of(structure)
    sublattices = sublattices_of(units, replacements)
    cell_ang = structure.lattice.matrix
    asked = supercell is not None
    contents = [sublattice.counts(prod(repeats), asked=asked) for sublattice in sublattices]
    fitting = fitting_repeats(cell_ang, sublattices, len(structure)) if None in contents else None
    if None in contents and (asked or fitting is None):
        raise not_met(cell_ang, sublattices, prod(repeats), len(structure))
    repeats = fitting or repeats
    counts = [sublattice.counts(prod(repeats), asked=asked) for sublattice in sublattices]
    plan = SubstitutionPlan(
        host=units,
        cell_ang=cell_ang if pseudocubic_ang is None else _scaled(structure, units, sublattices, pseudocubic_ang),
        sublattices=sublattices,
        repeats=repeats,
        chosen=fitting is not None,
        contents=tuple(count for count in counts if count is not None),
    )
    check_atoms(_atoms(plan), repeats)
    return plan


def _scaled(
    structure: Structure, units: Sequence[Unit], sublattices: Sequence[Sublattice], pseudocubic_ang: float
) -> NDArray[np.float64]:
    if not PSEUDOCUBIC_ANG.holds(pseudocubic_ang):
        raise StructureError(
            f"pseudocubic_ang is {pseudocubic_ang}",
            reason=f"it can be {PSEUDOCUBIC_ANG}",
            fix="give a length in Å, e.g. 5.99",
        )
    counts = sorted(Counter(unit.name for unit in units).values())
    perovskite = len(counts) == 3 and counts == [counts[0], counts[0], 3 * counts[0]]
    cells = counts[0] if perovskite else sublattices[0].number
    return np.asarray(structure.lattice.scale(cells * pseudocubic_ang**3).matrix, dtype=np.float64)


def _atoms(plan: SubstitutionPlan) -> int:
    """How many the crystal will hold."""
    atoms = sum(len(unit.symbols) for unit in plan.host) * prod(plan.repeats)
    for sublattice, counts in zip(plan.sublattices, plan.contents, strict=True):
        own = next(len(unit.symbols) for unit in plan.host if (unit.label or unit.name) == sublattice.name)
        units = [replacement.unit() for replacement in sublattice.replacements]
        incoming = [0 if unit is None else len(unit.symbols) for unit in units]
        atoms += sum(count * (size - own) for count, size in zip(counts[1:], incoming, strict=True))
    return atoms
