"""Powder diffraction in a study: quantities, the figure, what was measured, and what a study file may not ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from model_crystal import leave

from dftflow.crystals.shipped import load_shipped
from dftflow.derive.diffraction import DiffractingCrystal, diffraction
from dftflow.errors import StudyError
from dftflow.figures.study_figures import study_figures
from dftflow.model.diffraction import DiffractionRequest
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Quantity
from dftflow.report.write import write_outcome
from dftflow.studies.builder import Builder
from dftflow.studies.decks import write_decks
from dftflow.studies.execution import collect_study
from dftflow.studies.outcome import study_outcome
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.study_folder import StudyFolder

HEAD = """schema = 1
title = "lines"
[materials.A]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
[materials.B]
structure = "CsPbBr3_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""
TABLE = """
[diffraction]
materials = "all"
wavelength_nm = 0.15405
range_deg = [10.0, 50.0]
size_nm = 20.0
weights = { A = 0.2, B = 0.8 }
markers = [15.0]
marker_tolerance_deg = 0.3
spacings_nm = [{ d_nm = 0.587, plus_minus_nm = 0.0005 }]
measured = "xrd.xy"
"""


def test_planes_of_a_primitive_cell_are_those_of_the_crystal_as_given(tmp_path: Path) -> None:
    """Cs4PbBr6 in its cell of 22 atoms: the strongest line is (223) of the hexagonal axes, as on its card."""
    text = HEAD.replace('"CsBr_Pm-3m"', '"Cs4PbBr6_R-3c"\nprimitive = true') + '[diffraction]\nmaterials = ["A"]\n'
    (tmp_path / "lines.toml").write_text(text)
    outcome = study_outcome(plan_study(load_study(str(tmp_path / "lines.toml"), "quick")), {}, ())
    assert len(outcome.materials[0].bulk.structure) == 22
    strongest = quantity(outcome, "strongest diffraction line", "A")
    assert strongest.value == pytest.approx(30.27, abs=0.01)
    assert strongest.remarks[0].startswith("(22-43) R-3c:H, d = 2.95")
    assert quantity(outcome, "lattice parameter c", "A").value == pytest.approx(17.32, abs=0.01)


def written(root: Path, table: str = TABLE) -> Path:
    at = np.linspace(10, 50, 801)
    np.savetxt(root / "xrd.xy", np.c_[at, 1000 / (1 + ((at - 21.37) / 0.15) ** 2) + 50 / (1 + ((at - 40) / 0.15) ** 2)])
    (root / "lines.toml").write_text(HEAD + table)
    return root / "lines.toml"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """CsBr as the model crystal leaves it, and CsPbBr3 that was not calculated."""
    root = tmp_path_factory.mktemp("lines")
    study = load_study(str(written(root)), "quick")
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        if step.id.subject.materials == ("A",):
            built = builder.build(step)
            leave(root / "done" / step.name, built.structure, built.spec)
    return collect_study(study, root / "done")


def quantity(outcome: StudyOutcome, name: str, subject: str) -> Quantity:
    (found,) = [one for one in outcome.quantities if (one.name, one.subject) == (name, subject)]
    return found


def test_the_strongest_line_of_each_crystal(outcome: StudyOutcome) -> None:
    assert quantity(outcome, "strongest diffraction line", "A").value == pytest.approx(29.41, abs=0.01)
    line = quantity(outcome, "strongest diffraction line", "B")
    assert (round(float(line.value or 0), 2), line.unit) == (30.41, "degrees")
    assert line.remarks[0].startswith("(200) Pm-3m") and line.origin == ("CsPbBr3_Pm-3m",)
    assert "cell as given: CsPbBr3_Pm-3m" in line.remarks


def test_the_marker_says_which_crystal_has_a_line_there(outcome: StudyOutcome) -> None:
    assert quantity(outcome, "line near 15 degrees", "A").value == "none"
    assert quantity(outcome, "line near 15 degrees", "B").value == pytest.approx(15.07, abs=0.01)
    assert "of at least 1 % intensity" in quantity(outcome, "line near 15 degrees", "A").remarks[0]


def test_the_planes_of_a_reading(outcome: StudyOutcome) -> None:
    assert quantity(outcome, "planes nearest to 0.587 nm", "the study").value == "B (100) Pm-3m"
    near = quantity(outcome, "distance of the planes nearest to 0.587 nm", "B")
    assert near.value == pytest.approx(5.874) and near.unit == "Å"
    assert "+0.07 % or 0.8 errors of the reading" in near.remarks[0] and "within the errors" in near.remarks[0]
    none = quantity(outcome, "distance of the planes nearest to 0.587 nm", "A")
    assert none.missing is not None and "within 5 %" in none.missing.reason


def test_what_was_measured_is_assigned_and_drawn(outcome: StudyOutcome, tmp_path: Path) -> None:
    found = outcome.diffraction
    assert found is not None
    assert [[name for name, _ in row.lines] for row in found.peaks] == [["B"], []]
    (assigned, none) = [one for one in outcome.quantities if one.name.startswith("measured peak")]
    assert (assigned.name, assigned.value) == ("measured peak at 21.37 degrees", "B (110)")
    assert (none.name, none.subject, none.value) == ("measured peak at 40.00 degrees", "xrd", "unassigned")
    (drawing,) = [one for one in study_figures(outcome) if one.name == "diffraction"]
    assert drawing.data is not None and "Question marks" in drawing.caption
    assert {row[0] for row in drawing.data().rows} == {"xrd", "A", "B", "mixture"}
    write_outcome(outcome, tmp_path / "report")
    assert (tmp_path / "report" / "figures" / "diffraction.svg").is_file()


def test_a_plan_keeps_what_was_measured(tmp_path: Path) -> None:
    """The file may be gone when the report is written again."""
    study = load_study(str(written(tmp_path)), "quick")
    write_decks(study, tmp_path / "decks")
    kept = StudyFolder.existing(tmp_path / "decks").plan.study.measured
    assert kept is not None and study.measured is not None
    assert np.array_equal(kept.intensity, study.measured.intensity)


def test_without_the_table_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "lines.toml").write_text(HEAD)
    plan = plan_study(load_study(str(tmp_path / "lines.toml"), "quick"))
    outcome = study_outcome(plan, {}, ())
    assert outcome.diffraction is None and not [one for one in outcome.quantities if "line" in one.name]


def test_a_crystal_without_lines_in_the_range_says_so() -> None:
    crystal = DiffractingCrystal(name="A", structure=load_shipped("CsBr_Pm-3m").structure, cell="as given")
    found = diffraction(DiffractionRequest(range_deg=(2.0, 10.0)), [crystal])
    assert not found.crystals and "no line from 2 to 10 degrees" in found.without["A"].reason


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("wavelength_nm = 0.0", "wavelength_nm"),
        ("range_deg = [50.0, 10.0]", "lower angle first"),
        ("range_deg = [10.0, 190.0]", "range_deg"),
        ('materials = ["A", "C"]', "names 'C'"),
        ("weights = { C = 1.0 }", "names 'C'"),
        ("spacings_nm = [{ d_nm = 0.05, plus_minus_nm = 0.001 }]", "diffract no radiation"),
        ("size_nm = 0.0", "size_nm"),
        ('measured = "nothing.xy"', "nothing.xy"),
        ("least_intensity = 200.0", "least_intensity"),
        ("mesured = 1", "measured"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_line(line: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "lines.toml"
    file.write_text(f"{HEAD}\n[diffraction]\n{line}\n")
    with pytest.raises(StudyError) as caught:
        load_study(str(file))
    assert told in str(caught.value) and caught.value.where.endswith(":15")
