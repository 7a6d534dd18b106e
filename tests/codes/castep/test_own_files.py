"""Whole folders in the layouts of CASTEP 16.1 to 25.1 and of Materials Studio, in ``tests/data/castep``.

They were written for these tests, from models whose numbers follow by hand: an energy that is quadratic in a length,
with the force or stress that is its derivative; eigenvalues that are quadratic in k.
"""

from __future__ import annotations

import math
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.codes.base import Reading
from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.input.cell_file import read_cell_deck
from dftflow.codes.castep.input.param_file import read_param
from dftflow.codes.castep.lint.lint import lint_files
from dftflow.codes.castep.output.castep_file import read_castep
from dftflow.codes.castep.output.castep_run import CastepRun
from dftflow.codes.castep.output.grid_file import read_grid
from dftflow.codes.castep.output.hugoniostat_file import read_hugoniostat
from dftflow.codes.castep.output.trajectory_file import read_trajectory
from dftflow.codes.finding import find_calculations
from dftflow.errors import ParseError
from dftflow.gate.calculation import sound
from dftflow.model.results import Bands, Results

DATA = Path(__file__).resolve().parents[2] / "data" / "castep"
HARTREE_EV = 27.211386245981  # CODATA 2022
EV_PER_ANG3_GPA = 160.2176634


@dataclass(frozen=True)
class Case:
    """What one folder holds: the last run of its log, the energies at 0 K and E-TS, geometries and iterations."""

    log: str
    version: str
    status: str
    task: str | None
    energy_ev: float | None
    free_ev: float | None
    geometries: int
    iteration: int | None = None
    runs: int = 1


GEOMETRY, SINGLE, MD = "geometry optimization", "single point energy", "molecular dynamics"
SPECTRAL = "Electronic Spectroscopy"
# Energies at 0 K are E without smearing, else E - TS/2; with the dispersion correction where there is one.
CASES = [
    Case("16.1/cell-relaxation/LiF", "16.1", "finished", GEOMETRY, -680.0, -680.0, 5, 2),
    Case("16.1/damped-md/O2", "16.1", "finished", GEOMETRY, -870 + 5 * 0.004**2, -870 + 5 * 0.004**2, 3, 2),
    Case("16.1/dispersion/Ar", "16.1", "finished", "band structure", -580.25 - 0.0625, -580.25 - 0.0625, 1),
    Case("16.1/npt-dynamics/Ne", "16.1", "finished", MD, -200.3 - 0.01, -200.3 - 0.02, 4, 3),
    Case("16.1/phonons/BN", "16.1", "finished", "phonon calculation", -350.125, -350.125, 1),
    Case("16.1/transition-state/H2", "16.1", "finished", "transition state search", -32.0, -32.0, 1),
    Case("17.1/tpsd/Se", "17.1", "finished", GEOMETRY, -500 - 0.05, -500 - 0.1, 3, 2),
    Case("17.2/dynamics/N2", "17.2", "finished", MD, -540.0, -540.0, 3, 2),
    Case("17.2/molecule/O2", "17.2", "geom_not_converged", GEOMETRY, -870 + 5 * 0.05**2, -870 + 5 * 0.05**2, 3, 1),
    Case("18.1/crash/KSb", "18.1", "truncated", None, None, None, 0),
    Case("18.1/out-of-time/Si", "18.1", "out_of_time", GEOMETRY, -329.996 - 0.002, -329.996 - 0.004, 2, 1),
    Case("18.1/restarts/Si", "18.1", "truncated", GEOMETRY, -329.999 - 0.002, -329.999 - 0.004, 3, 2, 2),
    Case("18.1/scf-not-converged/Si", "18.1", "scf_not_converged", SINGLE, None, None, 1),
    Case("19.1/insulator/C2", "19.1", "finished", SINGLE, -310.75, -310.75, 1),
    Case("20.11/killed/Al", "20.11", "truncated", SINGLE, None, None, 1),
    Case("20.11/spectral/Ge", "20.11", "finished", SPECTRAL, -210 - 0.0001, -210 - 0.0002, 1),
    Case("20.11/verbose/Al", "20.11", "finished", SINGLE, -110.5 - 0.1, -110.5 - 0.2, 1),
    Case("23.1/magnetic-bands/Fe", "23.1", "finished", SPECTRAL, -860 - 0.005, -860 - 0.01, 1),
    Case("24.1/unfinished/Mn", "24.1", "truncated", None, None, None, 0, None, 2),
    Case("25.1/antiferromagnet/NiO", "25.1", "finished", SPECTRAL, -7300.5, -7300.5, 1),
    Case("25.1/pair-potential/Xe", "25.1", "finished", MD, -9e-6, -9e-6, 1, 2),
    Case("materials-studio-8.0/bands/GaP", "8.0", "finished", SINGLE, -340 - 0.025, -340 - 0.05, 1),
    Case("materials-studio-2024/slab/slab", "2024", "finished", GEOMETRY, -1300.02 - 0.75, -1300.04 - 0.75, 2, 1),
]


def case_folders() -> list[Path]:
    return sorted({(DATA / case.log).parent for case in CASES})


def runs(log: str) -> tuple[CastepRun, ...]:
    return read_castep(DATA / f"{log}.castep")


def reading(folder: str) -> Reading:
    (calculation,) = CASTEP().find(DATA / folder)
    return CASTEP().read(calculation)


def results(folder: str) -> Results:
    found = reading(folder).results
    assert found is not None
    return found


def bands(folder: str) -> Bands:
    found = results(folder).bands
    assert found is not None
    return found


def verdicts(found: Results) -> list[bool | None]:
    return [check.passed for check in found.checks]


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.log)
def test_the_last_run_of_a_log(case: Case) -> None:
    found = runs(case.log)
    run = found[-1]
    assert (run.version, run.status, run.setup.task, len(found)) == (case.version, case.status, case.task, case.runs)
    assert run.build == ("materials-studio" if "materials-studio" in case.log else "academic")
    energies = (run.energy_ev, run.free_energy_ev)
    wanted = (case.energy_ev, case.free_ev)
    assert energies == tuple(one if one is None else pytest.approx(one, abs=1e-9) for one in wanted)
    assert (len(run.frames), run.iteration) == (case.geometries, case.iteration)


def test_every_log_has_a_case_and_every_file_is_read() -> None:
    versions = [folder for folder in DATA.iterdir() if any(map(str.isdigit, folder.name))]
    found = (file for folder in versions for file in folder.rglob("*.castep"))
    logs = {file for file in found if not file.stem.endswith("_BandStr")}
    assert logs == {DATA / f"{case.log}.castep" for case in CASES}
    read = [CASTEP().read(found) for folder in case_folders() for found in find_calculations(folder, "castep")]
    files = {file.file: file.error for one in read for file in one.files}
    assert set(files) == {file for folder in case_folders() for file in folder.iterdir()} and len(files) > 60
    assert {file: error for file, error in files.items() if error is not None} == {}
    checks = [check for one in read if one.results is not None for check in one.results.checks]
    assert len(checks) > 15 and {check.passed for check in checks} == {True}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.log)
