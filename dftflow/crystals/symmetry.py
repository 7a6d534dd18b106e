"""Space groups, found by spglib without touching the cell.

Two traps of the usual wrappers are avoided. pymatgen's default angle tolerance of 5° turns a monoclinic cell with
β = 89.65° into a tetragonal one. And its conventional cell sorts orthorhombic axes by length, so that Miller indices
given for Pnma would mean another plane; here the cell keeps its axes, and its setting is named instead.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
import spglib

from dftflow.crystals.number_bounds import is_sane_cell
from dftflow.crystals.per_structure import per_structure
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Lattice, Structure

__all__ = [
    "ANGLE_TOLERANCE_DEG",
    "FROM_SYMPREC",
    "SYMPREC_ANG",
    "SpaceGroup",
    "TabulatedSetting",
    "averaging_period_ang",
    "irreducible_points",
    "is_hexagonal",
    "is_highest",
    "keeps_symmetry",
    "point_operations",
    "points_of_unchanged",
    "quiet_spglib",
    "space_group",
    "spglib_dataset",
    "symmetry_dataset",
    "tabulated_settings",
]

SYMPREC_ANG = 1e-3
ANGLE_TOLERANCE_DEG = 0.05
FROM_SYMPREC = -1.0
"""Angle tolerance by which spglib takes the one that follows from the tolerance of lengths."""
HIGHEST_POINT_GROUPS = ("m-3m", "6/mmm")
SAME_METRIC = 1e-9
PERIOD_SYMPREC_ANG = 0.01
HEXAGONAL_ANGLE_DEG = 0.1
HEXAGONAL_LENGTH_ANG = 1e-2


@dataclass(frozen=True, kw_only=True)
class SpaceGroup:
    """Space group of a cell.

    Attributes
    ----------
    symbol, number
        Short Hermann-Mauguin symbol of the standard setting, number of the International Tables.
    wyckoff
        One a site: multiplicity (in the standard cell) and letter, such as ``"8d"``.
    orbit
        One a site: index of a site that symmetry makes equivalent to it, the same one for all of them.
    """

    symbol: str
    number: int
    wyckoff: tuple[str, ...]
    orbit: tuple[int, ...]
    _structure: Structure = field(repr=False, compare=False)
    _symprec_ang: float = field(repr=False)

    @cached_property
    def setting(self) -> str:
        """Symbol in the axes of the cell at hand (``"Pbnm"`` for a cell of Pnma with the long axis last).

        ``""`` when these axes belong to no tabulated setting, as those of a primitive cell or a supercell. Looked for
        when it is asked for: it costs a search for the symmetry in each setting of the group.
        """
        return _setting(self._structure, self.number, self._symprec_ang)


@contextmanager
def quiet_spglib() -> Iterator[None]:
    """spglib announces on every call that it will raise its errors one day instead of returning None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def spglib_dataset(
    cell_ang: NDArray[np.float64],
    frac_coords: NDArray[np.float64],
    kinds: Sequence[int],
    *,
    symprec_ang: float,
    angle_tolerance_deg: float = FROM_SYMPREC,
    hall_number: int = 0,
) -> Any | None:
    """The symmetry that spglib finds in a cell (its ``SpglibDataset``), None when it finds none.

    Parameters
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors.
    frac_coords
        shape (n_atoms, 3).
    kinds
        One an atom; atoms are the same when their kinds are.
    symprec_ang
        How far an atom may lie from its symmetric position.
    angle_tolerance_deg
        How far an angle may be from its symmetric value; unless given, spglib takes what follows from `symprec_ang`.
    hall_number
        Of the setting to describe the cell in; 0 leaves the choice to spglib.
    """
    if not is_sane_cell(cell_ang, frac_coords):
        return None
    cell, places = (np.ascontiguousarray(array, dtype=np.float64).tobytes() for array in (cell_ang, frac_coords))
    crystal = (cell, places, tuple(kinds))
    if _is_cube(cell_ang) and symprec_ang > SYMPREC_ANG:
        exact = _dataset(*crystal, SYMPREC_ANG, ANGLE_TOLERANCE_DEG, 0)
        if exact is not None and hall_number in (0, exact.hall_number) and is_highest(exact, kinds):
            return exact
    return _dataset(*crystal, symprec_ang, angle_tolerance_deg, hall_number)


