"""What is said of a grid on which a relaxed cell would lose the crystal's symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Structure

from dftflow.codes.uneven_grid import caution_on_grid
from dftflow.crystals.shipped import load_shipped
from dftflow.model.spec import CalcSpec, CellFreedom, Relaxation

CUBIC = load_shipped("CsPbBr3_Pm-3m").structure


def said(structure: Structure, grid: tuple[int, int, int], cell: CellFreedom = "lengths") -> tuple[str, ...]:
    goal = Relaxation(
        cell=cell, energy_tol_ev_per_atom=1e-5, force_tol_ev_per_ang=0.03, stress_tol_gpa=0.1,
        displacement_tol_ang=1e-3, max_steps=50,
    )  # fmt: skip
    spec = CalcSpec(
        task="relax", title="", xc="PBE", cutoff_ev=300.0, grid=grid, smearing_ev=0.1, scf_tol_ev_per_atom=1e-6,
        max_scf_cycles=100, relaxation=goal,
    )  # fmt: skip
    return caution_on_grid(structure, spec)


def test_the_mend_is_a_grid_that_holds_gamma_where_that_keeps_the_symmetry() -> None:
    (caution,) = said(CUBIC * (2, 1, 1), (1, 2, 2))
    assert caution.startswith("The grid 1x2x2 breaks the symmetry")
    mend = "the one that holds Γ does not: { size = [1, 2, 2], gamma = true } in a study, --gamma of dftflow deck."
    assert caution.endswith(mend)
    (caution,) = said(CUBIC, (4, 4, 3))
    assert caution.endswith("take as many points along all that is alike.")


@pytest.mark.parametrize("cell", ["fixed", "isotropic"])
def test_a_cell_that_keeps_its_shape_is_not_distorted(cell: CellFreedom) -> None:
    assert said(CUBIC * (2, 1, 1), (1, 2, 2), cell) == () != said(CUBIC * (2, 1, 1), (1, 2, 2), "all")


def test_a_grid_that_keeps_the_symmetry_needs_no_word() -> None:
    assert said(CUBIC * (2, 1, 1), (2, 4, 4)) == ()
    lower = CUBIC * (2, 1, 1)
    lower.translate_sites([0], np.array([0.02, 0.03, 0.04]))
    assert said(lower, (1, 2, 2)) == (), "without a rotation nothing is alike"
