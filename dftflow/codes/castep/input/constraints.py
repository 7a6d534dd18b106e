"""Atoms and cells that do not move: the blocks IONIC_CONSTRAINTS and CELL_CONSTRAINTS.

Format: castep-docs, page "Constraints". A line of IONIC_CONSTRAINTS is ``constraint species ion x y z``: the sum of all
lines with the same constraint number is one linear constraint, and the ion is counted within its species. Newer
versions also read ``fix: C 1``. CELL_CONSTRAINTS holds two lines of three whole numbers, for a, b, c and the three
angles: equal numbers are varied together, 0 is fixed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dftflow.codes.castep.input.deck_file import DeckBlock, DeckFile, DeckLine
from dftflow.errors import ParseError
from dftflow.model.fortran_number import fortran_integer, fortran_number

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "IonicConstraint",
    "fixed_atoms",
    "ionic_constraints_block",
    "read_cell_constraints",
    "read_ionic_constraints",
]

_NAMED = re.compile(r"(?:un)?fix\s*:", re.IGNORECASE)
AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class IonicConstraint:
    """One line of IONIC_CONSTRAINTS.

    Attributes
    ----------
    number
        Lines of the same number make one linear constraint together.
    species, ion
        The atom: `ion` counts from 1 within the species, in the order of the positions.
    direction
        Its Cartesian coefficients.
    """

    number: int
    species: str
    ion: int
    direction: tuple[float, float, float]


def ionic_constraints_block(structure: Structure, fixed: Collection[int]) -> str:
    """Lines that fix each Cartesian component of the atoms `fixed` (indices into `structure`), in CASTEP's order."""
    elements = [site.specie.symbol for site in structure]
    lines: list[str] = []
    for element in dict.fromkeys(elements):
        of_element = [index for index, other in enumerate(elements) if other == element]
        for ion, index in enumerate(of_element, start=1):
            for axis in AXES if index in fixed else ():
                numbers = "".join(f"{x:5.1f}" for x in axis)
                lines.append(f"{len(lines) + 1:5d}  {element:<3s}{ion:5d}  {numbers}")
    return "\n".join(lines)


def read_ionic_constraints(deck: DeckFile, block: DeckBlock) -> tuple[IonicConstraint, ...]:
    """The linear constraints of a block; lines of the form ``fix: C 1`` are left out.

    Raises
    ------
    ParseError
        A line is of neither form.
    """
    return tuple(_constraint(deck, line) for line in block.lines if not _NAMED.match(line.text))


def fixed_atoms(species: Sequence[str], constraints: Sequence[IonicConstraint]) -> tuple[int, ...]:
    """Indices of the atoms none of whose three components can move by itself or with other atoms.

    Parameters
    ----------
    species
        Of each atom, in the order of the file.
    constraints
        Lines that couple several atoms are not looked at: they fix none of them.
    """
    import numpy as np

    lines_of = Counter(constraint.number for constraint in constraints)
    directions: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    for constraint in constraints:
        if lines_of[constraint.number] == 1:
            directions.setdefault((constraint.species.lower(), constraint.ion), []).append(constraint.direction)
    found, seen = [], Counter[str]()
    for index, name in enumerate(species):
        seen[name.lower()] += 1
        held = directions.get((name.lower(), seen[name.lower()]), [])
        if held and int(np.linalg.matrix_rank(np.array(held))) == len(AXES):
            found.append(index)
    return tuple(found)


def read_cell_constraints(deck: DeckFile, block: DeckBlock) -> tuple[int, ...]:
    """The six numbers of CELL_CONSTRAINTS.

    Raises
    ------
    ParseError
        They are not two lines of three whole numbers from 0 to 6.
    """
    rows = [[fortran_integer(word) for word in line.words] for line in block.lines]
    numbers = tuple(number for row in rows for number in row if number is not None and 0 <= number <= 6)
    if [len(row) for row in rows] != [3, 3] or len(numbers) != 6:
        raise ParseError(
            "block cell_constraints is not two lines of three whole numbers",
            fix="e.g. '1 2 3' and '0 0 0': lengths vary, angles do not",
            where=deck.where(block.lines[0].number if block.lines else block.line),
        )
    return numbers


def _constraint(deck: DeckFile, line: DeckLine) -> IonicConstraint:
    words = line.words
    number = fortran_integer(words[0])
    ion = fortran_integer(words[2]) if len(words) > 2 else None
    direction = [fortran_number(word) for word in words[3:]]
    if number is None or ion is None or ion < 1 or len(direction) != 3 or None in direction:
        raise ParseError(
            f"{line.text!r} is no constraint of an atom",
            fix="a line is: number, species, number of the atom within the species, three coefficients",
            where=deck.where(line.number),
        )
    x, y, z = (value or 0.0 for value in direction)
    return IonicConstraint(number=number, species=words[1], ion=ion, direction=(x, y, z))
