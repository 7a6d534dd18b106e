"""The lattice vectors that pw.x makes of ``ibrav`` and ``celldm``.

From the input description of pw.x (https://www.quantum-espresso.org/Doc/INPUT_PW.html, ``ibrav``), which
``Modules/latgen.f90`` follows. Own code: neither ASE (3.29) nor pymatgen (2026.10) has that table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dftflow.model.results import FloatArray

__all__ = ["bravais_cell"]

Rows = list[list[float]]


def bravais_cell(ibrav: int, celldm: Sequence[float]) -> FloatArray:
    """Lattice vectors in the unit of ``celldm(1)``, shape (3, 3).

    Parameters
    ----------
    ibrav
        Number of the Bravais lattice, other than 0.
    celldm
        Six numbers: a, b/a, c/a and cosines of angles, as far as the lattice has them.

    Raises
    ------
    ValueError
        There is no such lattice, or the angles make no cell.
    """
    a, b, c, *cosines = celldm
    rows = _cubic(ibrav, a) or _uniaxial(ibrav, a, c * a, cosines[0]) or _orthorhombic(ibrav, a, b * a, c * a)
    rows = rows or _oblique(ibrav, a, b * a, c * a, cosines)
    if rows is None:
        raise ValueError(f"there is no Bravais lattice {ibrav}")
    return np.array(rows, dtype=np.float64)


def _cubic(ibrav: int, a: float) -> Rows | None:
    h = a / 2
    return {
        1: [[a, 0, 0], [0, a, 0], [0, 0, a]],
        2: [[-h, 0, h], [0, h, h], [-h, h, 0]],
        3: [[h, h, h], [-h, h, h], [-h, -h, h]],
        -3: [[-h, h, h], [h, -h, h], [h, h, -h]],
    }.get(ibrav)


def _uniaxial(ibrav: int, a: float, c: float, cosine: float) -> Rows | None:
    """Hexagonal, trigonal with the threefold axis along c (5) or <111> (-5), tetragonal."""
    h = a / 2
    if ibrav == 4:
        return [[a, 0, 0], [-h, a * _root(3) / 2, 0], [0, 0, c]]
    if ibrav == 6:
        return [[a, 0, 0], [0, a, 0], [0, 0, c]]
    if ibrav == 7:
        return [[h, -h, c / 2], [h, h, c / 2], [-h, -h, c / 2]]
    if abs(ibrav) != 5:
        return None
    x, y, z = (a * _root(value) for value in ((1 - cosine) / 2, (1 - cosine) / 6, (1 + 2 * cosine) / 3))
    if ibrav == 5:
        return [[x, -y, z], [0, 2 * y, z], [-x, -y, z]]
    u, v = (z - 2 * _root(2) * y) / _root(3), (z + _root(2) * y) / _root(3)
    return [[u, v, v], [v, u, v], [v, v, u]]


def _orthorhombic(ibrav: int, a: float, b: float, c: float) -> Rows | None:
    return {
        8: [[a, 0, 0], [0, b, 0], [0, 0, c]],
        9: [[a / 2, b / 2, 0], [-a / 2, b / 2, 0], [0, 0, c]],
        -9: [[a / 2, -b / 2, 0], [a / 2, b / 2, 0], [0, 0, c]],
        91: [[a, 0, 0], [0, b / 2, -c / 2], [0, b / 2, c / 2]],
        10: [[a / 2, 0, c / 2], [a / 2, b / 2, 0], [0, b / 2, c / 2]],
        11: [[a / 2, b / 2, c / 2], [-a / 2, b / 2, c / 2], [-a / 2, -b / 2, c / 2]],
    }.get(ibrav)


def _oblique(ibrav: int, a: float, b: float, c: float, cosines: Sequence[float]) -> Rows | None:
    """Monoclinic, unique axis c or with a minus b; triclinic."""
    if abs(ibrav) in (12, 13):
        cosine = cosines[0] if ibrav > 0 else cosines[1]
        sine = _root(1 - cosine**2)
        return {
            12: [[a, 0, 0], [b * cosine, b * sine, 0], [0, 0, c]],
            -12: [[a, 0, 0], [0, b, 0], [c * cosine, 0, c * sine]],
            13: [[a / 2, 0, -c / 2], [b * cosine, b * sine, 0], [a / 2, 0, c / 2]],
            -13: [[a / 2, b / 2, 0], [-a / 2, b / 2, 0], [c * cosine, 0, c * sine]],
        }[ibrav]
    if ibrav != 14:
        return None
    alpha, beta, gamma = cosines
    sine = _root(1 - gamma**2)
    height = _root(1 + 2 * alpha * beta * gamma - alpha**2 - beta**2 - gamma**2)
    return [
        [a, 0, 0],
        [b * gamma, b * sine, 0],
        [c * beta, c * (alpha - beta * gamma) / sine, c * height / sine],
    ]


def _root(value: float) -> float:
    if value < 0:
        raise ValueError("the angles make no cell")
    return float(value**0.5)
