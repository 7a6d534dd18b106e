"""A crystal from an input of pw.x (https://www.quantum-espresso.org/Doc/INPUT_PW.html).

Own code, because ASE (3.29) knows the lattice of ``ibrav = 0`` alone. Of the input, only what makes the crystal is
read: ``ibrav``, ``celldm`` or ``A``, ``B``, ``C`` and cosines, and the cards of the cell and of the positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pymatgen.core import Lattice, Structure

from dftflow.crystals.file_notes import Read, element_of_label
from dftflow.crystals.pw_lattice import bravais_cell
from dftflow.errors import StructureError
from dftflow.model.fortran_number import fortran_number
from dftflow.model.results import FloatArray
from dftflow.units import BOHR_ANG

__all__ = ["read_pw_input"]

FARTHEST_ANG = 1e5
_CARDS = ("ATOMIC_SPECIES", "ATOMIC_POSITIONS", "K_POINTS", "CELL_PARAMETERS", "CONSTRAINTS", "OCCUPATIONS",
          "ATOMIC_VELOCITIES", "ATOMIC_FORCES", "ADDITIONAL_K_POINTS", "SOLVENTS", "HUBBARD")  # fmt: skip
_CARD = re.compile(rf"\s*({'|'.join(_CARDS)})\b\s*[({{]?\s*(\w*)", re.IGNORECASE)
_NAMELIST = re.compile(r"^\s*&system\b(.*?)^\s*/\s*$", re.IGNORECASE | re.DOTALL | re.MULTILINE)
_ENTRY = re.compile(r"(\w+)\s*(?:\(\s*(\d)\s*\))?\s*=\s*('[^']*'|\"[^\"]*\"|[^\s,]+)")


@dataclass(slots=True)
class _Card:
    """Lines of a card, each with its number in the file, and the option behind its name."""

    option: str
    line: int
    lines: list[tuple[int, list[str]]]


def read_pw_input(text: str, where: str) -> Read:
    plain = "\n".join(_without_comment(line) for line in text.split("\n"))
    system = _system(plain, where)
    if "space_group" in system:
        raise _unreadable("it gives a space group, and only the atoms that are not alike by it", where,
                          "give all atoms of the cell, or a CIF")  # fmt: skip
    cards = _cards(plain, where)
    alat_ang, cell_ang = _cell(system, cards.get("CELL_PARAMETERS"), where)
    positions = cards.get("ATOMIC_POSITIONS")
    if positions is None:
        raise _unreadable("it has no card ATOMIC_POSITIONS", where)
    species, places, fractional = _sites(positions, alat_ang, where)
    promised = _integer(system.get("nat"))
    if promised is not None and promised != len(species):
        raise _unreadable(f"nat is {promised}, and {len(species)} atoms follow", f"{where}:{positions.line}")
    if abs(np.linalg.det(cell_ang)) < 1e-3 or np.abs(cell_ang).max() > FARTHEST_ANG:
        raise _unreadable("its lattice vectors span no cell", where, "check ibrav, celldm and CELL_PARAMETERS")
    return Structure(Lattice(cell_ang), species, places, coords_are_cartesian=not fractional), [], ""


def _without_comment(line: str) -> str:
    return re.split(r"[!#]", line)[0]


def _unreadable(reason: str, where: str, fix: str = "check that the file is a whole input of pw.x") -> StructureError:
    return StructureError("this file cannot be read as an input of pw.x", reason=reason, fix=fix, where=where)


def _system(text: str, where: str) -> Mapping[str, str]:
    """Entries of ``&SYSTEM`` by their names in lower case: ``"celldm(1)"``."""
    found = _NAMELIST.search(text)
    if found is None:
        raise _unreadable("it has no namelist &SYSTEM that ends with a line '/'", where)
    return {
        f"{name.lower()}({index})" if index else name.lower(): value.strip("'\"")
        for name, index, value in _ENTRY.findall(found[1])
    }


def _cards(text: str, where: str) -> dict[str, _Card]:
    found: dict[str, _Card] = {}
    card: _Card | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        head = _CARD.match(line)
        if head is not None:
            name = head[1].upper()
            if name in found:
                raise _unreadable(f"the card {name} is given twice", f"{where}:{number}", "leave one")
            card = found[name] = _Card(option=head[2].lower(), line=number, lines=[])
        elif re.match(r"\s*[&/]", line):
            card = None
        elif card is not None and line.strip():
            card.lines.append((number, line.split()))
    return found


def _integer(word: str | None) -> int | None:
    return int(word) if word is not None and re.fullmatch(r"[+-]?\d{1,9}", word) else None


def _number(system: Mapping[str, str], name: str, where: str) -> float:
    """The number `name`; 0 where it is not given, as in pw.x."""
    word = system.get(name)
    if word is None:
        return 0.0
    value = fortran_number(word)
    if value is None:
        raise _unreadable(f"{name} is {word[:40]!r}, which is no number", where)
    return value


def _celldm(system: Mapping[str, str], ibrav: int, where: str) -> list[float]:
    """``celldm``, or the same made of ``A``, ``B``, ``C`` and cosines as ``abc2celldm`` of pw.x makes it."""
    celldm = [_number(system, f"celldm({index})", where) for index in range(1, 7)]
    a_ang = _number(system, "a", where)
    if not a_ang:
        return celldm
    if celldm[0]:
        raise _unreadable("it gives both celldm and A", where, "leave one")
    b_ang, c_ang = _number(system, "b", where), _number(system, "c", where)
    alpha, beta, gamma = (_number(system, name, where) for name in ("cosbc", "cosac", "cosab"))
    lengths = [a_ang / BOHR_ANG, b_ang / a_ang, c_ang / a_ang]
    if ibrav in (0, 14):
        return [*lengths, alpha, beta, gamma]
    return [*lengths, 0.0, beta, 0.0] if ibrav in (-12, -13) else [*lengths, gamma, 0.0, 0.0]


def _cell(system: Mapping[str, str], card: _Card | None, where: str) -> tuple[float, FloatArray]:
    """The length ``alat`` (0 where there is none) and the lattice vectors, shape (3, 3), both in Å."""
    ibrav = _integer(system.get("ibrav"))
    if ibrav is None:
        raise _unreadable("&SYSTEM says no ibrav", where, "write ibrav = 0, and the card CELL_PARAMETERS")
    celldm = _celldm(system, ibrav, where)
    alat_ang = celldm[0] * BOHR_ANG
    if ibrav == 0:
        if card is None:
            raise _unreadable("ibrav is 0, and there is no card CELL_PARAMETERS", where)
        return _given_cell(card, alat_ang, where)
    if card is not None:
        reason = f"ibrav is {ibrav}, and there is a card CELL_PARAMETERS, which pw.x refuses"
        raise _unreadable(reason, f"{where}:{card.line}", "leave the card out, or write ibrav = 0")
    if alat_ang <= 0:
        raise _unreadable("neither celldm(1) nor A gives a length", where)
    try:
        return alat_ang, bravais_cell(ibrav, celldm) * BOHR_ANG
    except (ValueError, ZeroDivisionError) as error:
        raise _unreadable(str(error), where, "check ibrav and celldm") from None


def _given_cell(card: _Card, alat_ang: float, where: str) -> tuple[float, FloatArray]:
    rows = np.array([_three(words, f"{where}:{number}") for number, words in card.lines[:3]])
    if rows.shape != (3, 3):
        raise _unreadable(f"CELL_PARAMETERS has {len(rows)} rows", f"{where}:{card.line}", "give three")
    option = card.option or ("alat" if alat_ang else "bohr")
    units = {"alat": alat_ang, "bohr": BOHR_ANG, "angstrom": 1.0}
    if not units.get(option):
        reason = "CELL_PARAMETERS counts in alat, which is not given" if option == "alat" else f"no unit {option!r}"
        raise _unreadable(reason, f"{where}:{card.line}", "write CELL_PARAMETERS angstrom")
    cell_ang = rows * units[option]
    return alat_ang or float(np.linalg.norm(cell_ang[0])), cell_ang


def _three(words: list[str], where: str) -> list[float]:
    numbers = [number for word in words[:3] if (number := fortran_number(word)) is not None]
    if len(numbers) != 3 or max(map(abs, numbers)) > FARTHEST_ANG:
        raise _unreadable(f"{' '.join(words)[:60]!r} does not hold three numbers that a crystal can have", where)
    return numbers


def _sites(card: _Card, alat_ang: float, where: str) -> tuple[list[str], FloatArray, bool]:
    """Elements, places shape (n, 3), and whether these are fractional; else they are in Å."""
    option = card.option or "alat"
    units = {"alat": alat_ang, "bohr": BOHR_ANG, "angstrom": 1.0, "crystal": 1.0}
    if option not in units:
        fix = "write all atoms, with crystal, angstrom, bohr or alat"
        raise _unreadable(f"ATOMIC_POSITIONS {option} is not read", f"{where}:{card.line}", fix)
    species, places = [], []
    for number, (label, *words) in card.lines:
        species.append(_element(label, f"{where}:{number}"))
        places.append(_three(words, f"{where}:{number}"))
    if not species:
        raise StructureError("there are no atoms", fix="check that the file is complete", where=where)
    return species, np.array(places) * units[option], option == "crystal"


def _element(label: str, where: str) -> str:
    """The element of a label as pw.x allows it: ``Fe1``, ``As_h``, ``C-x``."""
    element = element_of_label(label)
    if element is None:
        raise StructureError(f"unknown element {label[:20]!r}", fix="give a symbol of the periodic table", where=where)
    return element
