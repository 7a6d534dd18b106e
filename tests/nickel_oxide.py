"""Antiferromagnetic NiO: the smallest cell that holds its order, and a calculation of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pymatgen.core import Lattice, Structure

from dftflow.model.spec import CalcSpec, Relaxation

__all__ = ["MAGNETIC", "NIO", "RELAXED"]

NIO = Structure(
    Lattice(4.17 * np.array([[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]])),
    ["Ni", "O", "Ni", "O"],
    [[0, 0, 0], [0.25, 0.25, 0.25], [0.5, 0.5, 0.5], [0.75, 0.75, 0.75]],
)
"""AF II of rock salt: planes (111) of alternating moments."""

MAGNETIC = CalcSpec(
    title="NiO",
    task="potential",
    xc="PBE",
    cutoff_ev=500.0,
    grid=(4, 4, 4),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=1e-6,
    max_scf_cycles=99,
    moments_mub=(2.0, 0.0, -2.0, 0.0),
    hubbard_u_ev={"Ni:d": 6.0},
    dispersion="D3(BJ)",
)
RELAXED = replace(
    MAGNETIC,
    task="relax",
    relaxation=Relaxation(
        cell="fixed",
        energy_tol_ev_per_atom=1e-3,
        force_tol_ev_per_ang=0.05,
        stress_tol_gpa=0.2,
        displacement_tol_ang=0.02,
        max_steps=2,
    ),
)
