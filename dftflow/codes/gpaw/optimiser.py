"""The optimisers of a relaxation: BFGS, whose state is kept so that a killed relaxation goes on.

Ions in a cell that is held begin with ASE's own first Hessian, 70 eV/Å^2 in every direction, and make steps of at most
0.15 Å. Where the cell moves too, that is too stiff for the cage of a crystal by ten times and for its cell by more, and
ten times less is too soft for the bonds of a molecule in the cage: the first Hessian is the model of
`dftflow.codes.gpaw.model_hessian`, and steps may be twice as long (what that gains: ``docs/speed.md``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.io.jsonio import read_json, write_json
from ase.optimize import BFGS

from dftflow.codes.gpaw.hessian_update import LEAST_MOVE_ANG, updated
from dftflow.codes.gpaw.model_hessian import STRAIN_LENGTH_ANG, free_cell_hessian
from dftflow.codes.gpaw.whole_file import replace_whole
from dftflow.model.spec import CellFreedom

__all__ = ["HESSIAN_FILE", "CrystalBFGS", "KeptBFGS", "next_limit_ang", "optimiser_of"]

HESSIAN_FILE = "bfgs.json"
LONGEST_STEP_OF_IONS_ANG = 0.15
LONGEST_STEP_ANG = 0.3
OVERSHOT = 0.5  # slope behind a step over that before it
AT_LIMIT = 0.99
_STRAIN_MASK = {"isotropic": [1, 1, 1, 0, 0, 0], "lengths": [1, 1, 1, 0, 0, 0], "all": [1] * 6}


class KeptBFGS(BFGS):
    """BFGS whose state, from which a killed relaxation goes on, is on the disk whole or not at all."""

    def __init__(self, atoms: Any, *, restart: str, **settings: Any) -> None:
        file = Path(restart)
        if not _is_whole(file, degrees=3 * len(atoms)):  # ASE alone truncates it before it writes
            file.unlink(missing_ok=True)
        super().__init__(atoms, restart=restart, **settings)

    def dump(self, data: object) -> None:
        replace_whole(str(self.restart), lambda temporary: write_json(temporary, data))


class CrystalBFGS(KeptBFGS):
    """BFGS of atoms and cell from `first_hessian`, within a radius of trust.

    The radius is that of Nocedal and Wright (Numerical Optimization, 2006, algorithm 4.1), judged by the slopes at both
    ends of a step: behind one that went far past the minimum along it, the next is at most a quarter as long; behind
    one that was cut short and still points downhill, up to twice as long. The energies are not asked: those of a
    plane-wave basis jump by some meV as the cell changes. It is what ends a relaxation in a soft cage, where noise in
    the slopes would make one long step after the other. The Hessian is updated by `dftflow.codes.gpaw.hessian_update`,
    which keeps it positive.
    """

    def __init__(self, atoms: Any, *, restart: str, first_hessian: np.ndarray) -> None:
        super().__init__(atoms, restart=restart, logfile=None, maxstep=LONGEST_STEP_ANG)
        self.H0 = first_hessian

    def step(self, gradient: np.ndarray | None = None) -> None:
        if self.pos0 is not None and self.forces0 is not None:
            move = np.ravel(self.optimizable.get_x()) - np.ravel(self.pos0)
            if np.abs(move).max() > LEAST_MOVE_ANG:  # else it goes on, behind this very step
                before, behind = -move @ np.ravel(self.forces0), move @ np.ravel(self.optimizable.get_gradient())
                length_ang = float(np.max(self.optimizable.gradient_norm(move)))
                self.maxstep = next_limit_ang(self.maxstep, length_ang, float(before), float(behind))
        super().step(gradient)  # type: ignore[no-untyped-call]

    def update(self, pos: np.ndarray, forces: np.ndarray, pos0: np.ndarray | None, forces0: np.ndarray | None) -> None:
        """Called by ASE before each step, with the place and the force there, now and before the last one."""
        if self.state is None or pos0 is None or forces0 is None:
            super().update(pos, forces, pos0, forces0)  # type: ignore[no-untyped-call]
        else:
            self.state.hessian = updated(self.state.hessian, pos - np.ravel(pos0), np.ravel(forces0) - forces)


def next_limit_ang(limit_ang: float, length_ang: float, before: float, behind: float) -> float:
    """The longest step that may follow one of `length_ang`, by the slopes along it before and behind it."""
    if behind > OVERSHOT * abs(before):
        return length_ang / 4
    if behind < 0 and length_ang > AT_LIMIT * limit_ang:
        return min(LONGEST_STEP_ANG, 2 * limit_ang)
    return limit_ang


def optimiser_of(atoms: Atoms, cell: CellFreedom) -> KeptBFGS:
    """The optimiser for `atoms` as they are at the start, whose state lies in ``bfgs.json`` if it was begun before."""
    if cell == "fixed":
        return KeptBFGS(atoms, restart=HESSIAN_FILE, logfile=None, maxstep=LONGEST_STEP_OF_IONS_ANG)
    movable = FrechetCellFilter(
        atoms,
        mask=_STRAIN_MASK[cell],
        hydrostatic_strain=cell == "isotropic",
        exp_cell_factor=STRAIN_LENGTH_ANG,
    )
    return CrystalBFGS(movable, restart=HESSIAN_FILE, first_hessian=free_cell_hessian(atoms, cell))


def _is_whole(file: Path, *, degrees: int) -> bool:
    """Whether a state of the optimiser can be gone on from: a finite Hessian of so many degrees of freedom."""
    try:
        hessian, positions, forces = (np.asarray(part, dtype=float) for part in read_json(file)[:3])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False
    shapes = [part.size for part in (hessian, positions, forces)] == [degrees**2, degrees, degrees]
    return shapes and all(np.isfinite(part).all() for part in (hessian, positions, forces))
