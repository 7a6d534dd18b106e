"""A crystal from a CASTEP ``.cell`` file, read by ASE."""

from __future__ import annotations

import io
import re
import warnings

from dftflow.crystals.atoms import from_atoms
from dftflow.crystals.file_notes import Read, messages_of, place
from dftflow.errors import StructureError

__all__ = ["read_cell"]


def read_cell(text: str, where: str) -> Read:
    from ase.io.castep import read_castep_cell

    if re.search(r"(?im)^[^#!]*\bMIXTURE\b", text):
        raise StructureError(
            "this crystal is disordered",
            reason="an atom is a mixture of two species",
            fix="make an ordered model of it",
            where=place(where, text, r"(?i)\bMIXTURE\b"),
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # A tolerance of 3 keeps ASE from looking for a CASTEP binary to ask for its keywords.
        atoms = read_castep_cell(io.StringIO(text), calculator_args={"keyword_tolerance": 3})
    messages = messages_of(caught)
    if any("unit specifier" in message for message in messages):
        raise StructureError(
            "unknown unit of length in a block",
            reason=next(message for message in messages if "unit specifier" in message),
            fix="write ang, bohr, nm, pm, cm or m, or leave the unit out (Å)",
            where=place(where, text, r"(?i)%BLOCK\s+(LATTICE|POSITIONS_ABS)"),
        )
    return from_atoms(atoms, where), messages, ""
