"""Writes the files that GPAW's engine leaves: two atoms of hydrogen in a box, and three heights of a potential."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

RECORD: dict[str, object] = {
    "status": "finished",
    "gpaw": "26.7.0",
    "ase": "3.29.0",
    "numpy": "2.4.6",
    "python": "3.11",
    "wall_time_s": 1.0,
    "peak_memory_mib": 200.0,
    "energy_ev": -6.7,
    "fermi_ev": -2.0,
    "n_electrons": 2.0,
    "numbers": [1, 1],
    "cell_ang": [[5, 0, 0], [0, 5, 0], [0, 0, 5]],
    "positions_ang": [[0, 0, 0], [0, 0, 0.75]],
}


def write_gpaw(folder: Path, **changes: object) -> None:
    """``results.json``, ``bands.npz`` and ``potential.npz``; `changes` go into the record."""
    (folder / "results.json").write_text(json.dumps({**RECORD, **changes}))
    np.savez(
        folder / "bands.npz",
        eigenvalues_ev=np.array([[[-10.0, 1.0], [-9.5, 1.5]]]),
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=np.array(["G", "X"]),
        on_path=np.array([0, 0]),
    )
    np.savez(
        folder / "potential.npz",
        planar_ev=np.array([0.0, 1.0, 2.0]),
        cell_ang=5 * np.eye(3),
        numbers=np.array([1, 1]),
        positions_frac=np.array([[0, 0, 0], [0, 0, 0.15]]),
    )
