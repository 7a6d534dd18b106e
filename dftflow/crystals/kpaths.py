"""Special points and paths of the Brillouin zone, for the cell as it stands.

ASE's Bravais-lattice code knows the special points of Setyawan and Curtarolo (10.1016/j.commatsci.2010.05.010) and
expresses them in any cell of the lattice, with its axes in any order, which pymatgen's `HighSymmKpath` does not: that
one re-sorts the axes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, cast

import numpy as np

from dftflow.errors import StructureError
from dftflow.model.bounds import MOST_PATH_POINTS
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.results import FloatArray
from dftflow.model.spec import KPath, KPoint

if TYPE_CHECKING:
    from ase.dft.kpoints import BandPath
    from pymatgen.core import Lattice, Structure

__all__ = ["path_length_per_ang", "sample_path", "special_points", "standard_path", "surface_path", "surface_points"]

LATTICE_TOLERANCE = 1e-3
SAME_K = 1e-6
MOST_CELLS = 256


def special_points(structure: Structure) -> dict[str, KPoint]:
    """Name -> special point of the structure's Bravais lattice; ``"G"`` is Γ.

    The lattice type is taken from the metric alone, within 0.1 %: the frame of FAPbBr3 is cubic whatever its ions do,
    and CsPbBr3 Pnma, whose a and c differ by 0.6 %, is not taken for tetragonal.
    """
    return dict(_special_points(_cell_of(structure)))


@lru_cache(maxsize=MOST_CELLS)
def _special_points(cell: bytes) -> Mapping[str, KPoint]:
    found = _band_path(cell).special_points
    return {label: KPoint(label=label, frac=_rounded(point)) for label, point in found.items()}


def surface_points(slab: Structure, *, normal: int = 2) -> tuple[KPoint, ...]:
    """Special points of a surface's Brillouin zone, in units of the slab's own reciprocal lattice vectors.

    Those of the two-dimensional Bravais lattice in the plane, and whichever of the four points that time reversal maps
    onto themselves is not among them. Every special point of the crystal's zone that lies on half reciprocal lattice
    vectors (R of a cubic crystal, where lead halides have their gap) is projected onto one of these four, whatever the
    plane. ``"M-bar"`` is the usual name of M with a bar.

    Parameters
    ----------
    slab
        With one lattice vector along the normal.
    normal
        Which: 0, 1 or 2.
    """
    return _surface_points(_cell_of(slab), normal)


@lru_cache(maxsize=MOST_CELLS)
def _surface_points(cell: bytes, normal: int) -> tuple[KPoint, ...]:
    try:
        found = _surface_path(cell, normal).special_points
    except (RuntimeError, ValueError):
        found = {}
    points = [_barred(label, point) for label, point in found.items()]
    reciprocal_per_ang = _reciprocal_per_ang(cell)
    first, second = (axis for axis in range(3) if axis != normal)
    for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
        half = np.zeros(3)
        half[first], half[second] = i / 2, j / 2
        if not any(same_kpoint(half, np.array(point.frac), SAME_K) for point in points):
            label = _twin(half, points, reciprocal_per_ang) or f"({i / 2:g},{j / 2:g})-bar"
            points.append(KPoint(label=label, frac=_rounded(half)))
    return tuple(points)


def surface_path(slab: Structure, spacing_per_ang: float, *, normal: int = 2) -> KPath:
    """The standard path of the two-dimensional Bravais lattice of a slab's plane: no step leads along the normal.

    Parameters
    ----------
    slab
        With one lattice vector along the normal.
    spacing_per_ang
        As in `standard_path`.
    normal
        Which: 0, 1 or 2.

    Raises
    ------
    StructureError
        When the lattice of the plane is not recognised, or the path would have too many points.
    """
    try:
        found = _surface_path(_cell_of(slab), normal)
    except (RuntimeError, ValueError) as error:
        raise StructureError(
            "the lattice of the slab's plane was not recognised, so there is no standard k-path",
            reason=str(error),
            fix="cleave it with `dftflow slab`, which gives a reduced cell",
        ) from error
    points = {label: _barred(label, point) for label, point in found.special_points.items()}
    return _path(points, found.path, spacing_per_ang, _reciprocal_per_ang(_cell_of(slab)))


def _surface_path(cell: bytes, normal: int) -> BandPath:
    """ASE takes the plane of any two lattice vectors."""
    from ase.cell import Cell

    periodic = [axis != normal for axis in range(3)]
    return cast("BandPath", Cell(_matrix(cell)).bandpath(npoints=0, eps=LATTICE_TOLERANCE, pbc=periodic))


def _barred(label: str, point: object) -> KPoint:
    return KPoint(label=f"{label}-bar", frac=_rounded(point))


def _twin(half: FloatArray, points: Sequence[KPoint], reciprocal_per_ang: FloatArray) -> str | None:
    """Name of a further point: that of one as far from Γ with primes (X' beside X of a square); None without one."""
    taken = {point.label for point in points}
    length = _distance_from_gamma(half, reciprocal_per_ang)
    for point in points:
        if abs(_distance_from_gamma(np.array(point.frac), reciprocal_per_ang) - length) < LATTICE_TOLERANCE * length:
            name = point.label.removesuffix("-bar").rstrip("'")
            return next(label for n in range(1, 5) if (label := f"{name}{n * chr(39)}-bar") not in taken)
    return None


def _distance_from_gamma(point: FloatArray, reciprocal_per_ang: FloatArray) -> float:
    """Of the nearest image of a point, in 1/Å."""
    images = [point + np.array(shift) for shift in product((-1.0, 0.0, 1.0), repeat=3)]
    return float(min(np.linalg.norm(image @ reciprocal_per_ang) for image in images))


def standard_path(structure: Structure, spacing_per_ang: float) -> KPath:
    """The standard path of the structure's Bravais lattice.

    Parameters
    ----------
    structure
        Any cell of the crystal.
    spacing_per_ang
        Largest step between neighbouring points, in 1/Å with the 2π included.

    Raises
    ------
    StructureError
        When the Bravais lattice of the cell is not recognised, or the path would have too many points.
    """
    return _standard_path(_cell_of(structure), spacing_per_ang)


@lru_cache(maxsize=MOST_CELLS)
def _standard_path(cell: bytes, spacing_per_ang: float) -> KPath:
    return _path(_special_points(cell), _band_path(cell).path, spacing_per_ang, _reciprocal_per_ang(cell))


def sample_path(
    path: KPath, reciprocal_per_ang: FloatArray
) -> tuple[list[tuple[float, float, float]], list[str], list[int]]:
    """The path's k-points as CASTEP places them: ceil(length/spacing) equal steps between corners, corners once.

    Parameters
    ----------
    path
        The path.
    reciprocal_per_ang
        shape (3, 3); rows are the reciprocal lattice vectors, 2π included.

    Returns
    -------
    kpoints
        Fractional coordinates.
    labels
        Name of each point, ``""`` between corners.
    segments
        Index of the segment each point belongs to.
    """
    kpoints: list[tuple[float, float, float]] = []
    labels: list[str] = []
    segments: list[int] = []
    for index, corners in enumerate(path.segments):
        kpoints.append(corners[0].frac)
        labels.append(corners[0].label)
        for start, end in pairwise(corners):
            first, last = np.array(start.frac), np.array(end.frac)
            steps = max(1, int(np.ceil(_steps(start, end, path, reciprocal_per_ang))))
            for step in range(1, steps + 1):
                kpoints.append(_rounded(first + (last - first) * step / steps))
                labels.append(end.label if step == steps else "")
        segments.extend([index] * (len(kpoints) - len(segments)))
    return kpoints, labels, segments


def path_length_per_ang(lattice: Lattice, path: KPath) -> float:
    """Length of the path along all its segments, in 1/Å, 2π included."""
    reciprocal_per_ang = lattice.reciprocal_lattice.matrix
    legs = (np.diff(np.array([corner.frac for corner in corners]), axis=0) for corners in path.segments)
    return float(sum(np.linalg.norm(leg @ reciprocal_per_ang, axis=1).sum() for leg in legs))


def _path(points: Mapping[str, KPoint], letters: str, spacing_per_ang: float, reciprocal_per_ang: FloatArray) -> KPath:
    """The path that ASE writes in letters, such as ``GXMG,MR``."""
    from ase.dft.kpoints import parse_path_string

    segments = tuple(tuple(points[label] for label in labels) for labels in parse_path_string(letters))
    path = KPath(segments=tuple(s for s in segments if len(s) > 1), spacing_per_ang=spacing_per_ang)
    _check_length(path, reciprocal_per_ang)
    return path


def _steps(start: KPoint, end: KPoint, path: KPath, reciprocal_per_ang: FloatArray) -> float:
    leg = (np.array(end.frac) - np.array(start.frac)) @ reciprocal_per_ang
    return float(np.linalg.norm(leg)) / path.spacing_per_ang - 1e-9


def _check_length(path: KPath, reciprocal_per_ang: FloatArray) -> None:
    points = sum(
        _steps(start, end, path, reciprocal_per_ang) for corners in path.segments for start, end in pairwise(corners)
    )
    if not points <= MOST_PATH_POINTS:
        raise StructureError(
            f"the path of the band structure would have {points:.4g} points",
            reason=f"the limit is {MOST_PATH_POINTS}; the spacing is {path.spacing_per_ang:g} 1/Å",
            fix="ask for a wider spacing (path_spacing_per_ang), e.g. 0.05",
        )


def _cell_of(structure: Structure) -> bytes:
    """The lattice vectors, by which what follows from them alone is remembered: many steps have the same."""
    return np.ascontiguousarray(structure.lattice.matrix, dtype=np.float64).tobytes()


def _matrix(cell: bytes) -> FloatArray:
    return np.frombuffer(cell).reshape(3, 3)


def _reciprocal_per_ang(cell: bytes) -> FloatArray:
    """Rows are the reciprocal lattice vectors, in 1/Å with the 2π included."""
    return cast("FloatArray", 2 * np.pi * np.linalg.inv(_matrix(cell)).T)


@lru_cache(maxsize=MOST_CELLS)
def _band_path(cell: bytes) -> BandPath:
    from ase.cell import Cell

    try:
        return cast("BandPath", Cell(_matrix(cell)).bandpath(npoints=0, eps=LATTICE_TOLERANCE))
    except (RuntimeError, ValueError) as error:
        raise StructureError(
            "the Bravais lattice of the cell was not recognised, so there is no standard k-path",
            reason=str(error),
            fix="give the conventional or primitive cell of the crystal",
        ) from error


def _rounded(point: object) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 10) + 0.0 for value in np.asarray(point))
    return (x, y, z)
