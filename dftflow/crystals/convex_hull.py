"""Convex hulls by pymatgen, between elements or between compounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dftflow.errors import StructureError
from dftflow.model.hull import HullPhase
from dftflow.model.phase import FormulaUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

__all__ = ["HullInput", "amounts_of", "components_of", "convex_hull"]

BALANCED = 1e-6
"""Of a number of atoms per atom that a phase is off the components."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HullInput:
    """A phase with its energy."""

    name: str
    unit: FormulaUnit
    energy_per_atom_ev: float


def components_of(phases: Sequence[HullInput], terminals: Sequence[str] = ()) -> tuple[tuple[str, ...], bool]:
    """Names of the phases that the others lie between, and whether these are the elements.

    Those that are given; else the lowest phase of each element where there is one of every element; else the lowest
    phase of each composition that no others make.

    Raises
    ------
    StructureError
        When the compositions do not lie between as few phases as they have degrees of freedom.
    """
    if terminals:
        return tuple(terminals), all(len(_of(phases, name).unit.counts) == 1 for name in terminals)
    lowest = _lowest_of_each(phases)
    elements = sorted({element for phase in phases for element in phase.unit.counts}, key=_electronegativity)
    pure = {next(iter(phase.unit.counts)): phase.name for phase in lowest if len(phase.unit.counts) == 1}
    if set(elements) == set(pure):
        return tuple(pure[element] for element in elements), True
    matrix = _fractions(lowest, elements)
    outer = [k for k in range(len(lowest)) if not _lies_between(matrix, k)]
    if len(outer) != np.linalg.matrix_rank(matrix, tol=BALANCED):
        raise StructureError(
            f"the phases lie between {', '.join(lowest[k].name for k in outer)}, which are not independent",
            reason="a hull lies between as many compounds as its compositions have degrees of freedom",
            fix="name these as terminals, and leave out the phases beyond them; or add the elements to the study",
        )
    return tuple(lowest[k].name for k in outer), False


def _of(phases: Sequence[HullInput], name: str) -> HullInput:
    return next(phase for phase in phases if phase.name == name)


def _electronegativity(element: str) -> tuple[float, str]:
    from pymatgen.core import Element

    x = Element(element).X
    return (float(x) if np.isfinite(x) else 9.0), element


def _lowest_of_each(phases: Sequence[HullInput]) -> list[HullInput]:
    """The lowest phase of each composition, in the order in which these first stand."""
    found: list[HullInput] = []
    for phase in phases:
        place = next((k for k, other in enumerate(found) if other.unit.same_composition(phase.unit)), None)
        if place is None:
            found.append(phase)
        elif phase.energy_per_atom_ev < found[place].energy_per_atom_ev:
            found[place] = phase
    return found


def _fractions(phases: Sequence[HullInput], elements: Sequence[str]) -> NDArray[np.float64]:
    """Atomic fractions, shape (n_phases, n_elements)."""
    rows = [[phase.unit.counts.get(element, 0.0) / phase.unit.atoms for element in elements] for phase in phases]
    return np.array(rows, dtype=np.float64)


def _lies_between(matrix: NDArray[np.float64], number: int) -> bool:
    """Whether a composition is made of the other ones."""
    from scipy.optimize import nnls  # type: ignore[import-untyped]

    others = np.delete(matrix, number, axis=0)
    return bool(len(others)) and nnls(others.T, matrix[number])[1] < BALANCED


def amounts_of(phases: Sequence[HullInput], components: Sequence[str]) -> NDArray[np.float64]:
    """Formula units of each component in one of each phase, shape (n_phases, n_components).

    Raises
    ------
    StructureError
        For a phase that the components do not make.
    """
    from scipy.optimize import nnls

    elements = sorted({element for phase in phases for element in phase.unit.counts})
    basis = np.array([[_of(phases, name).unit.counts.get(e, 0.0) for e in elements] for name in components])
    rows = []
    for phase in phases:
        amounts, off = nnls(basis.T, np.array([phase.unit.counts.get(e, 0.0) for e in elements]))
        if off > BALANCED * phase.unit.atoms:
            raise StructureError(
                f"{phase.name} does not lie between {', '.join(components)}",
                reason=f"{phase.unit.formula} is not made of {' and '.join(components)}",
                fix="leave it out of the hull, or name other terminals",
            )
        rows.append(amounts)
    return np.array(rows, dtype=np.float64)


