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

__all__ = ["FAMILIES", "Functional", "KeywordFamily", "functional", "tolerance_notes"]

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

_CRITERIA = ("energy_tol_ev_per_atom", "force_tol_ev_per_ang", "stress_tol_gpa", "displacement_tol_ang")
_QUALITIES: dict[tuple[float, ...], str] = {
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


def tolerance_notes(relaxation: Relaxation) -> dict[str, str]:
    """Criterion -> where its value comes from: the study's note, and the quality of Materials Studio that all four are.

    Examples
    --------
    >>> found = tolerance_notes(
    ...     Relaxation(
    ...         cell="fixed",
    ...         energy_tol_ev_per_atom=2e-5,
    ...         force_tol_ev_per_ang=0.05,
    ...         stress_tol_gpa=0.1,
    ...         displacement_tol_ang=2e-3,
    ...         max_steps=9,
    ...         notes={"stress_tol_gpa": "doi 10.1/x"},
    ...     )
    ... )
    >>> found["stress_tol_gpa"], found["force_tol_ev_per_ang"]
    ('doi 10.1/x; Materials Studio quality "Medium"', 'Materials Studio quality "Medium"')
    """
    quality = _QUALITIES.get(tuple(getattr(relaxation, name) for name in _CRITERIA), "")
    return {name: "; ".join(part for part in (relaxation.notes.get(name, ""), quality) if part) for name in _CRITERIA}
