"""One geometry of a run, as numbers; a structure of pymatgen's, which takes far longer, where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Geometry"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Geometry:
    """Cell and atoms.

    Attributes
    ----------
    elements
        length n_atoms.
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    positions_frac
        shape (n_atoms, 3).
    movable
        The three flags of each atom; None without selective dynamics.
    """

    elements: Sequence[str]
    cell_ang: FloatArray
    positions_frac: FloatArray
    movable: Sequence[Sequence[bool]] | None = None

    def structure(self) -> Structure:
        """With selective dynamics, the site property ``selective_dynamics`` has the flags."""
        from pymatgen.core import Structure

        properties = None if self.movable is None else {"selective_dynamics": list(self.movable)}
        return Structure(self.cell_ang, list(self.elements), self.positions_frac, site_properties=properties)

    @property
    def volume_ang3(self) -> float:
        """Of the cell."""
        return float(abs(np.dot(np.cross(self.cell_ang[0], self.cell_ang[1]), self.cell_ang[2])))