def convex_hull(
    phases: Sequence[HullInput], components: Sequence[str], *, as_of: Sequence[HullInput] | None = None
) -> tuple[tuple[HullPhase, ...], tuple[tuple[str, ...], ...]]:
    """How each phase lies to the hull, and which are stable together.

    The components become elements of their own, each with as many atoms as its formula unit has, as in pymatgen's
    ``CompoundPhaseDiagram`` (10.1021/cm702327g).

    Parameters
    ----------
    phases
        All of them, the components too.
    components
        Names of those that the hull lies between.
    as_of
        The same phases with the energies that say which is the lowest of its composition, so that a distance means the
        same at other settings; those of `phases` unless given.

    Raises
    ------
    StructureError
        For a phase that the components do not make.
    """
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

    amounts = amounts_of(phases, components)
    sizes = np.array([_of(phases, name).unit.atoms for name in components])
    entries = [
        PDEntry(_composition(row * sizes), phase.energy_per_atom_ev * phase.unit.atoms, name=phase.name)
        for phase, row in zip(phases, amounts, strict=True)
    ]
    diagram = PhaseDiagram(entries)
    units = {phase.name: phase.unit for phase in phases}
    formation_ev = _formation_ev_per_atom(phases, components, amounts)
    order_ev = [phase.energy_per_atom_ev for phase in as_of or phases]
    rows = tuple(
        HullPhase(
            name=entry.name,
            amounts=tuple(map(float, amounts[number])),
            formation_ev_per_atom=float(formation_ev[number]),
            above_hull_ev_per_atom=max(0.0, float(diagram.get_e_above_hull(entry) or 0.0)),
            distance_ev_per_atom=distance_ev,
            decomposition=into,
        )
        for number, entry in enumerate(entries)
        for distance_ev, into in [_without(entries, number, units, order_ev)]
    )
    facets = [tuple(sorted(str(diagram.qhull_entries[k].name) for k in facet)) for facet in diagram.facets]
    return rows, tuple(sorted(facets))


def _composition(atoms: NDArray[np.float64]) -> Composition:
    """Of elements that stand for the components."""
    from pymatgen.core import Composition, DummySpecies

    names = "abcdefghijklmnopqrstuvwxyz"
    return Composition({DummySpecies(f"X{names[k]}"): float(n) for k, n in enumerate(atoms) if n > 0})


def _formation_ev_per_atom(
    phases: Sequence[HullInput], components: Sequence[str], amounts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of making each phase from the components themselves, even where another phase of theirs lies lower."""
    of_unit_ev = np.array([phase.energy_per_atom_ev * phase.unit.atoms for phase in phases])
    parts_ev = np.array([_of(phases, name).energy_per_atom_ev * _of(phases, name).unit.atoms for name in components])
    atoms = np.array([phase.unit.atoms for phase in phases])
    return np.asarray((of_unit_ev - amounts @ parts_ev) / atoms, dtype=np.float64)


def _without(
    entries: Sequence[PDEntry], number: int, units: dict[str, FormulaUnit], order_ev: Sequence[float]
) -> tuple[float | None, tuple[tuple[str, float], ...]]:
    """Energy per atom above the hull of its rivals, and formula units of each that it falls into there."""
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

    entry = entries[number]
    others = _rivals(entries, number, order_ev)
    needed = {element for one in entries for element in one.composition.elements}
    if needed - {one.composition.elements[0] for one in others if len(one.composition.elements) == 1}:
        return None, ()
    diagram = PhaseDiagram(others)
    parts = diagram.get_decomposition(entry.composition)
    hull_ev = sum(part * one.energy_per_atom for one, part in parts.items())
    atoms = units[entry.name].atoms
    named = {one.name: float(part) for one, part in parts.items() if part > BALANCED and isinstance(one, PDEntry)}
    into = [(name, part * atoms / units[name].atoms) for name, part in named.items()]
    return float(entry.energy_per_atom - hull_ev), tuple(sorted(into, key=lambda part: -part[1]))


def _rivals(entries: Sequence[PDEntry], number: int, order_ev: Sequence[float]) -> list[PDEntry]:
    """All other phases; of the lowest of its composition (by `order_ev`) those of other compositions."""
    entry = entries[number]
    whole = entry.composition.fractional_composition
    shares = [one.composition.fractional_composition for one in entries]
    same = [share.almost_equals(whole, rtol=0, atol=BALANCED) for share in shares]
    alike = [k for k, is_same in enumerate(same) if is_same]
    if number == min(alike, key=lambda k: order_ev[k]):
        return [one for one, is_same in zip(entries, same, strict=True) if not is_same]
    return [one for k, one in enumerate(entries) if k != number]
