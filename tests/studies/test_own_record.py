"""A folder is read by its own record: what lies outside, and what is installed, may change as it will."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_crystal import copying_engine

import dftflow.resources
import dftflow.studies.stored_plan
from dftflow.model.outcome import StudyOutcome
from dftflow.report.results_json import results_document
from dftflow.resources import templates_dir
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import Study, load_study
from dftflow.studies.study_folder import StudyFolder

OWN = 'code = "gpaw"\n\n[codes.gpaw]\ntemplates = "mine"\n'


@pytest.fixture
def study(tmp_path: Path, write_study: Callable[..., Path]) -> Study:
    """Its crystal is a file, and a template is the user's own."""
    (tmp_path / "mine" / "gpaw").mkdir(parents=True)
    for template in (templates_dir() / "gpaw").glob("*.j2"):
        shutil.copy(template, tmp_path / "mine" / "gpaw")
    shutil.copy(dftflow.resources.structures_dir() / "CsBr_Pm-3m.cif", tmp_path / "crystal.cif")
    file = write_study(
        ('"CsBr_Pm-3m"', '"crystal.cif"'),
        ('setting = "cubic"', 'setting = "cubic"\nmin_thickness_ang = 24.0'),
        ('code = "gpaw"\n', OWN),
    )
    return load_study(str(file), "quick")


def told(outcome: StudyOutcome, root: Path) -> dict[str, Any]:
    document = results_document(outcome, root)
    return json.loads(json.dumps(document))


def change_everything_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in (*tmp_path.glob("*.toml"), *tmp_path.glob("*.cif"), *tmp_path.glob("mine/gpaw/*")):
        file.write_text("something else")
    for name in ("structures_dir", "templates_dir", "workflows_dir"):
        monkeypatch.setattr(dftflow.resources, name, lambda: tmp_path / "nowhere")
    monkeypatch.setattr(dftflow.studies.stored_plan, "version", lambda package: "999.0")
    monkeypatch.setattr("os.cpu_count", lambda: 4096)
    monkeypatch.chdir("/")


def test_the_report_is_that_of_the_run_whatever_happens_outside(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying_engine(study, tmp_path / "prepared", monkeypatch)
    root = tmp_path / "run"
    first = told(run_study(study, root), root)
    assert {step["state"] for step in first["steps"]} == {"finished"}
    change_everything_outside(tmp_path, monkeypatch)
    again = told(outcome_of_folder(root), root)
    assert again["provenance"].pop("derived_with")["numpy"] == "999.0"
    assert first["provenance"].pop("derived_with")["numpy"] == importlib.metadata.version("numpy")
    assert again["provenance"]["versions"]["numpy"] == importlib.metadata.version("numpy")
    assert again == first


def test_going_on_with_a_plan_keeps_what_it_was_made_with_and_a_new_text_does_not(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StudyFolder.create(plan_study(study), tmp_path / "run", "run")
    monkeypatch.setattr(dftflow.studies.stored_plan, "version", lambda package: "999.0")
    same = StudyFolder.create(plan_study(study), tmp_path / "run", "run")
    assert same.made_with["versions"]["numpy"] == importlib.metadata.version("numpy")
    study.file.write_text(study.text.replace('title = "CsBr"', 'title = "Other"'))
    other = StudyFolder.create(plan_study(load_study(str(study.file), "quick")), tmp_path / "run", "run")
    assert other.made_with["versions"]["numpy"] == "999.0"


def test_a_folder_of_an_earlier_version_claims_no_versions_but_its_own(study: Study, tmp_path: Path) -> None:
    root = tmp_path / "run"
    StudyFolder.create(plan_study(study), root, "run")
    content = json.loads((root / "plan.json").read_text())
    del content["header"]["made_with"]
    content["header"]["dftflow"] = "0.1.9"
    (root / "plan.json").write_text(json.dumps(content))
    provenance = outcome_of_folder(root).provenance
    assert provenance["versions"] == {"dftflow": "0.1.9"} and "cores" not in provenance
    assert provenance["derived_with"]["numpy"] == importlib.metadata.version("numpy")
