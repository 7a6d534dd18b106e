"""What a formula unit of a crystal is, and how many atoms it holds."""

from __future__ import annotations

from collections import Counter
from math import gcd
from typing import TYPE_CHECKING

from dftflow.crystals.ions import formula_of, ionic_units
from dftflow.errors import SurfaceError
from dftflow.model.phase import FormulaUnit

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["formula_unit"]

DIATOMIC = frozenset({"H", "N", "O", "F", "Cl", "Br", "I"})
"""Elements whose formula is written with two atoms: ``Br2``."""


def formula_unit(structure: Structure) -> FormulaUnit:
    """The formula unit of a crystal, whatever cell of it is given.

    It is the smallest whole number of each of its ions, molecules being whole; of a mixture what
    ``properties["formula_units"]`` says; of the elements that are called by two atoms, such as Br2, these two.

    Parameters
    ----------
    structure
        An ordered crystal.
    """
    amounts = structure.composition.get_el_amt_dict()
    (first, *others) = amounts
    if not others and first in DIATOMIC and len(structure) % 2 == 0:
        return FormulaUnit(formula=f"{first}2", counts={first: 2.0})
    units = _number_of_units(structure)
    counts = {element: amount / units for element, amount in amounts.items()}
    return FormulaUnit(formula=formula_of(structure), counts=counts)


def _number_of_units(structure: Structure) -> float:
    stated = float((structure.properties or {}).get("formula_units", 0))
    if stated:
        return stated
    try:
        return gcd(*Counter(unit.name for unit in ionic_units(structure)).values())
    except SurfaceError:
        return float(structure.composition.get_reduced_formula_and_factor()[1])
