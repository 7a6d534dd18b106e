"""Space groups, found by spglib without touching the cell.

Two traps of the usual wrappers are avoided. pymatgen's default angle tolerance of 5° turns a monoclinic cell with
β = 89.65° into a tetragonal one. And its conventional cell sorts orthorhombic axes by length, so that Miller indices
given for Pnma would mean another plane; here the cell keeps its axes, and its setting is named instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import spglib

from dftflow.errors import StructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Lattice, Structure

__all__ = [
    "ANGLE_TOLERANCE_DEG",
    "SYMPREC_ANG",
    "SpaceGroup",
    "averaging_period_ang",
    "is_hexagonal",
    "keeps_symmetry",
    "point_operations",
    "space_group",
]

SYMPREC_ANG = 1e-3
ANGLE_TOLERANCE_DEG = 0.05
PERIOD_SYMPREC_ANG = 0.01
HEXAGONAL_ANGLE_DEG = 0.1
HEXAGONAL_LENGTH_ANG = 1e-2


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceGroup:
    """Space group of a cell.

    Attributes
    ----------
    symbol, number
        Short Hermann-Mauguin symbol of the standard setting, number of the International Tables.
    setting
        Symbol in the axes of the cell at hand (``"Pbnm"`` for a cell of Pnma with the long axis last); ``""`` when
        these axes belong to no tabulated setting, as those of a primitive cell or a supercell.
    wyckoff
        One a site: multiplicity (in the standard cell) and letter, such as ``"8d"``.
    orbit
        One a site: index of a site that symmetry makes equivalent to it, the same one for all of them.
    """

    symbol: str
    number: int
    setting: str
    wyckoff: tuple[str, ...]
    orbit: tuple[int, ...]


@contextmanager
def _quiet() -> Iterator[None]:
    """spglib announces on every call that it will raise its errors one day instead of returning None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _dataset(structure: Structure, symprec_ang: float, hall_number: int = 0, kinds: Sequence[int] | None = None) -> Any:
    """spglib's dataset; atoms are the same when their `kinds` are, the atomic numbers unless given."""
    numbers = [site.specie.Z for site in structure] if kinds is None else list(kinds)
    cell: Any = (structure.lattice.matrix, structure.frac_coords, numbers)
    data = None
    with _quiet(), suppress(spglib.SpglibError):
        data = spglib.get_symmetry_dataset(
            cell, symprec=symprec_ang, angle_tolerance=ANGLE_TOLERANCE_DEG, hall_number=hall_number
        )
    if data is None:
        raise StructureError(
            f"no space group was found for {structure.composition.reduced_formula}",
            reason=f"spglib gave up at a tolerance of {symprec_ang} Å: atoms may overlap or the cell be degenerate",
            fix="look at the shortest distances, or give a coarser tolerance",
        )
    return data


@cache
def _settings() -> tuple[tuple[int, int, str], ...]:
    """Hall number, space-group number and symbol of every tabulated setting."""
    with _quiet():
        kinds = [(hall_number, spglib.get_spacegroup_type(hall_number)) for hall_number in range(1, 531)]
    return tuple(
        (hall, kind.number, (kind.international.rsplit("=", 1)[-1] if kind.choice else kind.international_short))
        for hall, kind in kinds
        if kind is not None
    )


def _setting(structure: Structure, number: int, symprec_ang: float) -> str:
    """Symbol of the tabulated setting whose axes are those of the cell, up to their signs."""
    for hall_number, its_number, symbol in _settings():
        if its_number != number:
            continue
        axes = _dataset(structure, symprec_ang, hall_number).transformation_matrix
        if np.allclose(np.abs(axes), np.eye(3), atol=1e-2):
            return symbol.replace(" ", "")
    return ""


def space_group(structure: Structure, *, symprec_ang: float = SYMPREC_ANG) -> SpaceGroup:
    """Space group of `structure`, its cell left as it is.

    Parameters
    ----------
    structure
        An ordered crystal.
    symprec_ang
        How far an atom may lie from its symmetric position.

    Raises
    ------
    StructureError
        When spglib finds none.
    """
    data = _dataset(structure, symprec_ang)
    orbit = tuple(int(i) for i in data.crystallographic_orbits)
    cells = abs(float(np.linalg.det(data.transformation_matrix)))
    counts = {i: orbit.count(i) / cells for i in set(orbit)}
    return SpaceGroup(
        symbol=str(data.international),
        number=int(data.number),
        setting=_setting(structure, int(data.number), symprec_ang),
        wyckoff=tuple(f"{counts[i]:.0f}{letter}" for i, letter in zip(orbit, data.wyckoffs, strict=True)),
        orbit=orbit,
    )


def point_operations(structure: Structure, *, symprec_ang: float = SYMPREC_ANG) -> NDArray[np.float64]:
    """Rotational parts of the space group in Cartesian axes, shape (n, 3, 3), acting on column vectors."""
    to_cart = structure.lattice.matrix.T
    distinct = np.unique(_dataset(structure, symprec_ang).rotations, axis=0)
    return np.asarray(to_cart @ distinct @ np.linalg.inv(to_cart), dtype=np.float64)


def keeps_symmetry(structure: Structure, held: Collection[int], *, symprec_ang: float = SYMPREC_ANG) -> bool:
    """Whether every symmetry operation of `structure` maps the atoms `held` (indices) onto themselves."""
    if not held:
        return True
    chosen = set(held)
    kinds = [2 * site.specie.Z + (index in chosen) for index, site in enumerate(structure)]
    return len(_dataset(structure, symprec_ang).rotations) == len(
        _dataset(structure, symprec_ang, kinds=kinds).rotations
    )


def is_hexagonal(lattice: Lattice) -> bool:
    """Whether two lattice vectors of one length enclose 60° or 120° and the third stands upright on them.

    An even grid of Monkhorst and Pack breaks the six-fold axis of such a lattice: rotated, it is another grid.
    """
    return bool(lattice.is_hexagonal(hex_angle_tol=HEXAGONAL_ANGLE_DEG, hex_length_tol=HEXAGONAL_LENGTH_ANG))


def averaging_period_ang(
    structure: Structure, miller: tuple[int, int, int], *, symprec_ang: float = PERIOD_SYMPREC_ANG
) -> float:
    """Distance along a plane's normal after which every plane average of the crystal repeats, in Å.

    A screw axis along the normal, or a glide plane that holds it, makes this a fraction of the crystal's own repeat:
    along b of Pnma the plane averages repeat after b/2. It is the width that a macroscopic average takes
    (10.1103/PhysRevLett.61.734).

    Parameters
    ----------
    structure
        The crystal.
    miller
        Indices of the plane in the cell of `structure`; coprime.
    """
    normal = np.array(miller)
    data = _dataset(structure, symprec_ang)
    keeps = np.all(normal @ data.rotations == normal, axis=1)
    shifts = (data.translations[keeps] @ normal) % 1.0
    near_zero = symprec_ang * np.linalg.norm(normal @ structure.lattice.reciprocal_lattice_crystallographic.matrix)
    proper = shifts[(shifts > near_zero) & (shifts < 1 - near_zero)]
    repeats = round(1.0 / float(proper.min())) if proper.size else 1
    return float(structure.lattice.d_hkl(miller)) / repeats
