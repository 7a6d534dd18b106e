"""The slabs of a crystal that a calculated one may be: of its planes those whose surface cell fits, of their slabs
those with its ions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.overlay import SAME_STRAIN, IonStack, stack_of
from dftflow.crystals.planes import coprime_indices
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.symmetry import FROM_SYMPREC, symmetry_dataset
from dftflow.errors import DftflowError
from dftflow.model.surface import Plane, SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["planes_that_fit", "slabs_alike"]

Indices = tuple[int, int, int]


def planes_that_fit(
    crystal: Structure, found: IonStack, candidates: Iterable[Indices], *, symprec_ang: float
) -> Iterator[Indices]:
    """Planes whose surface cell goes into that of `found` a whole number of times, by area; each of its kind once.

    Parameters
    ----------
    candidates
        Indices in the cell of `crystal`; of those that its symmetry makes alike the first one counts.
    """
    data = symmetry_dataset(crystal, symprec_ang=symprec_ang, angle_tolerance_deg=FROM_SYMPREC)
    to_primitive = np.round(data.primitive_lattice @ np.linalg.inv(crystal.lattice.matrix), 6)
    area_ang2 = abs(float(np.linalg.det(found.cell_ang)))
    known: set[tuple[int, ...]] = set()
    for miller in candidates:
        if miller in known:
            continue
        images = np.array(miller) @ data.rotations
        known |= {tuple(image) for image in (*images.tolist(), *(-images).tolist())}
        normal = np.array(coprime_indices(to_primitive @ miller)) @ np.linalg.inv(data.primitive_lattice).T
        cells = area_ang2 / float(np.linalg.norm(normal) * abs(np.linalg.det(data.primitive_lattice)))
        if cells > 0.5 and abs(cells / round(cells) - 1) < 2 * SAME_STRAIN:
            yield miller


def slabs_alike(
    crystal: Structure, plane: Plane, found: IonStack, *, thicknesses_ang: Sequence[float], vacuum_ang: float
) -> Iterator[tuple[SlabModel, IonStack]]:
    """Slabs of a plane with the ions of `found`, whatever their places.

    Parameters
    ----------
    thicknesses_ang
        For each, the thinnest slab of every termination that reaches it is looked at.
    vacuum_ang
        Of the slabs.
    """
    for thickness_ang in thicknesses_ang:
        try:
            slabs = enumerate_slabs(crystal, plane, min_thickness_ang=thickness_ang, vacuum_ang=vacuum_ang)
        except DftflowError:
            continue
        for slab in slabs:
            stack = stack_of(ionic_units(slab.structure), slab.structure.lattice.matrix)
            cells = round(len(found.names) / len(stack.names))
            if found.counts == {name: cells * count for name, count in stack.counts.items()}:
                yield slab, stack
