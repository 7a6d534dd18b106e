"""Whether a calculated slab has the surface that was asked for: slabs that differ in one thing at a time."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import ase.build
import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.core.surface import SlabGenerator
from pymatgen.io.ase import AseAtomsAdaptor

from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.same_slab import compare_surface
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute
from dftflow.model.surface import SlabModel

SETTINGS = {"CsPbBr3_Pnma": "Pnma", "CsPbBr3_Pm-3m": "cubic"}


@cache
def shipped(name: str) -> Structure:
    return load_crystal(name, base_dir=Path()).structure


@cache
def slabs_of(name: str, miller: tuple[int, int, int], thickness_ang: float = 10.0) -> dict[str, SlabModel]:
    """By termination."""
    crystal = shipped(name)
    plane = resolve_plane(crystal, miller, SETTINGS[name])
    found = enumerate_slabs(crystal, plane, min_thickness_ang=thickness_ang, vacuum_ang=15.0)
    return {slab.termination: slab for slab in found}


def pnma(miller: tuple[int, int, int], termination: str, thickness_ang: float = 10.0) -> SlabModel:
    return slabs_of("CsPbBr3_Pnma", miller, thickness_ang)[termination]


def cubic(termination: str, thickness_ang: float = 10.0) -> SlabModel:
    return slabs_of("CsPbBr3_Pm-3m", (0, 0, 1), thickness_ang)[termination]


def rumpled(slab: Structure, lift_ang: float) -> Structure:
    """Strained in the plane as by another functional, the cations of the outer layers in, their anions out."""
    moved, z = slab.copy(), slab.cart_coords[:, 2]
    height = z - (z.max() + z.min()) / 2
    depth = np.abs(height).max() - np.abs(height)
    for i, site in enumerate(slab):
        way = -1 if site.specie.symbol == "Cs" else 1
        moved.translate_sites([i], [0, 0, way * np.sign(height[i]) * lift_ang * np.exp(-depth[i] / 2)], False)
    return moved.apply_strain([0.02, 0.015, 0.0], inplace=False)


def plain(slab: Structure) -> Structure:
    """As a calculation gives it back: without what the cut knew of its sites."""
    return Structure(slab.lattice, slab.species, slab.frac_coords)


# --- another surface --------------------------------------------------------------------------------------------

OTHERS = [
    (((0, 1, 0), "CsBr"), ((1, 0, 1), "CsBr")),
    (((0, 1, 0), "PbBr2"), ((1, 0, 1), "PbBr2")),
    (((0, 1, 1), "CsBr3 (half)"), ((1, 1, 0), "CsBr3 (half)")),
    (((0, 1, 1), "CsBr3 (half)"), ((0, 1, 1), "CsBr3 (half) #2")),
    (((0, 1, 1), "CsBr3"), ((0, 1, 1), "CsBr3 #2")),
]


@pytest.mark.parametrize(("one", "other"), OTHERS)
@pytest.mark.parametrize("lift_ang", [0.0, 0.4])
def test_another_plane_or_termination_is_refused_and_its_own_is_not(
    one: tuple[tuple[int, int, int], str], other: tuple[tuple[int, int, int], str], lift_ang: float
) -> None:
    """Their cells and outermost ions are alike: the tilts of the octahedra alone tell them apart, relaxed or not."""
    for asked, wrong in ((one, other), (other, one)):
        model = pnma(*asked)
        assert compare_surface(rumpled(plain(pnma(*wrong).structure), lift_ang), model, relaxed=True).refusal
        own = compare_surface(rumpled(plain(model.structure), lift_ang), model, relaxed=True)
        assert own.refusal == own.remark == ""


def test_a_plane_of_the_given_cell_is_told_from_its_neighbours() -> None:
    """The cell a, b, a + c holds the planes (011) and (110) of Pnma as its (011) and (111)."""
    crystal = shipped("CsPbBr3_Pnma").copy().make_supercell([[1, 0, 0], [0, 1, 0], [1, 0, 1]], in_place=False)
    slabs = []
    for miller in [(0, 1, 1), (1, 1, 1)]:
        plane = resolve_plane(crystal, miller, "given")
        found = enumerate_slabs(crystal, plane, min_thickness_ang=10.0, vacuum_ang=15.0)
        slabs.append(next(slab for slab in found if slab.termination == "CsBr3 (half)"))
    for asked, wrong, name in ((*slabs, "(110) Pnma"), (*slabs[::-1], "(011) Pnma")):
        own = compare_surface(rumpled(plain(asked.structure), 0.2), asked, relaxed=True)
        assert own.refusal == own.remark == ""
        said = compare_surface(plain(wrong.structure), asked).refusal
        assert (
            f"those of the slab of the study, {asked.plane}, CsBr3 (half); it is a slab of {name}, CsBr3 (half)" in said
        )


def test_a_refusal_names_the_plane_that_was_calculated() -> None:
    said = compare_surface(pnma((1, 0, 1), "CsBr").structure, pnma((0, 1, 0), "CsBr")).refusal
    assert said.startswith("a slab of (101) Pnma, CsBr, from which its ions lie 0.00 Å (rms) off")
    said = compare_surface(pnma((1, 1, 0), "CsBr3 (half)").structure, pnma((0, 1, 1), "CsBr3 (half)")).refusal
    assert said.endswith("it is a slab of (110) Pnma, CsBr3 (half)")


def test_no_slab_of_the_crystal_is_taken_for_another_one() -> None:
    every = [slab for miller in ((0, 1, 0), (0, 1, 1)) for slab in slabs_of("CsPbBr3_Pnma", miller).values()]
    for asked in every:
        for found in every:
            refusal = compare_surface(plain(found.structure), asked).refusal
            assert (refusal == "") == (found is asked), (str(found.plane), found.termination, asked.termination)


def test_a_slab_halfway_between_two_is_said() -> None:
    """Of P4mm, Pb 0.3 Å off the middle: (001), on its head too, and (100) are as far from the one that is not polar.

    2 of 12 ions lie 0.3 Å off; less the mean that is 0.3 Å √(1/6 · 5/6) = 0.11 Å.
    """
    crystal = shipped("CsPbBr3_Pm-3m").copy()
    crystal.translate_sites([i for i, s in enumerate(crystal) if s.specie.symbol == "Pb"], [0, 0, 0.3], False)
    plane = resolve_plane(crystal, (0, 0, 1), "P4mm")
    slabs = enumerate_slabs(crystal, plane, min_thickness_ang=10.0, vacuum_ang=15.0)
    model = next(slab for slab in slabs if slab.termination == "CsBr")
    said = compare_surface(cubic("CsBr").structure, model, relaxed=True).remark
    assert said.startswith("it may be a slab of ") and said.count("lie 0.11 Å") == 2


def test_another_termination_is_named() -> None:
    said = compare_surface(cubic("PbBr2").structure, cubic("CsBr")).refusal
    assert said == "a slab whose lower face is PbBr2, where the study asks for CsBr: CsBr"
    assert "upper face is PbBr2" in compare_surface(cubic("CsBr|PbBr2").structure, cubic("CsBr")).refusal


def test_a_slab_on_its_head_is_another_surface() -> None:
    mixed = cubic("CsBr|PbBr2")
    turned = Structure(mixed.structure.lattice, mixed.structure.species, mixed.structure.frac_coords * [1, 1, -1])
    assert compare_surface(turned, mixed).refusal


def inner(slab: SlabModel, symbol: str) -> int:
    """Number of the ion of this element that lies nearest to the middle of the slab."""
    z = slab.structure.cart_coords[:, 2]
    chosen = [i for i, site in enumerate(slab.structure) if site.specie.symbol == symbol]
    return min(chosen, key=lambda i: abs(z[i] - (z.max() + z.min()) / 2))


def test_a_missing_ion_is_told_by_the_charge() -> None:
    less = cubic("CsBr").structure.copy()
    less.remove_sites([inner(cubic("CsBr"), "Br")])
    assert "a formal charge of +1, where that of the study" in compare_surface(plain(less), cubic("CsBr")).refusal


def test_another_stoichiometry_inside_is_refused() -> None:
    """Without one CsBr unit inside: the faces, the elements and the charge are as before."""
    model = pnma((0, 1, 0), "CsBr", 17.0)
    less = model.structure.copy()
    less.remove_sites([inner(model, "Cs"), inner(model, "Br")])
    assert "a slab of Cs" in compare_surface(plain(less), model).refusal


def test_another_stacking_inside_is_refused() -> None:
    """A Pb and a Cs of the inside in each other's place: composition, charge and faces are as before."""
    model = pnma((0, 1, 0), "CsBr", 17.0)
    swapped = plain(model.structure)
    cs, pb = inner(model, "Cs"), inner(model, "Pb")
    swapped[cs], swapped[pb] = "Pb", "Cs"
    assert "ions lie up to" in compare_surface(swapped, model).refusal