def is_highest(data: Any, kinds: Sequence[int]) -> bool:
    """Whether no coarser tolerance can find more symmetry in a crystal than `data`, a dataset of spglib, has.

    That is so when the point group is that of a lattice of the highest symmetry, and there are no more atoms of some
    kind than lattice points: translations leave no atom in its place, so their number divides that of each kind.
    """
    translations = len(data.rotations) // len(np.unique(data.rotations, axis=0))
    return data.pointgroup in HIGHEST_POINT_GROUPS and gcd(*Counter(kinds).values()) == translations


def _is_cube(cell_ang: NDArray[np.float64]) -> bool:
    metric = cell_ang @ cell_ang.T
    return bool(np.abs(metric - metric[0, 0] * np.eye(3)).max() < SAME_METRIC * metric[0, 0])


@lru_cache(maxsize=2048)
def _dataset(
    cell: bytes, places: bytes, kinds: tuple[int, ...], symprec_ang: float, angle_tolerance_deg: float, hall_number: int
) -> Any | None:
    """Remembered by content: a crystal and its slabs are looked at again and again, and each time takes milliseconds.

    Nobody may change what it answers.
    """
    cell_ang, frac_coords = (np.frombuffer(array).reshape(-1, 3) for array in (cell, places))
    crystal: Any = (cell_ang, frac_coords, list(kinds))
    with quiet_spglib(), suppress(spglib.SpglibError):
        return spglib.get_symmetry_dataset(
            crystal, symprec=symprec_ang, angle_tolerance=angle_tolerance_deg, hall_number=hall_number
        )
    return None


def symmetry_dataset(
    structure: Structure,
    *,
    symprec_ang: float,
    angle_tolerance_deg: float = ANGLE_TOLERANCE_DEG,
    hall_number: int = 0,
    kinds: Sequence[int] | None = None,
) -> Any:
    """The symmetry of `structure` as `spglib_dataset` tells it; its kinds are the atomic numbers unless given.

    Raises
    ------
    StructureError
        When spglib finds none.
    """
    data = spglib_dataset(
        structure.lattice.matrix,
        structure.frac_coords,
        [site.specie.Z for site in structure] if kinds is None else kinds,
        symprec_ang=symprec_ang,
        angle_tolerance_deg=angle_tolerance_deg,
        hall_number=hall_number,
    )
    if data is None:
        raise StructureError(
            f"no space group was found for {structure.composition.reduced_formula}",
            reason=f"spglib gave up at a tolerance of {symprec_ang} Å: atoms may overlap or the cell be degenerate",
            fix="look at the shortest distances, or give a coarser tolerance",
        )
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class TabulatedSetting:
    """A setting of a space group in the International Tables.

    Attributes
    ----------
    hall_number, number
        1 to 530; of the space group, 1 to 230.
    symbols
        Hermann-Mauguin symbols as spglib's table gives them, with blanks; the last one is of this setting.
    short_symbol
        Short symbol of the space group.
    choice
        What tells this setting from the others of the group (``"b1"``, ``"H"``); ``""`` for its only one.
    """

    hall_number: int
    number: int
    symbols: tuple[str, ...]
    short_symbol: str
    choice: str


@cache
def tabulated_settings() -> tuple[TabulatedSetting, ...]:
    """All 530 of them, by Hall number."""
    with quiet_spglib():
        kinds = [(hall_number, spglib.get_spacegroup_type(hall_number)) for hall_number in range(1, 531)]
    return tuple(
        TabulatedSetting(
            hall_number=hall_number,
            number=kind.number,
            symbols=tuple(kind.international.split("=")),
            short_symbol=kind.international_short,
            choice=kind.choice,
        )
        for hall_number, kind in kinds
        if kind is not None
    )


