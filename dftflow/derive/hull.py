"""The convex hull of a study's phases, with the error of every distance from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from dftflow.analysis.chemical_potentials import stability_region, stability_windows
from dftflow.crystals.convex_hull import HullInput, components_of, convex_hull
from dftflow.derive.energy_errors import EnergyDifference, energy_error
from dftflow.derive.findings import Findings
from dftflow.derive.phase_energies import not_comparable
from dftflow.derive.reactions import NO_VIBRATIONS
from dftflow.errors import DftflowError
from dftflow.model.energy_error import EnergyError
from dftflow.model.hull import Hull, HullPhase, HullRequest, HullRow
from dftflow.model.phase import PhaseEnergies, PhasesAt
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.results import FloatArray

__all__ = ["hull", "hull_quantities"]

_Number = Literal["formation_ev_per_atom", "distance_ev_per_atom"]
NONE_EV = 1e-6
BEYOND = 1.25
"""How far the map of chemical potentials goes beyond the lowest corner of a compound's region."""
AGAINST_RIVALS = "energy above the hull of its rivals"
NAMES = ("formation energy per atom", "energy above the hull", "stability")


def hull(request: HullRequest | None, phases: PhaseEnergies, elsewhere: PhasesAt) -> Hull | None:
    """The hull that a study asks for, or why there is none; None where none is asked for.

    A phase without an energy leaves no hull: what is missing may lie below it.

    Parameters
    ----------
    phases
        The study's materials.
    elsewhere
        The same at the points of its sweeps, for the errors.
    """
    if request is None:
        return None
    why = not_comparable(request.materials, phases)
    if why is not None:
        return Hull(asked=request.materials, missing=replace(why, reason=f"no hull without it: {why.reason}"))
    try:
        return _hull(request, phases, elsewhere)
    except DftflowError as error:
        return Hull(asked=request.materials, missing=Missing(kind="refused", reason=error.sentence))


def _inputs(names: Sequence[str], phases: PhaseEnergies) -> list[HullInput]:
    found = []
    for name in names:
        energy_ev = phases[name].energy_per_atom_ev
        assert energy_ev is not None, "those without an energy leave no hull"
        found.append(HullInput(name=name, unit=phases[name].unit, energy_per_atom_ev=energy_ev))
    return found


def _hull(request: HullRequest, phases: PhaseEnergies, elsewhere: PhasesAt) -> Hull:
    components, of_elements = components_of(_inputs(request.materials, phases), request.terminals)
    at = _Solved(request.materials, components, phases)
    found, facets = at(phases)
    amounts = np.array([phase.amounts for phase in found])
    formation_ev = np.array([phase.formation_ev_per_atom * phases[phase.name].unit.atoms for phase in found])
    windows = stability_windows(amounts, formation_ev)
    weights = [phases[name].unit.atoms if of_elements else 1.0 for name in components]

    def error(number: int, what: _Number) -> EnergyError:
        def value_ev(there: PhaseEnergies) -> float:
            return float(getattr(at(there)[0][number], what))

        parts = components if what == "formation_ev_per_atom" else [name for name, _ in found[number].decomposition]
        difference = EnergyDifference(
            names=request.materials, ev=value_ev, own=phases, elsewhere=elsewhere, atoms=1.0,
            between=(found[number].name, *parts),
        )  # fmt: skip
        return energy_error(request.error, difference)

    rows = tuple(
        HullRow(
            phase=phase,
            unit=phases[phase.name].unit,
            shares=_shares(phase, weights),
            atoms_per_share=1.0 if of_elements else phases[phase.name].unit.atoms / sum(phase.amounts),
            formation_error=error(number, "formation_ev_per_atom"),
            error=None if phase.distance_ev_per_atom is None else error(number, "distance_ev_per_atom"),
            window_ev=windows[number],
        )
        for number, phase in enumerate(found)
    )
    return Hull(
        components=components,
        formulas=tuple(phases[name].unit.formula for name in components),
        of_elements=of_elements,
        rows=rows,
        facets=facets,
        regions_ev=_regions(rows, amounts, formation_ev),
        asked=request.materials,
    )


def _shares(phase: HullPhase, weights: Sequence[float]) -> tuple[float, ...]:
    parts = [number * weight for number, weight in zip(phase.amounts, weights, strict=True)]
    return tuple(part / sum(parts) for part in parts)


