"""Bounds of what a crystal can be, asked before a library sees the numbers.

Neighbour lists, symmetry searches and readers loop, fill the memory or crash on numbers of no crystal: coordinates of
10^12, cells of 10^-300 Å, a count of 10^9 atoms. No bound here is near a crystal that somebody calculates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dftflow.errors import StructureError
from dftflow.model.bounds import MOST_ATOMS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = [
    "MAX_ATOMS_READ",
    "MAX_FILE_BYTES",
    "check_cif_counts",
    "check_lines",
    "check_number_of_atoms",
    "check_poscar_counts",
    "check_size",
    "is_sane_cell",
]

MAX_FILE_BYTES = 1 << 25
"""A CIF with its reflections inside has a few MiB, a trajectory in extended XYZ some tens."""
MAX_ATOMS_READ = 2000
"""In a file. The largest cells that plane-wave codes calculate in routine have about a thousand. The search for
symmetry grows with the square or more: of 2,000 atoms of one element without any order it takes 7 s."""
LENGTHS_ANG = (0.1, 1000.0)
"""Of a lattice vector. The shortest known is 2.2 Å (beryllium), or 0.22 in nm, of which it is then said that the atoms
overlap; supercells and slabs with vacuum stay below 500 Å."""
ANGLES_DEG = (5.0, 175.0)
"""Between two lattice vectors; in a flatter cell every atom has thousands of images within a few Å."""
MIN_VOLUME_ANG3 = 1e-3
"""Of a cell. In a small one that is larger than that, atoms overlap, and it is said which."""
MAX_VOLUME_ANG3 = 5e7
"""Of a cell: a cube of 370 Å. The grid on which neighbours are looked for fills the whole cell."""
MAX_CELLS_AWAY = 1000.0
"""Coordinates may lie outside the cell, as those of unwrapped trajectories do. Farther out too few digits are left."""
MAX_PAIRS = 500_000
MAX_NEIGHBOURS = 150
"""Of atoms at most `REACH_ANG` apart, whichever allows more: diamond, the densest of all, has 92 neighbours an atom. So
many pairs are only in cells that are much too small, or so flat that every atom is surrounded by its own images."""
REACH_ANG = 5.0
MAX_LINE_LETTERS = 1 << 16
"""The readers' patterns need the square of the length of a line, or more. CIF allows 2,048 letters."""
MAX_OPERATIONS = 1000
"""A space group has 192 in its largest cell; a file may list those of a supercell."""
MAX_CIF_PLACES = 40_000
"""Listed atoms times operations: a unit cell of the largest structures in databases has some thousands."""
_AXIS = r"[-+xyz0-9/. ]{1,40}"
_OPERATION = re.compile(rf"^[ \t]*(?:\d+[ \t]+)?['\"]?{_AXIS},{_AXIS},{_AXIS}", re.M | re.I)
_DECIMAL = re.compile(r"-?\d*\.\d")
MAX_LINES = 1_000_000
SANE_LENGTHS_ANG = (1e-3, 1e6)
SANE_COORDINATE = 1e6


def check_size(structure: Structure, where: str, *, most_atoms: int = MOST_ATOMS) -> None:
    """Refuse a cell that is none of a crystal; to be asked before contacts and symmetry are.

    Raises
    ------
    StructureError
        Names the number and its bound.
    """
    check_number_of_atoms(len(structure), where, most_atoms=most_atoms)
    _check_lattice(structure, where)
    far = np.abs(np.asarray(structure.frac_coords, dtype=np.float64))
    wrong = np.argwhere(~(far <= MAX_CELLS_AWAY))  # what is no number compares as false
    if len(wrong):
        atom, axis = (int(index) for index in wrong[0])
        value = float(structure.frac_coords[atom][axis])
        raise StructureError(
            f"the coordinate of atom {atom + 1} along {'abc'[axis]} is {_shown(value)} of the lattice vector",
            reason=f"coordinates within {MAX_CELLS_AWAY:.0f} cells are read, which have to be numbers",
            fix="check the coordinates, and whether they are fractional or in Å",
            where=where,
        )


def check_lines(text: str, where: str) -> None:
    """Refuse a text that no file with a crystal is, before a reader spends minutes on it.

    Raises
    ------
    StructureError
        There are too many lines, or a line is too long.
    """
    lines = text.split("\n")
    too_long = next((number for number, line in enumerate(lines, 1) if len(line) > MAX_LINE_LETTERS), None)
    if too_long is not None:
        raise StructureError(
            "a line is too long",
            reason=f"lines of up to {MAX_LINE_LETTERS} letters are read",
            fix="check that the file is of the kind its name says",
            where=f"{where}:{too_long}",
        )
    if len(lines) > MAX_LINES:
        raise StructureError(
            f"the file has {len(lines)} lines",
            reason=f"up to {MAX_LINES} are read",
            fix="give one cell of the crystal",
            where=where,
        )


def check_cif_counts(text: str, where: str) -> None:
    """Refuse more symmetry operations than a space group has, before each of them is tried on each of the atoms.

    Raises
    ------
    StructureError
        Names the first line too many.
    """
    found = list(islice(_OPERATION.finditer(text), MAX_OPERATIONS + 1))
    if len(found) > MAX_OPERATIONS:
        raise StructureError(
            f"there are more than {MAX_OPERATIONS} symmetry operations",
            reason="a space group has 192 at most",
            fix="list each operation once",
            where=f"{where}:{text.count(chr(10), 0, found[-1].end()) + 1}",
        )
    sites = sum(map(_may_be_a_site, text.split("\n")))
    if sites > MAX_ATOMS_READ or sites * max(len(found), 1) > MAX_CIF_PLACES:
        raise StructureError(
            f"there are {sites} atoms and {len(found)} symmetry operations",
            reason=f"up to {MAX_ATOMS_READ} atoms are read, and {MAX_CIF_PLACES} places that operations make of them",
            fix="give a smaller cell of the crystal, or list each atom once",
            where=where,
        )


