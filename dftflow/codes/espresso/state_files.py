"""Which files in a folder are those of projwfc.x and dos.x, which their input and no log names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dftflow.codes.compressed import head_of, lying_at, plain_name

__all__ = ["PDOS", "PROJECTED", "is_dos", "is_projwfc", "kind_of", "state_files"]

PROJECTED = "atomic_proj.xml"
PDOS = re.compile(
    r"(.*)\.pdos_(?:tot|atm#(\d{1,6})\(([A-Za-z][^\s()]{0,9})\s*\)_wfc#(\d{1,3})\(([spdf])(?:_j([0-3]\.5))?\))"
)
"""Name of a table of projwfc.x: prefix, and for one shell number and species of the atom, number, l and j."""
_DOS = re.compile(rb"\s*#\s*E \(eV\)\s+dos(?:up)?\(E\)")
_PROJWFC = re.compile(rb"Program PROJWFC\s+v\.")
_LOGS = (".out", ".log", ".stdout", ".pwo")
HEAD_BYTES = 3000


def state_files(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Those among the `files` of `folder`, and ``atomic_proj.xml`` in a ``.save`` folder there or one below."""
    places = [*sorted(folder.glob("*.save")), *sorted(folder.glob("*/*.save"))]
    below = (lying_at(place / PROJECTED) for place in places)
    return [*filter(kind_of, files), *(file for file in below if file is not None and file.is_file())]


def kind_of(file: Path) -> str:
    """What is in a file of dos.x or projwfc.x; ``""`` for one of another program."""
    name = plain_name(file)
    if name == PROJECTED:
        return "projected bands"
    if PDOS.fullmatch(name) or is_dos(file):
        return "density of states"
    return "log of projwfc.x" if is_projwfc(file) else ""


def is_projwfc(file: Path) -> bool:
    """Whether projwfc.x printed it."""
    return plain_name(file).endswith(_LOGS) and _PROJWFC.search(head_of(file, HEAD_BYTES)) is not None


def is_dos(file: Path) -> bool:
    """Whether dos.x wrote it."""
    return plain_name(file).endswith(".dos") and _DOS.match(head_of(file, HEAD_BYTES)) is not None
