"""The optimiser of atoms and cell: what is held does not move, and a step that goes too far shortens the next."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from scipy.linalg import expm, logm

from dftflow.codes.gpaw.model_hessian import STRAIN_LENGTH_ANG, free_cell_hessian
from dftflow.codes.gpaw.optimiser import HESSIAN_FILE, CrystalBFGS, KeptBFGS, next_limit_ang, optimiser_of
from dftflow.model.spec import CellFreedom


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class CagedMolecule(Calculator):
    """Ammonium in a cube: N-H of 40 eV/Å^2, soft springs hold all to their places, and the cell resists at 20 GPa."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012
    bond_ang, side_ang, gpa = 1.03, 4.1, 20 / 160.2176634

    def calculate(self, atoms: Any = None, properties: Any = (), system_changes: Any = all_changes) -> None:
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        assert self.atoms is not None
        places, volume = self.atoms.positions, self.atoms.get_volume()
        deformation = self.atoms.cell.array / self.side_ang
        strain = (deformation + deformation.T) / 2 - np.eye(3)
        energy = 0.5 * self.side_ang**3 * self.gpa * (strain**2).sum()
        forces, virial = np.zeros_like(places), self.side_ang**3 * self.gpa * strain
        centre = places[1]
        for hydrogen in range(2, 6):
            arm = places[hydrogen] - centre
            length = np.linalg.norm(arm)
            pull = 40.0 * (length - self.bond_ang) * arm / length
            energy += 20.0 * (length - self.bond_ang) ** 2
            forces[1] += pull
            forces[hydrogen] -= pull
            virial += np.outer(pull, arm)
        for one in range(2, 6):
            for other in range(one + 1, 6):
                arm = places[other] - places[one]
                length = np.linalg.norm(arm)
                pull = 1.0 * (length - self.bond_ang * (8 / 3) ** 0.5) * arm / length
                energy += 0.5 * (length - self.bond_ang * (8 / 3) ** 0.5) ** 2
                forces[one] += pull
                forces[other] -= pull
                virial += np.outer(pull, arm)
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": (virial / volume)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        }


def ammonium() -> Atoms:
    """In a cell that is 4 % too long along x, with bonds that are 0.04 Å too long."""
    arms = 1.07 / 3**0.5 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    places = np.concatenate([[[0, 0, 0], [2.05] * 3], 2.05 + arms])
    atoms = Atoms("BrNH4", places, cell=4.1 * np.diag([1.04, 1, 1]), pbc=True)
    atoms.calc = CagedMolecule()  # type: ignore[no-untyped-call]
    return atoms


def evaluations(optimiser: BFGS, atoms: Atoms) -> int:
    for count, _ in enumerate(optimiser.irun(fmax=0.0, steps=200), start=1):  # type: ignore[no-untyped-call]
        if np.abs(atoms.get_forces()).max() < 0.01 and np.abs(atoms.get_stress()).max() < 1e-4:
            return count
    return 1000


def test_the_formulas_are_slopes_of_the_energy() -> None:
    from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

    atoms = ammonium()
    atoms.set_cell(4.1 * np.eye(3), scale_atoms=True)
    atoms.rattle(0.03, seed=3)
    np.testing.assert_allclose(atoms.get_forces(), calculate_numerical_forces(atoms, 1e-4), atol=1e-5)
    np.testing.assert_allclose(atoms.get_stress(), calculate_numerical_stress(atoms, 1e-4), atol=1e-5)


def test_stiff_bonds_in_a_soft_cell_need_fewer_evaluations_than_from_one_number() -> None:
    ours, plain = ammonium(), ammonium()
    usual = KeptBFGS(FrechetCellFilter(plain), restart="usual.json", logfile=None, maxstep=0.15)
    assert 3 * evaluations(optimiser_of(ours, "all"), ours) < 2 * evaluations(usual, plain)


@pytest.mark.parametrize("cell", ["isotropic", "lengths"])
def test_a_strain_that_is_held_is_never_made(cell: CellFreedom) -> None:
    """Displaced atoms couple to every strain; the first step goes by the model, in which they do as well."""
    atoms = Atoms(
        "CsBr2", cell=[4.0, 4.3, 3.7], pbc=True, scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.44], [0.5, 0.1, 0.9]]
    )
    before = atoms.cell.array.copy()
    atoms.calc = LennardJones(sigma=2.3, epsilon=0.3, rc=5.0, smooth=True)
    optimiser_of(atoms, cell).run(fmax=0.0, steps=4)
    change = np.linalg.solve(before, atoms.cell.array)
    assert np.abs(np.diag(change) - 1).max() > 1e-3
    np.testing.assert_allclose(change, np.diag(np.diag(change)), atol=1e-9)
    if cell == "isotropic":
        np.testing.assert_allclose(np.diag(change), change[0, 0], atol=1e-9)


