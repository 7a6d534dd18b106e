"""A crystal from extended XYZ (https://github.com/libAtoms/extxyz), read by ASE."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, cast

from dftflow.crystals.atoms import from_atoms
from dftflow.crystals.file_notes import Read, messages_of

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["read_xyz"]


def read_xyz(text: str, where: str) -> Read:
    from ase.io import read

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frames = read(io.StringIO(text), format="extxyz", index=":")
    messages = messages_of(caught)
    if len(frames) > 1:
        messages.append(f"the file holds {len(frames)} frames: the last one was taken")
    return from_atoms(cast("Atoms", frames[-1]), where), messages, ""
