"""A fraction that is swept: what is planned at its points, the ends among them, and what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from collected import material
from model_crystal import leave

from dftflow.crystals.formula_unit import formula_unit
from dftflow.crystals.ions import formula_of
from dftflow.errors import StudyError
from dftflow.figures.study_figures import study_figures
from dftflow.model.point import Point
from dftflow.studies.builder import Builder
from dftflow.studies.execution import collect_study
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import load_study

MIXED = (
    material("A", "CsPbBr3_Pm-3m", "[4, 4, 4]").rstrip()
    + '\nsupercell = [2, 1, 1]\nsubstitute = { site = "Cs", by = "FA", fraction = 0.5, orientation = "100" }\n'
)
SWEEP = "[sweep]\nfraction = [0.0, 0.5, 1.0]\n"


def planned(root: Path, text: str) -> Plan:
    (root / "s.toml").write_text('schema = 1\ntitle = "s"\n' + text)
    return plan_study(load_study(str(root / "s.toml"), "quick"))


def test_the_ends_are_the_host_and_the_whole_substitution(tmp_path: Path) -> None:
    plan = planned(tmp_path, MIXED + SWEEP)
    starts = {x: plan.at(Point.of({"fraction": x})).materials["A"].start for x in (0.0, 0.5, 1.0)}
    assert [formula_of(start) for start in starts.values()] == ["CsPbBr3", "FA0.5Cs0.5PbBr3", "FAPbBr3"] or [
        formula_of(start) for start in starts.values()
    ] == ["CsPbBr3", "Cs0.5FA0.5PbBr3", "FAPbBr3"]
    assert [len(start) for start in starts.values()] == [10, 17, 24]
    assert [formula_unit(start).atoms for start in starts.values()] == pytest.approx([5, 8.5, 12])


def test_orderings_at_the_ends_are_one_crystal(tmp_path: Path) -> None:
    text = MIXED.replace("[2, 1, 1]", "[2, 2, 1]") + "[sweep]\nfraction = [0.0, 0.5, 1.0]\nordering = [1, 2]\n"
    plan = planned(tmp_path, text)
    for x, same in ((0.0, True), (0.5, False), (1.0, True)):
        first, second = (plan.at(Point.of({"fraction": x, "ordering": k})).materials["A"].start for k in (1, 2))
        assert (first == second) == same


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (material("A", "CsPbBr3_Pm-3m") + SWEEP, "none of its materials has a substitution with a fraction"),
        (MIXED.replace("supercell = [2, 1, 1]", "pseudocubic_ang = 5.9") + SWEEP, "pseudocubic_ang scales nothing"),
        (MIXED + "[sweep]\nfraction = [0.0, 1.5]\n", "it can be from 0 to 1"),
        (
            material("A", "CsPbBr3_Pm-3m")
            + '[[materials.A.substitute]]\nsite = "Cs"\nby = "FA"\nfraction = 0.5\n'
            + '[[materials.A.substitute]]\nsite = "Br"\nby = "I"\nfraction = 0.5\n'
            + SWEEP,
            "A has 2 fractions",
        ),
    ],
)
def test_what_no_sweep_can_mean_is_refused_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        planned(tmp_path, text)
    assert told in caught.value.sentence and caught.value.where.startswith(f"{tmp_path / 's.toml'}:")


def test_the_bowing_comes_out(tmp_path: Path) -> None:
    """The conduction band lies 0.1 eV higher at 0.5: b = -0.4 eV."""
    plan = planned(tmp_path, MIXED + SWEEP)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        folder = leave(tmp_path / "done" / step.name, built.structure, built.spec)
        stored = dict(np.load(folder / "bands.npz"))
        if step.point.get("fraction") == 0.5:
            stored["eigenvalues_ev"][..., 1] += 0.1
        np.savez(folder / "bands.npz", **stored)
    outcome = collect_study(plan.study, tmp_path / "done")
    (alloy,) = outcome.alloys
    assert alloy.gap is not None, alloy.missing
    (bowing,) = [one for one in outcome.quantities if one.name == "bowing parameter of the band gap"]
    assert bowing.value == pytest.approx(-0.4)
    assert {f"A/bulk-bands-fraction-{x}" for x in ("0", "0.5", "1")} == set(bowing.origin)
    assert "alloy-A" in {drawing.name for drawing in study_figures(outcome)}
