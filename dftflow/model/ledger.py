"""By how much corrections move the band edges of a crystal."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.correction import Correction

__all__ = ["EdgeMove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeMove:
    """One line of the ledger: corrections of one crystal's edges, at the k-points where the band structure has them.

    Attributes
    ----------
    corrections
        That are added up: one, or a hybrid and spin-orbit coupling.
    vbm_ev, cbm_ev
        Level with them minus level without, of the valence band maximum and the conduction band minimum.
    vbm_open_ev, cbm_open_ev
        How far each may lie from there, to both sides, with the sign of what is scaled: one factor is open, so that a
        difference of two levels is open by that of theirs. None where that is not known.
    remarks
        What has to stand beside it.
    """

    corrections: tuple[Correction, ...]
    vbm_ev: float
    cbm_ev: float
    vbm_open_ev: float | None = None
    cbm_open_ev: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``"HSE06 + spin-orbit"``."""
        return " + ".join(self.corrections)

    @property
    def gap_ev(self) -> float:
        """By how much the gap grows."""
        return self.cbm_ev - self.vbm_ev
