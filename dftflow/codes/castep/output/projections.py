"""Projections of a calculation of CASTEP: the weights in ``<seed>.pdos_bin``, on the atoms of its geometry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dftflow.codes.castep.output.pdos_file import AtomicOrbital, PdosFile, read_pdos_file
from dftflow.errors import ParseError
from dftflow.model.projections import ProjectionGroup, Projections, summed
from dftflow.model.results import Bands

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_projections"]

METHOD = "atomic orbitals of the pseudopotentials, by Mulliken's populations: a weight may be negative"
SAME_K = 1e-6


def read_projections(file: Path, bands: Bands, structure: Structure | None) -> Projections:
    """The weights of the states of `bands`, summed over the orbitals of each shell, whose m the file does not tell.

    Where the bands are those of two runs, weights are NaN at the k-points of the other one.

    Raises
    ------
    ParseError
        The file is damaged, or of other k-points, bands, spins or atoms.
    """
    found = read_pdos_file(file)
    groups = _groups(found.orbitals, structure, file)
    first = _first_kpoint(found, bands, file)
    n_spins, n_kpoints, n_bands = bands.eigenvalues_ev.shape
    shells, sums = summed(found.weights, groups, lambda group: group, axis=3)
    weights = np.full((n_spins, n_kpoints, n_bands, len(shells)), np.nan, dtype=np.float32)
    weights[:, first : first + len(found.kpoints_frac), : sums.shape[2]] = sums
    return Projections(weights=weights, groups=shells, method=METHOD)


def _groups(
    orbitals: tuple[AtomicOrbital, ...], structure: Structure | None, file: Path
) -> tuple[ProjectionGroup, ...]:
    """Species are numbered as CASTEP lists them, which is the order of the geometry that it wrote."""
    if structure is None:
        raise ParseError(
            "the orbitals are on atoms that are not known",
            reason="the file numbers species and ions, and no geometry tells which they are",
            fix="put the .castep or the -out.cell of the run beside it",
            where=str(file),
        )
    sites: dict[str, list[int]] = {}
    for site, atom in enumerate(structure):
        sites.setdefault(atom.label or atom.specie.symbol, []).append(site)
    species = list(sites.values())
    ions: dict[int, int] = {}
    for orbital in orbitals:
        ions[orbital.species] = max(orbital.ion, ions.get(orbital.species, 0))
    counts = [len(of_species) for of_species in species]
    if [ions.get(number + 1) for number in range(len(ions))] != counts:
        raise _other(file, f"it has {sorted(ions.items())} species and ions, the geometry {counts} atoms by species")
    places = [species[orbital.species - 1][orbital.ion - 1] for orbital in orbitals]
    return tuple(
        ProjectionGroup(element=structure[site].specie.symbol, site=site, orbital=orbital.shell)
        for site, orbital in zip(places, orbitals, strict=True)
    )


def _first_kpoint(found: PdosFile, bands: Bands, file: Path) -> int:
    """Index of the k-point of the bands from which on those of the file follow."""
    n_spins, n_all, _ = bands.eigenvalues_ev.shape
    n_found = len(found.kpoints_frac)
    if found.n_bands.shape[1] != n_spins:
        raise _other(file, f"it is of {found.n_bands.shape[1]} spins, the eigenvalues of {n_spins}")
    n_bands = np.isfinite(bands.eigenvalues_ev).sum(axis=2).T
    for first in range(n_all - n_found + 1):
        behind = slice(first, first + n_found)
        same_k = (np.abs(bands.kpoints_frac[behind] - found.kpoints_frac) < SAME_K).all()
        if same_k and (n_bands[behind] == found.n_bands).all():
            return first
    reason = f"its {n_found} k-points with up to {found.n_bands.max()} bands are not those of the eigenvalues"
    raise _other(file, reason)


def _other(file: Path, reason: str) -> ParseError:
    fix = "give the files of one run, or leave this one out"
    return ParseError("the weights are of another calculation", reason=reason, fix=fix, where=str(file))
