"""The shipped study of convergence on the real engine: what physics says of its sweeps, and what runs once."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import dftflow
from dftflow.studies.execution import outcome_of_folder

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800), pytest.mark.xdist_group("sweep")]

CUTOFFS_EV = (200.0, 250.0, 300.0, 400.0, 500.0, 600.0)
NAMES = ("total energy per atom", "band gap")
SPACINGS_PER_ANG = (0.75, 0.37, 0.25, 0.19)


@pytest.fixture(scope="module")
def converged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    argv = (sys.executable, "-m", "dftflow", "run", "csbr-convergence")
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "csbr-convergence-quick"


def swept(folder: Path, name: str, setting: str) -> dict[float, float]:
    """Value of the setting -> number."""
    found = ((q.point.get(setting), q.value) for q in dftflow.quantities(outcome_of_folder(folder)).where(name=name))
    return {float(at): float(value) for at, value in found if at is not None and value is not None}


def test_what_the_study_itself_calculates_runs_once(converged: Path) -> None:
    outcome = outcome_of_folder(converged)
    folders = {step.name: step.folder for step in outcome.steps}
    own = {folders[f"CsBr/bulk-bands{variant}"] for variant in ("", "-cutoff-300")}
    assert len(own) == 1 and len(folders) == 11 and len(set(folders.values())) == 9
    assert len(list(converged.glob("steps/**/results.json"))) == 9
    energies = dftflow.quantities(outcome).where(name="total energy per atom")
    assert energies.where(point={})[0].value == energies.where(point={"cutoff_ev": 300.0})[0].value
    frame = dftflow.quantities(outcome).to_frame()
    assert tuple(sorted(frame["cutoff_ev"].dropna().unique())) == CUTOFFS_EV


def test_more_plane_waves_lower_the_energy(converged: Path) -> None:
    """With the same potentials and k-points the energy is variational in the plane waves."""
    energies = swept(converged, "total energy per atom", "cutoff_ev")
    assert tuple(sorted(energies)) == CUTOFFS_EV
    steps = [energies[low] - energies[high] for low, high in pairwise(CUTOFFS_EV)]
    assert all(0 < step < 0.2 for step in steps) and steps == sorted(steps, reverse=True)


def test_what_the_page_says_of_it_is_so(converged: Path) -> None:
    """docs/sweeps.md: from 400 eV on the gap is within 1 meV; two points a direction are 37 meV and 62 meV/atom off."""
    energies, gaps = (swept(converged, name, "cutoff_ev") for name in NAMES)
    assert all(abs(gaps[cutoff] - gaps[600.0]) < 1e-3 for cutoff in (400.0, 500.0))
    assert energies[400.0] - energies[600.0] == pytest.approx(2.3e-3, abs=1e-4)
    energies, gaps = (swept(converged, name, "kpoint_spacing_per_ang") for name in NAMES)
    assert tuple(sorted(energies, reverse=True)) == SPACINGS_PER_ANG
    assert abs(gaps[0.75] - gaps[0.19]) == pytest.approx(37e-3, abs=1e-3)
    assert abs(energies[0.75] - energies[0.19]) == pytest.approx(62e-3, abs=1e-3)
    assert abs(gaps[0.37] - gaps[0.19]) == pytest.approx(1.0e-3, abs=2e-4)
