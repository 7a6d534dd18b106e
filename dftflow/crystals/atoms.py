"""Between a pymatgen `Structure`, which dftflow works with, and what ASE reads and holds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.crystals.moments import MOMENT
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

__all__ = ["from_arrays", "from_atoms", "to_extxyz"]


def to_extxyz(structure: Structure, *, periodic: tuple[bool, bool, bool] = (True, True, True)) -> str:
    """Extended XYZ text (https://github.com/libAtoms/extxyz); 12 decimals, so that a cell of 100 Å keeps 1e-12 Å.

    ASE's own writer stops at 8 decimals, which breaks the symmetry of a relaxed crystal at tight tolerances.
    """
    lattice = " ".join(f"{value:.12f}" for value in structure.lattice.matrix.ravel())
    pbc = " ".join("T" if flag else "F" for flag in periodic)
    text = io.StringIO()
    text.write(f"{len(structure)}\n")
    text.write(f'Lattice="{lattice}" Properties=species:S:1:pos:R:3 pbc="{pbc}"\n')
    for site in structure:
        x, y, z = site.coords
        text.write(f"{site.specie.symbol:<2s} {x:18.12f} {y:18.12f} {z:18.12f}\n")
    return text.getvalue()


def from_arrays(numbers: Any, cell_ang: Any, positions_ang: Any) -> Structure:
    """Structure from atomic numbers (n,), a cell (3, 3) and Cartesian positions (n, 3), both in Å."""
    from pymatgen.core import Element, Lattice, Structure

    return Structure(
        Lattice(np.array(cell_ang)),
        [Element.from_Z(int(number)) for number in numbers],
        np.array(positions_ang),
        coords_are_cartesian=True,
    )


def from_atoms(atoms: Atoms, where: str) -> Structure:
    if atoms.cell.rank < 3:
        raise StructureError(
            "this is a molecule, not a crystal",
            reason="it has no lattice",
            fix='add one (atoms.cell; in extended XYZ Lattice="ax ay az bx by bz cx cy cz" in the second line)',
            where=where,
        )
    structure = from_arrays(atoms.numbers, atoms.cell.array, atoms.positions)
    if atoms.has("initial_magmoms"):
        structure.add_site_property(MOMENT, atoms.get_initial_magnetic_moments().tolist())
    return structure