def test_a_cell_that_is_held_is_begun_as_ase_begins() -> None:
    atoms = ammonium()
    optimiser = optimiser_of(atoms, "fixed")
    assert not isinstance(optimiser, CrystalBFGS) and optimiser.maxstep == 0.15
    np.testing.assert_array_equal(optimiser.H0, 70 * np.eye(18))


def overshooting() -> tuple[Atoms, CrystalBFGS]:
    """From a Hessian that is much too soft."""
    atoms = ammonium()
    movable = FrechetCellFilter(atoms, exp_cell_factor=4.1)
    return atoms, CrystalBFGS(movable, restart=HESSIAN_FILE, first_hessian=0.5 * np.eye(27))


def test_a_step_that_went_too_far_is_followed_by_one_of_a_quarter_of_its_length() -> None:
    atoms, optimiser = overshooting()
    places, energies = [], []
    for _ in optimiser.irun(fmax=0.0, steps=2):  # type: ignore[no-untyped-call]
        places.append(optimiser.optimizable.get_x().ravel().copy())
        energies.append(atoms.get_potential_energy())
    lengths = [float(np.max(optimiser.optimizable.gradient_norm(b - a))) for a, b in pairwise(places)]
    assert energies[1] > energies[0] + 0.1
    assert lengths == pytest.approx([0.3, 0.075]) and optimiser.maxstep == pytest.approx(0.075)


@pytest.mark.parametrize(
    ("length_ang", "before", "behind", "expected_ang"),
    [
        (0.1, -1.0, -0.4, 0.2),  # cut short, and still downhill: twice as long
        (0.1, -1.0, 0.2, 0.1),  # a little too far
        (0.1, -1.0, 0.6, 0.025),  # much too far: a quarter
        (0.04, -1.0, -0.4, 0.1),  # it was not the limit that made it short
        (0.04, -1.0, 0.6, 0.01),
    ],
)
def test_the_radius_of_trust(length_ang: float, before: float, behind: float, expected_ang: float) -> None:
    assert next_limit_ang(0.1, length_ang, before, behind) == pytest.approx(expected_ang)


def test_the_radius_of_trust_has_a_limit() -> None:
    assert next_limit_ang(0.2, 0.2, -1.0, -0.5) == 0.3


class Harmonic(Calculator):
    """A crystal of which the model is the whole truth; its cell is at rest."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, rest: Atoms) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rest, self.hessian = rest.copy(), free_cell_hessian(rest, "all")

    def calculate(self, atoms: Any = None, properties: Any = (), system_changes: Any = all_changes) -> None:
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        assert self.atoms is not None
        strain = logm(np.linalg.solve(self.rest.cell.array, self.atoms.cell.array)).real
        back = self.atoms.positions @ np.linalg.inv(expm(strain))
        place = np.concatenate([(back - self.rest.positions).ravel(), STRAIN_LENGTH_ANG * strain.ravel()])
        slope = self.hessian @ place
        energy = float(place @ slope / 2)
        stress = STRAIN_LENGTH_ANG * slope[-9:].reshape(3, 3) / self.atoms.get_volume()
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": -slope[:-9].reshape(-1, 3),
            "stress": stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        }


def test_a_harmonic_crystal_ends_in_one_step() -> None:
    """Displaced and strained by so little that the bonds at the start are those at the end."""
    rest = ammonium()
    atoms = rest.copy()
    atoms.set_cell(
        atoms.cell.array @ (np.eye(3) + 1e-5 * np.array([[3, 1, 0], [1, -2, 2], [0, 2, 1]])), scale_atoms=True
    )
    atoms.rattle(1e-4, seed=5)
    atoms.calc = Harmonic(rest)
    forces, stress = np.abs(atoms.get_forces()).max(), np.abs(atoms.get_stress()).max()
    optimiser_of(atoms, "all").run(fmax=0.0, steps=1)
    assert np.abs(atoms.get_forces()).max() < 0.01 * forces and np.abs(atoms.get_stress()).max() < 0.01 * stress


def test_the_length_of_steps_survives_a_kill() -> None:
    atoms, first = overshooting()
    first.run(fmax=0.0, steps=2)
    assert first.maxstep < 0.3
    again = CrystalBFGS(FrechetCellFilter(atoms), restart=HESSIAN_FILE, first_hessian=0.5 * np.eye(27))
    assert again.maxstep == first.maxstep
