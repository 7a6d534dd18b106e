"""What is read of files that GPAW itself writes, against what GPAW says of them: each run once, in a second or less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from strict_reading import read_results

from dftflow.codes.gpaw import GPAW
from dftflow.codes.gpaw.gpw_file import read_gpw
from dftflow.codes.gpaw.text_log import read_log
from dftflow.jobs.environment import ONE_THREAD
from dftflow.model.results import Results
from dftflow.units import EV_PER_ANG3_GPA

pytestmark = pytest.mark.engine

SCRIPT = """
import json
from ase import Atoms
from ase.build import bulk, molecule
from gpaw import GPAW, PW, FermiDirac
from gpaw.old.calculator import GPAW as OldGPAW


def run(name, atoms, code=GPAW, stress=False, **told):
    atoms.calc = code(txt=f"{name}/{name}.txt", **told)
    atoms.get_forces()
    if stress:
        atoms.get_stress()
    atoms.calc.write(f"{name}/{name}.gpw")
    return atoms.calc


silicon, triplet = bulk("Si"), Atoms("O", cell=[4, 4.2, 4.4], pbc=True, magmoms=[2])
silicon.rattle(0.02)
pbe = {"mode": PW(200), "xc": "PBE"}
scf = run("si", silicon.copy(), kpts=(2, 2, 2), stress=True, **pbe)
scf.fixed_density(kpts={"path": "LGX", "npoints": 7}, symmetry="off", txt="path/path.txt").write("path/path.gpw")
run("old", silicon.copy(), OldGPAW, kpts=(2, 2, 2), stress=True, **pbe)
run("al", bulk("Al"), mode=PW(200), kpts={"size": (4, 4, 4), "gamma": True}, occupations=FermiDirac(0.2))
run("o", triplet, occupations=FermiDirac(0.0, fixmagmom=True), **pbe)
run("fd", molecule("H2", vacuum=2.5), mode="fd", h=0.25, xc="PBE")

said = {}
for name in ("si", "path", "old", "al", "o", "fd"):
    code = OldGPAW if name == "old" else GPAW
    calc = code(f"{name}/{name}.gpw", txt=None)
    points, spins = calc.get_ibz_k_points(), range(calc.get_number_of_spins())
    try:
        levels = [float(level) for level in calc.get_fermi_levels()]
    except (ValueError, AttributeError):
        levels = [float(calc.get_fermi_level())]
    said[name] = {
        "energy": None if name == "path" else float(calc.get_potential_energy()),
        "free_energy": None if name == "path" else float(calc.get_potential_energy(force_consistent=True)),
        "forces": None if name == "path" else calc.get_forces().tolist(),
        "stress": calc.get_stress().tolist() if name in ("si", "old") else None,
        "fermi_levels": levels,
        "kpoints": points.tolist(),
        "weights": calc.get_k_point_weights().tolist(),
        "eigenvalues": [[calc.get_eigenvalues(kpt=k, spin=s).tolist() for k in range(len(points))] for s in spins],
        "electrons": float(calc.get_number_of_electrons()),
        "positions": calc.atoms.positions.tolist(),
    }
with open("said.json", "w") as file:
    json.dump(said, file)
"""
NAMES = ("si", "path", "old", "al", "o", "fd")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one folder a run, and what GPAW says of each; GPAW stays in its own process."""
    folder = tmp_path_factory.mktemp("own-runs")
    for name in NAMES:
        (folder / name).mkdir()
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return folder


def said_of(runs: Path, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((runs / "said.json").read_text())[name]
    return told


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def results_of(runs: Path, name: str) -> Results:
    return read_results(GPAW(), runs / name)


def test_the_numbers_are_those_of_gpaw(runs: Path, name: str) -> None:
    said, results = said_of(runs, name), results_of(runs, name)
    assert results.status == "finished" and all(check.passed is not False for check in results.checks)
    if name != "path":
        assert results.energy_ev == pytest.approx(said["energy"], abs=1e-6)
        assert results.free_energy_ev == pytest.approx(said["free_energy"], abs=1e-6)
        np.testing.assert_allclose(results.forces_ev_per_ang, said["forces"], atol=1e-6)
    assert results.structure is not None
    np.testing.assert_allclose(results.structure.cart_coords, said["positions"], atol=1e-6)
    if said["stress"] is not None:
        xx, yy, zz, yz, xz, xy = np.array(said["stress"]) * EV_PER_ANG3_GPA
        np.testing.assert_allclose(results.stress_gpa, [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], atol=1e-6)


def test_the_bands_are_those_of_gpaw(runs: Path, name: str) -> None:
    said, bands = said_of(runs, name), results_of(runs, name).bands
    assert bands is not None
    np.testing.assert_allclose(bands.eigenvalues_ev, np.sort(said["eigenvalues"]), atol=1e-6)
    np.testing.assert_allclose(bands.kpoints_frac, said["kpoints"], atol=1e-6)
    assert bands.weights is not None
    np.testing.assert_allclose(bands.weights, said["weights"], atol=1e-6)
    assert sum(bands.n_electrons) == pytest.approx(said["electrons"], abs=1e-6)
    assert read_gpw(runs / name / f"{name}.gpw").fermi_levels_ev == pytest.approx(said["fermi_levels"], abs=1e-6)


def test_the_log_gives_the_same_within_its_digits(runs: Path, name: str) -> None:
    said, log = said_of(runs, name), read_log(runs / name / f"{name}.txt")
    # GPAW writes the timings that end a log when Python frees the calculator, which at the end of a process it may not
    assert log.status == ("finished" if log.has_end else "truncated") and log.converged is not False
    assert log.setup.functional == ("LDA" if name == "al" else "PBE")
    if name == "path":
        assert log.energy_ev is None and log.converged
        return
    assert log.energy_ev == pytest.approx(said["energy"], abs=1e-6)
    assert log.fermi_levels_ev == pytest.approx(said["fermi_levels"], abs=6e-4)
    assert log.setup.n_electrons == said["electrons"]
    np.testing.assert_allclose(log.forces_ev_per_ang, said["forces"], atol=6e-6)
    assert log.structure is not None
    np.testing.assert_allclose(log.structure.cart_coords, said["positions"], atol=6e-7)
