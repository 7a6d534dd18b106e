"""What of one calculation may be used: its results without the parts that a failed check concerns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dftflow.gate.belonging import belonging
from dftflow.gate.state_counts import state_counts
from dftflow.model.check import Check, Part
from dftflow.model.results import Results

__all__ = ["Refused", "Sound", "sound"]

_FIELDS: dict[Part, tuple[str, ...]] = {
    "status": ("status",),
    "structure": ("structure",),
    "energy": ("energy_ev", "free_energy_ev", "finite_basis_de_dlnecut_ev", "steps"),
    "forces": ("forces_ev_per_ang",),
    "stress": ("stress_gpa",),
    "fermi": ("log_fermi",),
    "bands": ("bands", "bands_run", "projections"),
    "projections": ("projections",),
    "dos": ("dos",),
    "potential": ("potential",),
    "density": ("density",),
    "shifts": ("shifts",),
}
"""Part -> the fields of `Results` that it stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A part of the results that is not used, and why."""

    part: Part
    reason: str


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Sound:
    """What may be used of a calculation.

    Attributes
    ----------
    results
        Without the refused parts; its `checks` are all that were made, the readers' and the gate's.
    refused
        One for each part and failed check, and one for each part that its reader had to refuse (`Results.lost`); ``()``
        when nothing was refused.
    """

    results: Results
    refused: tuple[Refused, ...] = ()

    @property
    def refused_parts(self) -> tuple[Part, ...]:
        """Each refused part once."""
        return tuple(dict.fromkeys(refusal.part for refusal in self.refused))

    def why_without(self, part: Part) -> str:
        """Why `part` was refused, in one line; ``""`` when it was not."""
        return "; ".join(refusal.reason for refusal in self.refused if refusal.part == part)


def sound(results: Results) -> Sound:
    """The results without the parts that a failed check concerns, and why.

    A check that could not be decided refuses nothing; it stands among the checks.
    """
    checks = (*results.checks, *belonging(results), *state_counts(results))
    failed = [
        Refused(part=part, reason=_reason(check))
        for check in checks
        if check.passed is False
        for part in check.concerns
        if _is_there(results, part)
    ]
    refused = (*(Refused(part=part, reason=why) for part, why in results.lost.items()), *failed)
    emptied: dict[str, Any] = {name: _EMPTY.get(name) for refusal in refused for name in _FIELDS[refusal.part]}
    return Sound(results=replace(results, checks=checks, **emptied), refused=refused)


_EMPTY: dict[str, Any] = {"steps": (), "status": "unknown"}


def _is_there(results: Results, part: Part) -> bool:
    values = ((getattr(results, name), _EMPTY.get(name)) for name in _FIELDS[part])
    return any(value is not None and not (isinstance(value, type(empty)) and value == empty) for value, empty in values)


def _reason(check: Check) -> str:
    return f"this does not hold: {check.name} ({check.detail})"