def test_another_plane_is_told_by_its_cell() -> None:
    said = compare_surface(pnma((0, 1, 0), "CsBr").structure, pnma((0, 1, 1), "CsBr3")).refusal
    assert said.startswith("a surface cell of 8.20 x 8.24 Å")


def test_a_slab_of_another_phase_is_refused_or_said() -> None:
    """Cubic, in the surface cell of two that Pnma has; with the Pb of a cubic slab moved up by 0.2 Å (P4mm)."""
    flat = plain(cubic("CsBr").structure)
    flat.make_supercell([[1, 1, 0], [1, -1, 0], [0, 0, 1]])
    model = pnma((0, 1, 0), "CsBr")
    assert compare_surface(flat, model).refusal
    undone = compare_surface(flat, model, relaxed=True)
    assert undone.refusal == "" and undone.remark.startswith("the slab may be one of another phase of the crystal")
    polar = plain(cubic("CsBr").structure)
    polar.translate_sites([i for i, s in enumerate(polar) if s.specie.symbol == "Pb"], [0, 0, 0.3], False)
    assert "8 symmetry operations a surface cell, where that of the study has 16" in (
        compare_surface(polar, cubic("CsBr")).remark
    )


# --- the same surface -------------------------------------------------------------------------------------------


def test_slabs_that_pymatgen_and_ase_cut_are_the_same() -> None:
    """(001) of the cubic crystal: SlabGenerator's stoichiometric slab, and ase's, each with its own cell."""
    by_pymatgen = SlabGenerator(
        shipped("CsPbBr3_Pm-3m"), (0, 0, 1), 2.5, 4, in_unit_planes=True, center_slab=True, primitive=False
    ).get_slabs()
    by_ase = ase.build.surface(AseAtomsAdaptor.get_atoms(shipped("CsPbBr3_Pm-3m")), (0, 0, 1), 3, vacuum=8.0)
    for slab in (*by_pymatgen, AseAtomsAdaptor.get_structure(by_ase)):
        wanted = cubic("CsBr|PbBr2")
        heads = [plain(slab), Structure(slab.lattice, slab.species, slab.frac_coords * [1, 1, -1])]
        assert sorted(bool(compare_surface(way, wanted).refusal) for way in heads) == [False, True]


