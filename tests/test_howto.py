"""The how-to pages, run as they stand: each adds something from outside the package."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_crystal import CBM, VBM, copying_engine
from pip_install import pip_install

from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import Study, load_study

DOCS = Path(__file__).parents[1] / "docs"
STUDY = """\
schema = 1
title = "CsBr"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Installs the package that a page shows, or puts its one module on the path; gives the module's name."""
    site, source = tmp_path / "site", tmp_path / "source"
    site.mkdir()
    source.mkdir()
    names = []

    def install(page: str) -> str:
        code = blocks(page, "python")[0]
        (name,) = re.findall(r"^# (\w+)\.py$", code, re.MULTILINE)
        projects = blocks(page, "toml")
        (source / f"{name}.py").write_text(code, encoding="utf-8")
        for project in projects:
            (source / "pyproject.toml").write_text(project, encoding="utf-8")
            pip_install(source, site)
        monkeypatch.syspath_prepend(str(site if projects else source))
        importlib.invalidate_caches()
        names.append(name)
        return name

    yield install
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Study], object]:
    """GPAW is `cp` from a folder with the results of every step."""
    return lambda study: copying_engine(study, tmp_path / "prepared", monkeypatch)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "study.toml").write_text(STUDY)
    return load_study(str(tmp_path / "study.toml"), "quick")


def test_a_quantity(
    study: Study, engine: Callable[[Study], object], installed: Callable[[str], str], tmp_path: Path
) -> None:
    engine(study)
    installed("howto-quantity.md")
    outcome = run_study(study, tmp_path / "run")
    (width,) = [q for q in outcome.quantities if q.name == "width of the highest valence band"]
    assert width.value == pytest.approx(1.0) and width.subject == "CsBr" and width.origin == ("CsBr/bulk-bands",)
    from dftflow.report.page import render_report
    from dftflow.report.results_json import results_document

    assert "width of the highest valence band" in render_report(outcome, (), tmp_path / "run")
    listed = results_document(outcome, tmp_path / "run")["quantities"]
    assert width.as_dict() in listed


def test_a_kind_of_subject(
    study: Study, engine: Callable[[Study], object], installed: Callable[[str], str], tmp_path: Path
) -> None:
    installed("howto-kind.md")
    study.file.write_text(STUDY + "\n[kinds.strained]\nCsBr = 1.02\n")
    strained = load_study(str(study.file), "quick")
    engine(strained)
    outcome = run_study(strained, tmp_path / "run")
    states = {step.name: step.state for step in outcome.steps}
    assert states == {"CsBr/bulk-bands": "finished", "CsBr/strained-bands": "finished"}
    volumes = [step.results.structure.volume for step in outcome.steps if step.results and step.results.structure]
    assert volumes[1] / volumes[0] == pytest.approx(1.02)
    assert outcome_of_folder(tmp_path / "run").steps[1].state == "finished"


def test_an_executor(
    study: Study,
    engine: Callable[[Study], object],
    installed: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine(study)
    installed("howto-executor.md")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(blocks("howto-executor.md", "python")[1], names)
    outcome = names["outcome"]
    assert outcome.steps[0].state == "finished"  # type: ignore[attr-defined]
    edges = outcome.materials[0].bulk.edges  # type: ignore[attr-defined]
    assert edges.band_gap_ev == pytest.approx(CBM + 0.1 - VBM)
    assert outcome_of_folder(tmp_path / "run").steps[0].state == "finished"


def test_a_kind_that_is_not_installed_is_named(study: Study) -> None:
    from dftflow.errors import StudyError

    study.file.write_text(STUDY + "\n[kinds.strained]\nCsBr = 1.02\n")
    with pytest.raises(StudyError, match="no kind of subject called 'strained'"):
        plan_study(load_study(str(study.file), "quick"))


def test_a_table_for_a_kind_that_reads_none_is_refused(study: Study) -> None:
    from dftflow.errors import StudyError

    study.file.write_text(STUDY + "\n[kinds.bulk]\nCsBr = 1.02\n")
    with pytest.raises(StudyError, match="has no table of its own"):
        plan_study(load_study(str(study.file), "quick"))
