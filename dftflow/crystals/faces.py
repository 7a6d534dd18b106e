"""Which surface a calculated slab has: its two faces, read from its own atoms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import IonicUnit, chemical_formula, ionic_units
from dftflow.crystals.layers import LAYER_GAP_ANG
from dftflow.model.periodic_cell import largest_empty_part

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["Faces", "faces_of", "units_by_height"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """Reduced formulae of the lowest and the highest layer of a slab along c, and how many layers there are."""

    bottom: str
    top: str
    layers: int


def faces_of(slab: Structure) -> Faces:
    """Faces of a slab whose normal is along c, as its atoms lie.

    Raises
    ------
    SurfaceError
        When the charges of its ions are not known.
    """
    layers = _layers(slab)
    bottom, top = (chemical_formula(layer, reduced=True) for layer in (layers[0], layers[-1]))
    return Faces(bottom=bottom, top=top, layers=len(layers))


def units_by_height(slab: Structure) -> list[IonicUnit]:
    """Ions from the bottom of the slab to its top; the largest empty part of the cell is the vacuum."""
    units = ionic_units(slab)
    normal = _normal(slab)
    height_ang = float(slab.lattice.matrix[2] @ normal)
    heights = np.array([unit.centre_ang @ normal for unit in units]) % height_ang
    start = largest_empty_part(heights / height_ang).end * height_ang
    rising = (heights - start + 1e-9) % height_ang
    moved = [unit.moved((lift - unit.centre_ang @ normal) * normal) for unit, lift in zip(units, rising, strict=True)]
    return sorted(moved, key=lambda unit: float(unit.centre_ang @ normal))


def _layers(slab: Structure) -> list[list[IonicUnit]]:
    units = units_by_height(slab)
    normal = _normal(slab)
    layers = [[units[0]]]
    for below, unit in pairwise(units):
        if float((unit.centre_ang - below.centre_ang) @ normal) >= LAYER_GAP_ANG:
            layers.append([])
        layers[-1].append(unit)
    return layers


def _normal(slab: Structure) -> NDArray[np.float64]:
    """Unit vector out of the slab's plane, on the side of the third lattice vector."""
    a, b, c = slab.lattice.matrix
    across = np.cross(a, b)
    return np.asarray(across / np.linalg.norm(across) * np.sign(across @ c), dtype=np.float64)