def test_energies_forces_and_pressures_are_printed_in_the_last_run(case: Case) -> None:
    text = (DATA / f"{case.log}.castep").read_text(encoding="latin-1").rpartition("CASTEP version")[2]
    finals = [float(word) for word in re.findall(r"^Final energy[^=\n]*= *(\S+?) *eV", text, re.MULTILINE)]
    pressures = [float(word) for word in re.findall(r"\*  Pressure: *(\S+)", text)]
    for frame in runs(case.log)[-1].frames:
        if frame.energies is not None and frame.energies.final_energy_ev is not None:
            assert frame.energies.final_energy_ev in finals
        if frame.stress_gpa is not None:
            pressure = -float(np.trace(frame.stress_gpa)) / 3
            assert min(abs(pressure - one) for one in pressures) < 1e-4
        if frame.forces_ev_per_ang is not None:
            last = r" +".join(f"{x:.5f}".replace("-0.00000", "-?0.00000") for x in frame.forces_ev_per_ang[-1])
            assert re.search(rf"{last} +\*", text.replace("-0.00000", "0.00000"))


def test_the_linter_finds_no_fault_in_the_decks() -> None:
    files = sorted(file for folder in case_folders() for file in folder.iterdir() if file.suffix in (".cell", ".param"))
    assert len(files) > 15
    assert [finding for finding in lint_files(files) if finding.severity == "error"] == []


# --- 16.1 -------------------------------------------------------------------------------------------------------------
# LiF, face-centred with edge a: E = -680 + 20 (a - 4)², V = a³/4, so that the stress is 40 (a - 4) / (3 a²/4) eV/Å³

EDGES = (4.2, 4.1, 4.01, 4.0, 3.99)  # start, trial and line step, and again; of the second pair the first was accepted


def lif_ev(edge_ang: float) -> float:
    return -680 + 20 * (edge_ang - 4) ** 2


def test_a_cell_relaxes_down_its_quadratic_energy() -> None:
    (run,) = runs("16.1/cell-relaxation/LiF")
    for edge, frame in zip(EDGES, run.frames, strict=True):
        assert abs(np.linalg.det(frame.cell_ang)) == pytest.approx(edge**3 / 4, abs=1e-5)
        assert frame.energy_ev == pytest.approx(lif_ev(edge), abs=1e-9)
        derivative_gpa = 40 * (edge - 4) / (3 * edge**2 / 4) * EV_PER_ANG3_GPA
        np.testing.assert_allclose(frame.stress_gpa, derivative_gpa * np.eye(3), atol=1e-6)
    assert [frame.iteration for frame in run.frames] == [0, None, 1, 2, None]


def test_the_lower_cutoffs_of_the_first_geometry_do_not_count() -> None:
    (run,) = runs("16.1/cell-relaxation/LiF")
    energies = run.frames[0].energies
    assert energies is not None
    assert energies.final_energy_ev == pytest.approx(lif_ev(4.2), abs=1e-9)
    assert energies.finite_basis_corrected_energy_ev == pytest.approx(lif_ev(4.2) - 0.002, abs=1e-9)
    assert (run.finite_basis_de_dlnecut_ev, run.final_enthalpy_ev) == (-1.5, -680.002)
    assert run.frames[0].enthalpy_ev == pytest.approx(lif_ev(4.2) - 0.002, abs=1e-6)


def test_a_run_that_was_killed_at_a_lower_cutoff_has_no_energy(tmp_path: Path) -> None:
    text = (DATA / "16.1/cell-relaxation/LiF.castep").read_text()
    (tmp_path / "LiF.castep").write_text(text[: text.index("Calculating total energy with cut-off of  300")])
    (run,) = read_castep(tmp_path / "LiF.castep")
    assert (run.energy_ev, run.scf_cycle, run.status) == (None, 4, "truncated")


def test_forces_behind_the_final_configuration_are_those_of_the_accepted_geometry() -> None:
    (run,) = runs("16.1/cell-relaxation/LiF")
    assert run.final is run.frames[3]
    np.testing.assert_array_equal(run.frames[3].forces_ev_per_ang, np.zeros((2, 3)))
    assert [frame.forces_ev_per_ang is None for frame in run.frames] == [True, True, True, False, True]


def test_steps_of_a_relaxation_of_the_cell() -> None:
    """Smax is the stress of the model; no test of forces is printed where symmetry fixes the atoms."""
    steps = results("16.1/cell-relaxation").steps
    assert [step.energy_ev for step in steps] == pytest.approx([lif_ev(edge) for edge in (4.2, 4.01, 4.0)], abs=1e-9)
    assert [step.volume_ang3 for step in steps] == pytest.approx([edge**3 / 4 for edge in (4.2, 4.01, 4.0)], abs=1e-5)
    stress = [40 * (edge - 4) / (3 * edge**2 / 4) * EV_PER_ANG3_GPA for edge in (4.2, 4.01, 4.0)]
    assert [step.max_stress_gpa for step in steps] == pytest.approx(stress, rel=1e-6)
    assert [step.max_force_ev_per_ang for step in steps] == [None, None, 0.0]
    assert [step.max_displacement_ang for step in steps] == [None] * 3


def test_the_trajectory_of_the_cell_agrees_with_the_log() -> None:
    trajectory = read_trajectory(DATA / "16.1/cell-relaxation/LiF.geom")
    (run,) = runs("16.1/cell-relaxation/LiF")
    assert [frame.iteration for frame in trajectory.frames] == [0, 1, 2]
    for one, other in zip(trajectory.frames, run.steps, strict=True):
        assert one.enthalpy_ev == pytest.approx(other.enthalpy_ev, abs=1e-6)
        np.testing.assert_allclose(one.stress_gpa, other.stress_gpa, atol=1e-6)
        np.testing.assert_allclose(one.cell_ang, other.cell_ang, atol=1e-7)
    last = trajectory.frames[-1].converged
    assert last is not None and last.energy and last.stress


def test_a_spin_polarised_insulator_without_a_moment() -> None:
    setup = runs("16.1/cell-relaxation/LiF")[0].setup
    assert (setup.spin, setup.fixed_occupancy, setup.geometry_method) == ("collinear", True, "BFGS")
    method = results("16.1/cell-relaxation").method
    assert method is not None
    assert (method.functional, method.smearing, method.kpoints_grid) == ("PBEsol", "fixed", (2, 2, 2))
    assert method.potentials == {"Li": "Li_00.usp", "F": "F_00.usp"}


