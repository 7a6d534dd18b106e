"""Which format of a crystal a file's name stands for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

__all__ = ["FORMATS", "StructureFormat", "format_of"]

StructureFormat = Literal["cif", "poscar", "cell", "xyz", "pw", "json"]

FORMATS = (".cif", "POSCAR", "CONTCAR", ".vasp", ".cell", ".extxyz", ".xyz", ".in", ".pwi", ".json")
"""Names and endings that are read and written."""

_BY_ENDING: dict[str, StructureFormat] = {
    ".cif": "cif",
    ".vasp": "poscar",
    ".poscar": "poscar",
    ".cell": "cell",
    ".xyz": "xyz",
    ".extxyz": "xyz",
    ".in": "pw",
    ".pwi": "pw",
    ".json": "json",
}


def format_of(name: str) -> StructureFormat | None:
    """The format of a file called `name`, with or without its folders; None when there is none.

    Examples
    --------
    >>> format_of("a/POSCAR-old"), format_of("relaxed.CIF"), format_of("a.txt")
    ('poscar', 'cif', None)
    """
    if re.match(r"(POSCAR|CONTCAR)", Path(name).name, re.IGNORECASE):
        return "poscar"
    return _BY_ENDING.get(Path(name).suffix.lower())
