"""What GPAW holds in memory, and the bands that its decks ask for beside those that are kept."""

from __future__ import annotations

from dftflow.codes.memory_use import MemoryUse

__all__ = ["GPAW_MEMORY", "helping_bands"]

LEAST_HELPING_BANDS = 8
HELPING_BANDS_AN_ATOM = 2 / 3


def helping_bands(n_atoms: int) -> int:
    """Bands above the empty ones that are asked for, and not kept.

    The uppermost converge slowly; and where few stand above them, the residual may be small before a lower state is
    found: with four, the last kept band of FAPbBr3 at R lay 21 meV off, and so did that of CsPbBr3's (010) slab of
    24 atoms with eight. With these the path of that slab takes five iterations, with four it took 22.
    """
    return max(LEAST_HELPING_BANDS, round(HELPING_BANDS_AN_ATOM * n_atoms))


GPAW_MEMORY = MemoryUse(
    process_mib=115.0, element_mib=18.0, helping_bands=helping_bands, measured="GPAW 26.7 to a factor of 1.5"
)
"""An interpreter with GPAW, and a data set with its splines for each element."""
