"""The charge of a cell, which pymatgen's `Structure` can carry and no deck has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dftflow.errors import SpecError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["check_neutral"]


def check_neutral(structure: Structure) -> None:
    """Raise `SpecError` for a crystal whose cell carries a charge of its own: its deck would be of another system."""
    charge = structure._charge
    if charge:
        raise SpecError(
            f"the crystal has a charge of {charge:+g}",
            reason="decks are of neutral cells",
            fix="if the neutral cell is meant, call unset_charge() of the Structure and write it anew, or set "
            '"charge" to 0 in its JSON',
        )
