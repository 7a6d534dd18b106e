"""The advice for a plane of which no slab has two like faces, followed, gives a slab of another."""

from __future__ import annotations

import re
from functools import partial

import pytest
from pymatgen.core import Lattice, Structure

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


def polar(symbol: str, lattice: Lattice, species: list[str], coords: list[tuple[float, float, float]]) -> Structure:
    return Structure.from_spacegroup(symbol, lattice, species, coords)


WURTZITE = [(1 / 3, 2 / 3, 0.0), (1 / 3, 2 / 3, 0.377)]
POLAR = {
    "ZnO": polar("P6_3mc", Lattice.hexagonal(3.2498, 5.2066), ["Zn", "O"], WURTZITE),
    "GaN": polar("P6_3mc", Lattice.hexagonal(3.189, 5.185), ["Ga", "N"], WURTZITE),
    "BaTiO3": polar(
        "P4mm",
        Lattice.tetragonal(3.9945, 4.0335),
        ["Ba", "Ti", "O", "O"],
        [(0, 0, 0), (0.5, 0.5, 0.5203), (0.5, 0.5, -0.0244), (0.5, 0, 0.4895)],
    ),
    "LiNbO3": polar(
        "R3c",
        Lattice.hexagonal(5.1483, 13.8631),
        ["Nb", "Li", "O"],
        [(0, 0, 0), (0, 0, 0.2787), (0.0478, 0.3432, 0.0633)],
    ),
}


@pytest.mark.parametrize(
    ("name", "miller", "another"),
    [
        ("ZnO", "001", ["1", "0", "0"]),
        ("ZnO", "0001", ["1", "0", "0"]),
        ("ZnO", "111", ["1", "0", "0"]),
        ("GaN", "001", ["1", "0", "0"]),
        ("BaTiO3", "001", ["1", "0", "0"]),
        ("LiNbO3", "001", ["1", "1", "0"]),
    ],
)
def test_along_a_polar_axis_a_plane_that_holds_it_is_offered(name: str, miller: str, another: list[str]) -> None:
    """The non-polar planes of the trade: m of ZnO and GaN, the x-cut (11-20) of LiNbO3, which its glide turns over."""
    with pytest.raises(SurfaceError) as caught:
        slabs(POLAR[name], miller, setting="given").choose()
    fix = caught.value.fix
    assert fix.startswith("no slab of this plane has two like faces") and "another thickness" not in fix
    found = re.search(r'miller = \[(\d), (\d), (\d)\], setting = "given" \(--miller \1 \2 \3 --setting given', fix)
    assert found and list(found.groups()) == another
    chosen = slabs(POLAR[name], [int(index) for index in found.groups()], setting="given").choose()
    assert chosen.symmetric and not chosen.refused
    taken = re.search(r'termination = "(.+)", allow_refused = true', fix)
    assert taken and slabs(POLAR[name], miller, setting="given").choose(taken[1], allow_refused=True).refused


def test_a_crystal_without_symmetry_has_no_two_like_faces_and_that_is_said() -> None:
    lattice = Lattice.from_parameters(3.9, 4.1, 4.4, 83.0, 97.0, 104.0)
    found = slabs(Structure(lattice, ["Li", "F"], [(0, 0, 0), (0.45, 0.53, 0.41)]), "001", setting="given")
    with pytest.raises(SurfaceError, match="is fit to be calculated") as caught:
        found.choose()
    assert "of no other plane of low indices" in caught.value.fix and "another thickness" not in caught.value.fix
    assert found.choice == f"auto takes none: each is refused. To go on: {caught.value.fix}."


def test_where_molecules_change_nothing_no_way_is_named() -> None:
    """A crystal of single ions; and sizes that no slab has."""
    cuts = partial(enumerate_slabs, n_layers=6, vacuum_ang=10.0)
    salt = load_shipped("CsBr_Pm-3m").structure
    assert way_to_alike_faces(salt, resolve_plane(salt, (1, 0, 0)), cuts) == ""
    with_molecules = hybrid("FA")
    none = partial(enumerate_slabs, n_layers=1, vacuum_ang=10.0)
    assert way_to_alike_faces(with_molecules, resolve_plane(with_molecules, (0, 1, 0), "cubic"), none) == ""
