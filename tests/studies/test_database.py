"""Entries of the Materials Project in a study: asked for once, and kept by the plan of the run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from mp_client import nobody_is_asked, own_database  # noqa: F401
from servers import materials_project as servers

from dftflow.cli.main import main
from dftflow.crystals.shipped import load_shipped
from dftflow.errors import SourceError, StoreError, StudyError
from dftflow.jobs.store import PLAN_FILE
from dftflow.studies.decks import write_decks
from dftflow.studies.plan import plan_study
from dftflow.studies.preview import preview
from dftflow.studies.reader import load_study
from dftflow.studies.study_folder import StudyFolder

PNMA = load_shipped("CsPbBr3_Pnma").structure
CUBIC = load_shipped("CsPbBr3_Pm-3m").structure
ORTHO, IDEAL = servers.material("mp-567629", PNMA), servers.material("mp-600089", CUBIC, energy_above_hull=0.0412)
NAMES = ["CsPbBr3_mp-567629", "CsPbBr3_mp-600089"]

STUDY = """\
schema = 1
title = "polymorphs"

[materials.Bromide]
structure = {structure}
cutoff_ev = 200
relax_kpoints = [1, 1, 1]
bands_kpoints = [1, 1, 1]
"""


@pytest.fixture
def server(
    own_database: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Any:
    monkeypatch.chdir(tmp_path)
    with servers.MaterialsProjectServer(ORTHO, IDEAL) as running:
        monkeypatch.setenv("MP_API_KEY", servers.KEY)
        monkeypatch.setenv("MP_API_ENDPOINT", running.endpoint)
        yield running


def study(folder: Path, structure: str = '{ mp = "CsPbBr3" }', *more: str) -> Path:
    file = folder / "polymorphs.toml"
    file.write_text(STUDY.format(structure=structure) + "\n".join(more))
    return file


def forget(folder: Path) -> None:
    shutil.rmtree(folder / "cache" / "dftflow")


def not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, and no key either."""
    nobody_is_asked(monkeypatch)
    monkeypatch.delenv("MP_API_KEY")


def test_each_entry_is_a_material_with_its_origin(server: Any, tmp_path: Path) -> None:
    rows = ('[alignment]\nmaterials = ["Bromide"]', '[sweep]\nmaterials = ["Bromide"]\ncutoff_ev = [100, 150]')
    read = load_study(study(tmp_path, '{ mp = "CsPbBr3" }', *rows), "quick")
    assert list(read.content.materials) == NAMES
    assert read.content.aligned(read.content.alignment[0]) == tuple(NAMES)
    plan = plan_study(read)
    assert len(plan.steps) == 2 * 3
    crystals = [material.crystal for material in plan.materials.values()]
    assert [crystal.source for crystal in crystals] == ["mp-567629", "mp-600089"]
    assert all(f"Materials Project {servers.DB_VERSION}, retrieved 20" in one.reference for one in crystals)
    assert [crystal.structure for crystal in crystals] == [PNMA, CUBIC]


