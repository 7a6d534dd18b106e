"""A crystal from a POSCAR (https://www.vasp.at/wiki/index.php/POSCAR).

pymatgen takes one scaling factor, not the three of the Cartesian x, y and z, and passes over names without a number,
positions beyond the numbers, and element symbols behind the positions that say something else: they are refused here,
and of its reader nothing was left to do. To load that one takes as long as to read fifty files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core import Element, Lattice, Structure

from dftflow.crystals.file_notes import Read, check_element
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_poscar"]

SMALLEST_SCALE = 1e-6
_COMMENT = re.compile(r"[!#].*")
_EXPONENT = re.compile(r"(\d\.?)[dD]([+-]?\d)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


def _scales(line: str, where: str) -> list[float]:
    """One scaling factor, or three; what stands behind them is a comment."""
    found: list[float] = []
    for word in line.split():
        if not _NUMBER.fullmatch(word):
            break
        found.append(float(word))
    three = len(found) >= 3
    wrong = not found or len(found) == 2 or (three and min(found[:3]) <= 0) or abs(found[0]) < SMALLEST_SCALE
    if wrong:
        raise StructureError(
            "this file cannot be read as VASP" if not found else "the scaling factors of this POSCAR cannot be used",
            reason=f"line 2 holds {line.strip()[:60]!r}; VASP takes one number (negative: the volume) or three above 0",
            fix="write 1.0 there, if the lattice vectors are in Å",
            where=f"{where}:2",
        )
    return found[:3] if three else found[:1]


def _names_and_counts(lines: list[str], text: str, where: str) -> tuple[list[str], list[int]]:
    """Element and number of each kind of atom; lines 6 and 7 without comments."""
    names = [re.split(r"[_/]", name)[0] for name in _COMMENT.sub("", lines[5]).split()]
    for name in names:
        check_element(name, text, where)
    words = _COMMENT.sub("", lines[6]).split() if len(lines) > 6 else []
    counts = [int(word) for word in words if word.isdigit() and len(word) < 8]
    if len(counts) != len(words) or len(counts) != len(names):
        raise StructureError(
            "this file cannot be read as VASP",
            reason=f"line 6 names {len(names)} kinds of atoms, line 7 gives {len(counts)} numbers of them",
            fix="give one number for each name",
            where=f"{where}:7",
        )
    lines[5], lines[6] = " ".join(names), " ".join(map(str, counts))
    return names, counts


def _check_positions(lines: list[str], names: list[str], counts: list[int], where: str) -> None:
    """As many as the numbers say, and of the elements that their lines name, where they do."""
    first = 8 if len(lines) > 7 and lines[7].strip()[:1].lower() == "s" else 7
    if len(lines) <= first or not re.match(r"\s*[A-Za-z]", lines[first]):
        raise StructureError(
            "this file cannot be read as VASP",
            reason=f"line {first + 1} says neither Direct nor Cartesian",
            fix="write Direct there for fractional coordinates, Cartesian for those in Å",
            where=f"{where}:{first + 1}",
        )
    rows = [line.split() for line in lines[first + 1 :]]
    least = 6 if first == 8 and rows and len(rows[0]) >= 6 else 3  # a cut line lacks what may move
    given = next((k for k, row in enumerate(rows) if len(row) < least or not _is_position(row)), len(rows))
    if given != sum(counts):
        raise StructureError(
            "this file cannot be read as VASP",
            reason=f"line 7 says {sum(counts)} atoms, and {given} positions follow",
            fix="correct the numbers in line 7, or the list",
            where=f"{where}:7",
        )
    elements = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    labels = [label[1] if (label := re.fullmatch(r"([A-Z][a-z]?)\d*", row[-1])) else "" for row in rows[:given]]
    labels = [label if label not in ("T", "F") else "" for label in labels]
    wrong = next((k for k, (name, label) in enumerate(zip(elements, labels, strict=True)) if name != label), None)
    if wrong is not None and all(Element.is_valid_symbol(label) for label in labels):
        raise StructureError(
            "this POSCAR contradicts itself on its elements",
            reason=f"atom {wrong + 1} is {elements[wrong]} by lines 6 and 7, and {labels[wrong]} by its own line",
            fix="correct line 6 or 7, or remove the symbols behind the positions",
            where=f"{where}:{first + 2 + wrong}",
        )


def _is_position(row: list[str]) -> bool:
    return len(row) >= 3 and all(_NUMBER.fullmatch(word) for word in row[:3])


def _with_names(lines: list[str], where: str) -> list[str]:
    """The same as VASP 5 writes it: elements that only the lines of the positions name, as VASP 4 allows, in line 6."""
    if re.match(r"\s*[^\s\d]", lines[5]):
        return lines
    selective = lines[6].strip()[:1].lower() == "s"
    first, column = (8, 6) if selective else (7, 3)
    total = sum(int(word) for word in _COMMENT.sub("", lines[5]).split())
    names = [row[column] if len(row) > column else "" for row in map(str.split, lines[first : first + total])]
    if not names or len(names) < total or not all(Element.is_valid_symbol(name) for name in names):
        raise StructureError(
            "this POSCAR names no elements",
            reason="line 6 holds none, as in the format of VASP 4",
            fix="insert a line with the element symbols before the numbers of atoms",
            where=f"{where}:6",
        )
    return [*lines[:5], " ".join(names), " ".join("1" for _ in names), *lines[6:]]


def _factor(vectors: NDArray[np.float64], scale: float) -> float:
    """The scaling factor of lattice and Cartesian coordinates; a negative one gives the volume of the cell."""
    return scale if scale > 0 else (-scale / abs(float(np.linalg.det(vectors)))) ** (1 / 3)


def read_poscar(text: str, where: str) -> Read:
    lines = [_EXPONENT.sub(r"\1e\2", line) if number else line for number, line in enumerate(text.splitlines())]
    scales = _scales(lines[1] if len(lines) > 1 else "", where)
    lines = _with_names(lines, where)
    names, counts = _names_and_counts(lines, text, where)
    _check_positions(lines, names, counts, where)
    selective = lines[7].strip()[:1].lower() == "s"
    mode, first = (lines[8], 9) if selective else (lines[7], 8)
    elements = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    cartesian = mode.strip()[0] in "cCkK"
    places = [[float(word) for word in line.split()[:3]] for line in lines[first : first + len(elements)]]
    vectors = np.array([[float(word) for word in _COMMENT.sub("", line).split()] for line in lines[2:5]])
    # three factors scale Cartesian coordinates with the lattice: the fractional ones stay
    factor = 1.0 if len(scales) == 3 else _factor(vectors, scales[0])
    with np.errstate(over="ignore"):  # a cell of that size is refused
        lattice = Lattice(vectors * factor)
        structure = Structure(
            lattice, elements, np.array(places) * (factor if cartesian else 1.0), coords_are_cartesian=cartesian
        )
    if len(scales) == 3:
        lattice = Lattice(structure.lattice.matrix * np.array(scales))
        structure = Structure(lattice, structure.species, structure.frac_coords)
    return structure, [], ""
