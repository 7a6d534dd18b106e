"""From a study to steps: order, structures, settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dftflow.build.ions import ionic_units
from dftflow.codes.registry import load_code
from dftflow.errors import InputError, StudyError
from dftflow.studies.plan import StudyPlan
from dftflow.studies.reader import load_study


def plan_of(study: str, preset: str, *, for_decks: bool = False) -> StudyPlan:
    return StudyPlan.of(load_study(study, preset), load_code("gpaw"), for_decks=for_decks)


def test_the_paper_s_steps_and_settings() -> None:
    plan = plan_of("fapbbr3-cspbbr3", "paper", for_decks=True)
    steps = {step.name: step for step in plan.steps()}
    names = list(steps)
    for step in steps.values():
        assert all(names.index(need) < names.index(step.name) for need in step.needs)
    of = plan.start_structures()
    specs = {name: step.build(of)[1] for name, step in steps.items()}
    assert specs["CsPbBr3/bulk-relax"].grid == (1, 1, 1) and specs["CsPbBr3/bulk-relax"].cutoff_ev == 244.9
    assert specs["FAPbBr3/bulk-relax"].grid == (2, 2, 2) and specs["FAPbBr3/bulk-relax"].cutoff_ev == 435.4
    assert specs["CsPbBr3/bulk-bands"].grid == (2, 2, 2) and specs["FAPbBr3/bulk-bands"].grid == (4, 4, 4)
    relaxation = specs["FAPbBr3/bulk-relax"].relaxation
    assert relaxation is not None and relaxation.cell == "isotropic" and relaxation.force_tol_ev_per_ang == 0.05
    assert specs["CsPbBr3/slab-011-relax"].relaxation.cell == "fixed"  # type: ignore[union-attr]
    assert specs["CsPbBr3/slab-011-potential"].slab_axis == 2
    assert specs["CsPbBr3/slab-011-potential"].grid[2] == 1
    assert "10.1021/acsami.1c18025" in specs["CsPbBr3/bulk-bands"].cutoff_note


def test_fapbbr3_is_cubic_cspbbr3_with_formamidinium() -> None:
    material = plan_of("fapbbr3-cspbbr3", "paper").materials[1]
    crystal = material.start
    assert crystal.composition.formula == "H5 Pb1 C1 Br3 N2"
    np.testing.assert_allclose(crystal.lattice.abc, 5.99)
    charges = sorted(unit.charge for unit in ionic_units(crystal))
    assert charges == [-1, -1, -1, 1, 2]
    assert material.edge_point is not None and material.edge_point.frac == (0.5, 0.5, 0.5)


def test_band_edge_points_are_in_the_k_set() -> None:
    plan = plan_of("fapbbr3-cspbbr3", "quick")
    of = plan.start_structures()
    for material, label in zip(plan.materials, ("G", "R"), strict=True):
        spec = next(step for step in plan.steps() if step.name == material.bands_step).build(of)[1]
        assert label in {point.label for point in spec.edge_kpoints}


def test_the_paper_s_slabs_are_relaxed_in_decks_alone() -> None:
    here = {step.name for step in plan_of("fapbbr3-cspbbr3", "paper").steps()}
    there = {step.name for step in plan_of("fapbbr3-cspbbr3", "paper", for_decks=True).steps()}
    assert here < there
    assert {name.rsplit("-", 1)[1] for name in there - here} == {"relax"}


def test_quick_relaxes_nothing() -> None:
    assert not [step for step in plan_of("fapbbr3-cspbbr3", "quick").steps() if step.name.endswith("relax")]


def test_converged_raises_the_cutoff_and_says_so() -> None:
    plan = plan_of("fapbbr3-cspbbr3", "converged")
    spec = plan.steps()[0].build(plan.start_structures())[1]
    assert spec.cutoff_ev == 600.0 and "244.9" in spec.cutoff_note
    spacings = [
        np.linalg.norm(row) / n
        for row, n in zip(plan.materials[0].start.lattice.reciprocal_lattice.matrix, spec.grid, strict=True)
    ]
    assert max(spacings) <= 0.25


def test_slabs_of_the_paper_are_neutral_symmetric_and_upright() -> None:
    for material in plan_of("fapbbr3-cspbbr3", "quick").materials:
        for index in range(len(material.slab_entries)):
            model = material.slab(index, material.start)
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
        plan_of(str(write_study(change)), "quick").check()


def test_a_molecule_file_lies_beside_the_study(write_study: Callable[..., Path]) -> None:
    file = write_study(('"CsBr_Pm-3m"', '"CsPbBr3_Pm-3m"\nsubstitute = { site = "Cs", by = "nh4.xyz" }'))
    (file.parent / "nh4.xyz").write_text(
        "5\nammonium\nN 0 0 0\nH 0.59 0.59 0.59\nH -0.59 -0.59 0.59\nH -0.59 0.59 -0.59\nH 0.59 -0.59 -0.59\n"
    )
    crystal = plan_of(str(file), "quick").materials[0].start
    assert crystal.composition.formula == "H4 Pb1 Br3 N1"


def test_a_wrong_host_for_a_substitution_is_told(write_study: Callable[..., Path]) -> None:
    file = write_study(('"CsBr_Pm-3m"', '"CsBr_Pm-3m"\nsubstitute = { site = "K", by = "FA" }'))
    with pytest.raises(InputError, match="no site 'K'"):
        plan_of(str(file), "quick").check()
    assert issubclass(StudyError, InputError)


def test_decks_go_on_from_the_relaxation_whose_folder_they_know() -> None:
    plan = plan_of("fapbbr3-cspbbr3", "paper", for_decks=True)
    of = plan.start_structures()
    continues = {step.name: step.build(of)[1].continues for step in plan.steps()}
    assert continues["CsPbBr3/bulk-bands"] == "../bulk-relax/CsPbBr3-bulk-relax"
    assert continues["FAPbBr3/slab-010-potential"] == "../slab-010-relax/FAPbBr3-slab-010-relax"
    assert continues["CsPbBr3/bulk-relax"] == continues["CsPbBr3/slab-011-relax"] == ""
    here = plan_of("fapbbr3-cspbbr3", "paper")
    assert {step.build(here.start_structures())[1].continues for step in here.steps()} == {""}


def test_the_middle_of_a_slab_can_be_held(write_study: Callable[..., Path]) -> None:
    file = write_study(('setting = "cubic"\n', 'setting = "cubic"\nhold_middle_ang = 3.1\n'))
    plan = StudyPlan.of(load_study(str(file), "converged"), load_code("castep"), for_decks=True)
    step = next(step for step in plan.steps() if step.name.endswith("slab-110-relax"))
    slab, spec = step.build(plan.start_structures())
    heights = slab.cart_coords[:, 2]
    middle = (heights.max() + heights.min()) / 2
    held = set(spec.fixed_atoms)
    assert 0 < len(held) < len(slab)
    assert all((abs(height - middle) <= 1.55) == (index in held) for index, height in enumerate(heights))
    deck = plan.code.render(slab, spec, "a")
    assert deck.files["a.cell"].count("\n  ") and "%BLOCK IONIC_CONSTRAINTS" in deck.files["a.cell"]
