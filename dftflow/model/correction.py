"""What is added to the band edges of a crystal after its band structure, in a density that stays as it is."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["CORRECTIONS", "HYBRIDS", "OF_THE_GAP", "SPIN_ORBIT", "Correction"]

Correction = Literal["spin-orbit", "HSE06", "PBE0", "GLLB-SC"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)
SPIN_ORBIT: Correction = "spin-orbit"
HYBRIDS: tuple[Correction, ...] = ("HSE06", "PBE0")
OF_THE_GAP: tuple[Correction, ...] = ("GLLB-SC",)
"""A potential of its own, whose edges have another zero: it gives a gap, and moves no edge."""
