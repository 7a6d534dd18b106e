"""Lengths of two crystals that are compared as their mismatch: by volume, and along axes."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from dftflow.crystals.formula_unit import formula_unit
from dftflow.crystals.ions import ionic_units
from dftflow.model.mismatch import LengthPair

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["length_pairs"]

PARTS = {1.0: "", 2**0.5: "/√2", 3**0.5: "/√3", 2.0: "/2"}
"""Of an axis that are compared with another: sides of its cell, halves of diagonals of faces and of the cell."""
NEAR = 0.10
SAME_ANG = 1e-3


def length_pairs(first: Structure, second: Structure) -> tuple[LengthPair, ...]:
    """Each pair of lengths that a mismatch may be quoted of.

    The cube root of the volume of a formula unit, (V/Z)^(1/3), where both have as many ions in one; and each axis
    beside each axis, or the part of it (1/√2, 1/√3, 1/2) that is nearest, where they are within 10 %.
    """
    pairs = [*_by_volume(first, second)]
    for (a, first_ang), (b, second_ang) in product(_axes(first), _axes(second)):
        pairs += _near(a, first_ang, b, second_ang)
    return tuple(pairs)


def _by_volume(first: Structure, second: Structure) -> list[LengthPair]:
    units = [_formula_units(one) for one in (first, second)]
    ions = [len(ionic_units(one)) / count for one, count in zip((first, second), units, strict=True)]
    if abs(ions[0] - ions[1]) > SAME_ANG:
        return []
    names = [f"(V/{count:g})^(1/3)" if count != 1 else "V^(1/3)" for count in units]
    lengths = [(one.volume / count) ** (1 / 3) for one, count in zip((first, second), units, strict=True)]
    return [LengthPair(first=names[0], second=names[1], first_ang=lengths[0], second_ang=lengths[1])]


def _formula_units(structure: Structure) -> float:
    return len(structure) / sum(formula_unit(structure).counts.values())


def _axes(structure: Structure) -> list[tuple[str, float]]:
    """Name and length of each axis, one of those that are equally long."""
    found: list[tuple[str, float]] = []
    for name, length in zip("abc", structure.lattice.abc, strict=True):
        if all(abs(length - other) > SAME_ANG for _, other in found):
            found.append((name, float(length)))
    return found


def _near(a: str, first_ang: float, b: str, second_ang: float) -> list[LengthPair]:
    longer = first_ang > second_ang
    tried = [
        LengthPair(
            first=a + (text if longer else ""),
            second=b + ("" if longer else text),
            first_ang=first_ang / (part if longer else 1),
            second_ang=second_ang / (1 if longer else part),
        )
        for part, text in PARTS.items()
    ]
    best = min(tried, key=lambda pair: abs(pair.percent))
    return [best] if abs(best.percent) <= 100 * NEAR else []
