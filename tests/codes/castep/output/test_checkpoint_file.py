"""Checkpoints of published runs, against what the same runs printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from dftflow.codes.castep.output.checkpoint_file import read_checkpoint
from dftflow.errors import ParseError

SI2 = "zhubonan+aiida-castep/tests/data/Si2-occ/Si2"
SIO2 = "zhubonan+castepxbin/tests/test_data/SiO2"


def test_a_published_checkpoint_holds_what_its_run_printed(castep_data: Path) -> None:
    checkpoint = read_checkpoint(castep_data / f"{SI2}.castep_bin")
    printed = (castep_data / f"{SI2}.castep").read_text()
    free_energy_ev = float(re.findall(r"Final free energy \(E-TS\) +=\s+(\S+)", printed)[-1])
    # CODATA 2010, 2014 and 2022 differ by 1e-8
    assert checkpoint.free_energy_ev == pytest.approx(free_energy_ev, abs=2e-5)
    assert checkpoint.species == ("Si", "Si")
    np.testing.assert_allclose(checkpoint.positions_frac, [[0, 0, 0], [0.25, 0.25, 0.25]], atol=1e-12)
    volume = float(re.findall(r"Current cell volume = +(\S+)", printed)[-1])
    assert abs(np.linalg.det(checkpoint.cell_ang)) == pytest.approx(volume, abs=1e-4)
    assert checkpoint.forces_ev_per_ang is not None
    assert np.abs(checkpoint.forces_ev_per_ang).max() < 1e-5
    assert checkpoint.density_mean == pytest.approx(8.0, abs=1e-8)


def test_occupations_fill_the_electrons(castep_data: Path) -> None:
    checkpoint = read_checkpoint(castep_data / f"{SIO2}.castep_bin")
    assert checkpoint.occupations is not None and checkpoint.bands is not None
    assert checkpoint.occupations.shape == checkpoint.bands.eigenvalues_ev.shape == (2, 14, 20)
    assert checkpoint.bands.n_electrons == (16.0, 16.0)
    np.testing.assert_allclose(checkpoint.occupations.sum(axis=2), 16.0, atol=1e-6)
    assert checkpoint.species == ("O",) * 4 + ("Si",) * 2


def test_silicon_in_silica_has_four_oxygens_at_1_62_ang(castep_data: Path) -> None:
    """What the order of the lattice's rows and columns decides."""
    checkpoint = read_checkpoint(castep_data / f"{SIO2}.castep_bin")
    crystal = Structure(checkpoint.cell_ang, checkpoint.species, checkpoint.positions_frac)
    assert sorted(crystal.distance_matrix[4])[1:5] == pytest.approx([1.624] * 4, abs=1e-3)


def test_forces_of_a_crystal_sum_to_zero(castep_data: Path) -> None:
    forces = read_checkpoint(castep_data / f"{SIO2}.castep_bin").forces_ev_per_ang
    assert forces is not None and np.abs(forces).max() > 0.1
    np.testing.assert_allclose(forces.sum(axis=0), 0.0, atol=0.02)


def test_cut_or_damaged_it_is_refused(castep_data: Path, tmp_path: Path) -> None:
    whole = (castep_data / f"{SI2}.castep_bin").read_bytes()
    file = tmp_path / "a.castep_bin"
    for length in [0, 3, 40, 1000, len(whole) // 2, len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(ParseError):
            read_checkpoint(file)
    file.write_bytes(b"text\n" * 100)
    with pytest.raises(ParseError):
        read_checkpoint(file)
