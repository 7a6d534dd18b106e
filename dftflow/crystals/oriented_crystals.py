"""Crystals with all molecules turned alike, one for each way that the host tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.molecules import Molecule, load_molecule
from dftflow.crystals.orientation import candidates
from dftflow.crystals.substitution import substitute
from dftflow.crystals.symmetry import point_operations

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["distinct_orientations", "enumerate_orientations"]

Repeats = tuple[int, int, int]


def _same_atoms(first: NDArray[np.float64], second: NDArray[np.float64], symbols: NDArray[np.str_]) -> bool:
    """Whether two placements of one molecule put the same elements on the same points."""
    distance = np.linalg.norm(first[:, None] - second[None], axis=2)
    return bool(np.all(np.any((distance < 1e-3) & (symbols[:, None] == symbols[None]), axis=1)))


def distinct_orientations(
    structure: Structure, by: str | Molecule, directions: str = "<100>"
) -> tuple[tuple[str, int], ...]:
    """Ways to turn a molecule that the host's point group tells apart, and how many ways each stands for.

    Parameters
    ----------
    structure, by, directions
        As in `enumerate_orientations`.

    Returns
    -------
    tuple of (label, number)
        The label is the orientation, ``"100/010"``; the number of ways that the operations of the host make of it.
    """
    molecule = by if isinstance(by, Molecule) else load_molecule(by)
    symbols = np.array(molecule.symbols)
    operations = point_operations(structure)
    kept: list[tuple[str, int, NDArray[np.float64]]] = []
    for orientation in candidates(directions):
        atoms = molecule.positions_ang @ orientation.rotation(structure.lattice.matrix).T
        images = np.einsum("oij,nj->oni", operations, atoms)
        if not any(_same_atoms(image, known, symbols) for image in images for *_, known in kept):
            keep_it = sum(_same_atoms(image, atoms, symbols) for image in images)
            kept.append((str(orientation), len(operations) // keep_it, atoms))
    return tuple((label, number) for label, number, _ in kept)


def enumerate_orientations(
    structure: Structure,
    *,
    site: str,
    by: str | Molecule,
    directions: str = "<100>",
    supercell: Repeats | None = None,
    pseudocubic_ang: float | None = None,
) -> tuple[tuple[str, Structure], ...]:
    """Crystals with all molecules turned alike, one for each orientation that the host's symmetry tells apart.

    Parameters
    ----------
    structure, site, by, supercell, pseudocubic_ang
        As in `substitute`.
    directions
        Family of the long axis: ``"<100>"``, ``"<110>"`` or ``"<111>"``. The second axis runs through the <100>,
        <110> and <112> directions perpendicular to it.

    Returns
    -------
    tuple of (label, Structure)
        The label is the orientation, ``"100/010"``, as `substitute` takes it. Two orientations count as one when a
        rotation or reflection of the host's point group turns one molecule into the other; how many there are of each
        is ``properties["substitution"]["orientations"]``.

    Raises
    ------
    StructureError, ClashError
        As in `substitute`.
    """
    molecule = by if isinstance(by, Molecule) else load_molecule(by)
    return tuple(
        (
            label,
            substitute(
                structure,
                site=site,
                by=molecule,
                orientation=label,
                supercell=supercell,
                pseudocubic_ang=pseudocubic_ang,
            ),
        )
        for label, _ in distinct_orientations(structure, molecule, directions)
    )
