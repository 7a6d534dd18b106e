"""A crystal together with where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dftflow.model.shown import Shown

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Crystal"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class Crystal(Shown):
    """An ordered crystal and its provenance.

    Attributes
    ----------
    name
        Shipped name, stem of the file, or database id.
    structure
        The cell as given: axes are never re-sorted, standardised or reduced.
    source
        What the user wrote: a shipped name, a path or a database query.
    reference
        DOI or database id of the numbers; ``""`` when none is known.
    sha256
        Of the file's bytes, in hexadecimal.
    space_group, space_group_number
        Hermann-Mauguin symbol and number of the standard setting, as found from the atoms.
    confidence
        ``read``, ``from memory, check the original`` or ``model`` for shipped crystals; ``file`` and ``database``
        for the others.
    warnings
        Lines a person should read before using the crystal.
    """

    name: str
    structure: Structure
    source: str
    reference: str
    sha256: str
    space_group: str
    space_group_number: int
    confidence: str
    warnings: tuple[str, ...] = ()

    def _in_short(self) -> str:
        return f"{self.name}: {self.space_group} ({self.space_group_number}), {len(self.structure)} atoms"
