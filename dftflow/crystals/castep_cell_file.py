"""A crystal from a CASTEP ``.cell`` file.

Own code, because ASE (3.29) stops at what CASTEP takes: an atomic number in the place of a symbol, sums such as
``1/2``, numbers with ``d`` for the exponent; and it looks for a CASTEP binary. Format: castep-docs, page "Cell file".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from pymatgen.core import Element, Lattice, Structure

from dftflow.crystals.file_notes import Read, element_of_label
from dftflow.errors import StructureError
from dftflow.model.fortran_number import fortran_number
from dftflow.units import BOHR_ANG

__all__ = ["LENGTH_UNITS_ANG", "castep_element", "read_cell"]

LENGTH_UNITS_ANG = {"ang": 1.0, "bohr": BOHR_ANG, "a0": BOHR_ANG, "nm": 10.0, "pm": 0.01, "cm": 1e8, "m": 1e10}
LONGEST_ANG = 1e5
FARTHEST = 1e13  # a cell of 1e5 Å in pm
_MARK = re.compile(r"%\s*(end)?[\s_-]*block\s*[:=]?\s*(\w+)?", re.IGNORECASE)
_COMMENT = re.compile(r"[#!;].*|^\s*comment\b.*", re.IGNORECASE)
_LATTICES = ("lattice_cart", "lattice_abc")
_POSITIONS = ("positions_frac", "positions_abs")


def castep_element(species: str) -> str | None:
    """Chemical symbol of a species of a ``.cell`` file; None when it names none.

    Examples
    --------
    >>> castep_element("Fe:1"), castep_element("55"), castep_element("D"), castep_element("br2"), castep_element("Qb")
    ('Fe', 'Cs', 'H', 'Br', None)
    """
    if not species.isascii():
        return None
    name = species.partition(":")[0]
    if name.isdigit():
        return str(Element.from_Z(int(name)).symbol) if len(name) < 4 and 0 < int(name) <= 118 else None
    return element_of_label(name)


@dataclass(slots=True)
class _Block:
    """Lines of a block without comments, each with its number in the file."""

    name: str
    line: int
    lines: list[tuple[int, str]] = field(default_factory=list)


def _blocks(text: str, where: str) -> dict[str, _Block]:
    """The four blocks that make a crystal, as far as they are there."""
    found: dict[str, _Block] = {}
    block: _Block | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).strip()
        mark = _MARK.match(line)
        if mark is None:
            if block is not None and line:
                block.lines.append((number, line))
            continue
        name = (mark[2] or "").lower()
        if mark[1]:
            block = None
        elif name in found and name in (*_LATTICES, *_POSITIONS):
            raise StructureError(f"block {name} is given twice", fix="leave one", where=f"{where}:{number}")
        else:
            block = found[name] = _Block(name=name, line=number)
    if block is not None and block.name in (*_LATTICES, *_POSITIONS):
        raise StructureError(
            "this file cannot be read as CELL",
            reason=f"block {block.name} has no end: the file is cut short or damaged",
            fix=f"write %ENDBLOCK {block.name}, if it is whole",
            where=f"{where}:{block.line}",
        )
    return found


def _one(blocks: dict[str, _Block], names: tuple[str, str], where: str) -> _Block:
    found = [blocks[name] for name in names if name in blocks]
    if len(found) != 1:
        both = " and ".join(names).upper() if found else " nor ".join(names).upper()
        raise StructureError(
            "this file cannot be read as CELL",
            reason=f"it has {'both' if found else 'neither'} the block {both}",
            fix="leave one" if found else "check that the file is complete",
            where=f"{where}:{found[1].line}" if found else where,
        )
    return found[0]


def _unit(block: _Block, where: str) -> tuple[float, list[tuple[int, str]]]:
    """Unit of length in Å, and the lines without the one that names it."""
    if not block.lines or not (word := block.lines[0][1].lower()).isalnum() or word.isdigit():
        return 1.0, block.lines
    if word not in LENGTH_UNITS_ANG:
        raise StructureError(
            "unknown unit of length in a block",
            reason=f"{block.lines[0][1]!r} is none",
            fix=f"write one of {', '.join(LENGTH_UNITS_ANG)}, or leave the unit out (Å)",
            where=f"{where}:{block.lines[0][0]}",
        )
    return LENGTH_UNITS_ANG[word], block.lines[1:]


def _numbers(words: list[str], where: str) -> list[float]:
    found = [fortran_number(word.rstrip(",")) for word in words]
    if len(words) != 3 or None in found:
        bad = next((word for word, number in zip(words, found, strict=True) if number is None), "")
        raise StructureError(
            "this file cannot be read as CELL",
            reason=f"{bad!r} is no number" if bad else f"three numbers were expected, and there are {len(words)}",
            fix="write numbers, or sums of numbers without blanks, such as 1/2",
            where=where,
        )
    return [number for number in found if number is not None]


def _lattice(block: _Block, where: str) -> Lattice:
    unit, lines = _unit(block, where)
    wanted = 3 if block.name == "lattice_cart" else 2
    if len(lines) != wanted:
        raise StructureError(
            "this file cannot be read as CELL",
            reason=f"block {block.name} has {len(lines)} rows, expected {wanted}",
            fix="check that the file is complete",
            where=f"{where}:{block.line}",
        )
    rows = [_numbers(line.split(), f"{where}:{number}") for number, line in lines]
    longest = max(abs(number) for row in (rows if wanted == 3 else rows[:1]) for number in row)
    if longest > LONGEST_ANG / unit:
        raise StructureError(
            f"a lattice vector is longer than {LONGEST_ANG:g} Å", fix="check its unit", where=f"{where}:{lines[0][0]}"
        )
    if wanted == 3:
        return Lattice(unit * np.array(rows))
    cosines = np.cos(np.radians(rows[1]))
    possible = all(0 < angle < 180 for angle in rows[1]) and 1 + 2 * np.prod(cosines) - cosines @ cosines > 1e-6
    if min(rows[0]) <= 0 or not possible:
        raise StructureError(
            "the lattice constants span no cell", fix="check lengths and angles", where=f"{where}:{lines[0][0]}"
        )
    a, b, c = (unit * length for length in rows[0])
    # a along x, b in the xy plane, as CASTEP turns it
    return Lattice.from_parameters(a, b, c, *rows[1], vesta=True)


def _site(number: int, line: str, where: str) -> tuple[str, list[float]]:
    place = f"{where}:{number}"
    species, *words = line.split()
    if re.search(r"\bmixture\b", line, re.IGNORECASE):
        raise StructureError(
            "this crystal is disordered",
            reason="an atom is a mixture of two species",
            fix="make an ordered model of it",
            where=place,
        )
    element = castep_element(species)
    if element is None:
        raise StructureError(
            f"unknown element {species!r}", fix="give a symbol of the periodic table or an atomic number", where=place
        )
    numbers = _numbers(words[:3], place)
    if max(map(abs, numbers)) > FARTHEST:
        raise StructureError(f"{species} lies out of all bounds", fix="check its coordinates", where=place)
    return element, numbers


def read_cell(text: str, where: str) -> Read:
    blocks = _blocks(text, where)
    lattice = _lattice(_one(blocks, _LATTICES, where), where)
    positions = _one(blocks, _POSITIONS, where)
    unit, lines = _unit(positions, where)
    sites = [_site(number, line, where) for number, line in lines]
    absolute = positions.name == "positions_abs"
    places = np.array([place for _, place in sites]).reshape(-1, 3) * (unit if absolute else 1.0)
    if not len(sites):
        raise StructureError("there are no atoms", fix="check that the file is complete", where=where)
    structure = Structure(lattice, [element for element, _ in sites], places, coords_are_cartesian=absolute)
    return structure, [], ""
