"""From a study to steps: order, structures, settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.ions import ionic_units
from dftflow.errors import InputError, StudyError
from dftflow.model.built import Built
from dftflow.model.kpoint_grid import grid_points, spacing_of_grid
from dftflow.model.spec import CalcSpec
from dftflow.studies.builder import Builder
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.work import Work


def plan_of(study: str, preset: str, code: str = "gpaw") -> Plan:
    return plan_study(load_study(study, preset, code=code))


def built_of(plan: Plan) -> dict[str, Built]:
    builder = Builder(plan)
    return {step.name: builder.build(step) for step in plan.steps}


def test_the_paper_s_steps_and_settings() -> None:
    plan = plan_of("fapbbr3-cspbbr3", "paper")
    names = [step.name for step in plan.steps]
    for step in plan.steps:
        assert all(names.index(str(need.step)) < names.index(step.name) for need in step.needs)
    specs = specs_of(plan)
    assert specs["CsPbBr3/bulk-relax"].grid == (1, 1, 1) and specs["CsPbBr3/bulk-relax"].cutoff_ev == 244.9
    assert specs["FAPbBr3/bulk-relax"].grid == (2, 2, 2) and specs["FAPbBr3/bulk-relax"].cutoff_ev == 435.4
    assert specs["CsPbBr3/bulk-bands"].grid == (2, 2, 2) and specs["FAPbBr3/bulk-bands"].grid == (4, 4, 4)
    relaxation = specs["FAPbBr3/bulk-relax"].relaxation
    assert relaxation is not None and relaxation.cell == "isotropic" and relaxation.force_tol_ev_per_ang == 0.05
    assert specs["CsPbBr3/slab-011-relax"].relaxation.cell == "fixed"  # type: ignore[union-attr]
    assert specs["CsPbBr3/slab-011-potential"].slab_axis == 2
    # the points 1/4 and 3/4 of b and c differ along b - c by 0 and 1/2
    assert specs["CsPbBr3/slab-011-potential"].grid == (2, 2, 1)
    assert specs["CsPbBr3/slab-011-potential"].grid_shift == (0.5, 0.0, 0.0)
    assert specs["CsPbBr3/slab-010-potential"].grid == (2, 2, 1)
    assert specs["FAPbBr3/slab-010-potential"].grid == (4, 4, 1)
    assert specs["FAPbBr3/slab-010-relax"].grid == (2, 2, 1)
    assert "10.1021/acsami.1c18025" in specs["CsPbBr3/bulk-bands"].cutoff_note


def test_fapbbr3_is_cubic_cspbbr3_with_formamidinium() -> None:
    plan = plan_of("fapbbr3-cspbbr3", "paper")
    crystal = plan.materials["FAPbBr3"].start
    assert crystal.composition.formula == "H5 Pb1 C1 Br3 N2"
    np.testing.assert_allclose(crystal.lattice.abc, 5.99)
    charges = sorted(unit.charge for unit in ionic_units(crystal))
    assert charges == [-1, -1, -1, 1, 2]
    assert built_of(plan)["FAPbBr3/bulk-bands"].facts["band_edge"] == {"label": "R", "frac": [0.5, 0.5, 0.5]}


def test_band_edge_points_are_in_the_k_set() -> None:
    specs = specs_of(plan_of("fapbbr3-cspbbr3", "quick"))
    for material, label in (("CsPbBr3", "G"), ("FAPbBr3", "R")):
        assert label in {point.label for point in specs[f"{material}/bulk-bands"].edge_kpoints}


def specs_of(plan: Plan) -> dict[str, CalcSpec]:
    return {name: built.spec for name, built in built_of(plan).items()}


def test_the_middle_layer_is_held_as_the_crystal_has_it() -> None:
    """Of CsBr / PbBr2 / CsBr / PbBr2 / CsBr the third, of Pb between six others the middle Pb."""
    plan = plan_of("fapbbr3-cspbbr3", "paper")
    held = {}
    for name, built in built_of(plan).items():
        slab, spec = built.structure, built.spec
        if spec.fixed_atoms:
            held[name] = "".join(sorted(slab[index].specie.symbol for index in spec.fixed_atoms))
            heights = slab.cart_coords[:, 2]
            middle = (heights.max() + heights.min()) / 2
            np.testing.assert_allclose(heights[list(spec.fixed_atoms)], middle, atol=1e-6)
    assert held == {
        "CsPbBr3/slab-011-relax": "PbPb",
        "CsPbBr3/slab-010-relax": "BrBrCsCs",
        "FAPbBr3/slab-010-relax": "BrCHHHHHNN",
    }


def test_notes_name_the_reference_where_it_gave_the_number_and_nowhere_else() -> None:
    doi = "doi 10.1021/acsami.1c18025"
    specs = specs_of(plan_of("fapbbr3-cspbbr3", "paper"))
    assert specs["CsPbBr3/bulk-relax"].cutoff_note == specs["CsPbBr3/bulk-relax"].grid_note == doi
    assert specs["FAPbBr3/bulk-bands"].grid_note == doi
    relaxation = specs["CsPbBr3/bulk-relax"].relaxation
    assert relaxation is not None and relaxation.notes["force_tol_ev_per_ang"] == doi
    assert "the 2x2x2 of the crystal" in specs["CsPbBr3/slab-010-potential"].grid_note
    quick = specs_of(plan_of("fapbbr3-cspbbr3", "quick"))
    assert quick["CsPbBr3/bulk-bands"].grid_note == "preset quick: relax_kpoints of the study"
    assert quick["CsPbBr3/bulk-bands"].cutoff_note == doi
    raised = specs_of(plan_of("fapbbr3-cspbbr3", "converged"))["CsPbBr3/bulk-relax"]
    assert doi not in raised.cutoff_note + raised.grid_note


def test_another_study_s_reference_is_not_taken_for_its_numbers(write_study: Callable[..., Path]) -> None:
    file = write_study(('title = "CsBr"', 'title = "CsBr"\nreference = "10.1000/182"'))
    for spec in specs_of(plan_of(str(file), "study")).values():
        notes = [spec.cutoff_note, spec.grid_note, *(spec.relaxation.notes.values() if spec.relaxation else ())]
        assert not [note for note in notes if "10.1000" in note] and spec.reference == "10.1000/182"


@pytest.mark.parametrize(
    ("written", "bulk", "slab"),
    [
        ("[2, 2, 2]", (0.5, 0.5, 0.5), (0.5, 0.0, 0.0)),
        ("[3, 3, 3]", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ("{ size = [2, 2, 2], gamma = true }", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_a_grid_stands_where_monkhorst_and_pack_put_it_unless_gamma_is_asked_for(
    write_study: Callable[..., Path], written: str, bulk: tuple[float, ...], slab: tuple[float, ...]
) -> None:
    """The (110) surface cell has c and a - b: along the latter points at 1/4 and 3/4 of both differ by 0 and 1/2."""
    specs = specs_of(plan_of(str(write_study(("[2, 2, 2]", written))), "study"))
    assert specs["CsBr/bulk-relax"].grid_shift == bulk
    assert specs["CsBr/slab-110-relax"].grid_shift == slab


@pytest.mark.parametrize("preset", ["study", "converged"])
@pytest.mark.parametrize(
    ("crystal", "miller", "grid"),
    [
        ("CsBr_Pm-3m", (1, 1, 0), "[4, 4, 4]"),
        ("CsBr_Pm-3m", (1, 1, 2), "[3, 3, 3]"),
        ("CsPbBr3_Pnma", (0, 1, 1), "[2, 2, 2]"),
        ("CsPbBr3_Pnma", (1, 0, 1), "[4, 3, 4]"),
        ("CsPbBr3_Pnma", (0, 1, 0), "{ size = [4, 2, 3], gamma = true }"),
    ],
)
def test_crystal_and_slab_sample_the_plane_alike(
    write_study: Callable[..., Path], crystal: str, miller: tuple[int, int, int], grid: str, preset: str
) -> None:
    """The Cartesian k-points of the crystal, turned with the slab: their parts in its plane are those of the slab."""
    changes = [("CsBr_Pm-3m", crystal), ("[4, 4, 4]", grid), ("[1, 1, 0]", str(list(miller)))]
    file = write_study(*changes, ('setting = "cubic"', 'setting = "given"'), ('band_edge = "G"', ""))
    built = built_of(plan_of(str(file), preset))
    bulk, slab = built["CsBr/bulk-bands"], built[f"CsBr/slab-{''.join(map(str, miller))}-potential"]
    assert slab.model is not None and slab.model.crystal_ang is not None
    np.testing.assert_allclose(Lattice(slab.model.crystal_ang).parameters, bulk.structure.lattice.parameters)
    points = grid_points(bulk.spec.grid, bulk.spec.grid_shift)
    k_per_ang = points @ Lattice(slab.model.crystal_ang).reciprocal_lattice.matrix
    along = k_per_ang @ slab.structure.lattice.matrix[:2].T / (2 * np.pi)
    assert _distinct(along) == _distinct(grid_points(slab.spec.grid, slab.spec.grid_shift)[:, :2])


def _distinct(points: np.ndarray) -> set[tuple[float, ...]]:
    return {tuple(np.round(point, 6) % 1.0 + 0.0) for point in points % 1.0}


def test_a_hexagonal_cell_gets_gamma_unless_told_otherwise(write_study: Callable[..., Path]) -> None:
    """PbI2, P-3m1, crystal and (001) surface: an even grid of Monkhorst and Pack would break the axis."""
    crystal = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(4.557, 6.979), ["Pb", "I"], [[0, 0, 0], [1 / 3, 2 / 3, 0.2675]]
    )
    changes = [
        ('"CsBr_Pm-3m"', '"PbI2.cif"'), ("[1, 1, 0]", "[0, 0, 1]"), ('setting = "cubic"\n', ""),
        ("[4, 4, 4]", "{ size = [4, 4, 4], gamma = false }"),
    ]  # fmt: skip
    file = write_study(*changes)
    crystal.to(str(file.parent / "PbI2.cif"), fmt="cif")
    specs = specs_of(plan_of(str(file), "study"))
    assert specs["CsBr/bulk-relax"].grid_shift == specs["CsBr/slab-001-relax"].grid_shift == (0.0, 0.0, 0.0)
    assert specs["CsBr/bulk-relax"].grid == (2, 2, 2)
    assert specs["CsBr/bulk-bands"].grid_shift == (0.5, 0.5, 0.5)
    dense = specs_of(plan_of(str(file), "converged"))["CsBr/bulk-relax"]
    assert dense.gamma_centred and "preset converged" in dense.grid_note


def test_slabs_are_looked_at_in_the_special_points_of_their_zone() -> None:
    specs = specs_of(plan_of("fapbbr3-cspbbr3", "quick"))
    fa = {point.label: point.frac for point in specs["FAPbBr3/slab-010-potential"].edge_kpoints}
    assert fa["M-bar"] == (0.5, 0.5, 0.0) and {"G-bar", "X-bar", "X'-bar"} < set(fa)
    cs = {point.label for point in specs["CsPbBr3/slab-011-potential"].edge_kpoints}
    assert cs == {"G-bar", "X-bar", "Y-bar", "S-bar"}


def test_quick_relaxes_nothing() -> None:
    assert not [step for step in plan_of("fapbbr3-cspbbr3", "quick").steps if step.name.endswith("relax")]


def test_converged_raises_the_cutoff_and_says_so() -> None:
    plan = plan_of("fapbbr3-cspbbr3", "converged")
    spec = specs_of(plan)["CsPbBr3/bulk-relax"]
    assert spec.cutoff_ev == 600.0 and "244.9" in spec.cutoff_note
    spacings = [
        np.linalg.norm(row) / n
        for row, n in zip(plan.materials["CsPbBr3"].start.lattice.reciprocal_lattice.matrix, spec.grid, strict=True)
    ]
    assert max(spacings) <= 0.25


def test_slabs_of_the_paper_are_neutral_symmetric_and_upright() -> None:
    models = [built.model for built in built_of(plan_of("fapbbr3-cspbbr3", "quick")).values() if built.model]
    assert len(models) == 3
    for model in models:
        assert model.formal_charge == 0 and model.symmetric and not model.polar
        a, b, c = model.structure.lattice.matrix
        np.testing.assert_allclose(np.cross(c, [0, 0, 1]), 0, atol=1e-9)
        assert abs(a[2]) < 1e-9 and abs(b[2]) < 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("CsBr_Pm-3m", "CsBr_Pm-3n"), "CsBr_Pm-3m"),
        (("[1, 1, 0]", "[0, 0, 0]"), "(0|zero)"),
        (('setting = "cubic"', 'setting = "Pnma"'), "Pnma"),
        (('band_edge = "G"', 'band_edge = "Q"'), "special points are"),
    ],
)
def test_impossible_studies_are_refused_before_anything_runs(
    write_study: Callable[..., Path], change: tuple[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Work(plan_of(str(write_study(change)), "quick")).check(decks=False)


def test_a_molecule_file_lies_beside_the_study(write_study: Callable[..., Path]) -> None:
    file = write_study(('"CsBr_Pm-3m"', '"CsPbBr3_Pm-3m"\nsubstitute = { site = "Cs", by = "nh4.xyz" }'))
    (file.parent / "nh4.xyz").write_text(
        "5\nammonium\nN 0 0 0\nH 0.59 0.59 0.59\nH -0.59 -0.59 0.59\nH -0.59 0.59 -0.59\nH 0.59 -0.59 -0.59\n"
    )
    crystal = plan_of(str(file), "quick").materials["CsBr"].start
    assert crystal.composition.formula == "H4 Pb1 Br3 N1"


def test_a_wrong_host_for_a_substitution_is_told(write_study: Callable[..., Path]) -> None:
    file = write_study(('"CsBr_Pm-3m"', '"CsBr_Pm-3m"\nsubstitute = { site = "K", by = "FA" }'))
    with pytest.raises(InputError, match="no site 'K'"):
        Work(plan_of(str(file), "quick")).check(decks=False)
    assert issubclass(StudyError, InputError)


def test_the_middle_of_a_slab_can_be_held(write_study: Callable[..., Path]) -> None:
    file = write_study(('setting = "cubic"\n', 'setting = "cubic"\nhold_middle_ang = 3.1\n'))
    plan = plan_of(str(file), "converged", "castep")
    built = built_of(plan)["CsBr/slab-110-relax"]
    slab, spec = built.structure, built.spec
    heights = slab.cart_coords[:, 2]
    middle = (heights.max() + heights.min()) / 2
    held = set(spec.fixed_atoms)
    assert 0 < len(held) < len(slab)
    assert all((abs(height - middle) <= 1.55) == (index in held) for index, height in enumerate(heights))
    deck = plan.code.render(slab, spec, "a")
    assert deck.files["a.cell"].count("\n  ") and "%BLOCK IONIC_CONSTRAINTS" in deck.files["a.cell"]


def spaced_magnesia(folder: Path, spacing: float, kpoints: str = "[2, 2, 2]") -> Plan:
    """MgO and its (100), with a preset of the spacing."""
    sites = [(0, 0, 0), (0.5, 0.5, 0.5)]
    crystal = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.212), ["Mg", "O"], sites)
    crystal.to(str(folder / "MgO.vasp"), fmt="poscar")
    (folder / "study.toml").write_text(f"""\