def test_the_number_and_the_hull_bound_it(server: Any, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds 2 crystals CsPbBr3, and at most 1 are taken") as caught:
        load_study(study(tmp_path, '{ mp = "CsPbBr3", most = 1 }'))
    assert caught.value.where.endswith("polymorphs.toml:5")
    near = load_study(study(tmp_path, '{ mp = "CsPbBr3", above_hull_ev_per_atom = 0.01, most = 1 }'))
    assert list(near.content.materials) == NAMES[:1]


def test_a_run_keeps_its_answer_without_network_and_without_the_answers_on_disk(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plan_study(load_study(study(tmp_path), "quick"))
    StudyFolder.create(first, tmp_path / "run", "run")
    forget(tmp_path)
    not_asked(monkeypatch)
    said: list[str] = []
    kept = load_study(study(tmp_path), "quick", folder=tmp_path / "run")
    again = plan_study(kept, say=said.append)
    assert list(again.materials) == NAMES
    assert [m.crystal.sha256 for m in again.materials.values()] == [m.crystal.sha256 for m in first.materials.values()]
    assert any("2 crystals from the Materials Project" in line and "--ask-again" in line for line in said)
    folder = StudyFolder.create(again, tmp_path / "run", "run")
    assert folder.digest == StudyFolder.planned(first, tmp_path / "run", "run").digest


def test_the_folder_of_a_run_needs_no_name(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = load_study(study(tmp_path), "quick")
    StudyFolder.create(plan_study(read), Path("runs/polymorphs-quick"), "run")
    forget(tmp_path)
    not_asked(monkeypatch)
    assert [step.name for step in preview(load_study(study(tmp_path), "quick"))]
    with pytest.raises(SourceError, match="no API key"):
        load_study(study(tmp_path), "study")


def test_an_answer_that_changes_between_two_runs_changes_no_run(server: Any, tmp_path: Path) -> None:
    """The database withdraws an entry, moves the atoms of another one and gets a third."""
    StudyFolder.create(plan_study(load_study(study(tmp_path), "quick")), tmp_path / "run", "run")
    moved = CUBIC.copy()
    moved.apply_strain(0.01)
    server.materials = (servers.material("mp-600089", moved), servers.material("mp-5", PNMA))
    forget(tmp_path)
    kept = plan_study(load_study(study(tmp_path), "quick", folder=tmp_path / "run"))
    assert [material.crystal.structure for material in kept.materials.values()] == [PNMA, CUBIC]
    new = plan_study(load_study(study(tmp_path), "quick", folder=tmp_path / "other"))
    assert list(new.materials) == ["CsPbBr3_mp-5", "CsPbBr3_mp-600089"]
    with pytest.raises(StoreError, match="mp-600089 is another crystal in its database"):
        StudyFolder.create(new, tmp_path / "run", "run")


def test_another_question_is_asked(server: Any, tmp_path: Path) -> None:
    StudyFolder.create(plan_study(load_study(study(tmp_path), "quick")), tmp_path / "run", "run")
    near = study(tmp_path, '{ mp = "CsPbBr3", above_hull_ev_per_atom = 0.01 }')
    assert list(load_study(near, "quick", folder=tmp_path / "run").content.materials) == NAMES[:1]


def test_a_single_entry_is_kept_too(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StudyFolder.create(plan_study(load_study(study(tmp_path, '"mp-600089"'), "quick")), tmp_path / "run", "run")
    forget(tmp_path)
    not_asked(monkeypatch)
    plan = plan_study(load_study(study(tmp_path, '"mp-600089"'), "quick", folder=tmp_path / "run"))
    assert plan.materials["Bromide"].crystal.structure == CUBIC


def test_asking_again_needs_a_new_folder(server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = CUBIC.copy()
    moved.apply_strain(0.01)
    file, decks = study(tmp_path), tmp_path / "decks"
    write_decks(load_study(file, "quick", code="castep", folder=decks), decks)
    server.materials = (servers.material("mp-600089", moved),)
    call = ["decks", str(file), "--preset", "quick", "--code", "castep", "--ask-again", "--out"]
    asked = len(server.requests)
    assert main([*call, str(decks)]) == 2
    assert "needs a new folder" in capsys.readouterr().err
    assert len(server.requests) == asked
    assert main([*call, str(tmp_path / "new")]) == 0
    new, old = (StudyFolder.existing(folder).plan.materials for folder in (tmp_path / "new", decks))
    assert (list(new), list(old)) == (NAMES[1:], NAMES)
    assert (new[NAMES[1]].crystal.structure, old[NAMES[1]].crystal.structure) == (moved, CUBIC)


def test_asking_again_reaches_single_entries(server: Any, tmp_path: Path) -> None:
    moved = CUBIC.copy()
    moved.apply_strain(0.01)
    plan_study(load_study(study(tmp_path, '"mp-600089"')))
    server.materials = (servers.material("mp-600089", moved),)
    assert plan_study(load_study(study(tmp_path, '"mp-600089"'))).materials["Bromide"].crystal.structure == CUBIC
    again = plan_study(load_study(study(tmp_path, '"mp-600089"'), ask_again=True))
    assert again.materials["Bromide"].crystal.structure == moved


@pytest.mark.usefixtures("own_database")
@pytest.mark.parametrize(
    ("structure", "said"),
    [
        ('{ mp = "CsPbBr3", limit = 3 }', "unknown key 'limit'"),
        ("{ most = 3 }", "mp is missing"),
        ('{ mp = "CsPbBr3", most = 0 }', "most cannot be 0"),
        ('{ mp = "CsPbBr3", most = 1000 }', "it can be from 1 to 100"),
        ('{ mp = "CsPbBr3", above_hull_ev_per_atom = -1.0 }', "it can be from 0 to 10 eV per atom"),
        ("{ mp = 3 }", "mp cannot be 3"),
    ],
)
def test_what_is_no_question_is_refused_with_its_line(tmp_path: Path, structure: str, said: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(study(tmp_path, structure))
    assert said in str(caught.value)
    assert caught.value.where.endswith("polymorphs.toml:5")


@pytest.mark.usefixtures("own_database")
def test_without_a_key_the_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no API key") as caught:
        load_study(study(tmp_path))
    assert caught.value.where.endswith("polymorphs.toml:5")


def test_a_damaged_plan_is_said(server: Any, tmp_path: Path) -> None:
    StudyFolder.create(plan_study(load_study(study(tmp_path), "quick")), tmp_path / "run", "run")
    plan = tmp_path / "run" / PLAN_FILE
    plan.write_text(plan.read_text().replace('"sha256"', '"sha255"'))
    with pytest.raises(StoreError, match="cannot be read"):
        load_study(study(tmp_path), "quick", folder=tmp_path / "run")
