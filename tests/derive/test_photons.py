"""Light and published numbers in a study of model crystals: a gap of 1.7 eV, and a metal."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_crystal import CBM, VBM, leave

from dftflow.errors import StudyError
from dftflow.figures.study_figures import study_figures
from dftflow.model.outcome import StudyOutcome
from dftflow.report.page import render_report
from dftflow.report.results_json import results_document
from dftflow.report.table import summary_table
from dftflow.studies.builder import Builder
from dftflow.studies.execution import collect_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

GAP = CBM + 0.1 - VBM
MATERIAL = """
[materials.{name}]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""
PHOTONS = """
[photons]
sources_nm = [254, 729, 1200, 3000]
good_to_ev = 0.05
good_to_holds = "a model"
[[photons.measured]]
material = "A"
gap_ev = 1.9
plus_minus_ev = 0.02
said = "absorption"
source = "10.1000/x"
[[published]]
quantity = "band gap"
subject = "A"
value = 1.9
unit = "eV"
plus_minus = 0.02
said = "absorption"
source = "10.1000/x"
[[published]]
quantity = "uptake of light of 254 nm"
subject = "A"
method = "calculated gap"
value = "one photon"
source = "10.1000/y"
[[published]]
quantity = "band gap"
subject = "M"
value = 1.0
unit = "eV"
source = "10.1000/y"
"""


def written(root: Path, more: str) -> str:
    (root / "light.toml").write_text(
        'schema = 1\ntitle = "light"\n' + "".join(MATERIAL.format(name=name) for name in "AM") + more
    )
    return str(root / "light.toml")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    root = tmp_path_factory.mktemp("light")
    study = load_study(written(root, PHOTONS), "quick")
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        metal = {"n_electrons": 3.0} if step.id.subject.materials == ("M",) else None
        leave(root / "done" / step.name, built.structure, built.spec, changes=metal)
    return collect_study(study, root / "done")


def test_each_source_with_each_gap(outcome: StudyOutcome) -> None:
    assert pytest.approx(1.8) == GAP
    found = {(q.name, q.method): q.value for q in outcome.asked if q.subject == "A"}
    by_ours = [found[f"uptake of light of {nm} nm", "calculated gap"] for nm in (254, 729, 1200, 3000)]
    assert by_ours == ["one photon", "two photons", "two photons", "not absorbed"]
    measured = [found[f"uptake of light of {nm} nm", "gap 1.9 eV, absorption"] for nm in (254, 729, 1200, 3000)]
    assert measured == ["one photon", "two photons", "two photons", "not absorbed"]
    energies = {q.subject: q.value for q in outcome.asked if q.name == "photon energy"}
    assert energies["254 nm"] == pytest.approx(4.881, abs=5e-4)


def test_a_metal_has_no_gap_that_light_could_cross(outcome: StudyOutcome) -> None:
    of_metal = [q for q in outcome.asked if q.subject == "M"]
    assert len(of_metal) == 4 and {q.missing.kind for q in of_metal if q.missing} == {"metallic"}


def test_published_numbers_stand_in_table_page_and_json(outcome: StudyOutcome, tmp_path: Path) -> None:
    assert [row.verdict for row in outcome.published] == ["differ", "agree", "none"]
    document = results_document(outcome, tmp_path)
    first, second, third = document["published"]
    assert first["difference"] == pytest.approx(-0.1) and first["ours"]["origin"] == ["A/bulk-bands"]
    assert second["value"] == second["ours"]["value"] == "one photon"
    assert third["difference"] is None and "half filled" in third["why"]
    table = summary_table(outcome)
    assert "1.9 ± 0.02 eV" in table and "DIFFER" in table and "1 agree" not in table.partition("Published")[0]
    assert "Of 3 published numbers 1 agree with those here, 1 differ, 1 decide nothing." in " ".join(table.split())
    page = render_report(outcome, (), tmp_path)
    assert 'id="published"' in page and "https://doi.org/10.1000/x" in page and 'id="asked"' in page
    assert 'id="offsets"' not in page, "nobody asked for one"


def test_the_figure_shows_them(outcome: StudyOutcome) -> None:
    (drawing,) = (figure for figure in study_figures(outcome) if figure.name == "photons")
    assert drawing.data is not None and len(drawing.data().rows) == 8
    assert drawing.render("svg")["svg"].startswith(b"<?xml")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[photons]\nsources_nm = [365]\nmaterials = ["B"]\n', "photons.materials names 'B'; the study has A, M"),
        ("[photons]\nsources_nm = []\n", "sources_nm"),
        ("[photons]\nsources_nm = [0]\n", "from 1 to 100000 nm"),
        (
            '[[published]]\nquantity = "band gap"\nsubject = "A"\nvalue = 2.0\nsource = "x"\ngood_to = 0.1\n',
            "good_to and good_to_holds go together",
        ),
        (
            '[[published]]\nquantity = "type"\nsubject = "A"\nvalue = "II"\nsource = "x"\nplus_minus = 0.1\n',
            "a word is not off by a number",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(written(tmp_path, more), "quick")
    assert said in str(caught.value) and "light.toml" in str(caught.value)


def test_a_notebook_shows_published_numbers(outcome: StudyOutcome) -> None:
    shown = outcome._repr_html_()
    assert "1.9 ± 0.02 eV" in shown and "10.1000/x" in shown and "differ" in shown