schema = 1
title = "MgO"
preset = "spaced"
[materials.MgO]
structure = "MgO.vasp"
cutoff_ev = 400.0
relax_kpoints = [2, 2, 2]
bands_kpoints = {kpoints}
slabs = [{{ miller = [1, 0, 0], setting = "Fm-3m" }}]
[presets.spaced]
description = "a grid by its spacing"
accuracy = "none"
bulk_relax = "none"
slab_relax = false
slab_thickness_ang = 8.0
vacuum_ang = 15.0
path_spacing_per_ang = 0.1
kpoint_spacing_per_ang = {spacing}
""")
    return plan_of(str(folder / "study.toml"), "spaced")


@pytest.mark.parametrize("spacing", [0.15, 0.2, 0.299, 0.36])
def test_a_spacing_that_a_preset_asks_for_is_kept_to_by_slabs(tmp_path: Path, spacing: float) -> None:
    """(100) of the cubic cell of MgO: the surface cell is turned by 45°, and the crystal's grid is none of it."""
    built = built_of(spaced_magnesia(tmp_path, spacing))["MgO/slab-100-potential"]
    assert "as dense as" in built.spec.grid_note
    assert spacing_of_grid(built.structure.lattice.matrix, built.spec.grid, normal=2) <= spacing * (1 + 1e-6)


