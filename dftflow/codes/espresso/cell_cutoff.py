"""Whether a cutoff is enough to relax a cell with pw.x, which has no correction for a finite basis (Pulay stress).

pw.x relaxes a cell with the plane waves of the cell it starts from, and makes the last SCF with those of the cell it
ends with. The user's guide of PWscf (https://www.quantum-espresso.org/Doc/pw_user_guide, "Variable-cell optimization")
takes the difference between the two as the measure of the basis, and asks for a larger ecutwfc where it is large; it
names no factor. So the least here is what the potentials themselves suggest (``wfc_cutoff`` in the header of a UPF
file), without a margin.
"""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.codes.cell_cutoff import refuse_low_cell_cutoff
from dftflow.codes.espresso.potentials import Potential
from dftflow.codes.least_cutoff import LeastCutoff
from dftflow.codes.suggested_cutoff import SuggestedCutoff
from dftflow.model.spec import CalcSpec
from dftflow.units import RYDBERG_EV

__all__ = ["check_cell_cutoff", "cutoff_of_potentials", "least_cutoff", "notes_on_cell_cutoff"]

UNKNOWN_RY = 80.0


def cutoff_of_potentials(chosen: Sequence[Potential]) -> SuggestedCutoff:
    """The largest cutoff that a potential suggests; 80 Ry where one suggests none or is not at hand."""
    unknown = [one.file for one in chosen if one.least_cutoff_ry is None]
    if unknown:
        why = f"80 Ry, because what {', '.join(unknown)} needs is not known here: compare with the source of the file"
        return SuggestedCutoff.at_least(UNKNOWN_RY * RYDBERG_EV, why)
    least_ry, file = max((one.least_cutoff_ry or 0.0, one.file) for one in chosen)
    return SuggestedCutoff.at_least(least_ry * RYDBERG_EV, f"{file} suggests at least {least_ry:g} Ry")


def least_cutoff(chosen: Sequence[Potential]) -> LeastCutoff | None:
    """The largest cutoff that a potential suggests, or that its narrowest function needs; None where none is known."""
    suggested = [(one.least_cutoff_ry, f"{one.file} suggests at least") for one in chosen if one.least_cutoff_ry]
    estimated = [
        (one.narrow_cutoff_ry, f"the narrowest Gaussian of {one.file} has fallen to a tenth at")
        for one in chosen
        if one.narrow_cutoff_ry
    ]
    if not (suggested or estimated):
        return None
    least_ry, says = max(suggested + estimated)
    return LeastCutoff(ev=least_ry * RYDBERG_EV, why=f"{says} {least_ry:.0f} Ry ({least_ry * RYDBERG_EV:.0f} eV)")


def check_cell_cutoff(spec: CalcSpec, chosen: Sequence[Potential]) -> None:
    """Raise `SpecError` when `spec` relaxes a cell at less than the largest cutoff that a potential suggests."""
    known = [(one.least_cutoff_ry, one.file) for one in chosen if one.least_cutoff_ry is not None]
    if known:
        need_ry, file = max(known)
        need_ev = need_ry * RYDBERG_EV
        why = f"{file} suggests at least {need_ry:g} Ry ({need_ev:.1f} eV)"
        refuse_low_cell_cutoff(spec, need_ev, program="pw.x", why=why)


def notes_on_cell_cutoff(spec: CalcSpec, chosen: Sequence[Potential]) -> tuple[str, ...]:
    """What a person who relaxes a cell has to look at."""
    if not spec.moves_cell:
        return ()
    found = [
        "pw.x relaxes the cell with the plane waves of the cell it starts from, and does not correct the stress for "
        "the finite basis. Its last SCF has the plane waves of the relaxed cell: when energy or pressure differ much "
        "there from the step before, raise the cutoff. When the cell has hardly moved, a small difference proves "
        "nothing."
    ]
    unknown = [one.file for one in chosen if one.least_cutoff_ry is None]
    if unknown:
        found.append(
            f"Which cutoff {', '.join(unknown)} needs is not known here: see that the pressure stays the same at a "
            'larger ecutwfc before you trust the cell, or relax with cell = "fixed".'
        )
    return tuple(found)
