"""The vacuum of a cell: whether it holds a crystal, or a sheet or a slab that needs no cutting."""

from __future__ import annotations

from itertools import product
from shlex import quote
from typing import TYPE_CHECKING

import numpy as np

from dftflow.errors import InputError, SpecError, SurfaceError
from dftflow.model.miller import miller_text
from dftflow.model.periodic_cell import empty_widths_ang, largest_empty_part

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "LEAST_NAMED_VACUUM_ANG",
    "LEAST_VACUUM_ANG",
    "refuse_as_material",
    "refuse_as_powder",
    "refuse_vacuum",
    "slab_axis_of",
]

LEAST_VACUUM_ANG = 8.0
"""An empty part of a cell from this width on is the vacuum of a slab. No crystal of ions or bonds has one."""

LEAST_NAMED_VACUUM_ANG = 5.0
"""Where a person names the normal of a slab; the layers of a van der Waals crystal are less apart."""

Indices = tuple[int, int, int]
_LOW_PLANES: list[Indices] = [(h, k, m) for h, k, m in product((0, 1, -1), repeat=3) if (h, k, m) > (0, 0, 0)]


def slab_axis_of(structure: Structure) -> int | None:
    """Along which lattice vector the cell is empty over at least 8 Å; None where it is nowhere.

    Raises
    ------
    SpecError
        Along two or three of them: a wire or a molecule.
    """
    wide = np.flatnonzero(empty_widths_ang(structure.frac_coords, structure.lattice.matrix) >= LEAST_VACUUM_ANG)
    if len(wide) > 1:
        along = " and ".join("abc"[axis] for axis in wide)
        raise SpecError(
            f"the cell is empty over at least {LEAST_VACUUM_ANG:g} Å along {along}",
            reason="that is no crystal and no slab, but a wire or a molecule, or a crystal with wide pores",
            fix="say which it is: slab_axis (--slab a, b, c, or none for a crystal)",
        )
    return int(wide[0]) if len(wide) else None


def refuse_as_material(structure: Structure, file: str) -> None:
    """Raise `InputError` for what is no crystal: a study relaxes cells, which would take their vacuum away.

    Parameters
    ----------
    file
        What a person calls the structure, for the command that calculates it as it is.
    """
    try:
        axis = slab_axis_of(structure)
    except SpecError as error:
        raise InputError(
            error.summary,
            reason=f"{error.reason}; a study relaxes the cell of a crystal",
            fix=f"name a crystal; of this, one deck: dftflow deck {quote(file)} --code castep --task relax --slab none "
            "--cell fixed",
        ) from None
    if axis is not None:
        raise InputError(
            f"{structure.composition.reduced_formula} is no crystal but a slab: its cell is empty over at least "
            f"{LEAST_VACUUM_ANG:g} Å along {'abc'[axis]}",
            reason="a study cuts its slabs itself, from the crystal, whose cell it relaxes: the vacuum would be lost",
            fix=f"name the crystal that it is cut from; of this slab: dftflow deck {quote(file)} --code castep "
            "--task potential",
        )


def refuse_vacuum(structure: Structure) -> None:
    """Raise `SurfaceError` where no plane can be cut: the cell holds a sheet, a slab, a wire or a molecule."""
    empty = [plane for plane in _LOW_PLANES if _empty_ang(structure, plane) >= LEAST_VACUUM_ANG]
    if not empty:
        return
    formula = structure.composition.reduced_formula
    across = f"its cell is empty over at least {LEAST_VACUUM_ANG:g} Å across {miller_text(empty[0])}"
    if len(empty) > 1:
        raise SurfaceError(
            f"{formula} is no crystal but a wire or a molecule, of which no surface is cut",
            reason=f"{across} and {miller_text(empty[1])}",
            fix="name the crystal that the surface is of",
        )
    raise SurfaceError(
        f"{formula} is no crystal but a sheet or a slab, which is not cut again",
        reason=f"{across}, its face; any other plane would cut through the vacuum",
        fix="calculate it as it is: dftflow deck FILE --code castep --task potential; or name the crystal that it is "
        "cut from",
    )


def refuse_as_powder(structure: Structure, name: str) -> None:
    """Raise `InputError` for a cell with vacuum, which repeats no crystal: a powder of it has no such lines."""
    empty = next((plane for plane in _LOW_PLANES if _empty_ang(structure, plane) >= LEAST_VACUUM_ANG), None)
    if empty is not None:
        raise InputError(
            f"{name} is no crystal but a sheet, a slab, a wire or a molecule, of which there is no powder pattern",
            reason=f"its cell is empty over at least {LEAST_VACUUM_ANG:g} Å across {miller_text(empty)}",
            fix="name the crystal that it is of",
        )


def _empty_ang(structure: Structure, plane: Indices) -> float:
    """Width of the widest part between two lattice planes that holds no atom."""
    heights = structure.frac_coords @ np.array(plane)
    return float(largest_empty_part(heights).width * structure.lattice.d_hkl(plane))
