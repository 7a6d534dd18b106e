"""The two families of CASTEP keywords for a band structure, the functionals, and the geometry qualities.

``spectral_*`` belongs to ``task : Spectral`` and is what the academic documentation prefers; ``bs_*`` belongs to
``task : BandStructure`` and is what Materials Studio writes. CASTEP 18.1 to 21.1 read both, but a deck in which the
task is of one family and the k-path of the other runs without the path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dftflow.errors import SpecError
from dftflow.model.spec import Relaxation

__all__ = ["FAMILIES", "Functional", "KeywordFamily", "functional", "tolerance_note"]

KeywordFamily = Literal["academic", "materials-studio"]

FAMILIES: dict[str, str] = {"academic": "spectral", "materials-studio": "bs"}
"""Family -> first part of its keywords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Functional:
    """A functional under CASTEP's name; `hybrid` ones need norm-conserving potentials and have no local potential."""

    keyword: str
    gradient: bool = True
    hybrid: bool = False


_FUNCTIONALS = {
    "LDA": Functional(keyword="LDA", gradient=False),
    "PW91": Functional(keyword="PW91"),
    "PBE": Functional(keyword="PBE"),
    "PBESOL": Functional(keyword="PBESOL"),
    "RPBE": Functional(keyword="RPBE"),
    "WC": Functional(keyword="WC"),
    "RSCAN": Functional(keyword="RSCAN"),
    "R2SCAN": Functional(keyword="R2SCAN"),
    "PBE0": Functional(keyword="PBE0", hybrid=True),
    "B3LYP": Functional(keyword="B3LYP", hybrid=True),
    "HSE03": Functional(keyword="HSE03", hybrid=True),
    "HSE06": Functional(keyword="HSE06", hybrid=True),
}

_QUALITIES = {
    (5e-5, 0.1, 0.2, 5e-3): 'Materials Studio quality "Coarse"',
    (2e-5, 0.05, 0.1, 2e-3): 'Materials Studio quality "Medium"',
    (1e-5, 0.03, 0.05, 1e-3): 'Materials Studio quality "Fine"',
    (5e-6, 0.01, 0.02, 5e-4): 'Materials Studio quality "Ultra-fine"',
}


def functional(name: str) -> Functional:
    """CASTEP's keyword for the functional `name`; raises `SpecError` when there is none here."""
    try:
        return _FUNCTIONALS[name.upper()]
    except KeyError:
        raise SpecError(
            f"no CASTEP deck can be written for the functional {name!r}",
            fix=f"choose one of {', '.join(_FUNCTIONALS)}",
        ) from None


def tolerance_note(relaxation: Relaxation, reference: str) -> str:
    """Where the four convergence criteria come from: the paper `reference`, a quality of Materials Studio, or both."""
    found = (
        relaxation.energy_tol_ev_per_atom,
        relaxation.force_tol_ev_per_ang,
        relaxation.stress_tol_gpa,
        relaxation.displacement_tol_ang,
    )
    return "; ".join(part for part in ("paper" if reference else "", _QUALITIES.get(found, "")) if part)
