"""Which files in a folder are those of projwfc.x and dos.x, which their input and no log names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dftflow.codes.compressed import head_of, lying_at, plain_name

__all__ = ["PDOS", "PROJECTED", "is_dos", "is_projwfc", "state_files"]

PROJECTED = "atomic_proj.xml"
PDOS = re.compile(
    r"(.*)\.pdos_(?:tot|atm#(\d{1,6})\(([A-Za-z]\w{0,3})\s*\)_wfc#(\d{1,3})\(([spdf])(?:_j([0-3]\.5))?\))"
)
"""Name of a table of projwfc.x: prefix, and for one shell number and species of the atom, number, l and j."""
_DOS = re.compile(rb"\s*#\s*E \(eV\)\s+dos(?:up)?\(E\)")
_PROJWFC = re.compile(rb"Program PROJWFC\s+v\.")
_LOGS = (".out", ".log", ".stdout", ".pwo")
HEAD_BYTES = 3000


def state_files(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Those among the `files` of `folder`, and ``atomic_proj.xml`` in a ``.save`` folder there or one below."""
    here = [file for file in files if PDOS.fullmatch(plain_name(file)) or is_dos(file) or is_projwfc(file)]
    places = [folder, *sorted(folder.glob("*.save")), *sorted(folder.glob("*/*.save"))]
    found = (lying_at(place / PROJECTED) for place in places)
    return [*here, *(file for file in found if file is not None and file.is_file())]


def is_projwfc(file: Path) -> bool:
    """Whether projwfc.x printed it."""
    return plain_name(file).endswith(_LOGS) and _PROJWFC.search(head_of(file, HEAD_BYTES)) is not None


def is_dos(file: Path) -> bool:
    """Whether dos.x wrote it."""
    return plain_name(file).endswith(".dos") and _DOS.match(head_of(file, HEAD_BYTES)) is not None
