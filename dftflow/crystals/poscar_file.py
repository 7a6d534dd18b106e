"""A crystal from a POSCAR (https://www.vasp.at/wiki/index.php/POSCAR), read by pymatgen.

Three scaling factors, of the Cartesian x, y and z of lattice and positions, are applied here: pymatgen takes one.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Poscar

from dftflow.crystals.file_notes import Read, check_element, messages_of, plain
from dftflow.errors import StructureError

__all__ = ["read_poscar"]

SMALLEST_SCALE = 1e-6


def _scales(line: str, where: str) -> list[float]:
    """One scaling factor, or three; what stands behind them is a comment."""
    found: list[float] = []
    for word in line.split():
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d{1,3})?", word):
            break
        found.append(float(re.sub("[dD]", "e", word)))
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


def read_poscar(text: str, where: str) -> Read:
    lines = text.splitlines()
    scales = _scales(lines[1] if len(lines) > 1 else "", where)
    symbols = lines[5].split() if len(lines) > 5 else []
    for symbol in symbols:
        if not symbol.isdigit():
            check_element(re.split(r"[_/]", symbol)[0], text, where)
    lines[1] = "1.0" if len(scales) == 3 else repr(scales[0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        structure = Poscar.from_str("\n".join(lines) + "\n", read_velocities=False).structure
    messages = messages_of(caught)
    if any("false names" in message for message in messages):
        raise StructureError(
            "this POSCAR names no elements",
            reason="line 6 holds numbers, as in the format of VASP 4",
            fix="insert a line with the element symbols before the numbers of atoms",
            where=f"{where}:6",
        )
    structure = plain(structure)
    if len(scales) == 3:  # the fractional coordinates stay: Cartesian ones are scaled with the lattice
        lattice = Lattice(structure.lattice.matrix * np.array(scales))
        structure = Structure(lattice, structure.species, structure.frac_coords)
    return structure, messages, ""
