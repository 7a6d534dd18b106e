"""The optimisers of a relaxation: BFGS, whose state is kept so that a killed relaxation goes on.

Ions in a cell that is held begin with ASE's own first Hessian, 70 eV/Å^2 in every direction, and make steps of at most
0.15 Å. Where the cell moves too, that is too stiff for the cage of a crystal by ten times and for its cell by more, and
ten times less is too soft for the bonds of a molecule in the cage: the first Hessian is the model of
`dftflow.codes.gpaw.model_hessian`, and steps are twice as long (what that gains: ``docs/speed.md``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.io.jsonio import read_json, write_json
from ase.optimize import BFGS

from dftflow.codes.gpaw.model_hessian import LEAST_MOVE_ANG, free_cell_hessian, strain_length_ang
from dftflow.codes.gpaw.whole_file import replace_whole
from dftflow.model.spec import CellFreedom

__all__ = ["HESSIAN_FILE", "CrystalBFGS", "KeptBFGS", "optimiser_of"]

HESSIAN_FILE = "bfgs.json"
LONGEST_STEP_OF_IONS_ANG = 0.15
LONGEST_STEP_ANG = 0.3
RISE_EV = 1e-3
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
    """BFGS of atoms and cell from `first_hessian`, which makes shorter steps where one has gone too far.

    A step that went up, by the slopes at both its ends, halves the longest one that may follow; each that went down
    doubles it, up to the first limit. The energies are not asked: those of a plane-wave basis jump by some meV an atom
    as the cell changes, which slopes do not.
    """

    def __init__(self, atoms: Any, *, restart: str, first_hessian: np.ndarray) -> None:
        super().__init__(atoms, restart=restart, logfile=None, maxstep=LONGEST_STEP_ANG)
        self.H0 = first_hessian

    def step(self, gradient: np.ndarray | None = None) -> None:
        if self.pos0 is not None and self.forces0 is not None:
            move = np.ravel(self.optimizable.get_x()) - np.ravel(self.pos0)
            if np.abs(move).max() > LEAST_MOVE_ANG:  # else it goes on, behind this very step
                rise_ev = move @ (np.ravel(self.optimizable.get_gradient()) - np.ravel(self.forces0)) / 2
                length_ang = float(np.max(self.optimizable.gradient_norm(move)))
                self.maxstep = length_ang / 2 if rise_ev > RISE_EV else min(LONGEST_STEP_ANG, 2 * self.maxstep)
        super().step(gradient)  # type: ignore[no-untyped-call]


def optimiser_of(atoms: Atoms, cell: CellFreedom) -> KeptBFGS:
    """The optimiser for `atoms` as they are at the start, whose state lies in ``bfgs.json`` if it was begun before."""
    if cell == "fixed":
        return KeptBFGS(atoms, restart=HESSIAN_FILE, logfile=None, maxstep=LONGEST_STEP_OF_IONS_ANG)
    movable = FrechetCellFilter(
        atoms,
        mask=_STRAIN_MASK[cell],
        hydrostatic_strain=cell == "isotropic",
        exp_cell_factor=strain_length_ang(atoms),
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
