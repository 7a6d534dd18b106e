"""Plane and termination of slabs, told back from their atoms: every cut of a crystal, however it lies in its cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.surface_of_slab import surface_of_slab
from dftflow.errors import SurfaceError
from dftflow.model.surface import SlabModel

PLANES = [
    ("CsPbBr3_Pnma", (0, 1, 0)),
    ("CsPbBr3_Pnma", (1, 0, 1)),
    ("CsPbBr3_Pnma", (0, 1, 1)),
    ("CsBr_Pm-3m", (1, 1, 0)),
    ("CsBr_Pm-3m", (1, 1, 1)),
    ("CsPb2Br5_I4mcm", (1, 1, 0)),
]


def crystal(name: str) -> Structure:
    return load_crystal(name, base_dir=Path.cwd()).structure


def plain(structure: Structure) -> Structure:
    """As a calculation gives it back: elements and places alone."""
    return Structure(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)


def calculated(model: SlabModel, *, normal: int, seed: int = 0) -> Structure:
    """The slab after a relaxation, somewhere in a cell whose vacuum lies along `normal`, its atoms in another order."""
    slab = plain(model.structure)
    generator = np.random.default_rng(seed)
    moved = slab.cart_coords + generator.normal(scale=0.04, size=(len(slab), 3))
    places = np.linalg.solve(slab.lattice.matrix.T, moved.T).T + generator.random(3)
    order, shuffled = np.roll([0, 1, 2], normal + 1), generator.permutation(len(slab))
    symbols = [slab[int(index)].specie.symbol for index in shuffled]
    return Structure(Lattice(slab.lattice.matrix[order]), symbols, places[shuffled][:, order] % 1.0)


@pytest.mark.parametrize(("name", "miller"), PLANES)
def test_every_termination_is_told(name: str, miller: tuple[int, int, int]) -> None:
    """The upper face is the one on the side to which the lattice vector out of the plane leads."""
    bulk = crystal(name)
    plane = resolve_plane(bulk, miller, "given")
    slabs = enumerate_slabs(bulk, plane, min_thickness_ang=9.0, vacuum_ang=12.0)
    for number, model in enumerate(slabs[:5]):
        normal = number % 3
        found = surface_of_slab(calculated(model, normal=normal, seed=number), plain(bulk), normal)
        assert found.termination == model.termination.split(" #")[0]
        assert found.period_ang == pytest.approx(model.period_ang, abs=1e-3)
        assert found.layers == len(model.layers) and found.polar == model.of_polar_plane
        assert found.rms_ang < 0.12 and abs(found.strain) < 1e-3
        assert bulk.lattice.d_hkl(found.plane.miller_cell) == pytest.approx(bulk.lattice.d_hkl(miller))


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_a_slab_that_stands_on_its_head(normal: int) -> None:
    bulk = crystal("CsPbBr3_Pnma")
    slabs = enumerate_slabs(bulk, resolve_plane(bulk, (0, 1, 0), "Pnma"), min_thickness_ang=9.0, vacuum_ang=12.0)
    (model,) = [slab for slab in slabs if "|" in slab.termination]
    slab = calculated(model, normal=normal)
    turned = slab.frac_coords * np.where(np.arange(3) == normal, -1, 1)
    found = surface_of_slab(Structure(slab.lattice, slab.species, turned % 1.0), plain(bulk), normal)
    assert f"{found.top}|{found.bottom}" == model.termination


def test_the_plane_of_a_hybrid_by_how_its_molecules_lie() -> None:
    """(100) and (010) of the frame are alike; the molecule lies along one of them."""
    bulk = crystal("FAPbBr3_Pm-3m_FA100")
    told = {}
    for miller in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        plane = resolve_plane(bulk, miller, "given")
        model = enumerate_slabs(bulk, plane, min_thickness_ang=9.0, vacuum_ang=12.0)[0]
        told[miller] = surface_of_slab(calculated(model, normal=2), plain(bulk), 2).plane.miller_cell
    assert all(told[miller] == miller for miller in told)


@pytest.mark.parametrize(
    ("structure", "miller", "face"),
    [
        (Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.92), ["Pt"], [[0, 0, 0]]), (1, 1, 1), "Pt"),
        (
            Structure.from_spacegroup("F-43m", Lattice.cubic(5.65), ["Ga", "As"], [[0, 0, 0], [0.25] * 3]),
            (1, 1, 0),
            "GaAs",
        ),
        (
            Structure.from_spacegroup(
                "P4_2/mnm", Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
            ),
            (1, 1, 0),
            "O",
        ),
    ],
    ids=["Pt(111)", "GaAs(110)", "TiO2(110)"],
)
def test_contacts_and_semiconductors(structure: Structure, miller: tuple[int, int, int], face: str) -> None:
    slabs = enumerate_slabs(
        structure, resolve_plane(structure, miller, "given"), min_thickness_ang=8.0, vacuum_ang=12.0
    )
    model = next(slab for slab in slabs if slab.termination.split(" #")[0] == face)
    found = surface_of_slab(calculated(model, normal=2), structure, 2)
    assert (found.bottom, found.top) == (face, face)
    assert found.period_ang == pytest.approx(model.period_ang, abs=1e-3)


def test_a_supercell_that_is_strained() -> None:
    bulk = crystal("CsPbBr3_Pnma")
    model = enumerate_slabs(bulk, resolve_plane(bulk, (0, 1, 0), "Pnma"), min_thickness_ang=9.0, vacuum_ang=12.0)[0]
    slab = calculated(model, normal=2)
    slab.make_supercell([2, 1, 1])
    found = surface_of_slab(slab.apply_strain([0.01, 0.01, 0.0], inplace=False), plain(bulk), 2)
    assert (found.plane.miller, found.plane.setting, found.top) == ((0, 1, 0), "Pnma", model.termination)
    assert found.strain == pytest.approx(0.01, abs=1e-4)


def test_what_is_no_cut_is_not_named() -> None:
    bulk = crystal("CsBr_Pm-3m")
    model = enumerate_slabs(bulk, resolve_plane(bulk, (1, 1, 0), "given"), min_thickness_ang=9.0, vacuum_ang=12.0)[0]
    covered = calculated(model, normal=2)
    covered.append("Cs", covered.frac_coords[0] + [0.5, 0.5, 0.1])
    with pytest.raises(SurfaceError, match="no slab of a plane of low indices"):
        surface_of_slab(covered, plain(bulk), 2)
    with pytest.raises(SurfaceError):
        surface_of_slab(calculated(model, normal=2), plain(crystal("CsPbBr3_Pnma")), 2)
