"""A cutoff below what the potentials ask for is said, whatever is calculated: nothing is converged at it."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.spec import CalcSpec

__all__ = ["LeastCutoff", "caution_on_cutoff"]

SAME_CUTOFF_EV = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastCutoff:
    """Cutoff of the wave functions below which the potentials are not to be used, and who says so.

    Attributes
    ----------
    why
        ``"ENMAX of Pb_d is 237.8 eV"``.
    """

    ev: float
    why: str


def caution_on_cutoff(spec: CalcSpec, least: LeastCutoff | None) -> tuple[str, ...]:
    """What stands beside a deck whose cutoff is too low; nothing where the need is not known."""
    if least is None or spec.cutoff_ev >= least.ev - SAME_CUTOFF_EV:
        return ()
    return (
        f"The cutoff of {spec.cutoff_ev:g} eV is below what the potentials ask for: {least.why}. "
        "Levels, gaps and energies are not converged at it.",
    )
