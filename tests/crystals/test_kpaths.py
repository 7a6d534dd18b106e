"""Paths through the Brillouin zone."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.kpaths import sample_path, standard_path, surface_path, surface_points
from dftflow.crystals.shipped import load_shipped
from dftflow.errors import StructureError


@pytest.mark.parametrize("spacing_per_ang", [1e-4, 1e-12, 1e-300])
def test_a_path_of_too_many_points_is_refused_before_it_is_made(spacing_per_ang: float) -> None:
    with pytest.raises(StructureError, match="the limit is 5000"):
        standard_path(load_shipped("CsBr_Pm-3m").structure, spacing_per_ang)


def test_a_path_below_the_limit_is_made() -> None:
    """The standard path of a cubic zone is (2 + 2√2 + √3) half edges long, with a jump to another half edge."""
    crystal = load_shipped("CsBr_Pm-3m").structure
    length = (2 + 2 * 2**0.5 + 3**0.5) * 3.141592653589793 / crystal.lattice.a
    kpoints, _, segments = sample_path(standard_path(crystal, length / 4000), crystal.lattice.reciprocal_lattice.matrix)
    assert 4000 <= segments.count(0) <= 4010 and len(kpoints) < 5000


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_a_hexagonal_plane_has_its_points_whatever_the_normal(normal: int) -> None:
    """|M| = 2π/(a√3) and |K| = 4π/(3a) in any orientation; Γ-M-K-Γ closes."""
    order = np.roll([0, 1, 2], normal + 1)
    cell = Lattice.hexagonal(3.0, 20.0).matrix[np.ix_(order, order)]
    layer = Structure(Lattice(cell), ["C"], [[0, 0, 0]])
    points = surface_points(layer, normal=normal)
    reciprocal_per_ang = layer.lattice.reciprocal_lattice.matrix
    lengths = {point.label: np.linalg.norm(np.array(point.frac) @ reciprocal_per_ang) for point in points}
    assert lengths["M-bar"] == pytest.approx(2 * np.pi / (3 * 3**0.5))
    assert lengths["K-bar"] == pytest.approx(4 * np.pi / 9)
    assert all(point.frac[normal] == 0.0 for point in points)
    assert len(points) == 5, "Γ, K, and three M: with the two that time reversal maps onto themselves"
    (segment,) = surface_path(layer, 0.1, normal=normal).segments
    assert [point.label for point in segment] == ["G-bar", "M-bar", "K-bar", "G-bar"]
    with pytest.raises(StructureError, match="the limit is 5000"):
        surface_path(layer, 1e-5, normal=normal)
