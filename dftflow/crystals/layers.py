"""A crystal as a stack of layers parallel to a lattice plane.

Written here because the cutters at hand move atoms: pymatgen's and ASE's cut molecules, neither knows the formal
charge of a layer, and both need a supercell's plane to be given in the supercell. What is stacked here are ions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.crystals.bonds import bonds_between
from dftflow.crystals.cuts import potential_step_ev
from dftflow.crystals.ions import IonicUnit, has_perovskite_formula
from dftflow.crystals.moments import moments_of
from dftflow.crystals.planes import coprime_indices
from dftflow.crystals.symmetry import FROM_SYMPREC, symmetry_dataset
from dftflow.errors import StructureError, SurfaceError
from dftflow.model.periodic_cell import empty_parts
from dftflow.model.results import FloatArray, readonly

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["POLAR_STEP_EV", "Stacking", "stack_layers"]

LAYER_GAP_ANG = 1.0
"""Ions whose heights differ by less belong to one layer, unless the crystal cleaves between them: the octahedral tilts
of perovskites spread a nominal layer by up to 0.9 Å, while even their {111} layers are 1.1 Å or more apart."""

SEAM_GAP_ANG = 0.3
SEAM_SHARE = 0.9
"""A layer is parted at a gap where a cut breaks less than this share of the valence that cuts at its two ends do: the
bridging O of rutile's (110) stays on its Ti2O2 plane, two bonds in the place of three (0.62), and half of the Al of
corundum's (0001) on either side, of the longer bonds (0.84). The layers of a perovskite are those of its cubic parent,
which its tilts part in the same way (0.81 to 0.89): they have no seams."""

FLAT_GAP_ANG = 0.15
FLAT_STEP_EV = 0.5
"""Where every layer's end leaves the repeat a dipole, layers are parted too at gaps of this width that leave it none,
to within this step: between the vanadyl O of the sheets of V2O5's (001), 0.27 Å apart, and half of the Cr of Cr2O3's
(0001) on either side."""

BILAYER_GAP_ANG = 0.5
"""A neutral layer that is a dipole is parted at gaps of this width: Zn and O of (0001) lie 0.6 Å apart."""

POLAR_STEP_EV = 3.0
"""A formal, unscreened potential step above this makes a layer, or a slab, polar. Layers of alternating charge make
more than 10 eV; rumpled layers and molecules slightly off their site stay below."""

_DENSE_GAP = 0.9
"""In a plane so dense that no gap reaches `LAYER_GAP_ANG`, the gaps within this fraction of the largest one count."""

TRANSLATION_TOLERANCE_ANG = 1e-2
SYMMETRY_TOLERANCE_ANG = 0.1


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Stacking:
    """One repeat of a crystal along the normal of a plane, which is z; the first in-plane vector is along x.

    Attributes
    ----------
    layers
        From bottom to top, the ions of each; what lies above the last is the first, moved by `repeat_ang`.
    in_plane_ang
        shape (2, 3); the shortest lattice vectors of the plane, z = 0.
    repeat_ang
        shape (3,); the lattice vector to the next repeat.
    broken_per_ang2
        Valence of the bonds that a cut below each layer breaks, over its area.
    crystal_ang
        shape (3, 3); lattice vectors of the crystal as it was given, in these axes.
    images
        Symmetry operations that keep the plane: for each, the layer that every layer is mapped on, and whether top
        and bottom change places.
    """

    layers: tuple[tuple[IonicUnit, ...], ...]
    in_plane_ang: FloatArray
    repeat_ang: FloatArray
    broken_per_ang2: tuple[float, ...]
    crystal_ang: FloatArray
    images: tuple[tuple[tuple[int, ...], bool], ...]
    _moved: dict[tuple[int, int], tuple[IonicUnit, ...]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_plane_ang", readonly(self.in_plane_ang, (2, 3), "in_plane_ang"))
        object.__setattr__(self, "repeat_ang", readonly(self.repeat_ang, (3,), "repeat_ang"))
        object.__setattr__(self, "crystal_ang", readonly(self.crystal_ang, (3, 3), "crystal_ang"))

    @property
    def period_ang(self) -> float:
        """Height of one repeat."""
        return float(self.repeat_ang[2])

    @property
    def turns_over(self) -> bool:
        """Whether symmetry swaps top and bottom; without it no slab has two like faces, however thick it is."""
        return any(flipped for _, flipped in self.images)

    def face(self, layer: int, *, up: bool) -> tuple[int, bool]:
        """What names the surface that `layer` ends: the same for all surfaces that symmetry makes alike."""
        return min((image[layer % len(self.layers)], up != flipped) for image, flipped in self.images)

    def cut(self, start: int, count: int) -> tuple[tuple[IonicUnit, ...], ...]:
        """`count` layers, from layer `start` upwards."""
        chosen = (divmod(number, len(self.layers)) for number in range(start, start + count))
        return tuple(self._moved_layer(turn, i) for turn, i in chosen)

    def broken_by(self, start: int, count: int) -> float:
        """Valence over area that `cut` breaks, the mean of its two faces."""
        return sum(self.broken_per_ang2[number % len(self.layers)] for number in (start, start + count)) / 2

    def _moved_layer(self, turn: int, layer: int) -> tuple[IonicUnit, ...]:
        """Made once, for all the cuts that hold it."""
        if (turn, layer) not in self._moved:
            shift_ang = turn * self.repeat_ang
            self._moved[turn, layer] = tuple(unit.moved(shift_ang) for unit in self.layers[layer])
        return self._moved[turn, layer]


def stack_layers(structure: Structure, units: Sequence[IonicUnit], miller_cell: tuple[int, int, int]) -> Stacking:
    """Layers of `structure` parallel to the plane `miller_cell` of its own cell.

    The cell is first reduced to a primitive one, so that a supercell gives the same stack as its cell; of a crystal
    with moments to one that holds their order.

    Parameters
    ----------
    structure
        The crystal.
    units
        Its ions, from `ionic_units`.
    miller_cell
        Indices in the cell as given.

    Raises
    ------
    SurfaceError
        When the crystal has no symmetry that spglib can find (overlapping atoms).
    """
    moments = moments_of(structure)
    if moments:
        units = [replace(unit, moment_mub=moments[unit.indices[0]]) for unit in units]
    primitive = _primitive_cell(structure, units)
    units = primitive.units
    indices = coprime_indices(np.linalg.inv(primitive.repeats) @ np.array(miller_cell))
    basis_ang = _plane_basis(indices, primitive.structure.lattice.matrix)
    frame = _frame(basis_ang)
    up = np.linalg.inv(basis_ang)[:, 2]
    heights = np.array([unit.centre_ang for unit in units]) @ up
    period_ang = float((basis_ang @ frame.T)[2, 2])
    area_ang2 = float(np.linalg.norm(np.cross(basis_ang[0], basis_ang[1])))
    bonds = bonds_between(primitive.structure, units)

    def broken(cuts: NDArray[np.float64]) -> NDArray[np.float64]:
        return bonds.broken(heights, bonds.span_ang @ up, cuts) / area_ang2

    bounds = _layer_bounds(units, heights % 1.0, period_ang, area_ang2, broken)
    return Stacking(
        layers=_layers(units, heights, bounds, basis_ang, frame),
        in_plane_ang=basis_ang[:2] @ frame.T * np.array([1.0, 1.0, 0.0]),
        repeat_ang=basis_ang[2] @ frame.T,
        broken_per_ang2=tuple(broken(bounds).tolist()),
        crystal_ang=structure.lattice.matrix @ frame.T,
        images=_layer_images(primitive, np.array(indices), heights % 1.0, bounds),
    )


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _PrimitiveCell:
    """The smallest cell of a crystal that holds the order of its charges and moments.

    Attributes
    ----------
    structure
        Its atoms where they lie in the cell that was given, or lattice vectors from there.
    units
        Its ions, numbered as in `structure`.
    repeats
        shape (3, 3); lattice vectors of the cell that was given in those of this one.
    """

    structure: Structure
    units: tuple[IonicUnit, ...]
    repeats: NDArray[np.float64]


def _primitive_cell(structure: Structure, units: Sequence[IonicUnit]) -> _PrimitiveCell:
    from pymatgen.core import Lattice, Structure

    data = _symmetry(structure, units, TRANSLATION_TOLERANCE_ANG)
    repeats = np.round(structure.lattice.matrix @ np.linalg.inv(data.primitive_lattice))
    if np.array_equal(repeats, np.eye(3)):
        return _PrimitiveCell(structure=structure, units=tuple(units), repeats=repeats)
    kept = _one_a_primitive_cell(units, data.mapping_to_primitive)
    cell = Structure(
        Lattice(np.linalg.inv(repeats) @ structure.lattice.matrix),
        [structure[index].specie for unit in kept for index in unit.indices],
        np.concatenate([unit.positions_ang for unit in kept]),
        coords_are_cartesian=True,
        to_unit_cell=True,
    )
    numbers = iter(range(len(cell)))
    renumbered = tuple(replace(unit, indices=tuple(next(numbers) for _ in unit.indices)) for unit in kept)
    return _PrimitiveCell(structure=cell, units=renumbered, repeats=repeats)


def _symmetry(structure: Structure, units: Sequence[IonicUnit], symprec_ang: float, *, signed: bool = True) -> Any:
    """The symmetry of the atoms, of which those with unlike charges or moments are unlike.

    Moments that are turned round are the same where they are not `signed`, by time reversal.
    """
    marks = {
        index: (structure[index].specie.Z, unit.charge, unit.moment_mub if signed else abs(unit.moment_mub))
        for unit in units
        for index in unit.indices
    }
    known = {mark: number for number, mark in enumerate(dict.fromkeys(marks.values()), start=1)}
    elements = {number for number, *_ in known}
    kinds = None if len(elements) == len(known) else [known[marks[index]] for index in range(len(structure))]
    try:
        return symmetry_dataset(structure, symprec_ang=symprec_ang, angle_tolerance_deg=FROM_SYMPREC, kinds=kinds)
    except StructureError as error:
        formula = structure.composition.reduced_formula
        raise SurfaceError(f"the lattice of {formula} cannot be reduced", reason=error.reason, fix=error.fix) from error


def _bezout(a: int, b: int) -> tuple[int, int]:
    """x, y with a x + b y = gcd(a, b)."""
    if b == 0:
        return (1, 0) if a >= 0 else (-1, 0)
    x, y = _bezout(b, a % b)
    return y, x - (a // b) * y


def _plane_basis(indices: tuple[int, int, int], cell_ang: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lattice vectors, rows: two shortest ones in the plane, and one to the next plane, in a right-handed order."""
    h, k, m = indices
    g = gcd(k, m)
    if g == 0:
        first, second, out = np.array([0, 1, 0]), np.array([0, 0, 1]), np.array([h, 0, 0])
    else:
        p, q = (int(np.sign(g)) * value for value in _bezout(k, m))
        s, t = _bezout(h, g)
        first, second = np.array([0, m // g, -k // g]), np.array([g, -h * p, -h * q])
        out = np.array([s, t * p, t * q])
    u, v, w = (vector @ cell_ang for vector in (first, second, out))
    u, v = _shortest_pair(u, v)
    if np.cross(u, v) @ w < 0:
        v = -v
    in_plane = np.array([u, v])
    w = w - np.round(w @ np.linalg.pinv(in_plane)) @ in_plane
    return np.array([u, v, w])


def _shortest_pair(u: NDArray[np.float64], v: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lagrange's reduction of a plane lattice; the shorter vector first."""
    while True:
        if v @ v < u @ u - 1e-9:
            u, v = v, u
        steps = np.round(u @ v / (u @ u) - 1e-9)
        if steps == 0:
            return u, v
        v = v - steps * u


def _frame(basis_ang: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrix into axes with x along the first vector and z along the normal."""
    x = basis_ang[0] / np.linalg.norm(basis_ang[0])
    z = np.cross(basis_ang[0], basis_ang[1])
    z = z / np.linalg.norm(z)
    return np.array([x, np.cross(z, x), z])


def _one_a_primitive_cell(units: Sequence[IonicUnit], mapping: Sequence[int]) -> list[IonicUnit]:
    """One of the ions that lattice translations make alike."""
    kept: dict[frozenset[int], IonicUnit] = {}
    for unit in units:
        kept.setdefault(frozenset(int(mapping[i]) for i in unit.indices), unit)
    return list(kept.values())


def _layer_bounds(
    units: Sequence[IonicUnit],
    heights: NDArray[np.float64],
    period_ang: float,
    area_ang2: float,
    broken: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Heights, in units of the period and ascending in [0, 1), at which one layer ends and the next begins.

    Wide gaps; within a layer, those where a cut breaks less than at its ends; where all of these leave the repeat a
    dipole, those that leave it none; and those of a layer that is a dipole.
    """
    parts = empty_parts(heights)
    smallest = min(LAYER_GAP_ANG / period_ang, _DENSE_GAP * max(part.width for part in parts))
    wide = np.sort([part.middle for part in parts if part.width >= smallest])
    narrow = [part for part in parts if SEAM_GAP_ANG / period_ang <= part.width < smallest]
    middles = np.array([part.middle for part in narrow])
    perovskite = has_perovskite_formula(units)
    seams = () if perovskite else _seams(wide, middles, broken)
    bounds = np.sort(np.concatenate([wide, seams]))
    if not perovskite and not _flat(units, heights, bounds, period_ang, area_ang2).any():
        gaps = np.array([part.middle for part in parts if FLAT_GAP_ANG / period_ang <= part.width < smallest])
        bounds = np.sort(np.concatenate([bounds, gaps[_flat(units, heights, gaps, period_ang, area_ang2)]]))
    split = set(_dipole_layers(units, heights, bounds, period_ang, area_ang2))
    wider = np.array([part.middle for part in narrow if part.width >= BILAYER_GAP_ANG / period_ang])
    inner = [middle for middle in wider if int(_layer_of(middle, bounds)) in split and middle not in bounds]
    return np.sort(np.concatenate([bounds, inner]))


def _seams(
    bounds: NDArray[np.float64],
    gaps: NDArray[np.float64],
    broken: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Those of the narrow `gaps` where the crystal cleaves before it does so at the ends of the layer around them."""
    if not len(gaps):
        return gaps
    below = _layer_of(gaps, bounds)
    ends = broken(bounds)
    least = np.minimum(ends[below], ends[(below + 1) % len(bounds)])
    return gaps[broken(gaps) < SEAM_SHARE * least]


def _flat(
    units: Sequence[IonicUnit],
    heights: NDArray[np.float64],
    cuts: NDArray[np.float64],
    period_ang: float,
    area_ang2: float,
) -> NDArray[np.bool_]:
    """For each cut whether the repeat of the crystal above it is no dipole."""
    charges = np.array([unit.test_charge for unit in units])
    dipoles = ((heights[None] - cuts[:, None]) % 1.0 * period_ang) @ charges
    steps = [abs(potential_step_ev(float(dipole), area_ang2)) for dipole in dipoles]
    return np.array([step < FLAT_STEP_EV for step in steps], dtype=np.bool_)


def _dipole_layers(
    units: Sequence[IonicUnit],
    heights: NDArray[np.float64],
    bounds: NDArray[np.float64],
    period_ang: float,
    area_ang2: float,
) -> Iterator[int]:
    """Numbers of the layers that are neutral and make a potential step by themselves."""
    numbers = _layer_of(heights, bounds)
    above_ang = (heights - bounds[numbers]) % 1.0 * period_ang
    charges = np.array([unit.test_charge for unit in units])
    for number in range(len(bounds)):
        of_layer = numbers == number
        step_ev = potential_step_ev(float(charges[of_layer] @ above_ang[of_layer]), area_ang2)
        if charges[of_layer].sum() == 0 and abs(step_ev) > POLAR_STEP_EV:
            yield number


def _layer_of(heights: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the layer at each height; layer n lies above bound n, the last one reaches over the period's end."""
    return np.asarray((np.searchsorted(bounds, heights % 1.0) - 1) % len(bounds), dtype=np.int64)


def _layers(
    units: Sequence[IonicUnit],
    heights: NDArray[np.float64],
    bounds: NDArray[np.float64],
    basis_ang: NDArray[np.float64],
    frame: NDArray[np.float64],
) -> tuple[tuple[IonicUnit, ...], ...]:
    """Ions sorted into layers, each moved by lattice vectors into the repeat that starts at the first bound."""
    numbers = _layer_of(heights, bounds)
    turns = -np.floor(heights - bounds[0])
    layers: list[list[IonicUnit]] = [[] for _ in bounds]
    for unit, number, turn in zip(units, numbers, turns, strict=True):
        layers[number].append(unit.moved(turn * basis_ang[2] @ frame.T, frame))
    return tuple(tuple(layer) for layer in layers)


def _layer_images(
    cell: _PrimitiveCell,
    indices: NDArray[np.int64],
    heights: NDArray[np.float64],
    bounds: NDArray[np.float64],
) -> tuple[tuple[tuple[int, ...], bool], ...]:
    """See `Stacking.images`: an operation maps height z to s z + t, with s = ±1 when it keeps the plane.

    Of a primitive cell, whose operations are all those of the crystal: a supercell has only those that keep it.
    """
    data = _symmetry(cell.structure, cell.units, SYMMETRY_TOLERANCE_ANG, signed=False)
    members = _layer_of(heights, bounds)
    images: dict[tuple[tuple[int, ...], bool], None] = {}
    turned = indices @ data.rotations
    kept = {sign: np.isclose(turned, sign * indices).all(axis=1) for sign in (1, -1)}
    for operation, translation in enumerate(data.translations):
        for sign in (1, -1):
            if not kept[sign][operation]:
                continue
            moved = _layer_of(sign * heights + indices @ translation, bounds)
            targets = [set(moved[members == number].tolist()) for number in range(len(bounds))]
            if all(len(target) == 1 for target in targets):
                images[tuple(target.pop() for target in targets), sign < 0] = None
    return tuple(images)
