"""Images of a site, against the multiplicities of the International Tables."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice

from dftflow.crystals.orbits import orbits_of
from dftflow.crystals.space_group_names import operations_of, settings_called

WYCKOFF = [
    # space group, lattice, site, multiplicity (International Tables A)
    ("P m -3 m", Lattice.cubic(9.0), (0, 0, 0), 1),
    ("P m -3 m", Lattice.cubic(9.0), (0, 0.5, 0.5), 3),
    ("P m -3 m", Lattice.cubic(9.0), (0.3, 0, 0), 6),
    ("P m -3 m", Lattice.cubic(9.0), (0.25, 0.25, 0.25), 8),
    ("P m -3 m", Lattice.cubic(20.0), (0.1, 0.2, 0.35), 48),
    ("F m -3 m", Lattice.cubic(11.65), (0.2456, 0, 0), 24),
    ("F d -3 m :1", Lattice.cubic(5.431), (0, 0, 0), 8),
    ("F d -3 m :2", Lattice.cubic(5.431), (0.125, 0.125, 0.125), 8),
    ("F d -3 m :2", Lattice.cubic(9.0), (0, 0, 0), 16),
    ("R -3 c :H", Lattice.hexagonal(13.73, 17.32), (0.2155, 0.0442, 0.1030), 36),
    ("R -3 c :H", Lattice.hexagonal(13.73, 17.32), (0.3736, 0, 0.25), 18),
    ("P n m a", Lattice.orthorhombic(8.244, 11.7351, 8.1982), (0.031, 0.25, 0.49298), 4),
    ("P n m a", Lattice.orthorhombic(8.244, 11.7351, 8.1982), (0.20653, 0.52389, 0.70607), 8),
    ("P 63/m m c", Lattice.hexagonal(3.6, 5.0), (1 / 3, 2 / 3, 0.25), 2),
]


@pytest.mark.parametrize(("group", "lattice", "site", "count"), WYCKOFF)
@pytest.mark.parametrize("off", [0.0, 1e-5])
def test_multiplicities(group: str, lattice: Lattice, site: tuple[float, ...], count: int, off: float) -> None:
    operations = operations_of(settings_called(group)[0])
    listed = np.array(site) + off * np.array([1.0, -0.5, 0.3])
    (orbit,) = orbits_of([("C", listed)], operations, lattice)
    assert (len(orbit.places), orbit.crowded_ang, orbit.twin) == (count, 0.0, None)
    assert np.all((orbit.places >= 0) & (orbit.places < 1))
    assert orbit.off_ang < 1e-3
    if len(operations) > count:
        images = operations.images(orbit.frac) - orbit.frac
        assert np.isclose(np.abs(images - np.rint(images)).max(axis=1), 0, atol=1e-9).sum() == len(operations) / count


def test_an_image_that_is_listed_again_is_a_twin_of_the_first() -> None:
    operations = operations_of(settings_called("P m -3 m")[0])
    sites = [("Br", np.array(place)) for place in ((0.5, 0, 0), (0, 0.5, 0), (0.0, 0.0, 0.501))]
    first, *others = orbits_of([*sites, ("Cs", np.array((0.5, 0.5, 0.5)))], operations, Lattice.cubic(5.874))
    assert (len(first.places), first.twin) == (3, None)
    assert [other.twin for other in others] == [0, 0, None]


def test_images_too_near_for_two_atoms() -> None:
    """x = 0.02 along 5 Å: 0.1 Å from the mirror at 0, so that the image is 0.2 Å away."""
    operations = operations_of(settings_called("P m m m")[0])
    (orbit,) = orbits_of([("Br", np.array((0.02, 0.5, 0.5)))], operations, Lattice.cubic(5.0))
    assert orbit.crowded_ang == pytest.approx(0.2)
