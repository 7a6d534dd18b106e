"""A crystal from a POSCAR (https://www.vasp.at/wiki/index.php/POSCAR), read by pymatgen."""

from __future__ import annotations

import re
import warnings

from dftflow.crystals.file_notes import Read, check_element, messages_of, plain
from dftflow.errors import StructureError

__all__ = ["read_poscar"]


def read_poscar(text: str, where: str) -> Read:
    from pymatgen.io.vasp import Poscar

    lines = text.splitlines()
    symbols = lines[5].split() if len(lines) > 5 else []
    for symbol in symbols:
        if not symbol.isdigit():
            check_element(re.split(r"[_/]", symbol)[0], text, where)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        structure = Poscar.from_str(text, read_velocities=False).structure
    messages = messages_of(caught)
    if any("false names" in message for message in messages):
        raise StructureError(
            "this POSCAR names no elements",
            reason="line 6 holds numbers, as in the format of VASP 4",
            fix="insert a line with the element symbols before the numbers of atoms",
            where=f"{where}:6",
        )
    return plain(structure), messages, ""
