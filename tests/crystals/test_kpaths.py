"""Paths through the Brillouin zone."""

from __future__ import annotations

import pytest

from dftflow.crystals.kpaths import sample_path, standard_path
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
