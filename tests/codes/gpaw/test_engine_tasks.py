"""The three tasks in this process, on a crystal whose energy, stress, potential and bands are formulas."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from dftflow.codes.gpaw import engine
from dftflow.model.spec import CellFreedom

HBAR2_OVER_2M_EV_ANG2 = 3.80998211
GPA_OF_EV_PER_ANG3 = 160.2176634
SIDE_ANG = 4.0
BULK_MODULUS_EV_PER_ANG3 = 0.5
SPRING_EV_PER_ANG2 = 2.0
BOND_ANG = 1.5
FERMI_EV = -1.25
KPOINTS = ((0.0, 0.0, 0.0), (0.5, 0.0, 0.0))
N_BANDS = 12
SHELLS = ([1, -1, 2, 2], [0, 0, 1, 0]), ([3, -1], [1, 0])
"""n and l of the partial waves of each atom, where -1 is no bound one."""


def cutoff_ev(radius: float) -> float:
    """Cutoff of plane waves up to `radius`, in units of 2 pi over the side of the cube."""
    return HBAR2_OVER_2M_EV_ANG2 * (radius * 2 * np.pi / SIDE_ANG) ** 2


def band_ev(kpoint: Sequence[float], band: int) -> float:
    return band + 0.3 * np.cos(2 * np.pi * kpoint[0]) - 0.2 * kpoint[2]


def overlaps(kpoint: Sequence[float], site: int) -> np.ndarray:
    """<p_i|psi>, shape (N_BANDS, n_projectors): (i + 1)(band + 1) of the first atom, ten times that of the second."""
    n_projectors = sum(2 * momentum + 1 for momentum in SHELLS[site][1])
    amplitude = np.outer(1 + np.arange(N_BANDS), 1 + np.arange(n_projectors)) * 10**site * (1 + kpoint[0])
    return amplitude * np.exp(0.7j * np.arange(n_projectors))


def field_ev(points: tuple[int, int, int] = (3, 4, 20)) -> np.ndarray:
    """A ramp along z from -2 to 5 eV, a step at its end, and waves along x and y that average out."""
    x, y, z = (np.arange(n) / n for n in points)
    waves = np.cos(2 * np.pi * x)[:, None, None] + 2 * np.sin(2 * np.pi * y)[None, :, None]
    return waves + (7 * z - 2)[None, None, :]


class Formulas(Calculator):
    """What GPAW's calculator answers, for two atoms on a spring in a cube that resists a change of volume."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012

    def __init__(
        self,
        ecut_ev: float,
        *,
        kpoints: Sequence[Sequence[float]] = KPOINTS,
        cutoff_energy: Callable[[float], float] = lambda _: 0.0,
        error: Exception | None = None,
        dipole: bool = False,
    ) -> None:
        super().__init__()
        self.kpoints, self.cutoff_energy, self.error = np.array(kpoints, dtype=float), cutoff_energy, error
        self.hooks: dict[str, Any] = {}
        self.asked_at_fixed_density: list[np.ndarray] = []
        asked = {
            "xc": {"name": "PBE"},
            "mode": {"ecut": ecut_ev},
            "kpts": {"size": (2, 1, 1)},
            "occupations": {"name": "fermi-dirac", "width": 0.05},
            "poissonsolver": {"dipolelayer": "xy"} if dipole else {},
        }
        self.params = SimpleNamespace(mode=SimpleNamespace(ecut=ecut_ev), todict=lambda: asked)
        self.dft = SimpleNamespace(
            setups=[SimpleNamespace(symbol="H", fingerprint="abc", n_j=n, l_j=l_) for n, l_ in SHELLS],
            ibzwfs=[
                SimpleNamespace(spin=0, k=k, P_ani=[overlaps(point, site) for site in range(2)])
                for k, point in enumerate(self.kpoints)
            ],
        )

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:  # type: ignore[no-untyped-def]
        super().calculate(atoms, properties, system_changes)
        if self.error is not None:
            raise self.error
        if "scf_step" in self.hooks:
            self.hooks["scf_step"](SimpleNamespace(niter=7))
        assert self.atoms is not None
        strain = self.atoms.get_volume() / SIDE_ANG**3 - 1
        bond = self.atoms.get_distance(0, 1, mic=True, vector=True)
        length = np.linalg.norm(bond)
        pull = SPRING_EV_PER_ANG2 * (length - BOND_ANG) * bond / length
        virial = np.outer(pull, bond) / self.atoms.get_volume()
        stress = BULK_MODULUS_EV_PER_ANG3 * strain * np.eye(3) + virial
        self.results = {
            "energy": 0.5 * BULK_MODULUS_EV_PER_ANG3 * SIDE_ANG**3 * strain**2
            + 0.5 * SPRING_EV_PER_ANG2 * (length - BOND_ANG) ** 2
            + self.cutoff_energy(self.params.mode.ecut),
            "forces": np.array([pull, -pull]),
            "stress": stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        }

    def fixed_density(self, *, kpts: np.ndarray, nbands: int, **settings: Any) -> Formulas:
        self.asked_at_fixed_density.append(np.array(kpts))
        return Formulas(self.params.mode.ecut, kpoints=kpts)

    def get_bz_k_points(self) -> np.ndarray:
        return self.kpoints

    def get_ibz_k_points(self) -> np.ndarray:
        return self.kpoints

    def get_k_point_weights(self) -> np.ndarray:
        return np.full(len(self.kpoints), 1 / len(self.kpoints))

    def get_eigenvalues(self, kpt: int, spin: int) -> np.ndarray:
        return np.array([band_ev(self.kpoints[kpt], band) for band in range(N_BANDS)])

    def get_number_of_spins(self) -> int:
        return 1

    def get_number_of_electrons(self) -> float:
        return 7.0

    def get_number_of_bands(self) -> int:
        return N_BANDS

    def get_fermi_level(self) -> float:
        return FERMI_EV

    def get_electrostatic_potential(self) -> np.ndarray:
        return field_ev()


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a GPAW that has a version and an error of its own, and nothing else."""
    monkeypatch.chdir(tmp_path)
    failure = type("KohnShamConvergenceError", (Exception,), {})
    gpaw = SimpleNamespace(__version__="0", KohnShamConvergenceError=failure)
    monkeypatch.setitem(sys.modules, "gpaw", gpaw)


def dimer(*, stretch: float = 1.0, bond_ang: float = BOND_ANG) -> Atoms:
    side = SIDE_ANG * stretch
    return Atoms("H2", [[0, 0, 0], [0, 0, bond_ang]], cell=[side] * 3, pbc=True)


def results() -> dict[str, Any]:
    return json.loads(Path("results.json").read_text())


def relaxed(atoms: Atoms, calculator: Callable[..., Formulas], **changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "cell": "all",
        "energy_tol_ev_per_atom": 1e-6,
        "force_tol_ev_per_ang": 1e-3,
        "stress_tol_gpa": 0.01,
        "displacement_tol_ang": 1e-3,
        "max_steps": 60,
        "keep_symmetry": False,
    }
    with suppress(SystemExit):
        engine.relax(atoms, calculator, **{**settings, **changes})
    return results()


# --- the correction for the finite basis ------------------------------------------------------------------------


def test_plane_waves_inside_the_cutoff_are_counted_at_each_kpoint() -> None:
    """Within 1.6 of the origin lie 1 + 6 + 12 points of a cubic lattice, within 1.6 of (1/2, 0, 0) 2·9 + 2."""
    ideal = 4 * np.pi / 3 * 1.6**3
    expected = (np.sqrt(19 * 20) / ideal) ** (2 / 3)
    assert engine._effective_cutoff_ratio(dimer(), Formulas(cutoff_ev(1.6))) == pytest.approx(expected, rel=1e-6)


def test_the_corrected_energy_lies_above_when_there_are_too_many_plane_waves() -> None:
    """E + 2/3 dE/d ln E_cut ln(N0/N): the slope is negative, N is above N0."""
    atoms = dimer()
    atoms.calc = engine.BasisCorrected(Formulas(cutoff_ev(1.6)), -6.0)
    expected = -4.0 * np.log(4 * np.pi / 3 * 1.6**3 / np.sqrt(19 * 20))
    assert expected > 0
    assert atoms.get_potential_energy() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("slope_ev", [-6.0, 4.0])
def test_the_corrected_stress_is_the_derivative_of_the_corrected_energy(slope_ev: float) -> None:
    """No plane wave comes in or goes at a strain of 1e-4; tension is positive."""
    energies = []
    for strain in (-1e-4, 0.0, 1e-4):
        atoms = dimer(stretch=1.02)
        atoms.set_cell(atoms.cell * [1, 1 + strain, 1], scale_atoms=True)
        atoms.calc = engine.BasisCorrected(Formulas(cutoff_ev(1.6)), slope_ev)
        energies.append(atoms.get_potential_energy())
        if strain == 0.0:
            stress, volume = atoms.get_stress(), atoms.get_volume()
    assert stress[1] == pytest.approx((energies[2] - energies[0]) / 2e-4 / volume, abs=1e-6)
    np.testing.assert_allclose(stress[3:], 0.0, atol=1e-12)


def test_a_fixed_cell_has_the_bare_energy_and_no_stress() -> None:
    atoms = dimer(bond_ang=1.7)
    atoms.calc = engine.BasisCorrected(Formulas(cutoff_ev(1.6)), None)
    assert atoms.get_potential_energy() == pytest.approx(0.5 * SPRING_EV_PER_ANG2 * 0.2**2)
    assert "stress" not in atoms.calc.results
    np.testing.assert_allclose(atoms.get_forces()[:, 2], [0.4, -0.4], atol=1e-12)


def test_the_slope_is_that_of_the_energy_in_the_cutoff_that_the_plane_waves_amount_to() -> None:
    """Points of a cubic lattice within a radius² of 9.1 and 3 % below and above, counted here."""
    grid = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    squares = (grid**2).sum(axis=1)

    def energy(ecut_ev: float) -> float:
        inside = np.count_nonzero(squares < ecut_ev / cutoff_ev(1.0))
        return -3.0 * np.log(inside ** (2 / 3))

    nominal_ev = cutoff_ev(np.sqrt(9.1))
    counts = {np.count_nonzero(squares < 9.1 * factor) for factor in (0.97, 1.0, 1.03)}
    assert len(counts) > 1

    def make(ecut_ev: float = nominal_ev) -> Formulas:
        return Formulas(ecut_ev, kpoints=[(0, 0, 0)], cutoff_energy=energy)

    assert engine._finite_basis_slope(dimer(), make) == pytest.approx(-3.0)
    assert json.loads(Path("finite_basis.json").read_text())["de_dlnecut_ev"] == pytest.approx(-3.0)


# --- relaxation -------------------------------------------------------------------------------------------------


def make(ecut_ev: float = cutoff_ev(np.sqrt(9.1))) -> Formulas:
    """Within 3 % of this cutoff plane waves come in and go: the slope of the energy can be told, and is none."""
    return Formulas(ecut_ev)


@pytest.mark.parametrize("stretch", [1.02, 0.98])
def test_the_stress_of_a_stretched_cell_is_a_tension_in_gpa(stretch: float) -> None:
    """B (V/V0 - 1), positive when the cell is too large; the first geometry is the last."""
    record = relaxed(dimer(stretch=stretch), make, max_steps=0)
    assert record["status"] == "geom_not_converged" and "0 steps" in record["message"]
    expected_gpa = BULK_MODULUS_EV_PER_ANG3 * (stretch**3 - 1) * GPA_OF_EV_PER_ANG3
    np.testing.assert_allclose(record["stress_gpa"], expected_gpa * np.eye(3), atol=1e-6)
    (step,) = map(json.loads, Path("relax.jsonl").read_text().splitlines())
    assert step["max_stress_gpa"] == pytest.approx(abs(expected_gpa))
    assert step["volume_ang3"] == pytest.approx((SIDE_ANG * stretch) ** 3)


def test_a_relaxation_ends_where_forces_and_stress_vanish() -> None:
    record = relaxed(dimer(stretch=1.01, bond_ang=1.6), make)
    assert record["status"] == "finished", record
    last = Atoms("H2", record["positions_ang"], cell=record["cell_ang"], pbc=True)
    assert last.get_distance(0, 1, mic=True) == pytest.approx(BOND_ANG, abs=1e-3)
    assert last.get_volume() == pytest.approx(SIDE_ANG**3, rel=1e-3)
    assert np.abs(record["forces_ev_per_ang"]).max() < 1e-3
    assert record["finite_basis_de_dlnecut_ev"] == pytest.approx(0.0, abs=1e-9)


def test_a_relaxation_at_a_fixed_cell_has_no_stress() -> None:
    record = relaxed(dimer(bond_ang=1.6), make, cell="fixed")
    assert record["status"] == "finished" and "stress_gpa" not in record
    assert record["finite_basis_de_dlnecut_ev"] is None and not Path("finite_basis.json").exists()
    assert record["energy_ev"] == pytest.approx(0.0, abs=1e-5)
    assert record["cell_ang"] == (SIDE_ANG * np.eye(3)).tolist()


@pytest.mark.parametrize(("cell", "expected"), [("isotropic", 1.0), ("lengths", 5.0), ("all", 7.0)])
def test_the_largest_stress_is_that_of_what_may_move(cell: CellFreedom, expected: float) -> None:
    """Diagonal -5, 4, -2 (a third of the trace: -1) and a shear of 7, in units of eV/Å³."""
    atoms = dimer()
    atoms.calc = SimpleNamespace(
        get_stress=lambda _: np.array([-5.0, 4, -2, 0, 7, 0]),
        get_potential_energy=lambda *_, **__: -3.5,
        get_forces=lambda _: np.array([[3.0, 0, -4], [0, 1, 0]]),
    )
    step = engine._step(atoms, cell, None)
    assert step["max_stress_gpa"] == pytest.approx(expected * GPA_OF_EV_PER_ANG3)
    assert step["max_force_ev_per_ang"] == pytest.approx(5.0)
    assert step["energy_ev"] == -3.5 and step["max_displacement_ang"] is None


def test_a_displacement_is_that_of_an_atom_within_the_cell() -> None:
    """0.3 Å along x and 0.4 Å along y; a cell that is stretched with its atoms moves none."""
    atoms = dimer()
    before = {"scaled": atoms.get_scaled_positions(wrap=False).tolist()}
    atoms.set_cell(atoms.cell * 1.1, scale_atoms=True)
    atoms.calc = make()
    assert engine._step(atoms, "fixed", before)["max_displacement_ang"] == pytest.approx(0.0, abs=1e-12)
    atoms.positions[1] += [0.3, -0.4, 0.0]
    assert engine._step(atoms, "fixed", before)["max_displacement_ang"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "converged"),
    [
        ({}, True),
        ({"max_force_ev_per_ang": 0.011}, False),
        ({"max_stress_gpa": 0.21}, False),
        ({"max_stress_gpa": None}, True),
        ({"max_displacement_ang": 0.0021}, False),
        ({"energy_ev": -10.0 + 2.1e-5}, False),
        ({"energy_ev": -10.0 - 2.1e-5}, False),
        ({"energy_ev": -10.0 - 1.9e-5}, True),
    ],
)
def test_all_four_criteria_must_hold(change: dict[str, Any], converged: bool) -> None:
    """For two atoms an energy that moved by 2e-5 eV is one of 1e-5 eV an atom."""
    step = {"energy_ev": -10.0, "max_force_ev_per_ang": 0.009, "max_stress_gpa": 0.19, "max_displacement_ang": 0.0019}
    assert engine._is_converged([step, {**step, **change}], 2, 1e-5, 0.01, 0.2, 0.002) is converged


@pytest.mark.parametrize(("slopes", "converged"), [((-0.010, 0.002), True), ((-0.010, -0.002), False)])
def test_an_energy_that_jumps_with_the_cell_is_told_by_its_slopes(slopes: tuple[float, float], converged: bool) -> None:
    """A step of 0.004 Å: the mean slope makes it 1.6e-5 or 2.4e-5 eV of two atoms, whose energy jumps by 5 meV."""
    step = {"energy_ev": -10.0, "max_force_ev_per_ang": 0.009, "max_stress_gpa": 0.19, "max_displacement_ang": 0.0019}
    before = {**step, "degrees": [1.0, 0.0], "slope": [slopes[0], 3.0]}
    now = {**step, "energy_ev": -9.995, "degrees": [1.004, 0.0], "slope": [slopes[1], -2.0]}
    assert engine._is_converged([before, now], 2, 1e-5, 0.01, 0.2, 0.002) is converged


@pytest.mark.parametrize(("force", "converged"), [(0.0011, False), (0.0009, True)])
def test_a_first_geometry_needs_a_tenth_of_the_force(force: float, converged: bool) -> None:
    step = {"energy_ev": -10.0, "max_force_ev_per_ang": force, "max_stress_gpa": 0.1, "max_displacement_ang": None}
    assert engine._is_converged([step], 2, 1e-5, 0.01, 0.2, 0.002) is converged


# --- potential and bands ----------------------------------------------------------------------------------------


def test_the_potential_keeps_its_sign_its_zero_and_its_sides() -> None:
    atoms = dimer(bond_ang=1.7)
    engine.potential(atoms, make, empty_bands=2)
    with np.load("potential.npz") as file:
        np.testing.assert_allclose(file["planar_ev"], 7 * np.arange(20) / 20 - 2, atol=1e-12)
        np.testing.assert_allclose(file["cell_ang"], SIDE_ANG * np.eye(3))
        np.testing.assert_allclose(file["positions_frac"][1], [0, 0, 1.7 / SIDE_ANG])
        assert file["numbers"].tolist() == [1, 1]
    record = results()
    assert record["status"] == "finished" and record["fermi_ev"] == FERMI_EV and record["n_electrons"] == 7.0
    assert record["energy_ev"] == pytest.approx(0.04)
    np.testing.assert_allclose(record["forces_ev_per_ang"], [[0, 0, 0.4], [0, 0, -0.4]], atol=1e-12)
    assert record["grid_kpoints"] == 2


def test_eigenvalues_and_fermi_level_are_told_from_the_same_zero() -> None:
    """Seven electrons fill three bands and half of a fourth; two empty ones are kept above it."""
    engine.potential(dimer(), make, empty_bands=2, kpoints=[(0.0, 0.0, 0.25)], labels=["Z"])
    with np.load("bands.npz") as file:
        points = [*KPOINTS, (0.0, 0.0, 0.25)]
        expected = [[[band_ev(point, band) for band in range(6)] for point in points]]
        np.testing.assert_allclose(file["eigenvalues_ev"], expected)
        np.testing.assert_allclose(file["kpoints_frac"], points)
        assert file["fermi_ev"] == FERMI_EV and file["n_electrons"] == 7.0
        assert file["labels"].tolist() == ["", "", "Z"] and file["on_path"].tolist() == [-1, -1, -1]


def test_a_path_has_its_own_points_in_its_own_order_and_each_is_calculated_once() -> None:
    made: list[Formulas] = []

    def keep() -> Formulas:
        made.append(make())
        return made[-1]

    path = [(0.1, 0, 0), (0.5, 0, 0), (0, 0, 0.4), (0.1, 0, 0), (0, 0, 0), (0.2, 0, 0), (0.3, 0, 0), (0.4, 0, 0)]
    engine.bands(
        dimer(), keep, kpoints=path, labels=[str(i) for i in range(8)], segments=[0] * 5 + [1] * 3, empty_bands=1
    )
    with np.load("bands.npz") as file:
        expected = [[band_ev(point, band) for band in range(5)] for point in [*KPOINTS, *path]]
        np.testing.assert_allclose(file["eigenvalues_ev"][0], expected)
        assert file["on_path"].tolist() == [-1, -1] + [0] * 5 + [1] * 3
    asked = np.concatenate(made[0].asked_at_fixed_density)
    assert len(asked) == 5 == len({tuple(point) for point in asked})
    assert {tuple(point) for point in asked}.isdisjoint(KPOINTS)


def test_what_states_are_made_of_stands_beside_their_eigenvalues() -> None:
    """Of the first atom projectors 1 and 6 are bound s waves and 3, 4, 5 p waves, of the second 1, 2, 3 p waves."""
    path = [(0.1, 0, 0), (0.5, 0, 0), (0.1, 0, 0), (0, 0, 0), (0.2, 0, 0)]
    engine.bands(dimer(), make, kpoints=path, labels=[""] * 5, segments=[0] * 5, empty_bands=1)
    with np.load("bands.npz") as file:
        found = dict(file)
    assert list(zip(found["projection_sites"], found["projection_l"], strict=True)) == [(0, 0), (0, 1), (1, 1)]
    amplitude = np.array([[(band + 1) * (1 + point[0]) for band in range(5)] for point in [*KPOINTS, *path]])
    expected = amplitude[..., None] ** 2 * np.array([1 + 36, 9 + 16 + 25, 100 * (1 + 4 + 9)])
    np.testing.assert_allclose(found["projections"], expected[None], rtol=1e-6)
    assert found["projections"].dtype == np.float32
    assert found["kpoint_weights"].tolist() == [0.5, 0.5, 0, 0, 0, 0, 0], "beside the grid is no part of the zone"


@pytest.mark.parametrize(("dipole", "expected"), [(False, "none"), (True, "z, self-consistent")])
def test_the_method_is_what_the_calculator_was_asked_for(dipole: bool, expected: str) -> None:
    method = engine._method(Formulas(300.0, dipole=dipole, kpoints=[(-0.25, 0, 0), (0.25, 0, 0)]))
    assert method["dipole_correction"] == expected
    assert method["cutoff_ev"] == 300.0 and method["smearing_ev"] == 0.05 and method["spin_polarised"] is False
    assert tuple(method["kpoints_grid"]) == (2, 1, 1) and method["potentials"] == {"H": "PAW abc"}


# --- how a run ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (MemoryError("40 GiB"), "died", "out of memory: 40 GiB"),
        (RuntimeError("no"), "died", "RuntimeError: no"),
    ],
)
def test_a_task_that_fails_says_why(error: Exception, status: str, message: str) -> None:
    with pytest.raises(SystemExit):
        engine.potential(dimer(), lambda: Formulas(300.0, error=error), empty_bands=2)
    assert (results()["status"], results()["message"]) == (status, message)
    assert not Path("potential.npz").exists()


def test_a_density_that_does_not_converge_is_told_from_a_death() -> None:
    import gpaw

    error = gpaw.KohnShamConvergenceError("too many cycles")
    with pytest.raises(SystemExit):
        engine.potential(dimer(), lambda: Formulas(300.0, error=error), empty_bands=2)
    assert (results()["status"], results()["message"]) == ("scf_not_converged", "too many cycles")
    assert json.loads(Path("progress.json").read_text())["doing"] == "starting"
