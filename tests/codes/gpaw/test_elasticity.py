"""The compliance that a relaxation tells of, on crystals whose elasticity is known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from dftflow.codes.gpaw.elasticity import length_compliance_per_gpa
from dftflow.units import EV_PER_ANG3_GPA

SIDE_ANG = 4.29
LENGTH_ANG = 10.0  # times which a strain counts
C11_GPA, C12_GPA, C44_GPA = 30.7, 8.4, 7.5
"""About those of CsBr at room temperature."""

Course = list[tuple[np.ndarray, np.ndarray]]


def caesium_bromide() -> Atoms:
    return bulk("CsBr", "cesiumchloride", a=SIDE_ANG)


def stiffness_gpa() -> np.ndarray:
    """The cubic elastic tensor, shape (9, 9), of strains and stresses with all nine components."""
    tensor = np.zeros((3, 3, 3, 3))
    for i in range(3):
        for j in range(3):
            tensor[i, i, j, j] = C11_GPA if i == j else C12_GPA
            if i != j:
                tensor[i, j, i, j] = tensor[i, j, j, i] = C44_GPA
    return tensor.reshape(9, 9)


def harmonic_course(atoms: Atoms, coupling_ev_per_ang: float, *, n_steps: int, noise: float = 0.0) -> Course:
    """Random geometries about the minimum of a harmonic crystal; a coupling binds an atom to the strain xx."""
    n_atoms, size = len(atoms), 3 * len(atoms) + 9
    hessian = 8.0 * np.eye(size)
    hessian[-9:, -9:] = stiffness_gpa() / EV_PER_ANG3_GPA * SIDE_ANG**3 / LENGTH_ANG**2
    hessian[0, -9] = hessian[-9, 0] = coupling_ev_per_ang
    dice = np.random.default_rng(7)
    course = []
    for _ in range(n_steps):
        strain = dice.normal(scale=0.01, size=(3, 3))
        place = np.concatenate(
            [dice.normal(scale=0.03, size=3 * n_atoms), LENGTH_ANG * (strain + strain.T).ravel() / 2]
        )
        course.append((place, hessian @ place + dice.normal(scale=noise, size=size)))
    return course


def compliance(coupling_ev_per_ang: float) -> list[float]:
    atoms = caesium_bromide()
    found = length_compliance_per_gpa(atoms, harmonic_course(atoms, coupling_ev_per_ang, n_steps=600), "all")
    assert found is not None
    return found


def test_many_steps_tell_the_elastic_constants() -> None:
    """Cubic: S11 + 2 |S12| of all components at once; shear adds none along the axes."""
    determinant = (C11_GPA - C12_GPA) * (C11_GPA + 2 * C12_GPA)
    expected = (C11_GPA + C12_GPA) / determinant + 2 * C12_GPA / determinant
    found = compliance(0.0)
    assert found == pytest.approx([expected] * 3, rel=0.05)


def test_atoms_that_follow_the_strain_make_it_softer() -> None:
    """The relaxed constant is C - g^2/k, of a strain with coupling g to an atom of constant k."""
    coupling = 0.7
    clamped, relaxed = compliance(0.0)[0], compliance(coupling)[0]
    tensor = stiffness_gpa()[np.ix_([0, 4, 8], [0, 4, 8])]
    per_strain = SIDE_ANG**3 / LENGTH_ANG**2 / EV_PER_ANG3_GPA
    before = np.abs(np.linalg.inv(tensor)[0]).sum()
    tensor[0, 0] -= coupling**2 / 8.0 / per_strain
    after = np.abs(np.linalg.inv(tensor)[0]).sum()
    assert after > 1.2 * before
    assert relaxed / clamped == pytest.approx(after / before, rel=0.1)


def test_what_the_steps_have_not_strained_is_not_told() -> None:
    atoms, course = caesium_bromide(), harmonic_course(caesium_bromide(), 0.0, n_steps=20)
    assert length_compliance_per_gpa(atoms, [], "all") is None
    assert length_compliance_per_gpa(atoms, course[:6], "all") is None  # five steps, six strains
    (place, slope), along = course[0], np.concatenate([np.zeros(6), np.diag([0.02, 0.01, 0]).ravel()])
    straight = [(place + number * along, slope + 4 * number * along) for number in range(12)]
    assert length_compliance_per_gpa(atoms, straight, "all") is None
    assert length_compliance_per_gpa(atoms, course, "all") is not None


def test_noise_makes_nothing_soft() -> None:
    course = harmonic_course(caesium_bromide(), 0.0, n_steps=60, noise=0.003)
    found = length_compliance_per_gpa(caesium_bromide(), course, "all")
    assert found == pytest.approx([0.053] * 3, rel=0.5)


def test_an_isotropic_cell_gives_way_as_its_bulk_modulus_says() -> None:
    lengths = np.eye(3).ravel()
    isotropic = np.outer(lengths, lengths) / 3
    course = []
    for place, _ in harmonic_course(caesium_bromide(), 0.0, n_steps=40):
        held = place.copy()
        held[-9:] = isotropic @ place[-9:]
        slope = 8.0 * held
        volume_per_strain = SIDE_ANG**3 / LENGTH_ANG**2 / EV_PER_ANG3_GPA
        slope[-9:] = stiffness_gpa() @ held[-9:] * volume_per_strain
        course.append((held, slope))
    found = length_compliance_per_gpa(caesium_bromide(), course, "isotropic")
    assert found == pytest.approx([1 / (C11_GPA + 2 * C12_GPA)] * 3, rel=0.05)
