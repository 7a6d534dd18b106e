"""Work function of a slab: its vacuum level above its Fermi level."""

from __future__ import annotations

from dftflow.errors import AnalysisError
from dftflow.model.energy import Energy
from dftflow.model.levels import VacuumLevel

__all__ = ["work_function_ev"]


def work_function_ev(vacuum: VacuumLevel, fermi: Energy) -> float:
    """E_vac - E_F of the side of a neutral slab that `vacuum` belongs to.

    It is above zero: electrons of a neutral solid are bound, and at a vacuum level below E_F they would leave it.

    Raises
    ------
    ReferenceMismatch
        Vacuum level and Fermi level are of two calculations.
    AnalysisError
        The vacuum level is not above the Fermi level.
    """
    found_ev = vacuum.level - fermi
    if not found_ev > 0:
        raise AnalysisError(
            f"the vacuum level on the {vacuum.side} side, {vacuum.level.value_ev:.4f} eV, does not lie above the Fermi "
            f"level, {fermi.value_ev:.4f} eV",
            reason="the potential and the Fermi level are not of one calculation, or the potential is not that of a "
            "neutral slab beside vacuum",
            fix="give the potential and the log of one calculation of the slab",
        )
    return found_ev
