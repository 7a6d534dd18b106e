"""Which cells VASP can relax as asked: by crystal systems."""

from __future__ import annotations

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.codes.vasp.cell_freedom import choose_isif
from dftflow.errors import SpecError

ORTHORHOMBIC = Structure(Lattice.orthorhombic(4, 5, 6), ["Ge", "Te"], [[0, 0, 0], [0.5, 0.5, 0.5]])
HEXAGONAL = Structure(Lattice.hexagonal(4, 6), ["Ge"], [[0, 0, 0]])
MONOCLINIC = Structure(Lattice.monoclinic(4, 5, 6, 100), ["Ge"], [[0, 0, 0]])
FCC = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ge"], [[0, 0, 0]])
CUBIC_FRAME = Structure(Lattice.cubic(6.0), ["Pb", "N", "C"], [[0, 0, 0], [0.5, 0.4, 0.6], [0.3, 0.5, 0.45]])
PEROVSKITE = Structure(
    Lattice.cubic(5.9), ["Cs", *["Pb"], *["Br"] * 3], [[0] * 3, [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
)


@pytest.mark.parametrize(
    ("crystal", "freedom", "isif"),
    [
        (PEROVSKITE, "fixed", 2),
        (MONOCLINIC, "all", 3),
        (PEROVSKITE, "isotropic", 3),
        (FCC, "isotropic", 3),
        (ORTHORHOMBIC, "isotropic", 8),
        (CUBIC_FRAME, "isotropic", 8),
        (PEROVSKITE, "lengths", 3),
        (FCC, "lengths", 3),
        (ORTHORHOMBIC, "lengths", 3),
        (HEXAGONAL, "lengths", 3),
    ],
)
def test_isif(crystal, freedom, isif):
    assert choose_isif(crystal, freedom)[0] == isif


@pytest.mark.parametrize("crystal", [MONOCLINIC, CUBIC_FRAME])
def test_angles_that_symmetry_leaves_free_cannot_be_kept(crystal):
    with pytest.raises(SpecError, match="keep its angles"):
        choose_isif(crystal, "lengths")


def test_an_angle_close_to_90_degrees_that_no_symmetry_holds_cannot_be_kept():
    """β = 89.65° is no symmetry for VASP, whose SYMPREC is 1e-5 Å."""
    almost = Structure(Lattice.monoclinic(4, 5, 6, 89.65), ["Ge"], [[0, 0, 0]])
    with pytest.raises(SpecError, match="keep its angles"):
        choose_isif(almost, "lengths")
