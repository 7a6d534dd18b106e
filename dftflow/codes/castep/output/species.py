"""Names of species in CASTEP's output: the element, with an extension or a label behind it where there is one."""

from __future__ import annotations

__all__ = ["symbol_of"]


def symbol_of(species: str) -> str:
    """Chemical symbol: ``Ti:ext`` and ``Ti 1`` are Ti."""
    words = species.split(":")[0].split()
    return words[0] if words else ""