@pytest.mark.parametrize("asked", [True, False])
def test_a_spacing_changes_the_numbers_of_a_grid_and_not_whether_it_holds_gamma(tmp_path: Path, asked: bool) -> None:
    gamma = str(asked).lower()
    built = built_of(spaced_magnesia(tmp_path, 0.4, f"{{ size = [1, 1, 1], gamma = {gamma} }}"))
    crystal, slab = built["MgO/bulk-bands"].spec, built["MgO/slab-100-potential"].spec
    assert crystal.grid == (4, 4, 4)
    assert crystal.grid_shift == ((0.0, 0.0, 0.0) if asked else (0.5, 0.5, 0.5))
    assert slab.grid_shift[0] == (0.0 if asked else 0.5)


@pytest.mark.parametrize(("gamma", "shift"), [("true", 0.0), ("false", 0.5)])
def test_a_slab_holds_gamma_where_the_study_asks_it_of_the_crystal(tmp_path: Path, gamma: str, shift: float) -> None:
    """With odd numbers both grids of the crystal hold Γ; the slab's numbers are even."""
    built = built_of(spaced_magnesia(tmp_path, 0.3, f"{{ size = [1, 1, 1], gamma = {gamma} }}"))
    crystal, slab = built["MgO/bulk-bands"].spec, built["MgO/slab-100-potential"].spec
    assert crystal.grid == (5, 5, 5) and crystal.grid_shift == (0.0, 0.0, 0.0)
    assert slab.grid[0] % 2 == 0 and slab.grid_shift[0] == shift
