"""Whether a cutoff is enough to relax a cell with VASP, which has no correction for a finite basis (Pulay stress).

"In general volume changes should be done only with an increased energy cutoff, i.e., ENCUT = 1.3 × max(ENMAX)"
(https://vasp.at/wiki/ISIF). Below it the cell comes out too small (https://vasp.at/wiki/Pulay_stress).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dftflow.codes.vasp.potentials import PotentialName
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

__all__ = ["check_cell_cutoff", "notes_on_cell_cutoff"]

MARGIN = 1.3
CONVERGED_PRESET_EV = 600.0
"""min_cutoff_ev of the preset ``converged`` in ``dftflow/studies/presets.toml``; a test compares them."""
SAME_CUTOFF_EV = 0.01


def check_cell_cutoff(spec: CalcSpec, names: Sequence[PotentialName]) -> None:
    """Raise `SpecError` when `spec` relaxes a cell below 1.3 times the largest ENMAX that is known."""
    known = [(name.enmax_ev, name.symbol) for name in names if name.enmax_ev is not None]
    if not _moves_cell(spec) or not known:
        return
    enmax_ev, symbol = max(known)
    need_ev = MARGIN * enmax_ev
    if spec.cutoff_ev >= need_ev - SAME_CUTOFF_EV:
        return
    enough_ev = math.ceil(need_ev * 10 - 1e-6) / 10
    preset = f", or choose --preset converged (at least {CONVERGED_PRESET_EV:g} eV)"
    raise SpecError(
        f"a cutoff of {spec.cutoff_ev:g} eV is too low to relax the cell with VASP ({spec.title})",
        reason=f"VASP asks for {MARGIN:g} x ENMAX when a cell moves, {need_ev:.1f} eV with the potential {symbol}, and "
        "does not correct the stress for a basis that is too small (Pulay stress), so that the cell would come out "
        "too small",
        fix=f'in the study, give this material cell = "fixed", or cutoff_ev = {enough_ev:.1f}'
        + (" and take cutoff_ev out of its from_reference" if spec.cutoff_note.startswith("doi ") else "")
        + (preset if enough_ev <= CONVERGED_PRESET_EV else ""),
    )


def notes_on_cell_cutoff(spec: CalcSpec, names: Sequence[PotentialName]) -> tuple[str, ...]:
    """What a person who relaxes a cell has to look at."""
    if not _moves_cell(spec):
        return ()
    found = [
        "VASP keeps the plane waves of the first cell and does not correct the stress for the finite basis (Pulay "
        "stress): start it again from CONTCAR until the cell stays."
    ]
    unknown = [name.symbol for name in names if name.enmax_ev is None]
    if unknown:
        found.append(
            f"ENMAX of {', '.join(unknown)} is not known here: see in the POTCAR (grep ENMAX POTCAR) that ENCUT is at "
            f'least {MARGIN:g} times the largest, else raise the cutoff or relax with cell = "fixed".'
        )
    return tuple(found)


def _moves_cell(spec: CalcSpec) -> bool:
    return spec.relaxation is not None and spec.relaxation.cell != "fixed"
