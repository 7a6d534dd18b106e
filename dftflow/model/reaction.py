"""A reaction between materials of a study: how its equation is written and read, what is asked of it, what it costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from dftflow.model.energy_error import EnergyError, EnergyErrorRequest
from dftflow.model.phase import ATOM_TOLERANCE, FormulaUnit
from dftflow.model.quantity import Missing

__all__ = ["ARROW", "Reaction", "ReactionRequest", "Side", "excess_of", "excess_text", "parse_equation"]

Side = tuple[tuple[str, Fraction], ...]
"""Materials with their coefficients."""

ARROW = "->"
_COEFFICIENT = re.compile(r"[0-9]+(?:\.[0-9]+)?|[0-9]+/0*[1-9][0-9]*")
LARGEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRequest:
    """An equation as a study has it."""

    equation: str
    reactants: Side
    products: Side
    error: EnergyErrorRequest = field(default_factory=EnergyErrorRequest)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its materials."""
        return tuple(name for name, _ in (*self.reactants, *self.products))

    @property
    def change(self) -> Mapping[str, Fraction]:
        """Material -> formula units that the reaction makes; below zero for those that it uses up."""
        return {name: -n for name, n in self.reactants} | dict(self.products)

    @property
    def per(self) -> str:
        """What an energy of the equation as it is written is per."""
        name, number = self.reactants[0]
        return f"per formula unit of {name}" if number == 1 else f"as written, for {number} {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a reaction costs, or why that is not known.

    Attributes
    ----------
    energy_ev
        Of the products less that of the reactants, of the equation as it is written: below zero where it releases
        energy.
    atoms
        On one side of the equation.
    """

    request: ReactionRequest
    energy_ev: float | None
    atoms: float
    error: EnergyError | None = None
    missing: Missing | None = None
    origin: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def sign(self) -> Literal["releases energy", "costs energy", "not resolved"]:
        """Whether the sign of the energy is told, and which it is; asked only where there is an energy."""
        assert self.energy_ev is not None and self.error is not None, "there is an energy"
        if not self.error.resolves(self.energy_ev):
            return "not resolved"
        return "releases energy" if self.energy_ev < 0 else "costs energy"


def parse_equation(text: str) -> tuple[Side, Side]:
    """Reactants and products of an equation such as ``"Cs4PbBr6 -> CsPbBr3 + 3 CsBr"``.

    A coefficient stands before its material, as ``3``, ``1.5`` or ``3/2``; each material stands once.

    Raises
    ------
    ValueError
        For what is no such equation, saying what is wrong and how to write it.
    """
    sides = text.split(f" {ARROW} ")
    if len(sides) != 2:
        raise ValueError(f"an equation has one arrow with a space on each side of it: A {ARROW} B + 2 C")
    reactants, products = (_side(side) for side in sides)
    names = [name for name, _ in (*reactants, *products)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} stands twice in the equation: write it once, with the number of it that is left")
    return reactants, products


def _side(text: str) -> Side:
    return tuple(_term(term) for term in text.split(" + "))


def _term(text: str) -> tuple[str, Fraction]:
    words = text.split()
    if len(words) not in (1, 2) or words[-1] in ("+", ARROW):
        raise ValueError(
            f"{text.strip()!r} is no material with a number before it: write A {ARROW} B + 2 C, with a space on each "
            "side of every + and of the arrow"
        )
    if len(words) == 1:
        return words[0], Fraction(1)
    number, name = words
    if _COEFFICIENT.fullmatch(number) is None:
        raise ValueError(f"{number!r} before {name} is no number: write 3, 1.5 or 3/2")
    if not 0 < Fraction(number) <= LARGEST:
        raise ValueError(f"the number before {name} is {number}: it is above 0 and at most {LARGEST}")
    return name, Fraction(number)


def excess_of(change: Mapping[str, Fraction], units: Mapping[str, FormulaUnit]) -> dict[str, float]:
    """Element -> atoms that the products hold more than the reactants; empty where the equation is balanced."""
    found: dict[str, float] = {}
    for name, number in change.items():
        for element, count in units[name].counts.items():
            found[element] = found.get(element, 0.0) + float(number) * count
    return {element: more for element, more in found.items() if abs(more) > ATOM_TOLERANCE}


def excess_text(excess: Mapping[str, float]) -> str:
    """``"3 Br too few and 1 Cs too many on the right"``."""
    few = [f"{-more:.6g} {element}" for element, more in sorted(excess.items()) if more < 0]
    many = [f"{more:.6g} {element}" for element, more in sorted(excess.items()) if more > 0]
    parts = [f"{', '.join(few)} too few"] if few else []
    parts += [f"{', '.join(many)} too many"] if many else []
    return f"{' and '.join(parts)} on the right"