def test_the_energy_with_dispersion_counts_and_the_band_energies_in_the_log_do_not() -> None:
    (run,) = runs("16.1/dispersion/Ar")
    assert run.energies is not None
    assert (run.energies.final_energy_ev, run.energies.dispersion_final_energy_ev) == (-580.25, -580.3125)
    assert (run.setup.dispersion, run.setup.functional) == ("TS", "hybrid B3LYP")
    assert run.warnings == ("WARNING: Your unit cell might be too small to get accurate results for van der Waals",)


def spring(distance: float, at_ev: float = -870.0, half: float = 5.0, rest: float = 1.0) -> tuple[float, float]:
    """Energy of two atoms on a spring, and the force that draws the first towards the second."""
    return at_ev + half * (distance - rest) ** 2, 2 * half * (distance - rest)


def test_damped_dynamics_of_two_atoms_on_a_spring() -> None:
    (run,) = runs("16.1/damped-md/O2")
    assert run.setup.geometry_method == "damped MD"
    for distance, frame in zip((1.2, 1.1, 1.004), run.frames, strict=True):
        energy, force = spring(distance)
        assert frame.energy_ev == pytest.approx(energy, abs=1e-9)
        apart = (frame.positions_frac[1] - frame.positions_frac[0]) @ frame.cell_ang
        np.testing.assert_allclose(apart, [distance, 0, 0], atol=1.7e-5)
        np.testing.assert_allclose(frame.forces_ev_per_ang, [[force, 0, 0], [-force, 0, 0]], atol=5.1e-6)
    assert [frame.iteration for frame in run.frames] == [0, 1, 2]
    assert run.final is run.frames[-1] and run.final_enthalpy_ev == pytest.approx(spring(1.004)[0], abs=5e-7)
    tested = run.frames[1].test("energy")
    assert tested is not None and (tested.value, tested.tolerance, tested.passed) == (0.15, 2.5e-5, False)
    assert len(run.warnings) == 1


def test_dynamics_at_constant_pressure_print_cell_and_positions() -> None:
    """a = 4.40, 4.41 … Å, atom 1 moved by u = 0, 0.001 …, F = ∓4 u, P = 1.5, 1.4 … GPa, TS = 0.02 eV."""
    (run,) = runs("16.1/npt-dynamics/Ne")
    assert [frame.iteration for frame in run.frames] == [0, 1, 2, 3]
    for n, frame in enumerate(run.frames):
        np.testing.assert_allclose(frame.cell_ang, (4.4 + 0.01 * n) * np.eye(3), atol=1e-7)
        assert frame.positions_frac[0, 0] == pytest.approx(0.001 * n, abs=1e-9)
        np.testing.assert_allclose(frame.forces_ev_per_ang[:, 0], [-0.004 * n, 0.004 * n], atol=5e-6)
        np.testing.assert_allclose(frame.stress_gpa, -(1.5 - 0.1 * n) * np.eye(3), atol=1e-6)
        assert frame.fermi_ev == 1.5
        assert frame.energies is not None
        assert frame.energies.free_energy_ev == pytest.approx(-200 - 0.1 * n - 0.02, abs=1e-9)
    assert results("16.1/npt-dynamics").steps == ()


def test_a_shifted_grid() -> None:
    """One point, moved by a quarter: CASTEP prints the offset in reciprocal lattice vectors."""
    method = results("16.1/npt-dynamics").method
    assert method is not None and method.kpoints_shift == (0.25, 0.25, 0.25)


def test_a_search_for_a_transition_state_keeps_the_reactant() -> None:
    """The geometries between reactant and product are printed in boxes of their own; .ts holds them."""
    (run,) = runs("16.1/transition-state/H2")
    assert run.frames[0].positions_frac[1, 2] == 0.2
    assert run.frames[0].forces_ev_per_ang is None  # those at the end are the transition state's
    path = read_trajectory(DATA / "16.1/transition-state/H2.ts")
    assert [frame.point for frame in path.frames] == ["reactant", "product", *["transition state"] * 2]
    assert [frame.path_coordinate for frame in path.frames] == [0.0, 1.0, 0.2, 0.5]
    assert path.frames[3].energy_ev - path.frames[0].energy_ev == pytest.approx(32 - 29.5, abs=1e-6)
    heights = [float(frame.positions_ang[1, 2]) for frame in path.frames]
    assert heights == pytest.approx([4 * w for w in (0.2, 0.8, 0.32, 0.5)], abs=1e-7)


def test_a_warning_about_an_old_keyword_stands_before_the_parameters() -> None:
    assert runs("16.1/phonons/BN")[0].warnings == ("Warning - deprecated keyword PHONON_SUM_RULE found in input file",)


# --- 17 ---------------------------------------------------------------------------------------------------------------


def test_steepest_descent_along_one_axis_of_the_cell() -> None:
    """E = -500 + 30 (c - 5)² with a = b = 10 Å, TS = 0.1 eV: the stress along z is 60 (c - 5) / 100 eV/Å³."""
    (run,) = runs("17.1/tpsd/Se")
    for c, frame in zip((5.2, 5.1, 5.0), run.frames, strict=True):
        assert frame.stress_gpa is not None and frame.energies is not None
        assert frame.stress_gpa[2, 2] == pytest.approx(60 * (c - 5) / 100 * EV_PER_ANG3_GPA, abs=1e-6)
        assert frame.energies.free_energy_ev == pytest.approx(-500 + 30 * (c - 5) ** 2 - 0.1, abs=1e-9)
        assert frame.enthalpy_ev == pytest.approx(-500 + 30 * (c - 5) ** 2 - 0.1, abs=1e-6)
    assert [len(frame.tests) for frame in run.frames] == [4, 4, 4]
    assert [frame.test("stress").passed for frame in run.frames] == [False, False, True]  # type: ignore[union-attr]
    assert run.final is run.frames[-1] and run.scf_cycle == 4


def test_warnings_within_the_table_of_the_scf_stand_once() -> None:
    cylinder, flag = runs("17.1/tpsd/Se")[0].warnings
    assert cylinder == "WARNING: Adding a cylindrically symmetric Gaussian confining potential"
    assert flag.startswith("WARNING: Devel code")


def test_a_molecule_that_ran_out_of_iterations() -> None:
    found = results("17.2/molecule")
    assert found.structure is not None  # of -out.cell: the last geometry with more digits than the log's 1.05 Å
    assert found.structure.get_distance(0, 1) == pytest.approx(1.0500004, abs=1e-9)
    assert [step.energy_ev for step in found.steps] == pytest.approx([spring(1.2)[0], spring(1.05)[0]], abs=1e-9)
    assert [step.max_force_ev_per_ang for step in found.steps] == pytest.approx([2.0, 0.5], abs=1e-6)
    assert found.steps[1].max_displacement_ang == 0.075
    np.testing.assert_allclose(found.forces_ev_per_ang, [[0.5, 0, 0], [-0.5, 0, 0]], atol=5e-6)
    assert found.peak_memory_mib == pytest.approx(57440 / 1024)


