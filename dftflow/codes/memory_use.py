"""What an engine holds in memory beside the coefficients of its bands: for the estimate of `dftflow.studies.memory`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["MemoryUse"]


def _none(n_atoms: int) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """What the estimate has to know of a code; the defaults are those of a compiled engine, as pw.x was seen to be.

    Attributes
    ----------
    process_mib
        Of every process, before it has read a crystal.
    element_mib
        Of every process for each element: its potential, and what is tabulated of it.
    helping_bands
        Bands above the empty ones that the code adds by itself, for a number of atoms.
    lists_path
        Whether the points of a path stand in the self-consistent calculation itself, behind a grid that only time
        reversal reduces.
    measured
        With what the estimate was compared; ``""`` for nothing.
    """

    process_mib: float = 35.0
    element_mib: float = 0.0
    helping_bands: Callable[[int], int] = _none
    lists_path: bool = False
    measured: str = ""

    @property
    def how_good(self) -> str:
        """How far the estimate is to be trusted."""
        return f"for {self.measured}" if self.measured else "and for this code it was compared with no measurement"
