"""Refuses to relax a cell at a cutoff below its potentials' need, for codes that do not correct the stress for that.

With a finite basis the stress has an error (Pulay stress) that makes a cell come out too small. CASTEP corrects it
(``finite_basis_corr``), and so does dftflow for GPAW; for the other codes the cutoff has to be high enough.
"""

from __future__ import annotations

import math

from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

__all__ = ["refuse_low_cell_cutoff"]

CONVERGED_PRESET_EV = 600.0
"""min_cutoff_ev of the preset ``converged`` in ``dftflow/studies/presets.toml``; a test compares them."""
SAME_CUTOFF_EV = 0.01


def refuse_low_cell_cutoff(spec: CalcSpec, need_ev: float, *, program: str, why: str) -> None:
    """Raise `SpecError` when `spec` relaxes a cell at less than `need_ev`.

    Parameters
    ----------
    need_ev
        Least cutoff of the potentials for a cell that moves.
    program
        Name of the program, for the message.
    why
        Where the need comes from: ``"Pb.upf suggests at least 50 Ry"``.
    """
    if not spec.moves_cell or spec.cutoff_ev >= need_ev - SAME_CUTOFF_EV:
        return
    enough_ev = math.ceil(need_ev * 10 - 1e-6) / 10
    sourced = " and take cutoff_ev out of its from_reference" if spec.cutoff_note.startswith("doi ") else ""
    preset = f", or choose --preset converged (at least {CONVERGED_PRESET_EV:g} eV)"
    raise SpecError(
        f"a cutoff of {spec.cutoff_ev:g} eV is too low to relax the cell with {program} ({spec.title})",
        reason=f"{why}, and {program} does not correct the stress for a basis that is too small (Pulay stress), so "
        "that the cell would come out too small",
        fix=f'in the study, give this material cell = "fixed", or cutoff_ev = {enough_ev:.1f}{sourced}'
        + (preset if enough_ev <= CONVERGED_PRESET_EV else ""),
    )
