"""How far a difference of energies may be off, by a study's own sweeps or by what it states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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

__all__ = ["energy_error"]

CONVERGED = {"cutoff_ev": "cutoff", "kpoint_spacing_per_ang": "k-point spacing"}
"""Settings that a converged energy does not depend on, as they are called."""
FINEST_IS_SMALLEST = ("kpoint_spacing_per_ang",)
XC = "xc"
STATED = "as the study states it"

Difference = Callable[[PhaseEnergies], float]
"""A number of eV from the energies of all its materials."""


def energy_error(
    asked: EnergyErrorRequest,
    names: Sequence[str],
    difference: Difference,
    own: PhaseEnergies,
    elsewhere: PhasesAt,
    *,
    atoms: float,
    against: Sequence[str] | None = None,
) -> EnergyError:
    """The error of a difference of energies.

    Of its convergence: its change from the study as it is written to the finest point of each sweep over the cutoff or
    the k-point spacing at which all its materials are calculated, the root of the sum of squares; without such a sweep
    what the study states. Of the functional: what the study states; else the largest change to another functional of a
    sweep over ``xc``; else `ELEMENT_ERROR_EV` where compounds stand against elements, and `OXIDE_SPREAD_EV` elsewhere.

    Parameters
    ----------
    names
        Of the materials that `difference` is made from.
    elsewhere
        The same at the points of sweeps.
    atoms
        That an error per atom is multiplied by.
    against
        The materials that the difference is between, where these are not all of `names`.
    """
    convergence_ev, convergence_holds = _convergence(asked, names, difference, own, elsewhere, atoms)
    usual = _usual(against or names, own)
    functional_ev, functional_holds = _functional(asked, names, difference, own, elsewhere, atoms, usual)
    return EnergyError(
        convergence_ev=convergence_ev,
        convergence_holds=convergence_holds,
        functional_ev=functional_ev,
        functional_holds=functional_holds,
    )


def _convergence(
    asked: EnergyErrorRequest,
    names: Sequence[str],
    difference: Difference,
    own: PhaseEnergies,
    elsewhere: PhasesAt,
    atoms: float,
) -> tuple[float | None, str]:
    changes, told = [], []
    for key, called in CONVERGED.items():
        series = dict(_along(key, names, difference, own, elsewhere))
        if series:
            finest = (min if key in FINEST_IS_SMALLEST else max)(series, key=float)
            changes.append(abs(series[finest] - difference(own)))
            told.append(f"{called} {value_text(finest)}")
    if changes:
        return hypot(*changes), f"change to the {' and to the '.join(told)} of the sweep"
    if asked.convergence_ev_per_atom is not None:
        return asked.convergence_ev_per_atom * atoms, STATED
    return None, ""


def _functional(
    asked: EnergyErrorRequest,
    names: Sequence[str],
    difference: Difference,
    own: PhaseEnergies,
    elsewhere: PhasesAt,
    atoms: float,
    usual: tuple[float, str],
) -> tuple[float, str]:
    if asked.functional_ev_per_atom is not None:
        return asked.functional_ev_per_atom * atoms, asked.functional_source or STATED
    series = dict(_along(XC, names, difference, own, elsewhere))
    changes = {xc: abs(value - difference(own)) for xc, value in series.items()}
    if any(changes.values()):
        return max(changes.values()), f"largest change to {', '.join(map(value_text, changes))}"
    per_atom_ev, source = usual
    return per_atom_ev * atoms, source


def _usual(names: Sequence[str], phases: PhaseEnergies) -> tuple[float, str]:
    """What is known of GGA, per atom: a metal or a molecule beside a salt is another thing than two salts."""
    kinds = {len(phases[name].unit.counts) == 1 for name in names}
    return (ELEMENT_ERROR_EV, ELEMENT_ERROR_SOURCE) if len(kinds) == 2 else (OXIDE_SPREAD_EV, OXIDE_SPREAD_SOURCE)


def _along(
    key: str, names: Sequence[str], difference: Difference, own: PhaseEnergies, elsewhere: PhasesAt
) -> Iterator[tuple[float | str, float]]:
    """The difference at every value of one setting, all else as the study is written, where it can be made."""
    for point, phases in elsewhere.items():
        value = point.get(key)
        if value is None or len(point.settings) != 1:
            continue
        calculated = all(name in phases and phases[name].step != own[name].step for name in names)
        if calculated and not_comparable(names, phases) is None:
            yield value, difference(phases)
