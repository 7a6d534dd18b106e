"""Regular grids of k-points: the rule that every code's deck follows and every code's record is compared by.

A grid has n points along each reciprocal lattice vector, one step of 1/n apart. Where it stands is its *shift*, in
steps from a grid that holds Γ: 0, or 1/2. Monkhorst and Pack (10.1103/PhysRevB.13.5188, equation 3) put the points at
(2r - n - 1)/2n with r = 1 … n: an odd n holds Γ (shift 0), an even n leaves out Γ and the zone border (shift 1/2).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, gcd, lcm, pi

import numpy as np
from numpy.typing import NDArray

from dftflow.errors import SpecError
from dftflow.model.periodic_cell import cell_heights_ang

__all__ = [
    "MONKHORST_PACK",
    "NO_SHIFT",
    "ROUNDING_POINTS",
    "Counts",
    "PlaneVectors",
    "Shift",
    "common_shift",
    "grid_kind",
    "grid_of_spacing",
    "grid_points",
    "grid_text",
    "is_lattice_vector",
    "monkhorst_pack_shift",
    "projected_grid",
    "same_kpoint",
    "same_shift",
    "shift_of_grid",
    "shift_of_points",
    "spacing_of_grid",
]

FloatArray = NDArray[np.float64]
Counts = tuple[int, int, int]
Shift = tuple[float, float, float]
PlaneVectors = tuple[tuple[Fraction, Fraction, Fraction], tuple[Fraction, Fraction, Fraction]]
"""Two lattice vectors of a plane, in units of the lattice vectors of the crystal."""

NO_SHIFT: Shift = (0.0, 0.0, 0.0)
SAME_SHIFT = 1e-4
ROUNDING_POINTS = 1e-6
"""Part of a point by which a grid may be short of a spacing: less than the digits of a lattice."""
MONKHORST_PACK = "Monkhorst-Pack"


def spacing_of_grid(cell_ang: FloatArray, counts: Counts, *, normal: int | None = None) -> float:
    """Largest step of a grid along the three reciprocal lattice vectors, in 1/Å, 2π included.

    Parameters
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors of the cell.
    counts
        Points along each reciprocal lattice vector.
    normal
        Lattice vector along the normal of a slab; the step along it, which tells how much vacuum the cell holds, does
        not count.

    Raises
    ------
    SpecError
        When a number is below 1.
    numpy.linalg.LinAlgError
        For a cell without volume.
    """
    if min(counts) < 1:
        raise SpecError(f"a grid of {'x'.join(map(str, counts))} k-points is none", fix="give numbers from 1 upwards")
    steps = 2 * pi / cell_heights_ang(cell_ang) / np.array(counts)
    return float(max(step for axis, step in enumerate(steps) if axis != normal))


def grid_of_spacing(
    cell_ang: FloatArray, spacing_per_ang: float, *, normal: int | None = None, short_points: float = ROUNDING_POINTS
) -> Counts:
    """The coarsest grid whose steps are at most `spacing_per_ang`, as `spacing_of_grid` counts them.

    Parameters
    ----------
    cell_ang
        shape (3, 3); rows are the lattice vectors of the cell.
    spacing_per_ang
        2π included.
    normal
        Lattice vector along the normal of a slab, which gets one point.
    short_points
        Part of a point by which a number may fall short of that: 2.15 points are 2 with 0.2, else 3.

    Raises
    ------
    SpecError
        When the spacing is not above 0.
    numpy.linalg.LinAlgError
        For a cell without volume.
    """
    if not spacing_per_ang > 0:
        raise SpecError(f"k-points cannot be {spacing_per_ang} 1/Å apart", fix="give a spacing above zero, e.g. 0.3")
    exact = 2 * pi / cell_heights_ang(cell_ang) / spacing_per_ang
    a, b, c = (1 if axis == normal else max(1, ceil(float(points) - short_points)) for axis, points in enumerate(exact))
    return (a, b, c)


def monkhorst_pack_shift(counts: Counts) -> Shift:
    """Shift of the grid of Monkhorst and Pack, in steps: half a step along each direction with an even number."""
    a, b, c = (0.5 * (1 - count % 2) for count in counts)
    return (a, b, c)


def shift_of_grid(counts: Counts, *, gamma: bool) -> Shift:
    """Shift of a grid of these numbers, in steps: of one that holds Γ, or of that of Monkhorst and Pack."""
    return NO_SHIFT if gamma else monkhorst_pack_shift(counts)


def projected_grid(counts: Counts, shift: Shift, plane: PlaneVectors) -> tuple[Counts, Shift] | None:
    """The grid that the points of a crystal's grid make when they are projected on a plane of it.

    Along the surface cell's lattice vectors A a point k has the coordinates (k · A) / 2π. All points of the crystal,
    each with all its images, make a lattice of them, which is a regular grid where each of its points is the sum of
    one along the first and one along the second vector. A slab on that grid samples its plane as the crystal does.

    Parameters
    ----------
    counts, shift
        The crystal's grid; `shift` 0 or 1/2 along each direction.
    plane
        Lattice vectors of the surface cell.

    Returns
    -------
    tuple or None
        Its numbers, with 1 along the normal, and its shift; None where the points are no such grid (those of a face
        that is centred in the crystal's cell lie on the diagonals of the surface cell).
    """
    steps = [(plane[0][i] / counts[i], plane[1][i] / counts[i]) for i in range(3)]
    whole = lcm(*(part.denominator for step in steps for part in step))
    along, across, rest = _reduced([(int(x * whole), int(y * whole)) for x, y in steps] + [(whole, 0), (0, whole)])
    if across % rest:
        return None
    sizes = (whole // along, whole // rest)
    moved = [sum(Fraction(2 * shift[i]) / 2 * step[axis] for i, step in enumerate(steps)) for axis in (0, 1)]
    first, second = (float(2 * move * size % 2) / 2 % 1.0 for move, size in zip(moved, sizes, strict=True))
    return (*sizes, 1), (first, second, 0.0)


def _reduced(vectors: Sequence[tuple[int, int]]) -> tuple[int, int, int]:
    """p, q, r of the vectors (p, q) and (0, r) of which all of `vectors`, which span the plane, are whole sums."""
    p, q, r = 0, 0, 0
    for x, y in vectors:
        while x:
            p, q, x, y = x, y, p - p // x * x, q - p // x * y
        r = gcd(r, y)
    return abs(p), q if p > 0 else -q, r


def grid_points(counts: Counts, shift: Shift) -> FloatArray:
    """Fractional coordinates of all points, shape (n, 3), each from -1/2 up to but not including 1/2."""
    axes = [(np.arange(count) + move) / count for count, move in zip(counts, shift, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray((points + 0.5 + 1e-9) % 1.0 - 0.5 - 1e-9, dtype=np.float64)


def shift_of_points(points: FloatArray, counts: Counts) -> Shift | None:
    """Shift of the grid that `points` are, in steps; None when they are no such grid.

    Parameters
    ----------
    points
        shape (n, 3); fractional coordinates of every point, not reduced by any symmetry, up to lattice vectors.
    counts
        Points along each reciprocal lattice vector.
    """
    steps = np.asarray(points, dtype=np.float64) * np.array(counts)
    indices = np.round(steps - steps[0]).astype(int) % np.array(counts)
    if len(steps) != np.prod(counts) or len(np.unique(indices, axis=0)) != len(steps):
        return None
    return common_shift(points, counts)


def common_shift(points: FloatArray, counts: Counts) -> Shift | None:
    """Shift of the grid with `counts` points on which all `points`, shape (n, 3), lie; None when they do not."""
    steps = np.asarray(points, dtype=np.float64) * np.array(counts)
    shifts = (steps + SAME_SHIFT) % 1.0 - SAME_SHIFT
    a, b, c = (float(round(x, 4)) + 0.0 for x in shifts[0])
    return (a, b, c) if is_lattice_vector(shifts - np.array([a, b, c]), SAME_SHIFT).all() else None


def grid_text(counts: Counts, shift: Shift | None) -> str:
    """``"2x2x2"`` for the grid of Monkhorst and Pack, else with where it stands: ``"2x2x2 (Γ-centred)"``."""
    text = "x".join(map(str, counts))
    if shift is None:
        return f"{text} (shift not told)"
    kind = grid_kind(counts, shift)
    return text if kind == MONKHORST_PACK else f"{text} ({kind.replace('Gamma', 'Γ')})"


def grid_kind(counts: Counts, shift: Shift) -> str:
    """``Monkhorst-Pack`` for the grid of the two, else ``Gamma-centred`` or by how much it is shifted."""
    if same_shift(shift, monkhorst_pack_shift(counts)):
        return MONKHORST_PACK
    if same_shift(shift, NO_SHIFT):
        return "Gamma-centred"
    return f"shifted by {', '.join(f'{x:g}' for x in shift)} of a step"


def same_shift(first: Shift, second: Shift) -> bool:
    """Whether two shifts are the same up to whole steps."""
    return bool(is_lattice_vector(np.subtract(first, second), SAME_SHIFT))


def same_kpoint(first: FloatArray, second: FloatArray, tolerance: float) -> NDArray[np.bool_]:
    """Whether k-points (..., 3) are the same up to a reciprocal lattice vector and, by time reversal, the sign.

    Broadcasts; `tolerance` is that of each fractional coordinate.
    """
    return is_lattice_vector(first - second, tolerance) | is_lattice_vector(first + second, tolerance)


def is_lattice_vector(difference: FloatArray, tolerance: float) -> NDArray[np.bool_]:
    """Whether differences (..., 3) of fractional coordinates are whole numbers."""
    return np.asarray(np.all(np.abs(difference - np.round(difference)) <= tolerance, axis=-1))
