"""Which surface a calculated slab has: its two faces, read from its own atoms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import IonicUnit, chemical_formula, formal_charge, ionic_units
from dftflow.crystals.layers import LAYER_GAP_ANG
from dftflow.model.periodic_cell import largest_empty_part
from dftflow.model.surface import SlabModel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["Faces", "faces_of", "other_surface"]

SAME_LENGTH = 0.03
SAME_ANGLE_DEG = 2.0


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


def other_surface(slab: Structure, model: SlabModel) -> str:
    """What makes a calculated slab another surface than `model`; ``""`` when it is that surface.

    The thickness is not compared: another number of layers is the same surface. The outermost ions are compared by
    their kinds, as many of them as the model's face has, so that neither rumpling nor relaxation matters; a face that
    holds more or fewer of them shows in the formal charge.

    Parameters
    ----------
    slab
        As calculated, its normal along c.
    model
        As it was cut.

    Raises
    ------
    SurfaceError
        When the charges of its ions are not known.
    """
    ratio = _cells_in_plane(slab, model.structure)
    if ratio is None:
        return f"a surface cell of {_plane_text(slab)}, where that of {model.plane} has {_plane_text(model.structure)}"
    found, asked = _units_by_height(slab), _units_by_height(model.structure)
    ends = _face_counts(model)
    for name, count, from_top in (("lower", ends[0], False), ("upper", ends[1], True)):
        there, wanted = (
            Counter(unit.name for unit in _outermost(units, number, from_top=from_top))
            for units, number in ((found, round(count * ratio)), (asked, count))
        )
        if there != Counter({kind: round(number * ratio) for kind, number in wanted.items()}):
            have, want = (faces.top if from_top else faces.bottom for faces in map(faces_of, (slab, model.structure)))
            return f"a slab whose {name} face is {have}, where the study asks for {model.termination}, whose is {want}"
    charge, wanted_charge = formal_charge(found), round(model.formal_charge * ratio)
    if charge != wanted_charge:
        return (
            f"a slab with a formal charge of {charge:+d}, where that of the study, {model.termination}, has "
            f"{wanted_charge:+d}: its faces hold other numbers of ions"
        )
    return ""


def _cells_in_plane(slab: Structure, asked: Structure) -> float | None:
    """How many surface cells of `asked` that of `slab` is, or is a part of; None when it is another plane's."""
    have, want = (sorted((s.lattice.a, s.lattice.b)) for s in (slab, asked))
    angles = [abs(90.0 - s.lattice.gamma) for s in (slab, asked)]
    if np.allclose(have, want, rtol=SAME_LENGTH, atol=0) and abs(angles[0] - angles[1]) < SAME_ANGLE_DEG:
        return 1.0
    areas = [float(np.linalg.norm(np.cross(s.lattice.matrix[0], s.lattice.matrix[1]))) for s in (slab, asked)]
    ratio = areas[0] / areas[1]
    whole = round(max(ratio, 1 / ratio))
    if whole < 2 or abs(max(ratio, 1 / ratio) / whole - 1) > 2 * SAME_LENGTH:
        return None
    return float(whole) if ratio > 1 else 1.0 / whole


def _plane_text(structure: Structure) -> str:
    lattice = structure.lattice
    return f"{lattice.a:.2f} x {lattice.b:.2f} Å, {lattice.gamma:.0f} degrees"


def _face_counts(model: SlabModel) -> tuple[int, int]:
    """How many ions the lowest and the highest layer of the model hold."""
    numbers = model.structure.site_properties["layer"]
    units = ionic_units(model.structure)
    of = [numbers[unit.indices[0]] for unit in units]
    return of.count(min(of)), of.count(max(of))


def _units_by_height(slab: Structure) -> list[IonicUnit]:
    """Ions from the bottom of the slab to its top; the largest empty part of the cell is the vacuum."""
    units = ionic_units(slab)
    normal = _normal(slab)
    height_ang = float(slab.lattice.matrix[2] @ normal)
    heights = np.array([unit.centre_ang @ normal for unit in units]) % height_ang
    start = largest_empty_part(heights / height_ang).end * height_ang
    rising = (heights - start + 1e-9) % height_ang
    moved = [unit.moved((lift - unit.centre_ang @ normal) * normal) for unit, lift in zip(units, rising, strict=True)]
    return sorted(moved, key=lambda unit: float(unit.centre_ang @ normal))


def _outermost(units: list[IonicUnit], count: int, *, from_top: bool) -> list[IonicUnit]:
    return units[-count:] if from_top else units[:count]


def _layers(slab: Structure) -> list[list[IonicUnit]]:
    units = _units_by_height(slab)
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
