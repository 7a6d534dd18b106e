"""Sites that a file gives several occupants, or one in part: what is put there to make an ordered cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dftflow.crystals.mixture import Replacement
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["PARTIAL_SITES", "has_partial_sites", "partial_replacements"]

PARTIAL_SITES = "partial_sites"
"""Property of a crystal that is to be ordered: name of a site -> what it holds beside the element that stands there,
``"vacancy"`` for nothing -> its share."""


def has_partial_sites(structure: Structure) -> bool:
    """Whether there are any."""
    return bool((structure.properties or {}).get(PARTIAL_SITES))


def partial_replacements(structure: Structure) -> tuple[Replacement, ...]:
    """What takes the places of the elements that stand for the mixtures of a file, in the nearest whole numbers.

    Raises
    ------
    StructureError
        For a crystal without such sites.
    """
    held = (structure.properties or {}).get(PARTIAL_SITES, {})
    if not held:
        raise StructureError(
            f"no site of {structure.composition.reduced_formula} is partly occupied",
            reason="there is nothing to order",
            fix='leave ordering out, or mix an ion in: substitute = { site = "Cs", by = "FA", fraction = 0.25 }',
        )
    return tuple(
        Replacement(site=site, by=other, fraction=share, nearest=True)
        for site, others in held.items()
        for other, share in others.items()
    )