def test_another_basis_and_a_supercell_of_the_plane() -> None:
    model = pnma((0, 1, 0), "CsBr")
    for plane in ([[1, 0], [1, 1]], [[2, 0], [0, 1]], [[0, 1], [-1, 0]]):
        other = plain(model.structure)
        other.make_supercell([[*plane[0], 0], [*plane[1], 0], [0, 0, 1]], to_unit_cell=True)
        likeness = compare_surface(other, model)
        assert likeness.refusal == likeness.remark == ""


def test_a_place_in_the_cell_an_order_of_atoms_and_a_tilted_vector() -> None:
    model = pnma((0, 1, 0), "CsBr")
    shifted = plain(model.structure)
    shifted.translate_sites(range(len(shifted)), [0.3, 0.1, 0.45])
    assert compare_surface(shifted, model).refusal == ""
    sites = np.random.default_rng(5).permutation(len(shifted))
    assert compare_surface(Structure.from_sites([shifted[int(i)] for i in sites]), model).refusal == ""
    a, b, c = model.structure.lattice.matrix
    lattice = Lattice([a, b, c + a + 0.5 * b])
    tilted = lattice.get_fractional_coords(model.structure.cart_coords)
    assert compare_surface(Structure(lattice, model.structure.species, tilted), model).refusal == ""


@pytest.mark.parametrize(
    ("miller", "termination", "thicker"),
    [
        ((0, 1, 0), "CsBr", "CsBr"),
        ((0, 1, 0), "PbBr2", "PbBr2"),
        ((1, 0, 1), "CsBr", "CsBr"),
        ((1, 1, 0), "CsBr3 (half)", "CsBr3 (half)"),
    ],
)
def test_another_number_of_layers(miller: tuple[int, int, int], termination: str, thicker: str) -> None:
    thin, thick = pnma(miller, termination), pnma(miller, thicker, 17.0)
    assert len(thick.structure) > len(thin.structure)
    for found, asked in ((thick, thin), (thin, thick)):
        likeness = compare_surface(plain(found.structure), asked)
        assert likeness.refusal == likeness.remark == ""


def test_rumpling_and_the_lattice_of_another_functional() -> None:
    for model in (cubic("CsBr"), cubic("PbBr2"), pnma((0, 1, 0), "PbBr2")):
        likeness = compare_surface(rumpled(plain(model.structure), 0.6), model, relaxed=True)
        assert likeness.refusal == likeness.remark == ""


def test_molecules_may_turn() -> None:
    models = []
    for way in ("100/001", "100/010"):
        crystal = substitute(shipped("CsPbBr3_Pm-3m"), site="Cs", by="FA", orientation=way, pseudocubic_ang=5.99)
        slabs = enumerate_slabs(
            crystal, resolve_plane(crystal, (0, 1, 0), "cubic"), min_thickness_ang=10.0, vacuum_ang=15.0
        )
        models.append({slab.termination: slab for slab in slabs})
    asked = models[0]["FABr"]
    assert compare_surface(asked.structure, asked).refusal == ""
    turned = next(slab for name, slab in models[1].items() if name.startswith("FABr"))
    assert compare_surface(turned.structure, asked, relaxed=True).refusal == ""
    assert "PbBr2" in compare_surface(models[0]["PbBr2"].structure, asked).refusal
