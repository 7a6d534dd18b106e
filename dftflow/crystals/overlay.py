"""Two slabs laid over each other: how far every ion of one lies from an ion of its kind in the other.

The cell, its place in the plane and along the normal, a rotation or reflection of the plane, a supercell, a strain and
the order of the atoms are all free. pymatgen's `StructureMatcher` is not asked: it reduces the cell along the normal
too, scales the vacuum with the slab, and its tolerance is a share of the volume an atom has, vacuum included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import IonicUnit
from dftflow.crystals.symmetry import spglib_dataset
from dftflow.model.results import FloatArray, readonly

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAME_STRAIN", "IonStack", "Misfit", "misfit", "plane_cells", "shortest_vectors_ang", "stack_of"]

SAME_STRAIN = 0.03
"""Principal strains of the plane: the lattice constants of functionals and of experiments differ by less."""

SAME_STRETCH = 0.06
"""Along the normal, where a slab is free to answer the strain of its plane."""

REACH_ANG = 2.0
"""Ions that lie over each other are sought within this difference of height, seen from the middles of the slabs."""

VACUUM_ANG = 10.0
REFINEMENTS = 3
REFINED = 4
_NEAR = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)], dtype=np.float64)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class IonStack:
    """The ions of a slab in axes of its own: x and y in the plane, z along the normal.

    Attributes
    ----------
    names
        Kind of every ion; a molecule is one.
    places_ang
        shape (n_ions, 3); of a molecule the centre of mass.
    cell_ang
        shape (2, 2); rows are the vectors of the surface cell.
    """

    names: tuple[str, ...]
    places_ang: FloatArray
    cell_ang: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "places_ang", readonly(self.places_ang, (len(self.names), 3), "places_ang"))
        object.__setattr__(self, "cell_ang", readonly(self.cell_ang, (2, 2), "cell_ang"))

    @property
    def counts(self) -> Counter[str]:
        """How many ions of each kind a surface cell holds."""
        return Counter(self.names)

    def repeated(self, matrix: NDArray[np.int64]) -> IonStack:
        """The same slab with a surface cell of `matrix` times its vectors."""
        reach = int(np.abs(matrix).sum())
        steps = np.array([(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)])
        shifts = steps[np.all(np.floor(steps @ np.linalg.inv(matrix) + 1e-9) == 0, axis=1)] @ self.cell_ang
        moves = np.hstack([shifts, np.zeros((len(shifts), 1))])
        places = (self.places_ang[None] + moves[:, None]).reshape(-1, 3)
        return IonStack(names=self.names * len(shifts), places_ang=places, cell_ang=matrix @ self.cell_ang)

    def operations(self, symprec_ang: float) -> int:
        """How many symmetry operations the slab has, molecules taken as points."""
        kinds = {name: number for number, name in enumerate(sorted(self.counts))}
        cell, heights = np.zeros((3, 3)), self.places_ang[:, 2]
        cell[:2, :2], cell[2, 2] = self.cell_ang, float(np.ptp(heights)) + VACUUM_ANG
        places = self.places_ang @ np.linalg.inv(cell)
        data = spglib_dataset(cell, places, [kinds[name] for name in self.names], symprec_ang=symprec_ang)
        return 1 if data is None else len(data.rotations)

    def upside_down(self) -> IonStack:
        """The slab seen from its other side."""
        return IonStack(names=self.names, places_ang=self.places_ang * [1.0, 1.0, -1.0], cell_ang=self.cell_ang)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """How far the ions of one slab lie from those of another, at the best overlay that was found."""

    rms_ang: float
    max_ang: float


def stack_of(units: Sequence[IonicUnit], axes_ang: NDArray[np.float64]) -> IonStack:
    """Ions of a slab in its own axes.

    Parameters
    ----------
    units
        Its ions, in one piece along the normal: none across the border of the cell from its neighbours.
    axes_ang
        shape (3, 3); rows are the lattice vectors, the third one on the side that is called upper.
    """
    x = axes_ang[0] / np.linalg.norm(axes_ang[0])
    z = np.cross(axes_ang[0], axes_ang[1])
    z = z / np.linalg.norm(z) * np.sign(z @ axes_ang[2])
    frame = np.array([x, np.cross(z, x), z])
    return IonStack(
        names=tuple(unit.name for unit in units),
        places_ang=np.array([frame @ unit.centre_ang for unit in units]),
        cell_ang=_reduced((axes_ang[:2] @ frame.T)[:, :2]),
    )


def _reduced(cell_ang: FloatArray) -> FloatArray:
    """Short vectors of the same plane lattice."""
    from pymatgen.core import Lattice

    upright = 10 * float(np.linalg.norm(cell_ang, axis=1).max())
    cell = np.zeros((3, 3))
    cell[:2, :2], cell[2, 2] = cell_ang, upright
    return np.asarray(Lattice(cell).get_lll_reduced_lattice().matrix[:2, :2], dtype=np.float64)


def plane_cells(found_ang: FloatArray, asked_ang: FloatArray) -> Iterator[NDArray[np.int64]]:
    """Whole matrices that make the surface cell `asked_ang` that of `found_ang`, up to strain, turned or mirrored.

    One for every way in which the lattices fit on each other; none when the cell found is no supercell of the other.
    """
    lengths = np.linalg.norm(found_ang, axis=1)
    shortest = float(np.linalg.svd(asked_ang, compute_uv=False)[-1])
    reach = int(np.ceil((1 + SAME_STRAIN) * lengths.max() / shortest))
    whole = np.array([(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)])
    sizes = np.linalg.norm(whole @ asked_ang, axis=1)
    first, second = (whole[np.abs(sizes / length - 1) < SAME_STRAIN] for length in lengths)
    for matrix in (np.array([u, v]) for u in first for v in second):
        cell = matrix @ asked_ang
        if abs(np.linalg.det(matrix)) < 0.5:
            continue
        strains = np.linalg.svd(np.linalg.solve(cell, found_ang), compute_uv=False) - 1
        if np.abs(strains).max() < SAME_STRAIN:
            yield matrix


def misfit(found: IonStack, asked: IonStack) -> Misfit | None:
    """The least one of all overlays; None when the surface cells or the numbers of ions do not fit.

    The slabs are overlaid ion on ion, for every ion of the rarest kind, and the best shifts are refined from there.
    """
    overlays: list[_Overlay] = []
    for matrix in plane_cells(found.cell_ang, asked.cell_ang):
        cells = round(abs(np.linalg.det(matrix)))
        if found.counts != Counter({name: count * cells for name, count in asked.counts.items()}):
            return None
        larger = asked.repeated(matrix)
        strained = _strained(found, larger)
        overlays += [_overlay(strained, shift, larger) for shift in _starts(strained, asked)]
    best = sorted(overlays, key=lambda overlay: overlay.rms_ang)[:REFINED]
    return min((_refined(overlay) for overlay in best), key=lambda fit: fit.rms_ang, default=None)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Overlay:
    """Two slabs with one surface cell, the first one moved."""

    found: IonStack
    asked: IonStack
    shift_ang: NDArray[np.float64]
    offsets_ang: NDArray[np.float64]

    @property
    def rms_ang(self) -> float:
        """Once the mean is taken away, of all offsets."""
        return float(np.sqrt(self.offsets_ang.var(axis=0).sum()))


def _strained(found: IonStack, asked: IonStack) -> IonStack:
    """`found` in the surface cell of `asked`, its middle at the same height and stretched to the same thickness."""
    plane = found.places_ang[:, :2] @ np.linalg.solve(found.cell_ang, asked.cell_ang)
    own, want = found.places_ang[:, 2], asked.places_ang[:, 2]
    stretch = float(want.std() / own.std()) if own.std() > 0.1 else 1.0
    heights = (own - own.mean()) * np.clip(stretch, 1 - SAME_STRETCH, 1 + SAME_STRETCH) + want.mean()
    return IonStack(names=found.names, places_ang=np.column_stack([plane, heights]), cell_ang=asked.cell_ang)


def _starts(found: IonStack, asked: IonStack) -> Iterable[NDArray[np.float64]]:
    """Shifts that lay one ion of the rarest kind, of those inside, over each one of that kind in the other slab."""
    kind = min(sorted(found.counts), key=lambda name: found.counts[name])
    own, places = (stack.places_ang[np.array(stack.names) == kind] for stack in (found, asked))
    ion = own[np.abs(own[:, 2] - found.places_ang[:, 2].mean()).argmin()]
    near = places[np.abs(places[:, 2] - ion[2]) < REACH_ANG]
    return list((near - ion) * np.array([1.0, 1.0, 0.0]))


def _overlay(found: IonStack, shift_ang: NDArray[np.float64], asked: IonStack) -> _Overlay:
    return _Overlay(found=found, asked=asked, shift_ang=shift_ang, offsets_ang=_offsets(found, shift_ang, asked))


def _refined(overlay: _Overlay) -> Misfit:
    """Misfit after the mean of the offsets has been taken away, a few times over, as ions find other partners."""
    for _ in range(REFINEMENTS):
        shift_ang = overlay.shift_ang - overlay.offsets_ang.mean(axis=0)
        overlay = _overlay(overlay.found, shift_ang, overlay.asked)
    lengths = np.linalg.norm(overlay.offsets_ang, axis=1)
    return Misfit(rms_ang=float(np.sqrt((lengths**2).mean())), max_ang=float(lengths.max()))


def _offsets(found: IonStack, shift: NDArray[np.float64], asked: IonStack) -> NDArray[np.float64]:
    """From every ion to the one of its kind that is its own: pairs of least squared distance, none used twice."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    places, offsets = found.places_ang + shift, np.zeros((len(found.names), 3))
    kinds = [np.array(stack.names) for stack in (found, asked)]
    for name in found.counts:
        here, there = (np.flatnonzero(kind == name) for kind in kinds)
        apart = shortest_vectors_ang(places[here], asked.places_ang[there], asked.cell_ang)
        rows, columns = linear_sum_assignment((apart**2).sum(axis=2))
        offsets[here[rows]] = apart[rows, columns]
    return offsets


def shortest_vectors_ang(first: FloatArray, second: FloatArray, cell_ang: FloatArray) -> NDArray[np.float64]:
    """Shortest vectors from all `second` to all `first`, periodic in the plane; shape (n_first, n_second, 3)."""
    apart = first[:, None] - second[None]
    turns = apart[..., :2] @ np.linalg.inv(cell_ang)
    rest = (turns - np.round(turns)) @ cell_ang
    x, y = (rest[..., axis, None] + (_NEAR @ cell_ang)[:, axis] for axis in (0, 1))
    nearest = (x * x + y * y).argmin(axis=2)[..., None]
    for axis, images in enumerate((x, y)):
        apart[..., axis] = np.take_along_axis(images, nearest, axis=2)[..., 0]
    return np.asarray(apart, dtype=np.float64)
