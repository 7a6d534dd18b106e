"""The model Hessian, against finite differences of the energy that it belongs to."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from scipy.spatial.transform import Rotation

from dftflow.codes.gpaw.model_hessian import FLOOR_EV_PER_ANG2, model_hessian, stretch

HYDROGEN, CARBON, NITROGEN, SILICON, BROMINE, LEAD = 1, 6, 7, 14, 35, 82
MDYN_PER_ANG_EV_PER_ANG2 = 6.2415


def cage() -> Atoms:
    """Cubic CsPbBr3 with a side of 5.9 Å, its ions displaced."""
    places = [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    atoms = Atoms("CsPbBr3", scaled_positions=places, cell=5.9 * np.eye(3), pbc=True)
    atoms.rattle(0.05, seed=1)
    return atoms


def ammonia() -> Atoms:
    atoms = molecule("NH3", cell=[6, 6, 6], pbc=True)
    atoms.rattle(0.03, seed=2)
    return atoms


def resisting_solid(atoms: Atoms, length_ang: float) -> np.ndarray:
    """Of a bulk modulus of 20 GPa and a shear modulus of 10 GPa, by Lame's constants; rotations count as shears."""
    shear, lame = 10.0, 20.0 - 2 / 3 * 10.0
    stress = [lame * np.trace(unit) * np.eye(3) + 2 * shear * unit for unit in np.eye(9).reshape(9, 3, 3)]
    return np.reshape(stress, (9, 9)) / 160.2176634 * atoms.get_volume() / length_ang**2


@pytest.mark.parametrize(
    ("one", "other", "length_ang", "measured_mdyn_per_ang"),
    [
        (CARBON, HYDROGEN, 1.09, 5.0),  # CH4, valence force constants: Herzberg, Infrared and Raman Spectra (1945)
        (NITROGEN, HYDROGEN, 1.01, 6.4),  # NH3, the same
        (CARBON, CARBON, 1.53, 4.5),  # C2H6, the same
    ],
)
def test_bonds_are_about_as_stiff_as_measured(
    one: int, other: int, length_ang: float, measured_mdyn_per_ang: float
) -> None:
    found = stretch(one, other, length_ang) / MDYN_PER_ANG_EV_PER_ANG2
    assert found == pytest.approx(measured_mdyn_per_ang, rel=0.25) and found == pytest.approx(
        stretch(other, one, length_ang) / MDYN_PER_ANG_EV_PER_ANG2
    )


def test_a_cage_is_soft_beside_its_molecule() -> None:
    assert 1 < stretch(LEAD, BROMINE, 2.98) < 6 < 25 < stretch(CARBON, HYDROGEN, 1.09)


def test_silicon_is_about_as_stiff_as_silicon() -> None:
    """Bulk modulus 97.9 GPa (10.1103/PhysRev.161.756): the energy of a uniform strain e is 9/2 V B e^2."""
    atoms = bulk("Si", a=5.43)
    uniform = np.concatenate([np.zeros(6), np.eye(3).ravel()])
    bulk_modulus_gpa = uniform @ model_hessian(atoms, 1.0) @ uniform / (9 * atoms.get_volume()) * 160.2177
    assert 0.6 * 97.9 < bulk_modulus_gpa < 1.5 * 97.9


@pytest.mark.parametrize("atoms", [cage(), ammonia(), bulk("Si")], ids=["cage", "molecule", "silicon"])
@pytest.mark.parametrize("length_ang", [None, 7.0])
def test_it_is_symmetric_and_positive(atoms: Atoms, length_ang: float | None) -> None:
    hessian = model_hessian(atoms, length_ang)
    size = 3 * len(atoms) + (0 if length_ang is None else 9)
    assert hessian.shape == (size, size)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-9)
    assert np.linalg.eigvalsh(hessian).min() > 0.01


def test_all_atoms_together_move_against_the_floor_alone() -> None:
    atoms = cage()
    together = np.concatenate([np.tile([1.0, 0.0, 0.0], len(atoms)), np.zeros(9)])
    np.testing.assert_allclose(model_hessian(atoms, 6.0) @ together, FLOOR_EV_PER_ANG2 * together, atol=1e-9)


def turned(rotation: np.ndarray, n_atoms: int) -> np.ndarray:
    """What a rotation does to the places of the atoms and to the nine components of a strain."""
    whole = np.zeros((3 * n_atoms + 9, 3 * n_atoms + 9))
    whole[: 3 * n_atoms, : 3 * n_atoms] = np.kron(np.eye(n_atoms), rotation)
    whole[3 * n_atoms :, 3 * n_atoms :] = np.kron(rotation, rotation)
    return whole


