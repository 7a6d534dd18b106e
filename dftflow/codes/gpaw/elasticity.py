"""How a relaxed crystal gives way to a stress, as far as its relaxation tells.

The Hessian of atoms and cell is the model of `dftflow.codes.gpaw.model_hessian`, corrected by every step that the
relaxation has made: the update of Broyden, Fletcher, Goldfarb and Shanno, damped as Powell did, so that noise in the
forces makes no direction soft that is none (Nocedal and Wright, Numerical Optimization, 2006, procedure 18.2). The
model alone is several times too stiff for some ionic crystals: where the steps have not strained the crystal in every
way that it may be strained, nothing is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from ase import Atoms

from dftflow.codes.gpaw.model_hessian import model_hessian
from dftflow.units import EV_PER_ANG3_GPA

__all__ = ["length_compliance_per_gpa", "updated"]

LEAST_OF_MODEL = 0.2  # Powell's
LEAST_MOVE_ANG = 1e-7
LEAST_STRAIN_ANG = 1e-4
LEAST_OF_DIRECTIONS = 0.2


def length_compliance_per_gpa(
    start: Atoms, course: Sequence[tuple[np.ndarray, np.ndarray]], free_strains: np.ndarray
) -> list[float] | None:
    """By which part of itself each length of the cell changes at most, when all components of a stress reach 1 GPa.

    Parameters
    ----------
    start
        The crystal that the relaxation began with.
    course
        Degrees of freedom of `ase.filters.FrechetCellFilter` in Å, with its own factor for the strains (the number of
        atoms), and the derivative of the energy by them in eV/Å: of one geometry after the other.
    free_strains
        shape (9, 9), the projector on the strains that the relaxation allows.

    Returns
    -------
    list of float or None
        Of a, b and c; None where the steps leave a strain unexplored. The atoms follow the strain: the compliance is
        V/l^2 (H^-1)_ee, where e are strains times l.
    """
    if not _explored(course, free_strains):
        return None
    length_ang = float(len(start))
    free = np.eye(3 * len(start) + 9)
    free[-9:, -9:] = free_strains
    hessian = free @ model_hessian(start, length_ang) @ free + np.eye(len(free)) - free
    for (before, slope_before), (now, slope_now) in pairwise(course):
        hessian = updated(hessian, now - before, slope_now - slope_before)
    strain_of_stress = np.linalg.inv(hessian)[-9:, -9:] * start.get_volume() / length_ang**2 / EV_PER_ANG3_GPA
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


def updated(hessian: np.ndarray, move_ang: np.ndarray, slope_change: np.ndarray) -> np.ndarray:
    """`hessian` after a step that has changed the derivative by `slope_change`; positive definite if it was so."""
    if np.abs(move_ang).max() < LEAST_MOVE_ANG:
        return hessian
    expected = hessian @ move_ang
    model, seen = float(move_ang @ expected), float(move_ang @ slope_change)
    if seen < LEAST_OF_MODEL * model:
        part = (1 - LEAST_OF_MODEL) * model / (model - seen)
        slope_change = part * slope_change + (1 - part) * expected
    gain = np.outer(slope_change, slope_change) / float(move_ang @ slope_change)
    found: np.ndarray = hessian + gain - np.outer(expected, expected) / model
    return found
