"""Checks the cutoff against what the potentials ask for, and against a floor where they do not say it."""

from __future__ import annotations

from collections.abc import Iterator

from dftflow.codes.castep.input.keyword_table import split_quantity
from dftflow.codes.castep.input.species_potentials import SpeciesPotentials
from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.values import DeckValues
from dftflow.units import HARTREE_EV, RYDBERG_EV

__all__ = ["check_cutoff"]

NAME = "cut_off_energy"
SOFTEST_EV = 10 * HARTREE_EV
"""What CASTEP's softest library for all elements, QC5, is made for: 272 eV (castep.org, "Pseudopotentials")."""
FLOOR_EV = SOFTEST_EV / 3
SAME = 1 - 1e-3


def check_cutoff(
    values: DeckValues, potentials: SpeciesPotentials | None, species: frozenset[str]
) -> Iterator[Finding]:
    """The cutoff against the numbers of the on-the-fly strings, and against a floor for the other potentials.

    Parameters
    ----------
    potentials
        None for a ``.param`` without its ``.cell``.
    species
        In lower case, those of the atoms.
    """
    cutoff_ev = values.energy_ev(NAME)
    if cutoff_ev is None:
        return
    told = {name: line for name, line in (potentials.named if potentials else {}).items() if line.on_the_fly}
    for potential in told.values():
        string = potential.on_the_fly
        if string is None or cutoff_ev >= string.fine_ev * SAME:
            continue
        coarse = cutoff_ev < string.coarse_ev * SAME
        quality, wanted_ev = ("coarse", string.coarse_ev) if coarse else ("fine", string.fine_ev)
        yield values.finding(
            NAME,
            "warning" if coarse else "note",
            f"{cutoff_ev:g} eV is below the {quality} quality of {potential.species}'s potential "
            f"({wanted_ev / HARTREE_EV:g} Ha)",
            f"at least {wanted_ev:.1f} eV; fine is {string.fine_ev:.1f} eV" if coarse else f"{wanted_ev:.1f} eV",
        )
    if cutoff_ev < FLOOR_EV and not (species and species <= told.keys()):
        number, unit = split_quantity(values.given[NAME].value)
        meant = f"; was {number:g} Ry ({(number or 0) * RYDBERG_EV:.0f} eV) or Ha meant?" if unit in ("", "ev") else ""
        yield values.finding(
            NAME,
            "warning",
            f"{cutoff_ev:g} eV is less than a third of the {SOFTEST_EV:.0f} eV that CASTEP's softest library, QC5, asks"
            f" for{meant}",
            "write the unit, and take the cutoff from the potentials",
        )