def test_a_turned_crystal_has_the_turned_hessian() -> None:
    atoms = cage()
    rotation = Rotation.from_rotvec([0.4, -0.7, 0.2]).as_matrix()
    expected = turned(rotation, len(atoms)) @ model_hessian(atoms, 10.0) @ turned(rotation, len(atoms)).T
    other = Atoms(atoms.numbers, atoms.positions @ rotation.T, cell=atoms.cell.array @ rotation.T, pbc=True)
    np.testing.assert_allclose(model_hessian(other, 10.0), expected, atol=1e-9)


def test_where_the_cell_begins_and_which_atom_is_named_first_do_not_matter() -> None:
    atoms, order = cage(), [3, 0, 4, 2, 1]
    places = np.concatenate([np.ravel([3 * atom + np.arange(3) for atom in order]), 15 + np.arange(9)])
    other = atoms[order]
    other.positions += [1.3, -2.2, 0.4]
    other.wrap()
    np.testing.assert_allclose(
        model_hessian(other, 10.0), model_hessian(atoms, 10.0)[np.ix_(places, places)], atol=1e-9
    )


def test_a_supercell_has_the_stiffness_of_its_cell() -> None:
    """The energy of a strain goes as the number of cells, and that of a move that all cells make as well."""
    atoms = cage()
    twice = atoms.repeat((1, 2, 1))
    spread = np.zeros((39, 24))
    spread[:15, :15], spread[15:30, :15], spread[30:, 15:] = np.eye(15), np.eye(15), np.eye(9)
    found = spread.T @ model_hessian(twice, 10.0) @ spread
    np.testing.assert_allclose(found, 2 * model_hessian(atoms, 10.0), atol=1e-8)


def test_stretches_and_angles_are_those_of_a_spring_model() -> None:
    """Of ammonia: springs of the bonds and angles at rest, differentiated twice by finite differences."""
    atoms = ammonia()
    nitrogen, hydrogens = 0, (1, 2, 3)
    rest = atoms.get_positions()
    lengths = {h: atoms.get_distance(nitrogen, h) for h in hydrogens}
    constants = {h: stretch(NITROGEN, HYDROGEN, lengths[h]) for h in hydrogens}
    angles = {pair: np.radians(atoms.get_angle(pair[0], nitrogen, pair[1])) for pair in combinations(hydrogens, 2)}

    def energy_ev(positions: np.ndarray) -> float:
        arms = {h: positions[h] - positions[nitrogen] for h in hydrogens}
        total = sum(constants[h] / 2 * (np.linalg.norm(arms[h]) - lengths[h]) ** 2 for h in hydrogens)
        for (one, other), angle in angles.items():
            cosine = arms[one] @ arms[other] / (np.linalg.norm(arms[one]) * np.linalg.norm(arms[other]))
            stiffness = 0.1 / 45 * constants[one] * constants[other] * lengths[one] * lengths[other]
            total += stiffness / 2 * (np.arccos(cosine) - angle) ** 2
        return float(total)

    hessian = model_hessian(atoms) - FLOOR_EV_PER_ANG2 * np.eye(12)
    step = 1e-3
    for direction in np.random.default_rng(3).normal(size=(5, 12)):
        moved = step * direction.reshape(4, 3)
        curvature = (energy_ev(rest + moved) + energy_ev(rest - moved)) / step**2
        assert direction @ hessian @ direction == pytest.approx(curvature, rel=1e-3)


def test_a_strain_of_the_cell_is_a_move_of_the_atoms_in_it() -> None:
    """A molecule in a large box, strained with the box or moved as that moves it, costs the same but for the floors."""
    atoms, length_ang = ammonia(), 5.0
    hessian = model_hessian(atoms, length_ang)
    floors = np.concatenate([np.full(12, FLOOR_EV_PER_ANG2), np.full(9, 0.0)])
    bare = hessian - np.diag(floors)
    bare[12:, 12:] -= resisting_solid(atoms, length_ang)
    strain = np.array([[0.3, 0.1, -0.2], [0.1, -0.4, 0.05], [-0.2, 0.05, 0.2]])
    by_cell = np.concatenate([np.zeros(12), length_ang * strain.ravel()])
    by_atoms = np.concatenate([(atoms.get_positions() @ strain).ravel(), np.zeros(9)])
    np.testing.assert_allclose(bare @ by_cell, bare @ by_atoms, atol=1e-8)


def test_atoms_that_overlap_have_a_finite_constant() -> None:
    assert np.isfinite(stretch(HYDROGEN, HYDROGEN, 0.0)) and np.isfinite(stretch(LEAD, LEAD, 1.0))
