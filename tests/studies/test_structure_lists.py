"""One table of materials for several structures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dftflow.errors import StudyError
from dftflow.resources import structures_dir
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.study_folder import StudyFolder

STUDY = """\
schema = 1
title = "several"

[materials.All]
structure = {structure}
cutoff_ev = 200
relax_kpoints = [1, 1, 1]
bands_kpoints = [1, 1, 1]

[[materials.All.slabs]]
miller = [1, 0, 0]
setting = "cubic"
"""


@pytest.fixture
def cifs(tmp_path: Path) -> Path:
    folder = tmp_path / "cifs"
    folder.mkdir()
    for name in ("beta", "alpha"):
        shutil.copy(structures_dir() / "CsBr_Pm-3m.cif", folder / f"{name}.cif")
    (folder / "notes.txt").write_text("no crystal")
    (folder / "gamma.cif").mkdir()
    return tmp_path


def study(folder: Path, structure: str, *more: str) -> Path:
    file = folder / "several.toml"
    file.write_text(STUDY.format(structure=structure) + "\n".join(more))
    return file


@pytest.mark.parametrize(
    ("structure", "names"),
    [
        ('"cifs/*.cif"', ["alpha", "beta"]),
        ('["cifs/beta.cif", "CsPbBr3_Pm-3m"]', ["beta", "CsPbBr3_Pm-3m"]),
        ('["CsBr_Pm-3m", "cifs/[a]*.cif"]', ["CsBr_Pm-3m", "alpha"]),
        ('["mp-1234", "mp:CsBr"]', ["mp-1234", "CsBr"]),
    ],
)
def test_each_structure_is_a_material_called_as_its_file(cifs: Path, structure: str, names: list[str]) -> None:
    content = load_study(study(cifs, structure), "quick").content
    assert list(content.materials) == names
    assert all(entry.slabs[0].miller == (1, 0, 0) and entry.cutoff_ev == 200 for entry in content.materials.values())


@pytest.mark.parametrize("structure", ['"~/cifs/*.cif"', '["~/cifs/alpha.cif", "~/cifs/b*.cif"]'])
def test_a_pattern_below_the_home_finds_its_files(cifs: Path, structure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(cifs))
    (cifs / "studies").mkdir()
    chosen = load_study(study(cifs / "studies", structure), "quick")
    assert list(chosen.content.materials) == ["alpha", "beta"]
    assert len(plan_study(chosen).steps) == 4
    shutil.move(cifs / "cifs" / "beta.cif", cifs / "cifs" / "b[1].cif")
    assert list(load_study(study(cifs / "studies", '"~/cifs/b[1].cif"'), "quick").content.materials) == ["All"]


def test_alignments_and_sweeps_may_name_the_list(cifs: Path) -> None:
    rows = ('[alignment]\nmaterials = ["All"]', '[sweep]\nmaterials = ["All"]\ncutoff_ev = [100, 150]')
    plan = plan_study(load_study(study(cifs, '"cifs/*.cif"', *rows), "quick"))
    (alignment,) = plan.study.content.alignment
    assert plan.study.content.aligned(alignment) == ("alpha", "beta")
    assert len(plan.steps) == 2 * 2 * 3


def test_a_plan_keeps_what_its_list_stood_for(cifs: Path) -> None:
    plan = plan_study(load_study(study(cifs, '"cifs/*.cif"'), "quick"))
    StudyFolder.create(plan, cifs / "run", "run")
    shutil.rmtree(cifs / "cifs")
    stored = StudyFolder.existing(cifs / "run").plan
    assert [step.name for step in stored.steps] == [step.name for step in plan.steps]


@pytest.mark.parametrize(
    ("structure", "said"),
    [
        ('"cifs/*.vasp"', "'cifs/*.vasp' finds no file"),
        (f'"{"x" * 300}*"', "finds no file"),
        ("[]", "a list of structures is empty"),
        ('["cifs/beta.cif", 3]', "holds names and files"),
        (
            '["cifs/beta.cif", "other/beta.cif"]',
            "'cifs/beta.cif' and 'other/beta.cif' would both be",
        ),
        ('["cifs/be ta.cif"]', "the name 'be ta' cannot be that of a folder"),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(cifs: Path, structure: str, said: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(study(cifs, structure), "quick")
    assert said in str(caught.value)
    assert caught.value.where.endswith((":5", "several.toml"))


def test_a_listed_material_takes_no_other_s_name(cifs: Path) -> None:
    other = '[materials.beta]\nstructure = "CsBr_Pm-3m"\ncutoff_ev = 200\nrelax_kpoints = [1, 1, 1]\n'
    with pytest.raises(StudyError, match="two materials would be called 'beta'"):
        load_study(study(cifs, '"cifs/*.cif"', other + "bands_kpoints = [1, 1, 1]"), "quick")


def test_too_many_files_are_said(cifs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dftflow.studies.structure_lists.MOST_LISTED", 1)
    with pytest.raises(StudyError, match="finds more than 1 files"):
        load_study(study(cifs, '"cifs/*.cif"'), "quick")