def test_the_gap_of_a_triplet_by_counting_electrons() -> None:
    """7 up fill up to -0.25, 5 down up to -0.40 Hartree; empty are 0.05 and -0.15: VBM -0.25, CBM -0.15."""
    found = bands("17.2/molecule")
    assert found.n_electrons == (7.0, 5.0) and found.eigenvalues_ev.shape == (2, 1, 8)
    edges = find_band_edges(found)
    assert edges.vbm.value_ev == pytest.approx(-0.25 * HARTREE_EV, abs=1e-6)
    assert edges.cbm.value_ev == pytest.approx(-0.15 * HARTREE_EV, abs=1e-6)
    assert found.fermi_by_spin_ev == pytest.approx((-0.2 * HARTREE_EV,) * 2)


def test_the_trajectory_of_the_molecule_agrees_with_the_spring() -> None:
    trajectory = read_trajectory(DATA / "17.2/molecule/O2.geom")
    for distance, frame in zip((1.2, 1.05), trajectory.frames, strict=True):
        energy, force = spring(distance)
        assert frame.energy_ev == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(frame.forces_ev_per_ang[:, 0], [force, -force], atol=1e-12)
        assert frame.positions_ang[1, 0] - frame.positions_ang[0, 0] == pytest.approx(distance, abs=1e-12)
        assert frame.stress_gpa is None
    assert read_cell_deck(DATA / "17.2/molecule/O2.cell").sites[1].spin == (1.0,)
    assert read_param(DATA / "17.2/molecule/O2.param").quantity("cut_off_energy", "energy") == 300.0


def test_dynamics_keep_their_energy() -> None:
    """Two N on a spring of 40 eV/Å², at rest at 1.1 Å, with 0.4 eV in all: K = 0.4 - 20 (d - 1.1)²."""
    trajectory = read_trajectory(DATA / "17.2/dynamics/N2.md")
    (run,) = runs("17.2/dynamics/N2")
    for n, (distance, frame, logged) in enumerate(zip((1.2, 1.15, 1.1), trajectory.frames, run.frames, strict=True)):
        energy, force = spring(distance, -540.0, 20.0, 1.1)
        kinetic = 0.4 - 20 * (distance - 1.1) ** 2
        assert frame.time_s == pytest.approx(n * 1e-15, rel=1e-12)
        assert frame.hamiltonian_ev == pytest.approx(-539.6, abs=1e-9)
        assert frame.kinetic_ev == pytest.approx(kinetic, abs=1e-9)
        assert frame.temperature_k == pytest.approx(2 * kinetic / 3 / 8.617333262e-5, rel=1e-8)
        assert frame.velocities_ang_per_s is not None
        # 1 u Å²/fs² = 103.642697 eV
        moving = 14.007 * 103.642697 / 2 * float((frame.velocities_ang_per_s**2).sum()) * 1e-30
        assert moving == pytest.approx(kinetic, rel=1e-7)
        assert (logged.iteration, logged.energy_ev) == (n, pytest.approx(energy, abs=1e-9))
        np.testing.assert_allclose(logged.forces_ev_per_ang, frame.forces_ev_per_ang, atol=5.1e-6)
        np.testing.assert_allclose(frame.forces_ev_per_ang[0], [force, 0, 0], atol=1e-12)


# --- 18.1: ways to end ------------------------------------------------------------------------------------------------


def test_a_restart_stands_behind_the_run_it_goes_on_from() -> None:
    """E = -330 + 1000 x², F = 1000 x / 5.4 Å along each axis; the second run was killed in a table of tests."""
    first, second = runs("18.1/restarts/Si")
    assert (first.status, second.status) == ("geom_not_converged", "truncated")
    lines = (DATA / "18.1/restarts/Si.castep").read_text().splitlines()
    assert all("CASTEP version 18.1" in lines[run.start_line - 1] for run in (first, second))
    assert second.setup.n_kpoints == 36 and second.frames[0].line > first.start_line
    moved = {0: (0.01, 0.004), 1: (0.004, 0.002, 0.001)}
    for number, run in enumerate((first, second)):
        for x, frame in zip(moved[number], run.frames, strict=True):
            assert frame.positions_frac[1].tolist() == pytest.approx([0.25 + x] * 3, abs=1e-9)
            assert frame.energies is not None
            assert frame.energies.final_energy_ev == pytest.approx(-330 + 1000 * x**2, abs=1e-9)
            np.testing.assert_allclose(frame.forces_ev_per_ang[0], [1000 * x / 5.4] * 3, atol=5.1e-6)
    assert first.energy_ev == pytest.approx(-330 + 1000 * 0.004**2 - 0.002, abs=1e-9)
    assert (first.wall_time_s, second.wall_time_s) == (12.19, None)
    assert second.frames[-1].tests == ()
    assert len(first.warnings) == 3 and second.warnings == ()


def test_an_scf_that_was_given_up_has_no_energy() -> None:
    (run,) = runs("18.1/scf-not-converged/Si")
    assert run.energies is not None and run.energies.unconverged_energy_ev == -330.498
    assert (run.frames[0].scf_converged, run.frames[0].scf_cycles, run.frames[0].fermi_ev) == (False, 4, 5.25)


@pytest.mark.parametrize(
    ("folder", "status", "message"),
    [
        ("18.1/crash", "died", "ERROR in cell constraints: attempt to fix alpha=beta, but alpha /= beta"),
        ("18.1/out-of-time", "out_of_time", "can be continued"),
        ("18.1/scf-not-converged", "scf_not_converged", "max_scf_cycles"),
        ("18.1/restarts", "truncated", "no end"),
        ("19.1/insulator", "finished", ""),
    ],
)
def test_diagnosis(folder: str, status: str, message: str) -> None:
    diagnosis = CASTEP().diagnose(DATA / folder)
    assert diagnosis.status == status and message in diagnosis.message
    assert results(folder).status == status


def test_the_message_of_a_crash_is_a_warning_of_its_results() -> None:
    assert results("18.1/crash").warnings == (
        "ERROR in cell constraints: attempt to fix alpha=beta, but alpha /= beta",
    )


@pytest.mark.parametrize(
    ("folder", "doing"),
    [("18.1/restarts", "geometry iteration 2 done, SCF cycle 4"), ("24.1/unfinished", "reading")],
)
def test_progress(folder: str, doing: str) -> None:
    assert CASTEP().progress(DATA / folder).doing == doing


# --- 19.1 to 25.1 -----------------------------------------------------------------------------------------------------


