"""What no output of Quantum ESPRESSO exceeds, and how near two of its outputs print the same number."""

from __future__ import annotations

from typing import Final

__all__ = ["LARGEST_CELL_BOHR", "LONGEST_LINE", "MOST_ATOMS", "SAME_ENERGY_EV", "SMALLEST_VOLUME_ANG3"]

LONGEST_LINE: Final = 400
MOST_ATOMS: Final = 100_000
SMALLEST_VOLUME_ANG3: Final = 0.5
LARGEST_CELL_BOHR: Final = 1e4
SAME_ENERGY_EV: Final = 2e-4
"""Logs print energies with 8 decimals of a Ry."""