def _setting(structure: Structure, number: int, symprec_ang: float) -> str:
    """Symbol of the tabulated setting whose axes are those of the cell, up to their signs."""
    for setting in tabulated_settings():
        if setting.number != number:
            continue
        data = symmetry_dataset(structure, symprec_ang=symprec_ang, hall_number=setting.hall_number)
        if np.allclose(np.abs(data.transformation_matrix), np.eye(3), atol=1e-2):
            return (setting.symbols[-1] if setting.choice else setting.short_symbol).replace(" ", "")
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
    data = symmetry_dataset(structure, symprec_ang=symprec_ang)
    orbit = tuple(int(i) for i in data.crystallographic_orbits)
    cells = abs(float(np.linalg.det(data.transformation_matrix)))
    counts = {i: orbit.count(i) / cells for i in set(orbit)}
    return SpaceGroup(
        symbol=str(data.international),
        number=int(data.number),
        wyckoff=tuple(f"{counts[i]:.0f}{letter}" for i, letter in zip(orbit, data.wyckoffs, strict=True)),
        orbit=orbit,
        _structure=structure,
        _symprec_ang=symprec_ang,
    )


def point_operations(structure: Structure, *, symprec_ang: float = SYMPREC_ANG) -> NDArray[np.float64]:
    """Rotational parts of the space group in Cartesian axes, shape (n, 3, 3), acting on column vectors."""
    to_cart = structure.lattice.matrix.T
    distinct = np.unique(symmetry_dataset(structure, symprec_ang=symprec_ang).rotations, axis=0)
    return np.asarray(to_cart @ distinct @ np.linalg.inv(to_cart), dtype=np.float64)


def irreducible_points(
    structure: Structure,
    grid: tuple[int, int, int],
    shift: tuple[float, float, float],
    *,
    symprec_ang: float = SYMPREC_ANG,
) -> int:
    """How many points of a grid the space group and time reversal leave; by time reversal alone where none is found.

    Parameters
    ----------
    grid
        Points along each reciprocal lattice vector.
    shift
        Where it stands, in steps from a grid that holds Γ: 0 or 1/2 (`dftflow.model.kpoint_grid`).
    """
    numbers = [site.specie.Z for site in structure]
    cell = (structure.lattice.matrix.tolist(), structure.frac_coords.tolist(), numbers)
    with quiet_spglib():
        found = spglib.get_ir_reciprocal_mesh(
            grid, cell, is_shift=[int(part != 0) for part in shift], symprec=symprec_ang
        )
    return -(-grid[0] * grid[1] * grid[2] // 2) if found is None else len(np.unique(found[0]))


points_of_unchanged = per_structure(irreducible_points)
"""`irreducible_points` of a structure that nobody changes, found out once."""


def keeps_symmetry(structure: Structure, held: Collection[int], *, symprec_ang: float = SYMPREC_ANG) -> bool:
    """Whether every symmetry operation of `structure` maps the atoms `held` (indices) onto themselves."""
    if not held:
        return True
    chosen = set(held)
    kinds = [2 * site.specie.Z + (index in chosen) for index, site in enumerate(structure)]
    free, marked = (symmetry_dataset(structure, symprec_ang=symprec_ang, kinds=k) for k in (None, kinds))
    return len(free.rotations) == len(marked.rotations)


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
    data = symmetry_dataset(structure, symprec_ang=symprec_ang)
    keeps = np.all(normal @ data.rotations == normal, axis=1)
    shifts = (data.translations[keeps] @ normal) % 1.0
    near_zero = symprec_ang * np.linalg.norm(normal @ structure.lattice.reciprocal_lattice_crystallographic.matrix)
    proper = shifts[(shifts > near_zero) & (shifts < 1 - near_zero)]
    repeats = round(1.0 / float(proper.min())) if proper.size else 1
    return float(structure.lattice.d_hkl(miller)) / repeats