def test_an_insulator_with_its_density() -> None:
    """Four k-points (±1/4, 1/4, 1/4) are the 2 x 2 x 2 grid; the highest filled state is 0.15 + 3 · 0.01 Hartree."""
    found = results("19.1/insulator")
    assert found.bands is not None
    assert found.fermi_ev == pytest.approx(0.18 * HARTREE_EV, abs=1e-6)
    assert found.bands.eigenvalues_ev[0, :, 3].max() == pytest.approx(0.18 * HARTREE_EV, abs=1e-6)
    assert found.bands.weights is not None and found.bands.weights.tolist() == [0.25] * 4
    assert found.method is not None
    assert (found.method.kpoints_shift, found.method.constants) == ((0.5, 0.5, 0.5), "CODATA 2014")
    assert verdicts(found) == [True, True]
    assert {check.name.split()[0] for check in found.checks} == {"Fermi", "weights"}
    judged = sound(found)
    assert judged.refused == () and judged.results.density is not None
    (electrons,) = [check for check in judged.results.checks if check.name.startswith("electrons of the density")]
    assert electrons.passed


def test_grids_of_the_insulator() -> None:
    """Electrons 8 + 4 (a - 1/2) + 2 (c - 1), localisation 1/4 + a/2, difference 2 (a - 1/2); a = 0, 1, c = 0, 1, 2."""
    a, _, c = np.meshgrid([0, 1], [0, 1], [0, 1, 2], indexing="ij")
    wanted = {".den_fmt": 8 + 4 * (a - 0.5) + 2 * (c - 1), ".elf_fmt": 0.25 + a / 2, ".chdiff_fmt": 2 * (a - 0.5)}
    for suffix, values in wanted.items():
        grid = read_grid(DATA / f"19.1/insulator/C2{suffix}")
        np.testing.assert_allclose(grid.values[0], values, atol=1e-9)
        assert (grid.n_spins, grid.non_collinear) == (1, False)


def test_bands_along_a_path_of_four_processes() -> None:
    """Ge with a = 5.6 Å, every 0.3 1/Å: L-G is √3 π/a = 0.972 1/Å, 4 steps; G-X is 2π/a = 1.122 1/Å, 4 steps.

    The highest filled state is 0.20 - 0.01 q², the lowest empty one 0.23 + 0.03 q² Hartree, q in 1/Å.
    """
    found = bands("20.11/spectral")
    assert [math.ceil(length / 0.3) for length in (math.sqrt(3) * math.pi / 5.6, 2 * math.pi / 5.6)] == [4, 4]
    assert found.labels == ("L", "", "", "", "G", "", "", "", "X")
    np.testing.assert_allclose(found.kpoints_frac[:5, 0], [0.5, 0.375, 0.25, 0.125, 0], atol=1e-8)
    q = np.linalg.norm(found.kpoints_frac @ found.reciprocal_per_ang, axis=1)
    np.testing.assert_allclose(found.eigenvalues_ev[0, :, 3] / HARTREE_EV, 0.20 - 0.01 * q**2, atol=1e-7)
    np.testing.assert_allclose(found.eigenvalues_ev[0, :, 4] / HARTREE_EV, 0.23 + 0.03 * q**2, atol=1e-7)
    edges = find_band_edges(found)
    assert edges.direct and edges.vbm_label == "G"
    assert edges.cbm.value_ev - edges.vbm.value_ev == pytest.approx(0.03 * HARTREE_EV, abs=1e-6)


@pytest.mark.parametrize(
    ("line", "edge", "fermi", "gap_hartree", "said"),
    [
        (24, 0.205, 0.2162, 0.005, "above the CBM: it is that of the SCF"),
        (23, 0.216, 0.2140, 0.014, "inside the valence bands: it is that of the SCF"),
    ],
)
def test_a_path_may_hold_edges_that_the_grid_of_the_scf_misses(
    line: int, edge: float, fermi: float, gap_hartree: float, said: str, tmp_path: Path
) -> None:
    """An SCF on 2x2x2, without Γ, has its Fermi level between other edges than those that the path finds at Γ."""
    folder = tmp_path / "spectral"
    shutil.copytree(DATA / "20.11/spectral", folder)
    lines = (folder / "Ge.bands").read_text().splitlines()
    lines[4] = lines[4].replace("0.214000", f"{fermi:.6f}")
    lines[line - 1] = f"    {edge:.8f}"
    (folder / "Ge.bands").write_text("\n".join(lines) + "\n")
    log = (folder / "Ge.castep").read_text().replace("is  8  8  8", "is  2  2  2")
    log = log.replace("5.80000000E+000   4.9", f"{fermi * HARTREE_EV:.8f}E+000   4.9")
    (folder / "Ge.castep").write_text(log)
    (calculation,) = CASTEP().find(folder)
    found = CASTEP().read(calculation).results
    assert found is not None
    judged = sound(found)
    assert judged.refused == ()
    (check,) = [check for check in judged.results.checks if check.name.startswith("Fermi level fits")]
    assert check.passed is None and said in check.detail
    edges = calculation_levels(judged.results).edges
    assert edges is not None and edges.band_gap_ev == pytest.approx(gap_hartree * HARTREE_EV, abs=1e-6)


@pytest.mark.parametrize(("printed", "passed"), [("4", False), ("5", None)])
def test_a_level_inside_the_bands_of_its_own_grid_costs_the_bands(
    printed: str, passed: bool | None, tmp_path: Path
) -> None:
    """A filled state at 0.205 Hartree above E_F = 0.2: on the SCF's own points wrong, on other ones it may be so."""
    for name in ("GaP.castep", "GaP.bands"):
        shutil.copyfile(DATA / "materials-studio-8.0/bands" / name, tmp_path / name)
    lines = (tmp_path / "GaP.bands").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Spin component"))
    lines[first + 4] = "    0.20500000"
    (tmp_path / "GaP.bands").write_text("\n".join(lines) + "\n")
    log = (tmp_path / "GaP.castep").read_text()
    used = "Number of kpoints used =             "
    assert f"{used}4" in log
    (tmp_path / "GaP.castep").write_text(log.replace(f"{used}4", f"{used}{printed}"))
    (calculation,) = CASTEP().find(tmp_path)
    found = CASTEP().read(calculation).results
    assert found is not None
    (check,) = [check for check in found.checks if check.name.startswith("Fermi level fits")]
    assert check.passed is passed and "inside the valence bands" in check.detail
    assert (sound(found).results.bands is None) is (passed is False)


def test_notes_behind_the_footer_are_not_its_end() -> None:
    found = results("20.11/spectral")
    assert (found.wall_time_s, found.peak_memory_mib) == (12.19, 751124 / 1024)
    assert found.structure is not None and found.structure.volume == pytest.approx(5.6**3 / 4, abs=1e-9)
    assert verdicts(found) == [True, True]


def test_the_energy_of_each_cycle_of_a_verbose_scf_does_not_count() -> None:
    (run,) = runs("20.11/verbose/Al")
    assert run.energies is not None
    assert run.energies.zero_kelvin_energy_ev == pytest.approx(-110.6, abs=1e-9)
    assert (run.fermi_ev, run.frames[0].scf_cycles, run.peak_memory_mib) == (6.5, 3, 544272 / 1024)


