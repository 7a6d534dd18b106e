"""Checks the places of the atoms: two on one site, impossibly close ones, and a cell that holds too few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from ase.data.vdw_alvarez import vdw_radii

from dftflow.codes.castep.input.cell_file import CellSite, cell_structure
from dftflow.codes.castep.input.deck_file import DeckFile
from dftflow.codes.castep.lint.finding import Finding
from dftflow.crystals.contacts import Contact, shortest_contacts
from dftflow.crystals.number_bounds import check_size
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["check_sites"]

ONE_SITE_ANG = 0.5
"""H2, the shortest bond, has 0.74 Å."""
TOO_CLOSE = 0.6
"""In sums of covalent radii; real bonds reach down to 0.67 (U=O in uranyl)."""
MOST_PAIRS = 3
DENSEST_ANG3 = 0.5
"""Volume of an atom; solid hydrogen has 1 at 500 GPa."""
SPARSE = 0.42
"""Volume of the van der Waals spheres over that of the cell. Crystals have 0.7 to 2.5, MOF-5 has 0.49."""
VACUUM_ANG = 3.0
"""An empty layer between van der Waals spheres that makes a slab, a wire or a molecule of what is in the cell."""
BOX_ANG = 1.9
"""The same for one or two atoms, which are often put into a small box: O2 in one of 5 Å has 2.0."""


def check_sites(deck: DeckFile, lattice: Lattice, sites: tuple[CellSite, ...]) -> Iterator[Finding]:
    """Findings of a whole cell."""
    if lattice.volume < DENSEST_ANG3 * len(sites):
        yield Finding(
            file=deck.file,
            line=sites[0].line,
            severity="warning",
            message=f"{len(sites)} atoms share {lattice.volume:.3g} Å3",
            fix="check the lattice and its unit",
        )
        return
    structure = cell_structure(deck, lattice, sites)
    try:
        check_size(structure, "")
    except StructureError as error:
        reason = f" ({error.reason})" if error.reason else ""
        yield Finding(
            file=deck.file, line=sites[0].line, severity="warning", message=f"{error.summary}{reason}", fix=error.fix
        )
        return
    yield from _check_distances(deck, structure, sites)
    yield from _check_density(deck, structure, sites)


def _check_distances(deck: DeckFile, structure: Structure, sites: tuple[CellSite, ...]) -> Iterator[Finding]:
    radii = covalent_radii[[site.specie.Z for site in structure]]
    reach = max(ONE_SITE_ANG, 2 * TOO_CLOSE * float(radii.max()))
    close = [
        contact
        for contact in shortest_contacts(structure, cutoff_ang=reach)
        if contact.distance_ang < max(ONE_SITE_ANG, TOO_CLOSE * (radii[contact.first] + radii[contact.second]))
        and not (sites[contact.first].mixture and sites[contact.second].mixture)
    ]
    for contact in close[:MOST_PAIRS]:
        yield _too_close(deck, contact, sites, len(close))


def _too_close(deck: DeckFile, contact: Contact, sites: tuple[CellSite, ...], pairs: int) -> Finding:
    first, second = sorted((sites[contact.first], sites[contact.second]), key=lambda site: site.line)
    image = " (a periodic image)" if first is second else ""
    one_site = contact.distance_ang < ONE_SITE_ANG
    return Finding(
        file=deck.file,
        line=second.line,
        severity="error" if one_site else "warning",
        message=f"{first.species} in line {first.line} and {second.species} in line {second.line}{image} are "
        f"{contact.distance_ang:.3f} Å apart"
        + (": on one site" if one_site else ", less than any bond of these two")
        + (f"; so are {pairs - 1} more pairs, or closer than bonds" if pairs > 1 else ""),
        fix="leave one, or write MIXTURE= behind both" if one_site else "check the lattice, its unit and the positions",
    )


def _check_density(deck: DeckFile, structure: Structure, sites: tuple[CellSite, ...]) -> Iterator[Finding]:
    """Far fewer atoms than fill the cell, and no vacuum: an asymmetric unit, as a rule."""
    numbers = [atomic_numbers[site.element] for site in sites]
    if max(numbers) >= len(vdw_radii) or set(numbers) == {1} or any(site.mixture for site in sites):
        return
    radii = vdw_radii[numbers]
    filled = float((4 / 3 * np.pi * radii**3).sum()) / structure.volume
    vacuum_ang = VACUUM_ANG if len(sites) > 2 else BOX_ANG
    if not filled < SPARSE or _thickest_empty_layer_ang(structure, radii) > vacuum_ang:
        return
    yield Finding(
        file=deck.file,
        line=sites[0].line,
        severity="warning",
        message=f"{len(sites)} atoms in {structure.volume:.0f} Å3 ({float(structure.density):.2f} g/cm3) are too few "
        "for a crystal, and there is no vacuum: is this the asymmetric unit alone?",
        fix="give every atom of the cell (CASTEP makes none from SYMMETRY_OPS), unless it is a porous framework",
    )


def _thickest_empty_layer_ang(structure: Structure, radii: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Thickest layer parallel to two lattice vectors into which no van der Waals sphere reaches, 0 without one."""
    thickest = 0.0
    for axis, thickness in enumerate(1 / np.linalg.norm(structure.lattice.inv_matrix, axis=0)):
        middle = (structure.frac_coords[:, axis] % 1.0) * thickness
        reach = int(np.ceil(radii.max() / thickness)) + 1
        shifts = thickness * np.arange(-reach, reach + 1)[:, None]
        low, high = (middle - radii + shifts).ravel(), (middle + radii + shifts).ravel()
        order = np.argsort(low)
        gaps = low[order][1:] - np.maximum.accumulate(high[order])[:-1]
        one_period = (low[order][1:] >= 0) & (low[order][1:] < thickness)
        thickest = max(thickest, float(gaps[one_period].max(initial=0.0)))
    return thickest
