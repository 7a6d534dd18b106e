"""Cells that a plane of each of two crystals has, and the strain that makes them one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.plane_lattice import plane_vectors_ang
from dftflow.model.mismatch import MatchedVectors, PlaneMatch, PlanePair
from dftflow.model.quantity import Missing

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    from dftflow.model.surface import Plane

    Vectors = NDArray[np.float64]

__all__ = ["match_planes"]

MOST_CELLS = 24
"""Of the smaller primitive cell in a shared one; a plane has more cells than the square of their number."""
ALIKE = 1e-6
"""Strains that differ less are one, and the smaller cell is taken."""
SHAPE_DIGITS = 5
"""Decimals in Å by which cells of one shape are told."""


def match_planes(
    first: tuple[Structure, Plane], second: tuple[Structure, Plane], *, max_area_ang2: float, most_strain: float
) -> PlanePair:
    """The smallest cell that a plane of each crystal has, and the one that strains the first crystal least.

    Cells are those of Zur and McGill (10.1063/1.333084), made and reduced by pymatgen. Of the vectors that span a cell,
    those are laid on each other that strain it least.

    Parameters
    ----------
    max_area_ang2
        Of the shared cell in either crystal. Cells of more than `MOST_CELLS` of the smaller primitive cell are not
        looked for.
    most_strain
        Largest share by which a principal stretch may be off 1.
    """
    vectors = plane_vectors_ang(*first), plane_vectors_ang(*second)
    largest_ang2 = min(max_area_ang2, MOST_CELLS * min(map(_area, vectors)))
    found = [
        _match(first[0], second[0], vectors, cells)
        for cells in _cells(vectors, max_area_ang2=largest_ang2, most_strain=most_strain)
    ]
    near = [match for match in found if max(abs(np.log(match.stretches))) <= np.log1p(most_strain) + ALIKE]
    if not near:
        reason = (
            f"no cell of at most {largest_ang2:.0f} Å² that both planes have is strained by {100 * most_strain:g} % or "
            "less"
        )
        return PlanePair(first=first[1], second=second[1], missing=Missing(kind="not derived", reason=reason))
    return PlanePair(
        first=first[1],
        second=second[1],
        smallest=min(near, key=lambda match: (round(sum(match.area_ang2), 3), match.mean_percent)),
        least=min(near, key=lambda match: (round(match.mean_percent, 6), sum(match.area_ang2))),
    )


def _cells(
    vectors: tuple[Vectors, Vectors], *, max_area_ang2: float, most_strain: float
) -> Iterator[tuple[Vectors, Vectors]]:
    """Pairs of cells by their reduced vectors, of the first and of the second plane, that may be laid on each other.

    A deformation whose principal stretches lie within bounds changes the two shortest vectors by no more.
    """
    most = np.log1p(most_strain) + ALIKE
    one, other = (_supercells(plane, max_area_ang2) for plane in vectors)
    sizes, wanted = (np.log([_sizes(cell) for cell in cells]).reshape(-1, 3) for cells in (one, other))
    apart = np.abs(sizes[:, None] - wanted[None, :])
    for place, there in np.argwhere((apart <= most * np.array([1, 1, 2])).all(axis=2)):
        yield one[place], other[there]


def _supercells(vectors: Vectors, max_area_ang2: float) -> list[Vectors]:
    """Cells of a plane up to an area, by their reduced vectors; of those of one shape the first."""
    from pymatgen.analysis.interfaces.zsl import gen_sl_transform_matrices, reduce_vectors

    found: dict[tuple[float, ...], Vectors] = {}
    for count in range(1, int((max_area_ang2 + ALIKE) / _area(vectors)) + 1):
        for transformation in gen_sl_transform_matrices(count):
            cell = np.array(reduce_vectors(*(transformation @ vectors)))
            found.setdefault((count, *np.round(_sizes(cell), SHAPE_DIGITS)), cell)
    return list(found.values())


def _sizes(cell: Vectors) -> tuple[float, float, float]:
    """Lengths of both vectors, and the area between them."""
    return float(np.linalg.norm(cell[0])), float(np.linalg.norm(cell[1])), _area(cell)


def _match(
    first: Structure, second: Structure, whole: tuple[Vectors, Vectors], cells: tuple[Vectors, Vectors]
) -> PlaneMatch:
    one, other = cells
    turned = np.array(_unimodular()) @ other
    laid = turned[int(np.argmin(np.round(np.hypot(*np.log(_stretches(one, turned)).T), 9)))]
    signs = np.array([[_sign(_in_axes(first, vector))] for vector in one])
    one, laid = signs * one, signs * laid
    pairs = [_matched(first, second, a, b) for a, b in zip(one, laid, strict=True)]
    low, high = sorted(map(float, _stretches(one, laid)))
    return PlaneMatch(
        cells=(round(_area(one) / _area(whole[0])), round(_area(other) / _area(whole[1]))),
        area_ang2=(_area(one), _area(other)),
        vectors=(pairs[0], pairs[1]),
        angles_deg=(_angle_deg(one), _angle_deg(laid)),
        stretches=(low, high),
    )


@cache
def _unimodular() -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Ways to choose two vectors that span a cell, of its reduced ones."""
    found = [((a, b), (c, d)) for a, b, c, d in product((0, 1, -1), repeat=4) if abs(a * d - b * c) == 1]
    return tuple(sorted(found, key=lambda one: (sum(abs(i) for row in one for i in row), one != ((1, 0), (0, 1)))))


def _stretches(one: Vectors, other: Vectors) -> Vectors:
    """Principal stretches that lay `one` on `other`: roots of the eigenvalues of one metric in the other; (..., 2)."""
    metric, wanted = one @ one.T, other @ np.swapaxes(other, -1, -2)
    squares = np.linalg.eigvals(np.linalg.solve(metric, wanted)).real
    stretches: Vectors = np.sqrt(np.abs(squares))
    return stretches


def _area(vectors: Vectors) -> float:
    return float(np.linalg.norm(np.cross(*vectors)))


def _angle_deg(vectors: Vectors) -> float:
    cross, dot = np.linalg.norm(np.cross(*vectors)), vectors[0] @ vectors[1]
    return float(np.degrees(np.arctan2(cross, dot)))


def _matched(first: Structure, second: Structure, one: Vectors, other: Vectors) -> MatchedVectors:
    return MatchedVectors(
        first=_in_axes(first, one),
        second=_in_axes(second, other),
        first_ang=float(np.linalg.norm(one)),
        second_ang=float(np.linalg.norm(other)),
    )


def _sign(parts: tuple[float, float, float]) -> int:
    """Of a vector, so that few of its components are negative."""
    told = sum(np.sign(parts)) or next(part for part in parts if part)
    return 1 if told > 0 else -1


def _in_axes(structure: Structure, vector: Vectors) -> tuple[float, float, float]:
    u, v, w = (float(part) for part in np.round(vector @ np.linalg.inv(structure.lattice.matrix), 6) + 0.0)
    return u, v, w