def test_a_run_that_was_killed_within_a_warning() -> None:
    (run,) = runs("20.11/killed/Al")
    assert run.warnings == (  # of the third time only "Warning: There are no em" is left
        "Warning: There are no empty bands for at least one kpoint and spin; this may",
        "If this warning persists, you should consider increasing nextra_bands",
    )
    assert run.scf_cycle == 2


def test_bands_of_a_magnetic_metal_at_a_list_of_points() -> None:
    """7 bands up, 6 down; the offset 1/12 of 6 points puts the grid on Γ."""
    found = results("23.1/magnetic-bands")
    assert found.bands is not None and found.method is not None
    assert found.bands.labels == ("G", "H", "P")
    assert found.bands.eigenvalues_ev.shape == (2, 3, 7)
    assert np.isnan(found.bands.eigenvalues_ev[1]).sum(axis=1).tolist() == [1, 1, 1]
    assert found.bands.eigenvalues_ev[0, :, 0] / HARTREE_EV == pytest.approx([-0.1, 0.1, 0.0], abs=1e-7)
    assert found.bands.eigenvalues_ev[1, :, 0] / HARTREE_EV == pytest.approx([-0.08, 0.12, 0.02], abs=1e-7)
    assert (found.method.spin_polarised, found.method.kpoints_shift) == (True, (0.0, 0.0, 0.0))
    assert found.fermi_ev == pytest.approx(11.25, abs=0.6e-6 * HARTREE_EV)  # of the last row of the SCF in the log
    assert runs("23.1/magnetic-bands/Fe")[0].fermi_ev == 11.25


def test_no_run_of_the_file_came_to_an_scf() -> None:
    first, second = runs("24.1/unfinished/Mn")
    assert (first.setup.spin, first.setup.spin_orbit, first.setup.n_electrons) == ("non-collinear", True, 300.0)
    assert (first.setup.fixed_occupancy, first.setup.n_bands, first.status) == (False, 420, "truncated")
    assert (second.version, second.setup.codata, len(first.frames)) == ("24.1", 2018, 1)
    assert first.warnings[0].startswith("Warning in parameters_read")


def test_a_path_of_letters_is_kept_as_letters() -> None:
    """VBM 0.20 + 2 · 0.01 at X, CBM 0.40 - 2 · 0.01 Hartree at X, in both spin channels."""
    deck = read_cell_deck(DATA / "25.1/antiferromagnet/NiO.cell")
    assert (deck.path, deck.path_letters) == (None, (("K", "G", "X"),))
    found = results("25.1/antiferromagnet")
    assert found.bands is not None and found.method is not None
    edges = find_band_edges(found.bands)
    assert edges.cbm.value_ev - edges.vbm.value_ev == pytest.approx((0.38 - 0.22) * HARTREE_EV, abs=1e-6)
    assert found.bands.fermi_by_spin_ev == pytest.approx((0.224999 * HARTREE_EV, 0.225 * HARTREE_EV))
    assert found.fermi_ev == pytest.approx(0.225 * HARTREE_EV)
    assert (found.method.functional, found.method.smearing, found.method.cutoff_ev) == ("R2SCAN", "fixed", 900.0)
    assert (found.bands.labels, found.bands.on_path) == (("", "G", ""), (0, 0, 0)), "K and X of another lattice"
    assert not any("no path" in line for line in calculation_levels(found).remarks)


def test_dynamics_of_which_no_geometry_is_printed() -> None:
    """The forces at the end are those of a geometry that is not known."""
    (run,) = runs("25.1/pair-potential/Xe")
    assert run.frames[0].forces_ev_per_ang is None
    curve = read_hugoniostat(DATA / "25.1/pair-potential/Xe.hug")
    assert [state.compression for state in curve.states] == [0.99, 0.95, 0.85]
    assert [state.energy_ev for state in curve.states] == [-0.125, 0.5, 2.25]


# --- Materials Studio -------------------------------------------------------------------------------------------------


def test_property_runs_of_materials_studio_belong_to_their_base() -> None:
    """Eight bands at the 4 points of the SCF, ten at the 3 of the path."""
    found = reading("materials-studio-8.0/bands")
    assert found.calculation.seed == "GaP" and len(found.calculation.files) == 9
    kinds = {file.file.name: file.kind for file in found.files}
    assert kinds["GaP_DOS.bands"] == kinds["GaP_BandStr.bands"] == "property eigenvalues"
    (said,) = [file.summary for file in found.files if file.file.name == "GaP_DOS.bands"]
    assert said.endswith("no number is taken from them")
    together = bands("materials-studio-8.0/bands")
    assert together.labels == ("",) * 4 + ("G", "", "X")
    assert together.on_path == (-1, -1, -1, -1, 0, 0, 0)
    assert together.eigenvalues_ev.shape == (1, 7, 10)
    assert np.isnan(together.eigenvalues_ev[0, :4, 8:]).all() and np.isfinite(together.eigenvalues_ev[0, 4:]).all()
    edges = find_band_edges(together)
    assert (edges.vbm_label, edges.cbm_label, edges.direct) == ("G", "X", False)
    assert edges.cbm.value_ev - edges.vbm.value_ev == pytest.approx((0.24 - 0.15) * HARTREE_EV, abs=1e-6)


def test_a_property_run_may_be_all_that_is_left(tmp_path: Path) -> None:
    for name in ("GaP.castep", "GaP_BandStr.bands", "GaP_BandStr.cell"):
        shutil.copyfile(DATA / "materials-studio-8.0/bands" / name, tmp_path / name)
    found = CASTEP().read(CASTEP().find(tmp_path)[0]).results
    assert found is not None and found.bands is not None
    assert found.bands.labels == ("G", "", "X") and found.bands.eigenvalues_ev.shape == (1, 3, 10)


def test_decks_of_materials_studio() -> None:
    """Lines end in CR LF, ``%ENDBLOCK  NAME`` has two blanks, exponents three digits."""
    folder = DATA / "materials-studio-8.0/bands"
    deck = read_cell_deck(folder / "GaP_BandStr.cell")
    assert deck.structure is not None and deck.structure.volume == pytest.approx(5.45**3 / 4, abs=1e-9)
    assert deck.path is not None and deck.path.spacing_per_ang == 0.6
    assert deck.species_pot == {"Ga": "Ga_00.usp", "P": "P_00.usp"}
    parameters = read_param(folder / "GaP.param")
    assert parameters.quantity("cut_off_energy", "energy") == 300.0
    assert parameters.quantity("elec_energy_tol", "energy") == 1e-5
    assert b"\r\n" in (folder / "GaP.castep").read_bytes() and b"\r\n" in (folder / "GaP.cell").read_bytes()


