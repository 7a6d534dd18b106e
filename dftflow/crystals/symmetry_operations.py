"""The symmetry operations of a space group in the axes of a cell, as a file lists them or as a table has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import spglib

from dftflow.crystals.symmetry import quiet_spglib

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Lattice

__all__ = ["SymmetryOperations", "read_operations", "transformed"]

SAME_TRANSLATION = 0.01
"""In fractions of a lattice vector. The translations of space groups are multiples of 1/12 and 1/8, and files round
them to ``0.333``."""

GRID = 72  # holds the translations of all settings: eighths, sixths, and both after a change of basis
LENGTH_TOLERANCE = 0.01
ANGLE_TOLERANCE_DEG = 0.5
MOST_LETTERS = 80
_TERM = re.compile(r"([+-]?)(?:(\d+(?:\.\d*)?|\.\d+)(?:/(\d+(?:\.\d*)?))?\*?)?([xyzabc]?)")


@dataclass(frozen=True, eq=False, slots=False, kw_only=True)
class SymmetryOperations:
    """Rotations and translations on fractional coordinates, columns: x' = R x + t.

    Attributes
    ----------
    rotations
        shape (n, 3, 3), whole numbers.
    translations
        shape (n, 3), in [0, 1).
    """

    rotations: NDArray[np.int64]
    translations: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rotations)

    @cached_property
    def keys(self) -> frozenset[tuple[int, ...]]:
        """The operations as a set: two groups are the same when these are."""
        steps = np.rint(self.translations * GRID).astype(np.int64) % GRID
        return frozenset(
            (*rotation.ravel().tolist(), *step.tolist()) for rotation, step in zip(self.rotations, steps, strict=True)
        )

    @cached_property
    def is_group(self) -> bool:
        """Whether each two of them after each other are one of them: not so where some are missing."""
        if (*np.eye(3, dtype=np.int64).ravel().tolist(), 0, 0, 0) not in self.keys:
            return False
        products = np.einsum("aij,bjk->abik", self.rotations, self.rotations).reshape(-1, 3, 3)
        shifts = np.einsum("aij,bj->abi", self.rotations, self.translations) + self.translations[:, None]
        steps = np.rint(shifts.reshape(-1, 3) * GRID).astype(np.int64) % GRID
        both = np.unique(np.concatenate([products.reshape(-1, 9), steps], axis=1), axis=0)
        return len(self.keys) == len(self) and {tuple(row) for row in both.tolist()} <= self.keys

    @cached_property
    def number(self) -> int:
        """Of the space group; 0 when spglib finds none."""
        kind = None
        with quiet_spglib(), suppress(spglib.SpglibError):
            kind = spglib.get_spacegroup_type_from_symmetry(self.rotations.astype("intc"), self.translations)
        return 0 if kind is None else int(kind.number)

    def misfit(self, lattice: Lattice) -> str:
        """What of the lattice these operations do not leave as it is; ``""`` when they fit it."""
        metric = lattice.matrix @ lattice.matrix.T
        averaged = np.mean(np.einsum("nji,jk,nkl->nil", self.rotations, metric, self.rotations), axis=0)
        lengths = np.sqrt(np.diag(averaged))
        cosines = averaged / np.outer(lengths, lengths)
        angles = np.degrees(np.arccos(np.clip([cosines[1, 2], cosines[0, 2], cosines[0, 1]], -1, 1)))
        wrong = [
            f"{name} = {given:g}, not {ought:.4g}"
            for name, given, ought in zip("abc", lattice.abc, lengths, strict=True)
            if abs(given - ought) > LENGTH_TOLERANCE * ought
        ]
        wrong += [
            f"{name} = {given:g}, not {ought:.4g}"
            for name, given, ought in zip(("alpha", "beta", "gamma"), lattice.angles, angles, strict=True)
            if abs(given - ought) > ANGLE_TOLERANCE_DEG
        ]
        return ", ".join(wrong)

    def images(self, frac: NDArray[np.float64]) -> NDArray[np.float64]:
        """shape (n, 3): where each of them takes the point `frac`, not folded into the cell."""
        return np.asarray(self.rotations @ frac + self.translations)

    def __str__(self) -> str:
        """How the first ones read in a file."""
        texts = [_as_text(r, t) for r, t in zip(self.rotations[:4], self.translations[:4], strict=True)]
        return ", ".join(f"'{text}'" for text in texts) + (", …" if len(self) > 4 else "")


def _as_text(rotation: NDArray[np.int64], translation: NDArray[np.float64]) -> str:
    parts = []
    for row, shift in zip(rotation.tolist(), translation.tolist(), strict=True):
        terms = "".join(f"{'+' if n > 0 else '-'}{axis}" for n, axis in zip(row, "xyz", strict=True) if n)
        fraction = Fraction(shift).limit_denominator(24)
        parts.append(terms.removeprefix("+") + (f"+{fraction}" if fraction else ""))
    return ",".join(parts)


def _row(text: str) -> tuple[list[float], float] | None:
    """``-x+1/2`` as its three factors and its constant; None when it is no such thing."""
    factors, constant, place = [0.0, 0.0, 0.0], 0.0, 0
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None or found.end() == place or not (found[2] or found[4]) or (place and not found[1]):
            return None
        below = float(found[3] or 1)
        if not below:
            return None
        value = float(found[2] or 1) / below * (-1 if found[1] == "-" else 1)
        if found[4]:
            factors["xyzabc".index(found[4]) % 3] += value
        else:
            constant += value
        place = found.end()
    return (factors, constant) if text else None


def _affine(text: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Matrix and vector of ``x+1/2, -y, z``; None when the text is none."""
    parts = re.sub(r"[\s'\"]", "", text.lower()).split(",") if len(text) <= MOST_LETTERS else []
    rows = [row for row in map(_row, parts) if row is not None]
    if len(parts) != 3 or len(rows) != 3:
        return None
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


