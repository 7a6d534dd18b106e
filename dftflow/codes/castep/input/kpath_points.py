"""Whether the named corners of a k-path are the special points that their names say, in the lattice of the cell.

A path copied from another crystal runs through k-points that are nothing special in this one. The special points come
from `dftflow.crystals.kpaths` (Setyawan and Curtarolo, 10.1016/j.commatsci.2010.05.010). Looked at are the lattices
whose special points do not depend on the ratios of the lattice's lengths and angles; for the others the conventions
differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.kpaths import special_points
from dftflow.crystals.symmetry import spglib_dataset
from dftflow.errors import StructureError
from dftflow.model.results import FloatArray
from dftflow.model.spec import KPoint

if TYPE_CHECKING:
    from pymatgen.core import Lattice

__all__ = ["agreeing_labels", "corner_remarks", "letter_remarks", "named_points", "plain_label"]

LATTICES = {
    "CUB": "simple cubic",
    "FCC": "face-centred cubic",
    "BCC": "body-centred cubic",
    "TET": "simple tetragonal",
    "ORC": "simple orthorhombic",
    "HEX": "hexagonal",
}
ONE_WAY_TO_NAME = ("CUB", "FCC", "BCC")  # in the others a name depends on the order of the axes
LATTICE_TOLERANCE = 1e-3
SAME_K = 2e-3  # corners are written with three digits and more
_GAMMA = {"gamma", "gm", "g", "Γ".lower()}
_LABEL = re.compile(r"[A-Z](?:_?\d)?'?")


def plain_label(comment: str) -> str:
    r"""The name of a special point in a comment, ``""`` when it holds none.

    Examples
    --------
    >>> plain_label("$\\Gamma$"), plain_label("X"), plain_label("halfway to X")
    ('G', 'X', '')
    """
    word = re.sub(r"[\\${}!%#]", "", comment).strip()
    if word.lower() in _GAMMA:
        return "G"
    return word if _LABEL.fullmatch(word) else ""


def corner_remarks(lattice: Lattice, corners: Sequence[KPoint]) -> tuple[str, ...]:
    """For every corner what is wrong with its name, ``""`` when nothing is.

    Parameters
    ----------
    lattice
        Of the cell in whose reciprocal lattice vectors the corners are given.
    corners
        Their labels may be any comment; only names of special points are looked at.
    """
    kind = _kind(lattice)
    if kind is None:
        return ("",) * len(corners)
    points = _special_points(lattice)
    rotations = _rotations(lattice)
    return tuple(_remark(corner, plain_label(corner.label), kind, points, rotations) for corner in corners)


def named_points(lattice: Lattice) -> dict[str, FloatArray]:
    """Name -> fractional coordinates of the special points; of a lattice that is not known, Γ alone."""
    try:
        return {"G": np.zeros(3)} | _special_points(lattice)
    except (RuntimeError, ValueError, AssertionError, StructureError, np.linalg.LinAlgError):
        return {"G": np.zeros(3)}


def agreeing_labels(lattice: Lattice, corners: Sequence[KPoint]) -> tuple[str, ...]:
    """The label of every corner that is the special point of that name, in this or an equivalent place; ``""`` else.

    Parameters
    ----------
    lattice
        Of the cell in whose reciprocal lattice vectors the corners are given; any, as what does not agree has no label.
    corners
        Their labels are plain ones.
    """
    points = named_points(lattice)
    rotations = _rotations(lattice)
    return tuple(
        corner.label if corner.label in points and _on(rotations @ np.array(corner.frac), points[corner.label]) else ""
        for corner in corners
    )


def letter_remarks(lattice: Lattice | None, letters: Sequence[str]) -> tuple[str, ...]:
    """For every letter in place of coordinates that the lattice has no such special point, ``""`` when it has.

    As for the corners, only in lattices whose special points have one set of names.
    """
    kind = _kind(lattice) if lattice is not None else None
    if lattice is None or kind is None:
        return ("",) * len(letters)
    names = sorted(_special_points(lattice))
    return tuple(
        ""
        if plain_label(letter.capitalize()) in names
        else f"{letter} is no special point of a {LATTICES[kind]} lattice, which has {', '.join(names)}"
        for letter in letters
    )


def _remark(corner: KPoint, label: str, kind: str, points: dict[str, FloatArray], rotations: FloatArray) -> str:
    if not label:
        return ""
    images = rotations @ np.array(corner.frac)
    names = [name for name, point in points.items() if _on(images, point)]
    frac = " ".join(f"{x:g}" for x in corner.frac)
    if not names:
        return f"({frac}) is called {label}, but is no special point of a {LATTICES[kind]} lattice"
    if kind in ONE_WAY_TO_NAME and label in points and label not in names:
        return f"({frac}) is called {label}, but is {names[0]} of a {LATTICES[kind]} lattice"
    if "G" in names and label != "G":
        return f"({frac}) is called {label}, but is Gamma"
    return ""


def _on(images: FloatArray, point: FloatArray) -> bool:
    difference = images - point
    return bool((np.abs(difference - np.round(difference)).max(axis=1) < SAME_K).any())


def _special_points(lattice: Lattice) -> dict[str, FloatArray]:
    from pymatgen.core import Structure

    return {
        name: np.array(point.frac) for name, point in special_points(Structure(lattice, ["H"], [[0, 0, 0]])).items()
    }


def _kind(lattice: Lattice) -> str | None:
    """ASE's name of the lattice type when it is one of `LATTICES`."""
    from ase.cell import Cell

    try:
        name = str(Cell(lattice.matrix).get_bravais_lattice(eps=LATTICE_TOLERANCE).name)
        _special_points(lattice)
    except (RuntimeError, ValueError, AssertionError, StructureError, np.linalg.LinAlgError):
        return None
    return name if name in LATTICES else None


def _rotations(lattice: Lattice) -> FloatArray:
    """Point group of the lattice, acting on k-points in fractional coordinates; shape (n, 3, 3)."""
    symprec_ang = LATTICE_TOLERANCE * min(lattice.abc)
    symmetry = spglib_dataset(lattice.matrix, np.zeros((1, 3)), [1], symprec_ang=symprec_ang)
    rotations = np.eye(3)[None] if symmetry is None else np.asarray(symmetry.rotations, dtype=np.float64)
    return np.transpose(rotations, (0, 2, 1))
