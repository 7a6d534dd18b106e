"""Whether a calculated crystal is the one that was asked for, after whatever a relaxation did to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import formula_of, ionic_units
from dftflow.crystals.likeness import Likeness
from dftflow.crystals.symmetry import FROM_SYMPREC, symmetry_dataset
from dftflow.errors import DftflowError, SurfaceError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["compare_crystal"]

SAME_PLACE_ANG = 1.0
MOST_STRAIN = 0.1
"""Along any direction, so that it does not matter in which cell a crystal stands."""
LAID_OVER = 0.5
"""Cells that differ by more have other axes."""
SYMPREC_ANG = 0.05
"""A relaxation keeps a symmetry to within less, and the distortions that make another phase are larger."""


def compare_crystal(found: Structure, asked: Structure, *, relaxed: bool = False) -> Likeness:
    """Whether a calculated crystal is `asked`, strained or relaxed, and what makes it another one.

    Formulae are compared, then atoms: those of one cell by place, another cell of the crystal by pymatgen's
    `StructureMatcher`, which scales volumes and reduces cells. Both forgive the distortions that tell the phases of a
    perovskite apart; the space groups do not. Molecules may have turned, so that where there are any the ions around
    them decide, and a framework that has lost symmetry is a remark.

    Parameters
    ----------
    found
        As calculated.
    asked
        That it is to be, or to be relaxed from.
    relaxed
        The crystal comes out of a relaxation, which may gain or lose symmetry: a remark, not another crystal.
    """
    have, want = found.composition.reduced_formula, asked.composition.reduced_formula
    if have != want:
        return Likeness(refusal=f"a calculation of {have}, where the study asks for {want}")
    frames = [_without_molecules(structure) for structure in (found, asked)]
    if not (_same_places(found, asked) or _match(found, asked) or _match(*frames)):
        return Likeness(refusal=_another(found, asked, relaxed=relaxed))
    return _by_symmetry(found, asked, frames, relaxed=relaxed)


def _by_symmetry(found: Structure, asked: Structure, frames: list[Structure | None], *, relaxed: bool) -> Likeness:
    """What the space groups tell of two crystals whose atoms lie near each other."""
    molecular = all(frame is not None for frame in frames)
    groups = [_group(frame or whole) for frame, whole in zip(frames, (found, asked), strict=True)]
    (have, own), (want, wanted) = groups
    if have == want and (relaxed or abs(own - wanted) < 1e-6):
        return Likeness()
    if relaxed or (molecular and own < wanted):
        whose = "framework of the calculated crystal" if molecular else "relaxed crystal"
        return Likeness(remark=f"the {whose} has the space group {have}, where the study's has {want}")
    return Likeness(refusal=_another(found, asked))


def _group(structure: Structure) -> tuple[str, float]:
    """Symbol of the space group, and how many operations it has an atom."""
    try:
        data = symmetry_dataset(structure, symprec_ang=SYMPREC_ANG, angle_tolerance_deg=FROM_SYMPREC)
    except DftflowError:
        return "that cannot be told", 0.0
    return data.international, len(data.rotations) / len(structure)


def _same_places(found: Structure, asked: Structure) -> bool:
    """Whether every atom is near one of its kind when the cells are laid over each other."""
    if found.composition != asked.composition or _strain(found, asked) > MOST_STRAIN:
        return False
    return _off_places_ang(found, asked) < SAME_PLACE_ANG


def _strain(found: Structure, asked: Structure) -> float:
    """The largest share by which the cell is longer or shorter than that of `asked`, along any direction."""
    deformation = np.linalg.solve(asked.lattice.matrix, found.lattice.matrix)
    return float(np.abs(np.linalg.svd(deformation, compute_uv=False) - 1).max())


def _off_places_ang(found: Structure, asked: Structure) -> float:
    """How far the atom that is farthest from any of its kind lies from it, the cells laid over each other."""
    distances = asked.lattice.get_all_distances(found.frac_coords, asked.frac_coords)
    kinds = [np.array([site.specie.Z for site in structure]) for structure in (found, asked)]
    distances[kinds[0][:, None] != kinds[1][None, :]] = np.inf
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


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


def _another(found: Structure, asked: Structure, *, relaxed: bool = False) -> str:
    """What it is instead, and how far its cell or its atoms are from those of `asked` where that may be told."""
    have, want = _phase(found), _phase(asked)
    if have == want:
        return f"a calculation of {have} {_apart(found, asked)}"
    said = f"a calculation of {have}, where the study asks for {want}"
    if relaxed and len(found) == len(asked) and (strain := _strain(found, asked)) > MOST_STRAIN:
        said += f"; the relaxation has strained its cell by {strain:.0%}"
    return said


def _apart(found: Structure, asked: Structure) -> str:
    """How far two crystals of one name are from each other, where their cells may be laid over each other."""
    strain = _strain(found, asked)
    if len(found) != len(asked) or strain > LAID_OVER:
        return "with other cells or places of its atoms than the study has"
    if strain > MOST_STRAIN:
        return f"whose cell is strained by {strain:.0%} from that of the study"
    return f"with an atom {_off_places_ang(found, asked):.1f} Å from its place in that of the study"


def _phase(structure: Structure) -> str:
    group, _ = _group(structure)
    cell = structure.get_primitive_structure()
    return f"{formula_of(structure)} in {group} ({len(cell)} atoms a primitive cell)"
