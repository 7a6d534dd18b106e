"""The last frame of a file in extended XYZ (https://github.com/libAtoms/extxyz), read by ASE.

ASE believes the numbers that it reads: it goes on to the end of a frame that the file does not have, and makes as many
columns as are promised. Counts are held against the file first, and only the last frame is handed over.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from dftflow.crystals.atoms import from_atoms
from dftflow.crystals.file_notes import Read, messages_of
from dftflow.crystals.number_bounds import MAX_ATOMS_READ
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["LastFrame", "last_frame", "read_xyz"]

MAX_COLUMNS = 100
MAX_COMMENT_LETTERS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFrame:
    """The text of the last frame of a file, and how many frames there are."""

    text: str
    frames: int


def last_frame(text: str, where: str) -> LastFrame:
    """The last frame, every count in it held against the file.

    Raises
    ------
    StructureError
        A frame is not whole, or promises what no crystal or molecule has.
    """
    lines = text.split("\n")
    start = at = frames = 0
    while at < len(lines) and lines[at].strip():
        start, at = at, _end_of_frame(lines, at, where)
        frames += 1
    if any(line.strip() for line in lines[at:]):
        raise _no_frame("behind the last frame stands something else", f"{where}:{at + 1}")
    if not frames:
        raise _no_frame("the first line has to hold the number of atoms", f"{where}:1")
    _check_comment(lines[start + 1], f"{where}:{start + 2}")
    return LastFrame(text="\n".join(lines[start:at]) + "\n", frames=frames)


def _end_of_frame(lines: list[str], at: int, where: str) -> int:
    """Index of the line behind the frame that begins at `at`."""
    head = lines[at].strip()
    if re.fullmatch(r"\d+", head) is None:
        raise _no_frame(f"where a number of atoms has to stand is {head[:40]!r}", f"{where}:{at + 1}")
    if len(head) > 9 or not 1 <= int(head) <= MAX_ATOMS_READ:
        raise StructureError(
            f"there are {head[:20] if head.strip('0') else 'no'} atoms",
            reason=f"frames of 1 to {MAX_ATOMS_READ} atoms are read",
            fix="give a smaller cell of the crystal",
            where=f"{where}:{at + 1}",
        )
    end = at + 2 + int(head)
    found = sum(bool(line.strip()) for line in lines[at + 2 : end])
    if found < int(head):
        raise _no_frame(f"the frame has {found} of its {head} atoms", f"{where}:{at + 1}")
    while end < len(lines) and lines[end].lstrip().startswith("VEC"):
        end += 1
    return end


def _check_comment(comment: str, where: str) -> None:
    if len(comment) > MAX_COMMENT_LETTERS:
        raise _no_frame(f"the second line of the frame has more than {MAX_COMMENT_LETTERS} letters", where)
    for columns in re.findall(r"""Properties["']?\s*=\s*["'{\[]?\s*([^\s"'}\]]*)""", comment, re.I):
        counts = columns.split(":")[2::3]
        if any(re.fullmatch(r"\d{1,3}", count) is None for count in counts):
            raise _no_frame(f"a number of columns is none in {columns[:60]!r}", where)
        if not 1 <= sum(map(int, counts)) <= MAX_COLUMNS:
            raise _no_frame(f"it promises {sum(map(int, counts))} columns; up to {MAX_COLUMNS} are read", where)


def _no_frame(reason: str, where: str) -> StructureError:
    return StructureError(
        "this file cannot be read as XYZ",
        reason=reason,
        fix="a frame is the number of its atoms, a line with the lattice, and a line for each atom",
        where=where,
    )


def read_xyz(text: str, where: str) -> Read:
    from ase.io import read

    last = last_frame(text, where)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        atoms = cast("Atoms", read(io.StringIO(last.text), format="extxyz", index=-1))
    messages = messages_of(caught)
    if last.frames > 1:
        messages.append(f"the file holds {last.frames} frames: the last one was taken")
    return from_atoms(atoms, where), messages, ""