def test_a_slab_of_materials_studio() -> None:
    """E = -1300 + (200/24) (Z - 9)² for the height Z of a layer, TS = 0.04, dispersion -0.75 eV.

    The layer at Z = 0.38 · 24 = 9.12 Å feels -(400/24) · 0.12 = -2 eV/Å, half on each of its two atoms.
    """
    (run,) = runs("materials-studio-2024/slab/slab")
    start, end = run.frames
    assert start.energies is not None
    lifted = 200 / 24 * 0.12**2
    assert start.energies.dispersion_free_energy_ev == pytest.approx(-1300 + lifted - 0.04 - 0.75, abs=1e-9)
    assert start.energies.final_energy_ev == pytest.approx(-1300 + lifted, abs=1e-9)
    np.testing.assert_allclose(start.forces_ev_per_ang[:, 2], [-1, -1, 1, 1], atol=5e-6)
    np.testing.assert_allclose(end.forces_ev_per_ang, np.zeros((4, 3)), atol=5e-6)
    found = results("materials-studio-2024/slab")
    assert found.method is not None
    assert (found.method.dispersion, found.method.dipole_correction) == ("D2", "z, self-consistent along")
    assert read_cell_deck(DATA / "materials-studio-2024/slab/slab.cell").fixed_atoms == (2,)


def test_the_work_function_of_the_slab() -> None:
    """The potential is 0.2 Hartree far from the slab, the Fermi level -0.05: 0.25 Hartree between them."""
    found = results("materials-studio-2024/slab")
    assert found.potential is not None and found.fermi_ev is not None
    assert found.potential.values_ev.shape == (2, 2, 48)
    levels = calculation_levels(found)
    assert levels.normal == 2 and len(levels.sides) == 2
    for side in levels.sides:
        assert side.vacuum.level.value_ev - found.fermi_ev == pytest.approx(0.25 * HARTREE_EV, abs=1e-3)
    assert verdicts(found) == [True, True, True]


# --- cut and damaged --------------------------------------------------------------------------------------------------

WITHIN = {
    "the parameters": "using functional",
    "the potentials": "Se 3|1.8",
    "the cell": "Lattice parameters(A)",
    "the positions": "           Number           u",
    "the table of the SCF": "per atom          (sec)",
    "the forces": " * Se              1",
    "the stress": " *  y ",
    "the tests": " |  |F|max",
}


@pytest.mark.parametrize(("box", "mark"), WITHIN.items(), ids=WITHIN)
def test_a_run_that_was_killed_inside_a_box(box: str, mark: str, tmp_path: Path) -> None:
    """What stands above the box is kept, and nothing of it."""
    text = (DATA / "17.1/tpsd/Se.castep").read_text()
    (tmp_path / "Se.castep").write_text(text[: text.index("\n", text.index(mark)) + 1])
    (run,) = read_castep(tmp_path / "Se.castep")
    assert (run.status, run.iteration) == ("truncated", 0 if box == "the tests" else None)
    assert len(run.frames) == (0 if box in ("the parameters", "the cell", "the positions") else 1)
    for frame in run.frames:
        assert (frame.energy_ev is not None) == (box in ("the forces", "the stress", "the tests"))
        assert (frame.forces_ev_per_ang is not None) == (box in ("the stress", "the tests"))
        assert (frame.stress_gpa is not None) == (box == "the tests") and frame.tests == ()


def test_the_first_lines_of_no_file_are_a_finished_run(tmp_path: Path) -> None:
    chance = random.Random(1)
    cuts = 0
    for case in CASES:
        content = (DATA / f"{case.log}.castep").read_bytes()
        begin, end = content.rfind(b"CASTEP version"), content.rfind(b"\nTotal time          =")
        if not begin < end:
            continue
        for _ in range(8):
            (tmp_path / "a.castep").write_bytes(content[: chance.randrange(begin + 40, end)])
            assert read_castep(tmp_path / "a.castep")[-1].status in ("truncated", "geom_not_converged"), case.log
            cuts += 1
    assert cuts > 120


