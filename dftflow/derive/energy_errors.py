"""How far a difference of energies may be off, by a study's own sweeps or by what it states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot

from dftflow.derive.phase_energies import not_comparable
from dftflow.model.energy_error import (
    ELEMENT_ERROR_EV,
    ELEMENT_ERROR_SOURCE,
    OXIDE_SPREAD_EV,
    OXIDE_SPREAD_SOURCE,
    EnergyError,
    EnergyErrorRequest,
)
from dftflow.model.phase import PhaseEnergies, PhasesAt
from dftflow.model.point import value_text

__all__ = ["EnergyDifference", "energy_error"]

CONVERGED = {"cutoff_ev": "cutoff", "kpoint_spacing_per_ang": "k-point spacing"}
"""Settings that a converged energy does not depend on, as they are called."""
FINEST_IS_SMALLEST = ("kpoint_spacing_per_ang",)
XC = "xc"
STATED = "as the study states it"

Difference = Callable[[PhaseEnergies], float]
"""A number of eV from the energies of all its materials."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyDifference:
    """A difference of energies between phases, of the study as it is written and at the points of its sweeps.

    Attributes
    ----------
    names
        Of the materials that it is made from.
    ev
        How it is made.
    own, elsewhere
        The phases of the study as it is written, and at the points of sweeps.
    atoms
        That an error per atom is multiplied by.
    between
        The materials that it is between, where these are not all of `names`.
    """

    names: Sequence[str]
    ev: Difference
    own: PhaseEnergies
    elsewhere: PhasesAt
    atoms: float
    between: Sequence[str] | None = None

    @property
    def own_ev(self) -> float:
        """As the study is written."""
        return self.ev(self.own)

    def along(self, key: str) -> dict[float | str, float]:
        """At every value of one setting, all else as the study is written, where it can be made, eV."""
        found = {}
        for point, phases in self.elsewhere.items():
            value = point.get(key)
            if value is None or len(point.settings) != 1:
                continue
            calculated = all(name in phases and phases[name].step != self.own[name].step for name in self.names)
            if calculated and not_comparable(self.names, phases) is None:
                found[value] = self.ev(phases)
        return found


def energy_error(asked: EnergyErrorRequest, difference: EnergyDifference) -> EnergyError:
    """How far a difference of energies may be off.

    Of its convergence: its change from the study as it is written to the finest point of each sweep over the cutoff or
    the k-point spacing at which all its materials are calculated, the root of the sum of squares; without such a sweep
    what the study states. Of the functional: what the study states; else the largest change to another functional of a
    sweep over ``xc``; else `ELEMENT_ERROR_EV` where compounds stand against elements, and `OXIDE_SPREAD_EV` elsewhere.
    """
    convergence_ev, convergence_holds = _convergence(asked, difference)
    functional_ev, functional_holds = _functional(asked, difference)
    return EnergyError(
        convergence_ev=convergence_ev,
        convergence_holds=convergence_holds,
        functional_ev=functional_ev,
        functional_holds=functional_holds,
    )


def _convergence(asked: EnergyErrorRequest, difference: EnergyDifference) -> tuple[float | None, str]:
    changes, told = [], []
    for key, called in CONVERGED.items():
        series = difference.along(key)
        if series:
            finest = (min if key in FINEST_IS_SMALLEST else max)(series, key=float)
            changes.append(abs(series[finest] - difference.own_ev))
            told.append(f"{called} {value_text(finest)}")
    if changes:
        return hypot(*changes), f"change to the {' and to the '.join(told)} of the sweep"
    if asked.convergence_ev_per_atom is not None:
        return asked.convergence_ev_per_atom * difference.atoms, STATED
    return None, ""


def _functional(asked: EnergyErrorRequest, difference: EnergyDifference) -> tuple[float, str]:
    if asked.functional_ev_per_atom is not None:
        return asked.functional_ev_per_atom * difference.atoms, asked.functional_source or STATED
    changes = {xc: abs(ev - difference.own_ev) for xc, ev in difference.along(XC).items()}
    if any(changes.values()):
        return max(changes.values()), f"largest change to {', '.join(map(value_text, changes))}"
    per_atom_ev, source = _usual(difference)
    return per_atom_ev * difference.atoms, source


def _usual(difference: EnergyDifference) -> tuple[float, str]:
    """What is known of GGA, per atom: a metal or a molecule beside a salt is another thing than two salts."""
    kinds = {len(difference.own[name].unit.counts) == 1 for name in difference.between or difference.names}
    return (ELEMENT_ERROR_EV, ELEMENT_ERROR_SOURCE) if len(kinds) == 2 else (OXIDE_SPREAD_EV, OXIDE_SPREAD_SOURCE)
