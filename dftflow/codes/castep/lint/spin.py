"""Checks spins that are given to a run without spin, and the set of keywords that spin-orbit coupling needs."""

from __future__ import annotations

from collections.abc import Iterator

from dftflow.codes.castep.input.cell_file import CellSite
from dftflow.codes.castep.input.deck_file import DeckFile
from dftflow.codes.castep.input.species_potentials import SpeciesPotentials
from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.values import SPINORS, DeckValues

__all__ = ["check_coupling", "check_initial_spins", "check_j_dependence", "check_spin"]

WRITE_OUT = "write spin_polarized : true (or false, without the spins)"


def check_spin(values: DeckValues) -> Iterator[Finding]:
    """A spin in the ``.param`` that the run does not have, or has by a default only."""
    spin = values.number("spin") or 0.0
    if not spin or values.spinors:
        return
    if values.polarized is False:
        yield values.finding("spin", "error", "spin_polarized is false, but a spin is given", "spin_polarized : true")
    elif "spin_polarized" not in values.given and not values.continues:
        by_default = values.polarized is None
        yield values.finding(
            "spin",
            "warning" if by_default else "note",
            "a spin is given without spin_polarized, which is true by default for a spin above zero"
            + (" only, and false for this one" if by_default else ""),
            WRITE_OUT,
        )


def check_initial_spins(values: DeckValues, cell: DeckFile, sites: tuple[CellSite, ...]) -> Iterator[Finding]:
    """Spins of the atoms in the ``.cell`` of a run that has none."""
    magnetic = [site for site in sites if any(site.spin)]
    if not magnetic or values.polarized or values.spinors or (values.polarized is None and values.continues):
        return
    first = magnetic[0]
    atoms = "1 atom has" if len(magnetic) == 1 else f"{len(magnetic)} atoms have"
    state = "false" if values.polarized is False else "not given in the .param, and false by default"
    yield Finding(
        file=cell.file,
        line=first.line,
        severity="warning",
        message=f"{atoms} an initial spin (first {first.species}), but spin_polarized is {state}",
        fix=WRITE_OUT,
    )


def check_coupling(values: DeckValues) -> Iterator[Finding]:
    """Spin-orbit coupling without spinors, or without Dirac's equation in the potentials (castep-docs, "SOC")."""
    if not values.is_on("spin_orbit_coupling") or values.continues:
        return
    treatment = values.option("spin_treatment")
    if treatment not in SPINORS:
        yield values.finding(
            "spin_orbit_coupling",
            "error",
            "spin-orbit coupling couples the two spins of a state, but spin_treatment is "
            + (treatment or "left to its default, none"),
            "spin_treatment : vector",
        )


def check_j_dependence(
    values: DeckValues, cell: DeckFile, potentials: SpeciesPotentials, sites: tuple[CellSite, ...]
) -> Iterator[Finding]:
    """Spin-orbit coupling acts through the potentials: they must depend on j (castep-docs, "SOC")."""
    if not values.is_on("spin_orbit_coupling"):
        return
    of_species = {site.species: potentials.of(site) for site in sites}
    made = {species: found for species, found in of_species.items() if found is None or not found.is_file}
    if made and values.option("relativistic_treatment") != "dirac" and not values.continues:
        treatment = values.option("relativistic_treatment")
        yield values.finding(
            "relativistic_treatment" if treatment else "spin_orbit_coupling",
            "error",
            "spin-orbit coupling needs potentials made from Dirac's equation, but relativistic_treatment is "
            + (treatment or "left to its default, koelling-harmon"),
            "relativistic_treatment : dirac",
        )
    without = [species for species, found in of_species.items() if found is None or found.j_dependent is False]
    if not without:
        return
    block = cell.block_of.get("species_pot")
    lines = [found.line for species in without if (found := of_species[species])]
    yield Finding(
        file=cell.file,
        line=min(lines, default=block.line if block else 1),
        severity="error",
        message=f"spin-orbit coupling is on, but the potentials of {', '.join(without)} do not depend on j"
        + ("" if lines else ": they are left to CASTEP's default"),
        fix="SOC19 in SPECIES_POT, or files .uspso or .upf with spin-orbit coupling",
    )
