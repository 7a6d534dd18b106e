"""Damaged VASP files of a static run, a spin-polarised one, a relaxation, and one of which OUTCAR alone is left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vasp_files import outcar_of

from dftflow.codes.vasp import VASP

PROGRAM = Path(__file__).resolve().parents[3] / "benchmarks" / "fuzz.py"
INCAR = "ENCUT = 300\nISMEAR = 0\nSIGMA = 0.1\n"
POSCAR = "Ge Te\n1.0\n4 0 0\n0 4 0\n0 0 5\nGe Te\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
KPOINTS = "mesh\n0\nGamma\n4 4 4\n0 0 0\n"
RELAXATION = {"NSW": "int:5", "IBRION": "int:2"}


@pytest.fixture
def runs(
    tmp_path: Path, make_run: Callable[..., Any], make_geometry: Any, make_outcar: Any, make_locpot: Any
) -> list[Path]:
    """The four folders."""
    up = np.array([[[-5.0, -4.0, 0.0, 1.0, 2.5, 3.0], [-5.1, -4.1, 0.1, 0.9, 2.4, 3.1]]])
    grid = np.random.default_rng(1).normal(size=(2, 3, 4))
    later = make_geometry(energy_ev=-10.9, free_ev=-11.0, no_entropy_ev=-10.8)
    told = {
        "static": (make_run(eigenvalues=up), make_outcar(), [grid]),
        "spin": (make_run(eigenvalues=np.concatenate([up, up + 0.1])), make_outcar(), [grid, grid + 1]),
        "relax": (
            make_run(eigenvalues=up, geometries=[make_geometry(), later], parameters=RELAXATION),
            make_outcar(nsw=5, relaxed=True, energy_ev=-10.9),
            [grid],
        ),
    }
    for name, (run, outcar, grids) in told.items():
        folder = tmp_path / name
        folder.mkdir()
        texts = {"vasprun.xml": run.xml(), "OUTCAR": outcar, "LOCPOT": make_locpot(grids)}
        for file, text in (texts | {"INCAR": INCAR, "POSCAR": POSCAR, "KPOINTS": KPOINTS}).items():
            (folder / file).write_text(text)
    lone = tmp_path / "lone"
    lone.mkdir()
    (lone / "OUTCAR").write_text(outcar_of(told["relax"][0]))
    return [tmp_path / name for name in (*told, "lone")]


def test_every_run_is_whole(runs: list[Path]) -> None:
    for folder in runs:
        (calculation,) = VASP().find(folder)
        reading = VASP().read(calculation)
        assert [str(file.error) for file in reading.files if file.error is not None] == []
        assert reading.results is not None and reading.results.status == "finished"
        assert reading.results.bands is not None and reading.results.structure is not None


def test_damaged_files(runs: list[Path]) -> None:
    argv = [sys.executable, str(PROGRAM), str(runs[0].parent), "--mutations=500", "--readers=vasp", "--seconds-each=60"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| vasp ") == 6