def _may_be_a_site(line: str) -> bool:
    """A label, and two numbers with a decimal point at least."""
    words = line.split()
    return len(words) > 3 and words[0][0].isalpha() and sum(_DECIMAL.match(word) is not None for word in words[1:]) > 1


def check_poscar_counts(text: str, where: str) -> None:
    """Refuse numbers of atoms in a POSCAR that no cell has, before a list of so many is made.

    Raises
    ------
    StructureError
        Names the line.
    """
    for number, line in enumerate(text.split("\n", 8)[5:7], start=6):
        words = line.split("!")[0].split("#")[0].split()
        counts = [word for word in words if re.fullmatch(r"[+-]?\d+", word)]
        if counts and len(counts) == len(words):
            far_too_many = any(len(count) > 9 for count in counts)
            total = 10**9 if far_too_many else sum(map(int, counts))
            if not far_too_many and min(map(int, counts)) < 0:
                raise StructureError(
                    "a number of atoms is negative", fix="check the numbers of atoms", where=f"{where}:{number}"
                )
            check_number_of_atoms(total, f"{where}:{number}", most_atoms=MAX_ATOMS_READ)
            return


def check_number_of_atoms(n_atoms: int, where: str, *, most_atoms: int = MOST_ATOMS) -> None:
    """Refuse more atoms than a cell may have; raises `StructureError`."""
    if n_atoms > most_atoms:
        raise StructureError(
            f"there are {n_atoms} atoms" if n_atoms < 10**9 else "there are more than 10^9 atoms",
            reason=f"there may be up to {most_atoms} in a cell",
            fix="give a smaller cell of the crystal",
            where=where,
        )


def is_sane_cell(cell_ang: NDArray[np.float64], frac_coords: NDArray[np.float64]) -> bool:
    """Whether spglib can take a cell and its atoms: beyond these very loose bounds it ends the interpreter."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(cell_ang, axis=1)
        inside = np.all((lengths > SANE_LENGTHS_ANG[0]) & (lengths < SANE_LENGTHS_ANG[1]))
        return bool(inside and np.all(np.abs(frac_coords) < SANE_COORDINATE))


def _check_lattice(structure: Structure, where: str) -> None:
    matrix, n_atoms = np.asarray(structure.lattice.matrix, dtype=np.float64), len(structure)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(matrix, axis=1)
    for axis, length in zip("abc", lengths, strict=True):
        if not LENGTHS_ANG[0] <= length <= LENGTHS_ANG[1]:
            raise StructureError(
                f"the lattice vector {axis} is {_shown(float(length))} Å long",
                reason=f"lattice vectors of {LENGTHS_ANG[0]:g} to {LENGTHS_ANG[1]:g} Å are read",
                fix="check the lattice and its unit",
                where=where,
            )
    _check_volume(matrix, n_atoms, where)
    angles = _angles_deg(matrix, lengths)
    for name, angle in zip(("alpha", "beta", "gamma"), angles, strict=True):
        if not ANGLES_DEG[0] <= angle <= ANGLES_DEG[1]:
            raise StructureError(
                f"the angle {name} of the lattice is {_shown(angle)}°",
                reason=f"angles of {ANGLES_DEG[0]:g} to {ANGLES_DEG[1]:g}° are read",
                fix="check the lattice; a reduced cell of the same crystal has larger angles",
                where=where,
            )
    _check_flatness(matrix, n_atoms, where)


def _check_volume(matrix: NDArray[np.float64], n_atoms: int, where: str) -> None:
    volume = abs(float(np.linalg.det(matrix)))
    if not volume >= MIN_VOLUME_ANG3:
        raise StructureError(
            f"the lattice has no volume for its atoms: {_shown(volume)} Å³ for {n_atoms}",
            reason=f"a cell has at least {MIN_VOLUME_ANG3:g} Å³; lattice vectors in one plane enclose none",
            fix="check the lattice vectors and the coordinates",
            where=where,
        )
    if volume > MAX_VOLUME_ANG3:
        raise StructureError(
            f"the cell has a volume of {_shown(volume)} Å³",
            reason=f"cells of up to {MAX_VOLUME_ANG3:g} Å³ are read",
            fix="check the lattice and its unit",
            where=where,
        )


def _check_flatness(matrix: NDArray[np.float64], n_atoms: int, where: str) -> None:
    volume = abs(float(np.linalg.det(matrix)))
    heights = volume / np.linalg.norm(np.cross(matrix[[1, 2, 0]], matrix[[2, 0, 1]]), axis=1)
    images = float(np.prod(1 + 2 * np.ceil(REACH_ANG / heights)))
    pairs = n_atoms * (n_atoms * 4 / 3 * math.pi * REACH_ANG**3 / volume + 1)
    if max(pairs, n_atoms * images) > max(MAX_PAIRS, n_atoms * MAX_NEIGHBOURS):
        raise StructureError(
            f"the lattice planes are {_shown(float(heights.min()))} Å apart",
            reason=f"with {n_atoms} atoms in {_shown(volume)} Å³ every atom has too many others near it",
            fix="check the lattice and its unit, or give a reduced cell of the same crystal",
            where=where,
        )


def _angles_deg(matrix: NDArray[np.float64], lengths: NDArray[np.float64]) -> Sequence[float]:
    cosines = [matrix[j] @ matrix[k] / (lengths[j] * lengths[k]) for j, k in ((1, 2), (0, 2), (0, 1))]
    return [math.degrees(math.acos(max(-1.0, min(1.0, float(cosine))))) for cosine in cosines]


def _shown(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "no number"
