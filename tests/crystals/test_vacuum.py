"""A sheet and a slab are not cut again, along whatever axis and however their cell is chosen; crystals are."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, graphene, mx2
from pymatgen.core import Lattice, Structure

from dftflow.crystals.atoms import from_atoms
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.shipped import load_shipped, shipped_names
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.crystals.vacuum import LEAST_VACUUM_ANG, refuse_as_material, refuse_vacuum, slab_axis_of
from dftflow.errors import InputError, SurfaceError


def sheet(height_ang: float = 15.0) -> Structure:
    """Graphene, a = 2.46 Å."""
    return from_atoms(graphene(vacuum=height_ang / 2), "")


def boron_nitride() -> Structure:
    return Structure(Lattice.hexagonal(2.504, 20.0), ["B", "N"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])


def cut() -> Structure:
    crystal = load_shipped("CsPbBr3_Pm-3m").structure
    plane = resolve_plane(crystal, (0, 0, 1), "cubic")
    return choose_slab(enumerate_slabs(crystal, plane, min_thickness_ang=8.0, vacuum_ang=12.0)).structure


SHEETS = {
    "graphene": sheet(),
    "BN": boron_nitride(),
    "MoS2": from_atoms(mx2("MoS2", vacuum=6.0), ""),
    "a slab": cut(),
    "across the border of the cell": Structure(
        Lattice.hexagonal(2.46, 15.0), ["C", "C"], [[0, 0, 0], [1 / 3, 2 / 3, 0]]
    ),
}


@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_a_sheet_is_not_cut(name: str, order: tuple[int, int, int]) -> None:
    """Neither along its face nor across its vacuum, whichever axis that is along."""
    given = SHEETS[name]
    axes = list(order)
    turned = Structure(Lattice(given.lattice.matrix[axes]), given.species, given.frac_coords[:, axes])
    for miller in np.eye(3, dtype=int).tolist():
        with pytest.raises(SurfaceError, match="a sheet or a slab, which is not cut again") as caught:
            resolve_plane(turned, miller, "given")
        face = "".join(map(str, np.eye(3, dtype=int)[axes.index(2)]))
        assert f"across ({face}), its face" in caught.value.reason
    with pytest.raises(InputError, match="is no crystal but a slab"):
        refuse_as_material(turned, "a file.vasp")


def test_a_sheet_in_an_oblique_cell() -> None:
    """Its axes all leave the plane; the vacuum lies across (1-10) of such a cell."""
    given = sheet()
    oblique = Lattice(np.array([[1, 0, 1], [1, 0, 0], [0, 1, 0]]) @ given.lattice.matrix)
    oblique = Lattice(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]]) @ oblique.matrix)
    structure = Structure(oblique, given.species, given.cart_coords, coords_are_cartesian=True)
    with pytest.raises(SurfaceError, match="not cut again"):
        refuse_vacuum(structure)


def test_a_wire_and_a_molecule_have_no_surface() -> None:
    for box in ((20.0, 20.0, 4.0), (15.0, 15.0, 15.0)):
        with pytest.raises(SurfaceError, match="a wire or a molecule"):
            resolve_plane(Structure(Lattice.orthorhombic(*box), ["Cs"], [[0, 0, 0]]), (0, 0, 1))
        with pytest.raises(InputError, match="a study relaxes the cell"):
            refuse_as_material(Structure(Lattice.orthorhombic(*box), ["Cs"], [[0, 0, 0]]), "w")


def test_the_command_that_is_offered_names_the_file() -> None:
    with pytest.raises(InputError) as caught:
        refuse_as_material(sheet(), "a sheet.vasp")
    assert "dftflow deck 'a sheet.vasp' --code castep --task potential" in caught.value.fix


def test_crystals_are_cut_also_layered_ones() -> None:
    """Graphite, whose layers are 3.35 Å apart, and every crystal that is shipped."""
    refuse_vacuum(from_atoms(bulk("C", "hcp", a=2.46, c=6.70), ""))
    refuse_vacuum(sheet(LEAST_VACUUM_ANG - 0.5))
    for name in shipped_names():
        structure = load_shipped(name).structure
        refuse_vacuum(structure)
        refuse_as_material(structure, name)
        assert slab_axis_of(structure) is None
