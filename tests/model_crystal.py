"""Writes the results of a model crystal, as GPAW's worker leaves them: its levels are known whatever is calculated.

The crystal's potential is flat, at zero. The slab's is a square well, `STEP` deep. So IP = STEP - VBM, whatever the
zero of the slab's calculation is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Structure

from dftflow.codes.base import PLAIN_LAUNCH, Launch
from dftflow.codes.gpaw.code import GPAW
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec
from dftflow.studies.builder import Builder
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import Study

STEP, VBM, CBM, FERMI = 9.0, 3.2, 4.9, 4.0
SLAB_ZERO = -2.5


def record(structure: Structure, spec: CalcSpec) -> dict[str, Any]:
    return {
        "status": "finished",
        "gpaw": "26.7.0",
        "ase": "3.29.0",
        "numpy": "2.4.6",
        "python": "3.11",
        "wall_time_s": 12.0,
        "cpu_time_s": 11.0,
        "peak_memory_mib": 200.0,
        "energy_ev": -6.7,
        "fermi_ev": FERMI + (0.0 if spec.slab_axis is None else SLAB_ZERO),
        "n_electrons": 2.0,
        "numbers": [site.specie.Z for site in structure],
        "cell_ang": structure.lattice.matrix.tolist(),
        "positions_ang": structure.cart_coords.tolist(),
        "method": {
            "functional": "PBE",
            "cutoff_ev": spec.cutoff_ev,
            "potentials": {element.symbol: "PAW 1" for element in structure.composition.elements},
            "kpoints_grid": list(spec.grid),
            "kpoints_shift": list(spec.grid_shift),
            "smearing": "fermi-dirac",
            "smearing_ev": 0.1,
            "spin_polarised": False,
            "dipole_correction": "none",
            "constants": "CODATA 2014",
        },
    }


def leave(
    folder: Path, structure: Structure, spec: CalcSpec, *, changes: dict[str, Any] | None = None, lower_ev: float = 0.0
) -> Path:
    """Write what a finished step leaves in its folder; all eigenvalues of the crystal lie `lower_ev` lower."""
    folder.mkdir(parents=True, exist_ok=True)
    content = record(structure, spec)
    content["method"] |= (changes or {}).pop("method", {})
    (folder / "results.json").write_text(json.dumps(content | (changes or {})))
    if spec.task != "relax":
        shift = -lower_ev if spec.slab_axis is None else SLAB_ZERO
        np.savez(
            folder / "bands.npz",
            eigenvalues_ev=np.array([[[VBM, CBM + 0.1], [VBM - 1, CBM + 1]]]) + shift,
            kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
            labels=np.array(["G", "X"]),
            on_path=np.array([0, 0]),
        )
        np.savez(folder / "potential.npz", planar_ev=planar(structure, spec), cell_ang=structure.lattice.matrix)
    return folder


def planar(structure: Structure, spec: CalcSpec) -> np.ndarray:
    if spec.slab_axis is None:
        return np.zeros(24)
    length, heights = structure.lattice.c, structure.cart_coords[:, 2]
    z = np.arange(400) * length / 400
    centre, half = (heights.max() + heights.min()) / 2, np.ptp(heights) / 2
    distance = np.abs((z - centre + length / 2) % length - length / 2)
    return np.where(distance < half + 1.0, 0.0, STEP) + SLAB_ZERO


def copying_engine(study: Study, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make GPAW a `cp` from `prepared`, which gets the results of every step of `study`, in a folder a seed."""
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        leave(prepared / step.seed, built.structure, built.spec)

    def command(self: object, deck: Deck, launch: Launch = PLAIN_LAUNCH) -> tuple[str, ...]:
        return (*launch.launcher, "cp", "-r", f"{prepared / deck.seed}/.", ".")

    monkeypatch.setattr(GPAW, "command", command)
    monkeypatch.setattr(GPAW, "runs_here", True)
    return prepared
