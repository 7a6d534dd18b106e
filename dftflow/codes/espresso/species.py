"""Names of species, as Quantum ESPRESSO takes them."""

from __future__ import annotations

__all__ = ["element_of"]


def element_of(species: str) -> str:
    """Element of a species: ``Fe1``, ``Fe_up`` and ``fe`` are Fe."""
    name = species.strip()
    letters = name[:2] if len(name) > 1 and name[1].isalpha() and name[1].isascii() else name[:1]
    return letters.capitalize()