def read_operations(texts: Iterable[str]) -> SymmetryOperations:
    """The operations that a file lists, such as ``-x, y+1/2, -z``; one that is listed twice counts once.

    Raises
    ------
    ValueError
        With the text that is no symmetry operation.
    """
    found: dict[tuple[int, ...], tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for text in texts:
        read = _affine(text)
        if read is None or not np.allclose(read[0], np.rint(read[0])) or abs(abs(np.linalg.det(read[0])) - 1) > 1e-6:
            raise ValueError(text)
        rotation, given = np.rint(read[0]).astype(np.int64), read[1] % 1.0
        exact = np.rint(given * 24) / 24 % 1.0
        apart = np.abs((given - exact + 0.5) % 1.0 - 0.5)
        shift = np.where(apart < SAME_TRANSLATION, exact, given)
        found.setdefault((*rotation.ravel().tolist(), *np.rint(shift * GRID).astype(int).tolist()), (rotation, shift))
    rotations, shifts = zip(*found.values(), strict=True)
    return SymmetryOperations(rotations=np.array(rotations), translations=np.array(shifts))


def transformed(operations: SymmetryOperations, change: str) -> SymmetryOperations | None:
    """The group after the change of basis that stands in brackets behind a Hall symbol; None where it cannot be made.

    ``x+1/4,y,z`` takes old coordinates to new ones, ``0 0 1`` shifts the origin by twelfths (International Tables B,
    1.4.A1.4).
    """
    shift = re.fullmatch(r"\s*(-?\d+)[\s,]+(-?\d+)[\s,]+(-?\d+)\s*", change)
    read = (np.eye(3), np.array([int(n) / 12 for n in shift.groups()])) if shift else _affine(change)
    if read is None or abs(np.linalg.det(read[0])) < 1e-6:
        return None
    matrix, vector = read
    back = np.linalg.inv(matrix)
    rotations = np.einsum("ij,njk,kl->nil", matrix, operations.rotations, back)
    shifts = operations.translations @ matrix.T + vector - rotations @ vector
    if not np.allclose(rotations, np.rint(rotations)):
        return None
    # A larger new cell holds old lattice points, which are translations of their own there; a smaller one makes some of
    # the operations the same.
    points = {(0.0, 0.0, 0.0)}
    for step in np.ndindex(5, 5, 5):
        points.add(tuple(np.round(matrix @ (np.array(step) - 2) % 1.0, 6) % 1.0))
    found: dict[tuple[int, ...], tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for point in sorted(points):
        for rotation, moved in zip(np.rint(rotations).astype(np.int64), (shifts + point) % 1.0, strict=True):
            steps = np.rint(moved * GRID).astype(int) % GRID
            found.setdefault((*rotation.ravel().tolist(), *steps.tolist()), (rotation, steps / GRID))
    every, moves = zip(*found.values(), strict=True)
    return SymmetryOperations(rotations=np.array(every), translations=np.array(moves))
