"""Tests of dftflow.api.study: a study from Python, its folder named as a person names it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

import pytest
from html_cells import cell, texts
from outcomes import VARIANTS

from dftflow.api import study as module
from dftflow.api.study import load_outcome, load_study, plan, run, write_decks, write_outcome
from dftflow.errors import InputError, StudyError
from dftflow.jobs.machine_profile import Machine
from dftflow.studies import execution
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.preview import preview
from dftflow.studies.reader import load_study as read_study

NAME = "fapbbr3-cspbbr3"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run in ``finished`` below the working folder, which is the home too."""
    VARIANTS["whole"](tmp_path / "finished")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "finished"


# --- the study and its plan -------------------------------------------------------------------------------------------


def test_a_study_by_name_or_path() -> None:
    study = load_study(NAME, "quick")
    again = load_study(study.file, "quick")
    assert study.sha256 == again.sha256 == read_study(NAME, "quick").sha256
    assert repr(study) == "<Study fapbbr3-cspbbr3, preset quick, gpaw: CsPbBr3, FAPbBr3>"


def test_the_plan_is_that_of_the_command() -> None:
    study = load_study(NAME, "quick")
    steps = plan(study)
    assert tuple(steps) == preview(study)
    assert steps.cost_left_s == pytest.approx(sum(step.cost_s for step in steps))
    assert list(steps.to_frame().name) == [step.name for step in steps]
    assert steps.to_dict()["steps"][0]["cost_s"] == steps[0].cost_s
    assert [step.name for step in steps[1:]] == [step.name for step in steps][1:]
    assert repr(steps).startswith("<StudyPlan fapbbr3-cspbbr3, preset quick, gpaw: 5 steps, 5 left, ")
    assert all(step.name in texts(cell(steps)) for step in steps)


@pytest.mark.parametrize("ask", [plan, lambda *a, **k: run(*a, "x", **k), lambda *a, **k: write_decks(*a, "x", **k)])
def test_a_study_that_was_read_has_its_preset(ask) -> None:  # type: ignore[no-untyped-def]
    study = load_study(NAME, "quick")
    with pytest.raises(InputError, match="has been read with its preset and code") as caught:
        ask(study, preset="converged")
    assert "load_study" in caught.value.fix
    with pytest.raises(StudyError):
        ask("no-such-study")


def test_the_decks_of_a_study_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written = write_decks(NAME, "~/decks", preset="quick", code="castep")
    assert written.sheet.is_relative_to(tmp_path / "decks")
    assert all((tmp_path / "decks" / deck.folder).is_dir() for deck in written.decks)


def test_a_run_is_started_with_what_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setattr(execution, "run_study", lambda study, out, **more: seen.update(more, study=study, out=out))
    monkeypatch.chdir(tmp_path)
    run(NAME, "there", preset="quick", code="castep", workers=3, given={"time_s": 60.0})
    study = seen["study"]
    assert isinstance(study, module.Study)
    assert (study.preset_name, study.content.code, seen["out"], seen["workers"]) == (
        "quick",
        "castep",
        Path("there"),
        3,
    )
    assert seen["given"] == {"time_s": 60.0} and cast(Machine, seen["machine"]).name == "local"
    run(NAME)
    assert seen["out"] is None


# --- what a folder holds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["finished", "./finished", "~/finished"])
def test_the_outcome_of_a_folder(folder: Path, name: str) -> None:
    outcome = load_outcome(name)
    assert outcome.quantities == outcome_of_folder(folder).quantities


def test_the_report_and_its_numbers(folder: Path) -> None:
    outcome = load_outcome(folder)
    written = write_outcome(outcome, "finished")
    assert written.results_json.resolve() == folder / "results.json"
    assert load_outcome("finished/results.json").quantities == outcome.quantities
    shutil.copy(folder / "results.json", "alone.json")
    Path("apart").mkdir()
    shutil.copy(folder / "results.json", "apart")
    with pytest.raises(InputError, match="lies in no folder of a run") as caught:
        load_outcome("apart/results.json")
    assert 'dftflow.quantities("apart/results.json")' in caught.value.fix


def test_a_folder_knows_its_preset(folder: Path) -> None:
    with pytest.raises(InputError, match="has its preset and code"):
        load_outcome(folder, preset="quick")


def test_the_results_of_others_need_their_study(folder: Path, tmp_path: Path) -> None:
    steps = {}
    for step in load_outcome(folder).steps:
        shutil.copytree(step.folder, tmp_path / "foreign" / step.name)
        steps[step.name] = step.state
    with pytest.raises(InputError):
        load_outcome("foreign")
    outcome = load_outcome("foreign", NAME, preset="quick")
    assert {step.name: step.state for step in outcome.steps} == steps
    first = next(iter(steps))
    (tmp_path / "foreign" / first).rename(tmp_path / "elsewhere")
    outcome = load_outcome("foreign", load_study(NAME, "quick"), places={first: "~/elsewhere"})
    assert {step.name: step.state for step in outcome.steps} == steps


def test_no_folder() -> None:
    with pytest.raises(InputError):
        load_outcome("no-such-folder")
