"""Which ISIF a relaxation needs, and whether VASP can keep what it is asked to keep.

VASP (https://vasp.at/wiki/ISIF) moves all six components of the strain (ISIF = 3), none (2), or the volume alone with
the shape kept (8, from VASP 6.4.1; 7 is the same with the ions held). It has no constraint "angles kept": in a
relaxation LATTICE_CONSTRAINTS and ICONST do not act (they are of molecular dynamics). But it symmetrises the stress,
so that where the symmetry of the crystal leaves the angles, or the shape, no freedom, ISIF = 3 keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.symmetry import FROM_SYMPREC, symmetry_dataset
from dftflow.errors import SpecError
from dftflow.model.results import FloatArray
from dftflow.model.spec import CellFreedom

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["FIXED", "SYMPREC_ANG", "VOLUME", "choose_isif"]

SYMPREC_ANG = 1e-5
"""VASP's own default for SYMPREC: what it does not find, it does not keep."""

FIXED, _ALL, VOLUME = 2, 3, 8
_NO_CHANGE = 1e-6


def choose_isif(structure: Structure, freedom: CellFreedom) -> tuple[int, str]:
    """ISIF for `freedom`, and for a person what it rests on.

    Raises
    ------
    SpecError
        ``"lengths"`` for a crystal whose symmetry does not hold the angles.
    """
    if freedom == "fixed":
        return FIXED, "ions only"
    if freedom == "all":
        return _ALL, "ions and the whole cell"
    changes = _metric_changes(structure)
    if freedom == "isotropic":
        if len(changes) == 1:
            return _ALL, "ions and cell; the symmetry of the crystal leaves the cell its volume alone"
        return VOLUME, "ions and volume at fixed shape; needs VASP 6.4.1"
    if all(_keeps_angles(structure.lattice.metric_tensor, change) for change in changes):
        return _ALL, "ions and cell; the symmetry of the crystal keeps the angles"
    raise SpecError(
        "VASP cannot relax the lengths of this cell and keep its angles",
        reason="it has no such constraint, and the symmetry of the crystal does not hold the angles",
        fix="relax with cell='all', cell='isotropic' or cell='fixed'",
    )


def _metric_changes(structure: Structure) -> list[FloatArray]:
    """A basis of the changes of the metric tensor that the crystal's symmetry allows, each of shape (3, 3)."""
    rotations = symmetry_dataset(structure, symprec_ang=SYMPREC_ANG, angle_tolerance_deg=FROM_SYMPREC).rotations
    rows = []
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
        unit = np.zeros((3, 3))
        unit[i, j] = unit[j, i] = 1.0
        rows.append(np.mean([rotation.T @ unit @ rotation for rotation in rotations], axis=0).ravel())
    _, sizes, vectors = np.linalg.svd(np.array(rows))
    return [vector.reshape(3, 3) for vector in vectors[: len(sizes)][sizes > _NO_CHANGE]]


def _keeps_angles(metric: FloatArray, change: FloatArray) -> bool:
    """Whether no cosine G_ij/sqrt(G_ii G_jj) changes to first order; the invariant metrics form a linear space."""
    relative = np.diag(change) / np.diag(metric)
    drift = change - metric * (relative[:, None] + relative[None, :]) / 2
    return bool(np.abs(drift / np.sqrt(np.outer(np.diag(metric), np.diag(metric)))).max() < _NO_CHANGE)