class _Solved:
    """The hull of the same phases with the energies of each point, solved once; rivals are those of the study."""

    def __init__(self, names: Sequence[str], components: Sequence[str], own: PhaseEnergies) -> None:
        self._names, self._components, self._own = names, components, _inputs(names, own)
        self._known: dict[tuple[float, ...], tuple[tuple[HullPhase, ...], tuple[tuple[str, ...], ...]]] = {}

    def __call__(self, phases: PhaseEnergies) -> tuple[tuple[HullPhase, ...], tuple[tuple[str, ...], ...]]:
        inputs = _inputs(self._names, phases)
        energies = tuple(phase.energy_per_atom_ev for phase in inputs)
        if energies not in self._known:
            self._known[energies] = convex_hull(inputs, self._components, as_of=self._own)
        return self._known[energies]


def _regions(rows: Sequence[HullRow], amounts: FloatArray, formation_ev: FloatArray) -> dict[str, FloatArray]:
    """Of three components, down to a little below the lowest corner that a phase has."""
    if amounts.shape[1] != 3:
        return {}
    lowest_ev = [BEYOND * _lowest(rows, component) for component in (0, 1)]
    found = {row.name: stability_region(amounts, formation_ev, k, lowest_ev) for k, row in enumerate(rows)}
    return {name: corners for name, corners in found.items() if len(corners) > 2}


def _lowest(rows: Sequence[HullRow], component: int) -> float:
    ends = [row.window_ev[component][0] for row in rows if row.window_ev]
    return min((end for end in ends if end is not None and end < -NONE_EV), default=-1.0)


def hull_quantities(findings: Findings) -> Iterator[Quantity]:
    """Formation energy, energy above the hull and stability of each phase, and where each is stable."""
    found = findings.hull
    if found is None:
        return
    if found.missing is not None:
        for material in found.asked:
            for name in NAMES:
                unit = "" if name == NAMES[-1] else "eV"
                yield Quantity(name=name, subject=material, unit=unit, value=None, missing=found.missing)
        return
    steps = {material.name: material.bulk.edges_step for material in findings.materials}
    for row in found.rows:
        yield from _of_row(row, found, tuple(steps.get(name, name) for name in found.asked), findings)


def _of_row(row: HullRow, found: Hull, origin: tuple[str, ...], findings: Findings) -> Iterator[Quantity]:
    between = ", ".join(found.components)
    remarks = (*_open_order(row, found), NO_VIBRATIONS, *findings.phase_remarks.get(row.name, ()))
    told: dict[str, Any] = {"origin": origin, "remarks": remarks}
    into = _falls_into(row)
    if row.name not in found.components:
        yield Quantity.of(
            NAMES[0], row.name, "eV", row.phase.formation_ev_per_atom, None, method=f"from {between}", **told,
            **_range(row.formation_error),
        )  # fmt: skip
        yield Quantity.of(
            NAMES[1], row.name, "eV", row.phase.above_hull_ev_per_atom, None,
            method=f"per atom, between {between}{into if row.phase.above_hull_ev_per_atom > 0 else ''}",
            **told, **({} if row.error is None else _range(row.error)),
        )  # fmt: skip
    if row.phase.distance_ev_per_atom is not None:
        yield Quantity.of(
            AGAINST_RIVALS, row.name, "eV", row.phase.distance_ev_per_atom, None, method=f"per atom{into}",
            **told, **({} if row.error is None else _range(row.error)),
        )  # fmt: skip
    yield Quantity.of(NAMES[2], row.name, "", row.stability, None, method=f"between {between}", **told)
    for component, window in zip(found.components, row.window_ev, strict=False):
        for end, value in zip(("lowest", "highest"), window, strict=True):
            if value is not None and component != row.name:
                yield Quantity.of(
                    f"{end} chemical potential of {component}", row.name, "eV",
                    0.0 if abs(value) < NONE_EV else value, None,
                    method=f"relative to {component}, where it is stable", **told,
                )  # fmt: skip


def _open_order(row: HullRow, found: Hull) -> Iterator[str]:
    """That another phase of its composition may be the lower one."""
    for other in found.rows:
        if other.name != row.name and other.unit.same_composition(row.unit) and other.stability == "not resolved":
            yield f"whether {other.name} lies below it is not resolved"


def _range(error: EnergyError) -> dict[str, object]:
    return {"uncertainty": (-error.total_ev, error.total_ev), "uncertainty_holds": error.holds}


def _falls_into(row: HullRow) -> str:
    """``", against 1 CsPbBr3 + 3 CsBr"``."""
    parts = " + ".join(f"{number:.4g} {name}" for name, number in row.phase.decomposition)
    return f", against {parts}" if parts else ""
