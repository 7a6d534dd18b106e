"""Whether a calculated crystal is the one that was asked for, after whatever a relaxation did to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import formula_of, ionic_units
from dftflow.crystals.symmetry import space_group
from dftflow.errors import DftflowError, SurfaceError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["other_crystal"]

SAME_PLACE_ANG = 1.0
SYMPREC_ANG = 0.1


def other_crystal(found: Structure, asked: Structure) -> str:
    """What makes `found` another crystal than `asked`; ``""`` when it is the same one, strained or relaxed.

    Formulae are compared, then atoms: those of one cell by place, another cell of the crystal by pymatgen's
    `StructureMatcher`, which scales volumes and reduces cells. Molecules may have turned, so that the ions around them
    decide where there are any.
    """
    have, want = found.composition.reduced_formula, asked.composition.reduced_formula
    if have != want:
        return f"a calculation of {have}, where the study asks for {want}"
    if _same_places(found, asked) or _match(found, asked) or _match(*(_without_molecules(s) for s in (found, asked))):
        return ""
    return f"a calculation of {_phase(found)}, where the study asks for {_phase(asked)}"


def _same_places(found: Structure, asked: Structure) -> bool:
    """Whether every atom is near one of its kind when the cells are laid over each other."""
    if found.composition != asked.composition:
        return False
    distances = asked.lattice.get_all_distances(found.frac_coords, asked.frac_coords)
    kinds = [np.array([site.specie.Z for site in structure]) for structure in (found, asked)]
    distances[kinds[0][:, None] != kinds[1][None, :]] = np.inf
    alike = np.allclose(found.lattice.angles, asked.lattice.angles, atol=5.0)
    lengths = np.allclose(found.lattice.abc, asked.lattice.abc, rtol=0.1)
    near = (distances.min(axis=0) < SAME_PLACE_ANG).all() and (distances.min(axis=1) < SAME_PLACE_ANG).all()
    return bool(alike and lengths and near)


def _match(found: Structure | None, asked: Structure | None) -> bool:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    if found is None or asked is None:
        return False
    return bool(StructureMatcher(primitive_cell=True, scale=True).fit(found, asked))


def _without_molecules(structure: Structure) -> Structure | None:
    """The crystal with each molecule as one atom of a kind of its own; None when it has none."""
    from pymatgen.core import DummySpecies, Structure

    try:
        molecules = [unit for unit in ionic_units(structure) if len(unit.symbols) > 1]
    except SurfaceError:
        return None
    if not molecules:
        return None
    inside = {index for unit in molecules for index in unit.indices}
    ions = [site for index, site in enumerate(structure) if index not in inside]
    species = [site.specie for site in ions] + [DummySpecies("X")] * len(molecules)
    places = [site.coords for site in ions] + [unit.centre_ang for unit in molecules]
    return Structure(structure.lattice, species, places, coords_are_cartesian=True)


def _phase(structure: Structure) -> str:
    try:
        group = space_group(structure, symprec_ang=SYMPREC_ANG).symbol
    except DftflowError:
        group = "an unknown space group"
    cell = structure.get_primitive_structure()
    return f"{formula_of(structure)} in {group} ({len(cell)} atoms a primitive cell)"