@pytest.mark.parametrize(
    ("log", "old", "new", "message"),
    [
        (
            "17.2/molecule/O2",
            r"            x  O            1  .*\n",
            "",
            "atoms are out of order: O 2",
        ),
        (
            "17.2/molecule/O2",
            r"            x  O            2  .*\n",
            "",
            "1 atoms are listed of 2 in the cell",
        ),
        ("19.1/insulator/C2", r"-310.7500000000     eV", "-310.7500000000     ev2", "'ev2', which is not known"),
        ("19.1/insulator/C2", r"-310.7500000000     eV", "-310.7600000000     eV", "not that of the last SCF cycle"),
        ("19.1/insulator/C2", r"1.8000000     0.0000000", "1.8000100     0.0000000", "reciprocal lattice"),
        ("19.1/insulator/C2", r"volume = +11.664000", "volume =            11.665000", "volume"),
        ("19.1/insulator/C2", r"unit  +: eV\n", "unit  : kayser\n", "'kayser', which is not known"),
        ("16.1/cell-relaxation/LiF", r"Pressure: +-96.8814", "Pressure:  +96.8814", "stress tensor cannot be read"),
        ("16.1/cell-relaxation/LiF", r" x     96.881429 ", " x     96.891429 ", "contradicts the pressure"),
        ("16.1/cell-relaxation/LiF", r"line step .*-680.000000 \|", "line step |  1.9 |  0.05 |  -680.1 |", "enthalpy"),
        ("16.1/damped-md/O2", r"finished iteration   1 ", "finished iteration   2 ", "iteration 2 follows iteration 0"),
        *(
            ("16.1/npt-dynamics/Ne", rf"(?s)(Starting MD iteration +{step} .*?){old}", rf"\1{new}", message)
            for step in (1, 2, 3)
            for old, new, message in (
                ("Fractional", "Fractionel", "the heading of a geometry cannot be read"),
                ("Real Lattice", "Real Lattize", "the heading of the unit cell cannot be read"),
                ("Real Lattice", "Rael Lattice", "the heading of a geometry cannot be read"),
                (r" +xxxx[^*]*?  x  Element[^*]*?(?=-{20,} <-- SCF)", "", "not printed like .*: atoms"),
                (r"Real Lattice[^*]*?volume.*?\n", "", "not printed like .*: cell"),
                (r"finished MD", "finisched MD", f"MD step {step} has no end"),
                (r" 4 (-2[^\n]*) <-- SCF", r" 4 \2 <-- SCG", "a row of the SCF cannot be read"),
            )
        ),
        ("16.1/npt-dynamics/Ne", r"Starting MD iteration +3", "Startink MD iteration 3", "MD step 3 has no beginning"),
        ("16.1/npt-dynamics/Ne", r": molecular dynamics", ": molekular dynamics", "the task of the run is 'molekular"),
        ("16.1/transition-state/H2", r"(?s)(Reactant.*?)Fractional", r"\1Fractionel", "the heading of a geometry"),
        (
            "16.1/cell-relaxation/LiF",
            r"finished iteration     2",
            "finisched iteration 2",
            "the final configuration is not",
        ),
        ("16.1/damped-md/O2", r"finished iteration   2", "finisched iteration 2", "the final configuration is not"),
        ("16.1/dispersion/Ar", r"Dispersion corrected", "Dispersion korrected", "energies .* are incomplete"),
        ("18.1/restarts/Si", r"(?s)(min LBFGS.*?)CASTEP version", r"\1CASTEQ version", "banner"),
    ],
)
def test_a_log_that_contradicts_itself_is_refused(log: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    text = (DATA / f"{log}.castep").read_text()
    damaged = re.sub(old, new, text, count=1)
    assert damaged != text
    (tmp_path / "a.castep").write_text(damaged)
    with pytest.raises(ParseError, match=message):
        read_castep(tmp_path / "a.castep")


@pytest.mark.parametrize(
    ("old", "new", "message"), [("NB est", "NB ets", "incomplete"), ("-200.0100", "-200.0110", "not the mean")]
)
def test_energies_that_only_the_footer_follows_are_checked(old: str, new: str, message: str, tmp_path: Path) -> None:
    """E = -200.00 and E-TS = -200.02 eV, so that the 0 K energy is -200.01 eV."""
    text = (DATA / "16.1/npt-dynamics/Ne.castep").read_text()
    static = text[: text.index("Writing analysis data")].replace("molecular dynamics", "single point energy")
    whole = static + text[text.index("Initialisation time") :]
    (tmp_path / "Ne.castep").write_text(whole)
    (run,) = read_castep(tmp_path / "Ne.castep")
    assert (run.status, run.energy_ev) == ("finished", -200.01)
    (tmp_path / "Ne.castep").write_text(whole.replace(old, new))
    with pytest.raises(ParseError, match=message):
        read_castep(tmp_path / "Ne.castep")


def test_the_last_energies_of_a_run_that_was_killed_are_checked(tmp_path: Path) -> None:
    """E = -200.30 and E-TS = -200.32 eV, so that the 0 K energy is -200.31 eV; without it there is no energy."""
    text = (DATA / "16.1/npt-dynamics/Ne.castep").read_text()
    zero = text.rindex("NB est.")
    (tmp_path / "Ne.castep").write_text(text[:zero])
    assert read_castep(tmp_path / "Ne.castep")[0].frames[-1].energy_ev is None
    (tmp_path / "Ne.castep").write_text(text[: text.index("\n", zero) + 1])
    assert read_castep(tmp_path / "Ne.castep")[0].frames[-1].energy_ev == -200.31
    (tmp_path / "Ne.castep").write_text(text[:zero] + "NB est. 0K energy (E-0.5TS)      =  -200.3110000000     eV\n")
    with pytest.raises(ParseError, match="not the mean"):
        read_castep(tmp_path / "Ne.castep")


def test_a_run_that_was_killed_within_its_final_configuration(tmp_path: Path) -> None:
    """The first cell, whose positions are not printed yet, belongs to no other ones: not to those of the last step."""
    text = (DATA / "17.1/tpsd/Se.castep").read_text()
    end = text.index("Unit Cell", text.index("Final Configuration"))
    first = text[text.index("Unit Cell") : text.index("Cell Contents")]
    (tmp_path / "Se.castep").write_text(text[:end] + first)
    (run,) = read_castep(tmp_path / "Se.castep")
    assert run.final is not None and (run.status, run.final.iteration) == ("truncated", run.iteration)
    np.testing.assert_array_equal(run.final.cell_ang, run.steps[-1].cell_ang)


def _differences(run: CastepRun, original: CastepRun) -> list[str]:
    """The numbers of `run` that are not those of the original; one that is missing is none of them."""
    pairs = [("run", run, original)]
    steps = {frame.iteration: frame for frame in original.steps}
    pairs += [(f"step {frame.iteration}", frame, steps[frame.iteration]) for frame in run.steps]
    names = ("cell_ang", "positions_frac", "energy_ev", "enthalpy_ev", "fermi_ev", "forces_ev_per_ang", "stress_gpa")
    return [
        f"{where}: {name}"
        for where, found, expected in pairs
        for name in (*names, "iteration", "scf_cycle", "free_energy_ev")
        if (value := getattr(found, name, None)) is not None
        and not np.array_equal(value, np.nan if (known := getattr(expected, name)) is None else known)
    ]


@pytest.mark.parametrize("log", ["npt-dynamics/Ne", "cell-relaxation/LiF", "damped-md/O2", "transition-state/H2"])
def test_no_letter_that_is_damaged_moves_a_number_to_another_geometry(log: str, tmp_path: Path) -> None:
    """In every line one letter after the other: what is still read, and called finished, has the same numbers."""
    lines = (DATA / f"16.1/{log}.castep").read_text().splitlines(keepends=True)
    (original,) = read_castep(DATA / f"16.1/{log}.castep")
    read = 0
    for number, line in enumerate(lines):
        letters = [place for place, letter in enumerate(line) if letter.isalpha()]
        for place in {*letters[:1], *letters[len(letters) // 2 :][:1], *letters[-1:]}:
            damaged = line[:place] + ("q" if line[place] != "q" else "k") + line[place + 1 :]
            (tmp_path / "a.castep").write_text("".join([*lines[:number], damaged, *lines[number + 1 :]]))
            try:
                (run,) = read_castep(tmp_path / "a.castep")
            except ParseError:
                continue
            read += 1
            assert run.status != "finished" or _differences(run, original) == [], (number + 1, damaged)
    assert read > 100


def test_a_heading_of_an_scf_that_is_damaged_gives_no_row(tmp_path: Path) -> None:
    """The energy stays; number of the cycle and Fermi level stood in a table that cannot be told from the text."""
    text = (DATA / "20.11/spectral/Ge.castep").read_text().replace("SCF loop", "SCF lo0p")
    (tmp_path / "a.castep").write_text(text)
    (run,) = read_castep(tmp_path / "a.castep")
    assert (run.energy_ev, run.fermi_ev, run.scf_cycle) == (pytest.approx(-210.0001, abs=1e-9), None, None)


def test_a_density_without_a_log_gives_no_results(tmp_path: Path) -> None:
    for suffix in (".den_fmt", ".cell"):
        shutil.copyfile(DATA / f"19.1/insulator/C2{suffix}", tmp_path / f"C2{suffix}")
    (calculation,) = CASTEP().find(tmp_path)
    found = CASTEP().read(calculation)
    assert found.results is None
    assert [file.error for file in found.files] == [None, None]


def test_bands_without_a_log_have_no_status(tmp_path: Path) -> None:
    shutil.copyfile(DATA / "19.1/insulator/C2.bands", tmp_path / "C2.bands")
    found = CASTEP().read(CASTEP().find(tmp_path)[0]).results
    assert found is not None and (found.status, found.energy_ev, found.code_version) == ("unknown", None, "")
    assert found.fermi_ev == pytest.approx(0.18 * HARTREE_EV, abs=1e-6)
