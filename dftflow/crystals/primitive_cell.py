"""A crystal in its primitive cell: the same atoms, of which lattice translations make no two alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spglib

from dftflow.crystals.ions import OXIDATION_STATE
from dftflow.crystals.moments import MOMENT
from dftflow.crystals.placed_units import SITE_LABEL, crystal_of, units_once
from dftflow.crystals.symmetry import SYMPREC_ANG, quiet_spglib, symmetry_dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["axes_of_given", "primitive_cell_of"]

SAME_PLACE = 1e-9
SAME_AXES = 1e-6
NIGGLI_TOLERANCE = 1e-5
TELL_APART = (MOMENT, OXIDATION_STATE)


def primitive_cell_of(structure: Structure) -> Structure:
    """The same crystal, unturned, in a cell of the least volume; one that is primitive comes back as it is.

    Its lattice vectors are those of Niggli's reduction, by spglib (10.1080/27660400.2024.2384822). Of the atoms that
    translations make alike the first one is kept where it is, moved by whole lattice vectors into the cell; molecules
    stay whole. What is known of a site goes with it; atoms of other moments, oxidation states
    or mixed sites are not alike.

    Raises
    ------
    StructureError
        When no symmetry is found.
    """
    data = symmetry_dataset(structure, symprec_ang=SYMPREC_ANG, kinds=_kinds(structure))
    repeats = np.round(structure.lattice.matrix @ np.linalg.inv(_reduced(data.primitive_lattice)))
    cells = round(abs(float(np.linalg.det(repeats))))
    if cells == 1:
        return structure
    cell_ang = np.linalg.inv(repeats) @ structure.lattice.matrix
    kept = units_once(structure, data.mapping_to_primitive)
    primitive = crystal_of(cell_ang, [unit.at(_in_cell(unit.frac @ repeats)) for unit in kept])
    if SITE_LABEL in structure.site_properties:
        primitive.add_site_property(SITE_LABEL, [unit.label for unit in kept for _ in unit.symbols])
    primitive.properties = {**structure.properties, **primitive.properties}
    if "formula_units" in structure.properties:
        primitive.properties["formula_units"] = structure.properties["formula_units"] / cells
    return primitive


def axes_of_given(given: Structure, cell: Structure) -> NDArray[np.int_] | None:
    """Rows are the axes of a crystal as it is given, in whole numbers of those of a smaller cell of it.

    None where `cell` is no smaller one, or is not of that lattice: scaled, or with other ions in it.
    """
    axes = given.lattice.matrix @ np.linalg.inv(cell.lattice.matrix)
    whole = np.round(axes).astype(int)
    times = abs(round(float(np.linalg.det(whole))))
    alike = np.allclose(axes, whole, atol=SAME_AXES) and given.composition == times * cell.composition
    return whole if times > 1 and alike else None


def _kinds(structure: Structure) -> list[int]:
    """One number for each element with its mixed site, moment and oxidation state: no translation exchanges others."""
    known: dict[tuple[object, ...], int] = {}
    told = (
        (site.specie.Z, site.properties.get(SITE_LABEL), *(_numbers(site.properties.get(name)) for name in TELL_APART))
        for site in structure
    )
    return [known.setdefault(one, len(known) + 1) for one in told]


def _numbers(given: Any) -> tuple[float, ...]:
    """Of a moment along one axis or three, or of a charge; none is zero."""
    plain = getattr(given, "moment", given)
    found = np.round(np.atleast_1d(np.asarray(0.0 if plain is None else plain, dtype=float)).ravel(), 3) + 0.0
    return tuple(found.tolist())


def _reduced(cell_ang: NDArray[np.float64]) -> NDArray[np.float64]:
    """Niggli's cell of the lattice, in its orientation: alike vectors have one length, so that grids keep symmetry."""
    with quiet_spglib():
        reduced = spglib.niggli_reduce(cell_ang, eps=NIGGLI_TOLERANCE)
    return cell_ang if reduced is None else np.asarray(reduced)


def _in_cell(frac: NDArray[np.float64]) -> NDArray[np.float64]:
    """The place moved into the cell; one that rounding leaves just below its end lies at its beginning."""
    return (frac + SAME_PLACE) % 1.0 - SAME_PLACE
