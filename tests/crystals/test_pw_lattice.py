"""pw.x's lattices, by what makes them what they are: symmetry, volume and lengths."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice

from dftflow.crystals.pw_lattice import bravais_cell
from dftflow.crystals.symmetry import space_group

A, B, C = 5.0, 1.3, 1.7  # a; b and c in units of it
COS = (0.1, 0.2, 0.3)


@pytest.mark.parametrize(
    ("ibrav", "celldm", "number", "volume"),
    [
        (1, (A, 0, 0, 0, 0, 0), 221, 1),
        (2, (A, 0, 0, 0, 0, 0), 225, 1 / 4),
        (3, (A, 0, 0, 0, 0, 0), 229, 1 / 2),
        (-3, (A, 0, 0, 0, 0, 0), 229, 1 / 2),
        (4, (A, 0, C, 0, 0, 0), 191, 3**0.5 / 2 * C),
        (5, (A, 0, 0, 0.3, 0, 0), 166, (1 - 0.3) * (1 + 2 * 0.3) ** 0.5),
        (-5, (A, 0, 0, 0.3, 0, 0), 166, (1 - 0.3) * (1 + 2 * 0.3) ** 0.5),
        (6, (A, 0, C, 0, 0, 0), 123, C),
        (7, (A, 0, C, 0, 0, 0), 139, C / 2),
        (8, (A, B, C, 0, 0, 0), 47, B * C),
        (9, (A, B, C, 0, 0, 0), 65, B * C / 2),
        (-9, (A, B, C, 0, 0, 0), 65, B * C / 2),
        (91, (A, B, C, 0, 0, 0), 65, B * C / 2),
        (10, (A, B, C, 0, 0, 0), 69, B * C / 4),
        (11, (A, B, C, 0, 0, 0), 71, B * C / 2),
        (12, (A, B, C, 0.3, 0, 0), 10, B * C * (1 - 0.3**2) ** 0.5),
        (-12, (A, B, C, 0, 0.3, 0), 10, B * C * (1 - 0.3**2) ** 0.5),
        (13, (A, B, C, 0.3, 0, 0), 12, B * C * (1 - 0.3**2) ** 0.5 / 2),
        (-13, (A, B, C, 0, 0.3, 0), 12, B * C * (1 - 0.3**2) ** 0.5 / 2),
        (14, (A, B, C, *COS), 2, B * C * (1 + 2 * np.prod(COS) - sum(x**2 for x in COS)) ** 0.5),
    ],
)
def test_symmetry_and_volume(ibrav: int, celldm: tuple[float, ...], number: int, volume: float) -> None:
    """One atom in the primitive cell has the symmetry of the lattice; right-handed, as pw.x wants it."""
    from pymatgen.core import Structure

    cell = bravais_cell(ibrav, celldm)
    assert np.linalg.det(cell) == pytest.approx(volume * A**3)
    assert space_group(Structure(Lattice(cell), ["Po"], [[0, 0, 0]]), symprec_ang=1e-4).number == number


@pytest.mark.parametrize(("ibrav", "angles"), [(5, (0.3, 0.3, 0.3)), (-5, (0.3, 0.3, 0.3)), (14, COS)])
def test_angles_and_lengths(ibrav: int, angles: tuple[float, float, float]) -> None:
    celldm = (A, 0, 0, 0.3, 0, 0) if abs(ibrav) == 5 else (A, B, C, *COS)
    lattice = Lattice(bravais_cell(ibrav, celldm))
    assert np.cos(np.radians(lattice.angles)) == pytest.approx(angles)
    assert lattice.abc == pytest.approx((A, A, A) if abs(ibrav) == 5 else (A, B * A, C * A))


def test_the_axis_of_a_trigonal_lattice() -> None:
    """Along c with 5, along <111> with -5."""
    assert bravais_cell(5, (A, 0, 0, 0.3, 0, 0)).sum(axis=0)[:2] == pytest.approx([0, 0], abs=1e-12)
    assert np.ptp(bravais_cell(-5, (A, 0, 0, 0.3, 0, 0)).sum(axis=0)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("ibrav", "celldm"),
    [(15, (A, B, C, 0, 0, 0)), (0, (A, 0, 0, 0, 0, 0)), (14, (A, B, C, 0.9, -0.9, 0.9)), (12, (A, B, C, 1.1, 0, 0))],
)
def test_what_is_no_lattice(ibrav: int, celldm: tuple[float, ...]) -> None:
    with pytest.raises((ValueError, ZeroDivisionError)):
        bravais_cell(ibrav, celldm)
