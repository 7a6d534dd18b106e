"""A crystal in a larger cell: one that holds a magnetic order, or a mixture, which its own cell does not."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.placed_units import crystal_of, repeated, units_of
from dftflow.errors import StructureError
from dftflow.model.bounds import MOST_ATOMS
from dftflow.model.printable import shown

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Repeats", "check_atoms", "check_repeats", "supercell_of"]

Repeats = tuple[int, int, int]
"""How many times as long a cell becomes along each of its vectors."""


def supercell_of(structure: Structure, repeats: Repeats) -> Structure:
    """The same crystal in a cell that is `repeats` times as long.

    Returns
    -------
    Structure
        Each atom, or whole molecule, is followed by its copies, along the last vector first: of two atoms A and B
        ``(1, 1, 2)`` gives A, A one cell up, B, B one cell up. What is known of a site goes with each copy.

    Raises
    ------
    StructureError
        For what are no three whole numbers of at least 1, and more atoms than `MOST_ATOMS`.
    """
    check_repeats(repeats)
    check_atoms(len(structure) * prod(repeats), repeats)
    larger = crystal_of(structure.lattice.matrix * np.array(repeats)[:, None], repeated(units_of(structure), repeats))
    larger.properties = {**structure.properties, **larger.properties}
    if "formula_units" in structure.properties:
        larger.properties["formula_units"] = structure.properties["formula_units"] * prod(repeats)
    return larger


def check_repeats(repeats: Repeats) -> None:
    """Raise `StructureError` for what are no repeats."""
    if len(repeats) != 3 or any(n != int(n) or n < 1 for n in repeats):
        raise StructureError(f"supercell {repeats} cannot be made", fix="give three whole numbers of at least 1")


def check_atoms(atoms: int, repeats: Repeats) -> None:
    """Refuse what would be too large, before any of it is made."""
    if atoms > MOST_ATOMS:
        raise StructureError(
            f"the crystal would hold {shown(atoms)} atoms",
            reason=f"the limit is {MOST_ATOMS}; the supercell is {shown(repeats)}",
            fix="ask for a smaller supercell",
        )
