"""Whether a cutoff is enough to relax a cell with VASP, which has no correction for a finite basis (Pulay stress).

"In general volume changes should be done only with an increased energy cutoff, i.e., ENCUT = 1.3 × max(ENMAX)"
(https://vasp.at/wiki/ISIF). Below it the cell comes out too small (https://vasp.at/wiki/Pulay_stress).
"""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.codes.cell_cutoff import refuse_low_cell_cutoff
from dftflow.codes.least_cutoff import LeastCutoff
from dftflow.codes.suggested_cutoff import SuggestedCutoff
from dftflow.codes.vasp.potentials import PotentialName
from dftflow.model.spec import CalcSpec

__all__ = ["check_cell_cutoff", "cutoff_of_potentials", "least_cutoff", "notes_on_cell_cutoff"]

MARGIN = 1.3
UNKNOWN_EV = 520.0


def cutoff_of_potentials(names: Sequence[PotentialName]) -> SuggestedCutoff:
    """1.3 times the largest ENMAX, which VASP asks for when a cell moves; 520 eV where one is not known."""
    unknown = [name.symbol for name in names if name.enmax_ev is None]
    if unknown:
        why = f"ENMAX of {', '.join(unknown)} is not known here: 1.3 times the 400 eV of the hardest recommended ones"
        return SuggestedCutoff(ev=UNKNOWN_EV, why=why)
    enmax_ev, symbol = max((name.enmax_ev or 0.0, name.symbol) for name in names)
    return SuggestedCutoff.at_least(MARGIN * enmax_ev, f"{MARGIN:g} x ENMAX of {symbol}, {enmax_ev:g} eV (VASP, ISIF)")


def least_cutoff(names: Sequence[PotentialName]) -> LeastCutoff | None:
    """The largest ENMAX that is known: VASP takes it where a calculation names no cutoff."""
    known = [(name.enmax_ev, name.symbol) for name in names if name.enmax_ev is not None]
    if not known:
        return None
    enmax_ev, symbol = max(known)
    return LeastCutoff(ev=enmax_ev, why=f"ENMAX of {symbol} is {enmax_ev:g} eV")


def check_cell_cutoff(spec: CalcSpec, names: Sequence[PotentialName]) -> None:
    """Raise `SpecError` when `spec` relaxes a cell below 1.3 times the largest ENMAX that is known."""
    known = [(name.enmax_ev, name.symbol) for name in names if name.enmax_ev is not None]
    if known:
        enmax_ev, symbol = max(known)
        need_ev = MARGIN * enmax_ev
        why = f"VASP asks for {MARGIN:g} x ENMAX when a cell moves, {need_ev:.1f} eV with the potential {symbol}"
        refuse_low_cell_cutoff(spec, need_ev, program="VASP", why=why)


def notes_on_cell_cutoff(spec: CalcSpec, names: Sequence[PotentialName]) -> tuple[str, ...]:
    """What a person who relaxes a cell has to look at."""
    if not spec.moves_cell:
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
