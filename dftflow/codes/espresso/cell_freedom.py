"""How pw.x is told which changes of the cell a relaxation may make, and what it cannot keep.

``cell_dofree`` (https://www.quantum-espresso.org/Doc/INPUT_PW.html) has ``all``; ``xyz``, which scales along the
Cartesian axes; and ``volume``, which pw.x 6.7 refuses with "only allowed for ibrav=1": the lattice has to be given as
simple cubic, whatever stands in it. pw.x symmetrises the stress, so that where the symmetry of the crystal leaves the
cell its volume alone, ``all`` is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.symmetry import FROM_SYMPREC, symmetry_dataset
from dftflow.errors import SpecError
from dftflow.model.spec import CellFreedom

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["PwCellFreedom", "choose_cell_freedom"]

SAME_LENGTH_ANG = 1e-6
ALONG_AXIS = 1e-6
SYMPREC_ANG = 1e-5
FIRST_CUBIC_GROUP = 195


@dataclass(frozen=True, slots=True, kw_only=True)
class PwCellFreedom:
    """Value of ``cell_dofree`` (``""`` for a fixed cell), what it means, and whether the cell is given by ibrav = 1."""

    dofree: str
    note: str
    simple_cubic: bool = False


def choose_cell_freedom(structure: Structure, freedom: CellFreedom) -> PwCellFreedom:
    """What `freedom` is for pw.x.

    Raises
    ------
    SpecError
        pw.x would change more of the cell than it may.
    """
    if freedom == "fixed":
        return PwCellFreedom(dofree="", note="")
    if freedom == "all":
        return PwCellFreedom(dofree="all", note="lengths and angles")
    if freedom == "lengths":
        if not _along_axes(structure.lattice):
            raise SpecError(
                "pw.x cannot relax the lengths of this cell and keep its angles",
                reason="its cell_dofree = 'xyz' scales along x, y and z, along which the lattice vectors do not lie",
                fix="relax with cell='all', or rotate a rectangular cell onto the axes",
            )
        return PwCellFreedom(dofree="xyz", note="each length by itself; the angles are kept")
    if _simple_cubic(structure.lattice):
        return PwCellFreedom(dofree="volume", note="the volume alone: shape and angles are kept", simple_cubic=True)
    if _symmetry_is_cubic(structure):
        return PwCellFreedom(dofree="all", note="the symmetry of the crystal leaves the cell its volume alone")
    raise SpecError(
        "pw.x cannot scale this cell by one factor",
        reason="its cell_dofree = 'volume' is for simple cubic lattices",
        fix="relax with cell='lengths' or cell='all'",
    )


def _along_axes(lattice: Lattice) -> bool:
    off = lattice.matrix - np.diag(np.diag(lattice.matrix))
    return bool(np.abs(off).max() <= ALONG_AXIS * max(lattice.abc))


def _simple_cubic(lattice: Lattice) -> bool:
    return _along_axes(lattice) and max(lattice.abc) - min(lattice.abc) < SAME_LENGTH_ANG and lattice.matrix.min() > -1


def _symmetry_is_cubic(structure: Structure) -> bool:
    """A symmetric tensor that a cubic point group leaves as it is is a multiple of the unit."""
    group = symmetry_dataset(structure, symprec_ang=SYMPREC_ANG, angle_tolerance_deg=FROM_SYMPREC)
    return bool(group.number >= FIRST_CUBIC_GROUP)
