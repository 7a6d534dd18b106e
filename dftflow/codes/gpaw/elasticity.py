"""How a relaxed crystal gives way to a stress, as far as its relaxation tells.

The Hessian of atoms and cell is the model of `dftflow.codes.gpaw.model_hessian`, corrected by every step that the
relaxation has made (`dftflow.codes.gpaw.hessian_update`). The model alone is several times too stiff for some ionic
crystals: where the steps have not strained the crystal in every way that it may be strained, nothing is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from ase import Atoms

from dftflow.codes.gpaw.hessian_update import updated
from dftflow.codes.gpaw.model_hessian import FREE_STRAINS, STRAIN_LENGTH_ANG, free_cell_hessian
from dftflow.model.spec import CellFreedom
from dftflow.units import EV_PER_ANG3_GPA

__all__ = ["length_compliance_per_gpa"]

LEAST_STRAIN_ANG = 1e-4
LEAST_OF_DIRECTIONS = 0.2


def length_compliance_per_gpa(
    start: Atoms, course: Sequence[tuple[np.ndarray, np.ndarray]], cell: CellFreedom
) -> list[float] | None:
    """By which part of itself each length of the cell changes at most, when all components of a stress reach 1 GPa.

    Parameters
    ----------
    start
        The crystal that the relaxation began with.
    course
        Degrees of freedom of `ase.filters.FrechetCellFilter` in Å, its factor for the strains being
        `STRAIN_LENGTH_ANG`, and the derivative of the energy by them in eV/Å: of one geometry after the other.
    cell
        Which strains the relaxation allows.

    Returns
    -------
    list of float or None
        Of a, b and c; None where the steps leave a strain unexplored. The atoms follow the strain: the compliance is
        V/l^2 (H^-1)_ee, where e are strains times l.
    """
    free_strains = FREE_STRAINS[cell]
    if not _explored(course, free_strains):
        return None
    hessian = free_cell_hessian(start, cell)
    for (before, slope_before), (now, slope_now) in pairwise(course):
        hessian = updated(hessian, now - before, slope_now - slope_before)
    strain_of_stress = np.linalg.inv(hessian)[-9:, -9:] * start.get_volume() / STRAIN_LENGTH_ANG**2 / EV_PER_ANG3_GPA
    strain_of_stress = free_strains @ strain_of_stress @ free_strains
    along = start.cell.array / start.cell.lengths()[:, None]
    changes = [(np.outer(axis, axis).ravel() @ strain_of_stress).reshape(3, 3) for axis in along]
    return [float(np.abs((change + change.T) / 2).sum()) for change in changes]


def _explored(course: Sequence[tuple[np.ndarray, np.ndarray]], free_strains: np.ndarray) -> bool:
    """Whether the directions of the steps span all strains that are free; nearly the same ones count as one."""
    symmetric = (np.eye(9) + np.eye(9)[[0, 3, 6, 1, 4, 7, 2, 5, 8]]) / 2
    count = np.linalg.matrix_rank(symmetric @ free_strains)
    moves = [free_strains @ (now - before)[-9:] for (before, _), (now, _) in pairwise(course)]
    directions = [move / np.linalg.norm(move) for move in moves if np.linalg.norm(move) > LEAST_STRAIN_ANG]
    if len(directions) < count:
        return False
    return bool(np.linalg.svd(np.array(directions), compute_uv=False)[count - 1] > LEAST_OF_DIRECTIONS)
