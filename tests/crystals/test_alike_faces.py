"""The advice for a crystal whose molecules point to one face, followed, gives a slab."""

from __future__ import annotations

import re
from functools import partial

import pytest
from pymatgen.core import Structure

from dftflow.api.slabs import slabs
from dftflow.crystals.alike_faces import way_to_alike_faces
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.substitution import substitute
from dftflow.errors import SurfaceError


def hybrid(molecule: str, orientation: str = "100") -> Structure:
    return substitute(load_shipped("CsPbBr3_Pm-3m").structure, site="Cs", by=molecule, orientation=orientation)


@pytest.mark.parametrize("molecule", ["FA", "MA"])
def test_another_orientation_is_offered_and_gives_a_slab(molecule: str) -> None:
    with pytest.raises(SurfaceError, match="is fit to be calculated") as caught:
        slabs(hybrid(molecule), "010", setting="cubic").choose()
    name = re.search(r'orientation = "([\d/]+)" \(--orientation \1\)', caught.value.fix)
    assert name
    assert slabs(hybrid(molecule, name[1]), "010", setting="cubic").choose().symmetric


def test_of_a_cell_as_it_is_another_plane_is_offered_and_gives_a_slab() -> None:
    """FA along a with C-H along b, in a cell as DFT leaves it: (010) has a face that C-H points to."""
    cell = hybrid("FA")
    cell.properties.clear()
    cell.lattice = type(cell.lattice).orthorhombic(6.06, 5.93, 5.99)
    with pytest.raises(SurfaceError) as caught:
        slabs(cell, "010", setting="given").choose()
    found = re.search(r'miller = \[(\d), (\d), (\d)\], setting = "given" \(--miller \1 \2 \3', caught.value.fix)
    assert found
    chosen = slabs(cell, [int(index) for index in found.groups()], setting="given").choose()
    assert chosen.symmetric and not chosen.refused


def test_where_molecules_change_nothing_no_way_is_named() -> None:
    """A crystal of single ions; and sizes that no slab has."""
    cuts = partial(enumerate_slabs, n_layers=6, vacuum_ang=10.0)
    salt = load_shipped("CsBr_Pm-3m").structure
    assert way_to_alike_faces(salt, resolve_plane(salt, (1, 0, 0)), cuts) == ""
    with_molecules = hybrid("FA")
    none = partial(enumerate_slabs, n_layers=1, vacuum_ang=10.0)
    assert way_to_alike_faces(with_molecules, resolve_plane(with_molecules, (0, 1, 0), "cubic"), none) == ""
