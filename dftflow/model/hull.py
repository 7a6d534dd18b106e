"""The convex hull of a study's phases: what is asked of it, how each phase lies to it, and where each is stable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dftflow.model.energy_error import EnergyError, EnergyErrorRequest
from dftflow.model.phase import FormulaUnit
from dftflow.model.quantity import Missing
from dftflow.model.results import FloatArray

__all__ = ["Hull", "HullPhase", "HullRequest", "HullRow", "Stability", "Window"]

Stability = Literal["stable", "unstable", "not resolved", "end of the hull"]
Window = tuple[float | None, float | None]
"""Lowest and highest, None where there is no end to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HullRequest:
    """The phases of a hull, and the compounds that it lies between; none given: the elements, or the outermost ones."""

    materials: tuple[str, ...]
    terminals: tuple[str, ...] = ()
    error: EnergyErrorRequest = field(default_factory=EnergyErrorRequest)


@dataclass(frozen=True, slots=True, kw_only=True)
class HullPhase:
    """A phase on or above a convex hull, without errors.

    Attributes
    ----------
    amounts
        Formula units of each component in one of this phase.
    formation_ev_per_atom
        Of making it from the components.
    above_hull_ev_per_atom
        At or above 0.
    distance_ev_per_atom, decomposition
        Energy above the hull of its rivals, below 0 for one that is stable, and what it would fall into there: formula
        units of each phase for one of it. Rivals are all other phases; of the lowest phase of a composition those of
        other compositions. None and ``()`` for the lowest phase of a component.
    """

    name: str
    amounts: tuple[float, ...]
    formation_ev_per_atom: float
    above_hull_ev_per_atom: float
    distance_ev_per_atom: float | None
    decomposition: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HullRow:
    """A phase of the hull with its error and what follows.

    Attributes
    ----------
    shares, atoms_per_share
        Fractions of the components: of atoms between elements, else of formula units; and the atoms that one of these
        comes to, so that an energy per share is linear between two phases.
    window_ev
        For each component the chemical potentials at which the phase is stable, relative to the component itself;
        ``()`` where it is stable at none.
    """

    phase: HullPhase
    unit: FormulaUnit
    shares: tuple[float, ...]
    atoms_per_share: float
    formation_error: EnergyError
    error: EnergyError | None
    window_ev: tuple[Window, ...]

    @property
    def name(self) -> str:
        """Of the material."""
        return self.phase.name

    @property
    def formation_ev_per_share(self) -> float:
        """Energy of making it, on the scale of `shares`."""
        return self.phase.formation_ev_per_atom * self.atoms_per_share

    @property
    def formation_error_ev_per_share(self) -> float:
        """Its error; 0 for what the hull lies between."""
        return 0.0 if self.stability == "end of the hull" else self.formation_error.total_ev * self.atoms_per_share

    @property
    def stability(self) -> Stability:
        """What the distance from the hull of the others tells, beside its error."""
        distance_ev = self.phase.distance_ev_per_atom
        if distance_ev is None or self.error is None:
            return "end of the hull"
        if not self.error.resolves(distance_ev):
            return "not resolved"
        return "stable" if distance_ev < 0 else "unstable"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Hull:
    """A convex hull.

    Attributes
    ----------
    components
        Names of the materials that it lies between.
    formulas
        Of each of them.
    of_elements
        Whether these are the elements.
    rows
        Of every phase.
    facets
        Names of the phases that are stable together, one tuple for each part of the hull.
    regions_ev
        Of three components: name of a phase -> shape (n, 2); corners of where it is stable, in chemical potentials of
        the first two components relative to these. Empty for other numbers.
    missing
        Why there is no hull; ``rows`` is empty then.
    asked
        The materials.
    """

    components: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    of_elements: bool = False
    rows: tuple[HullRow, ...] = ()
    facets: tuple[tuple[str, ...], ...] = ()
    regions_ev: Mapping[str, FloatArray] = field(default_factory=dict)
    missing: Missing | None = None
    asked: tuple[str, ...] = ()

    def row(self, name: str) -> HullRow:
        """Of one phase."""
        return next(row for row in self.rows if row.name == name)
