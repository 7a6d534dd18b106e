"""A run of which nothing has changed is told from what it wrote; whatever changed takes the long way."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_crystal import copying_engine

from dftflow.codes.gpaw import GPAW
from dftflow.jobs.run_index import INDEX_FILE, RunIndex
from dftflow.jobs.store import existing_plan
from dftflow.report import settled
from dftflow.report.settled import SETTLED_FILE, Settlement
from dftflow.report.write import write_outcome
from dftflow.studies.execution import run_study
from dftflow.studies.reader import Study, load_study

STUDY = """\
schema = 1
title = "CsBr"

[materials.CsBr]
structure = "mine.extxyz"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""
CSBR = """\
2
Lattice="4.29 0 0 0 4.29 0 0 0 4.29" Properties=species:S:1:pos:R:3 pbc="T T T"
Cs 0 0 0
Br 2.145 2.145 2.145
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "mine.extxyz").write_text(CSBR)
    (tmp_path / "study.toml").write_text(STUDY)
    return load_study(str(tmp_path / "study.toml"), "quick")


@pytest.fixture
def root(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that has ended, and was noted as that."""
    copying_engine(study, tmp_path / "prepared", monkeypatch)
    settlement, root = Settlement(study), tmp_path / "run"
    outcome = run_study(study, root)
    settlement.note(root, outcome, write_outcome(outcome, root))
    return root


def test_where_nothing_has_changed_the_table_is_told_and_nothing_is_read(
    study: Study, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: object, calculation: object) -> None:
        raise AssertionError("a result was read")

    monkeypatch.setattr(GPAW, "read", read)
    table = Settlement(study).table(root)
    assert table is not None and "CsBr" in table


def test_an_index_that_is_lost_is_written_anew(study: Study, root: Path) -> None:
    """Without it every state is read, each time: of a copied folder too, whose files look otherwise."""
    written = (root / INDEX_FILE).read_bytes()
    (root / INDEX_FILE).unlink()
    assert Settlement(study).table(root) is not None and (root / INDEX_FILE).read_bytes() == written
    copy = root.with_name("copy")
    shutil.copytree(root, copy, symlinks=True)
    assert Settlement(study).table(copy) is not None
    places = [step.folder for step in existing_plan(copy).steps]
    assert all(RunIndex(copy).finished(copy, place) is not None for place in places)


def test_a_run_that_was_moved_names_its_own_places(study: Study, root: Path) -> None:
    moved = root.with_name("moved")
    root.rename(moved)
    told = Settlement(study).table(moved)
    assert told is not None and str(root / "report.html") not in told
    assert told.splitlines()[-2:] == [f"  report   {moved / 'report.html'}", f"  numbers  {moved / 'results.json'}"]
    (figure,) = [line.split(maxsplit=1)[1] for line in told.splitlines() if line.startswith("  figure")]
    assert figure.startswith(f"{moved}/figures/") and Path(figure).is_file()


def edit(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content.replace(b"4.29", b"4.30", 1) if b"4.29" in content else content[:-3] + b" " + content[-2:])


@pytest.mark.parametrize(
    "change",
    [
        lambda root: edit(root.parent / "mine.extxyz"),
        lambda root: edit(root / "results.json"),
        lambda root: edit(root / "report.html"),
        lambda root: edit(root / "plan.json"),
        lambda root: edit(root / SETTLED_FILE),
        lambda root: (root / SETTLED_FILE).write_text("null"),
        lambda root: (root / "report.html").unlink(),
        lambda root: edit(next(root.glob("steps/*/*/results.json"))),
        lambda root: edit(next(root.glob("steps/*/*/built.json"))),
        lambda root: next(root.glob("steps/*/*/bands.npz")).unlink(),
        lambda root: next(root.glob("steps/*/*/state.json")).write_text('{"state": "finished"}'),
    ],
)
def test_whatever_has_changed_takes_the_long_way(study: Study, root: Path, change: Callable[[Path], None]) -> None:
    change(root)
    assert Settlement(study).table(root) is None


def test_another_study_preset_package_or_engine_does_too(
    study: Study, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settlement(replace(study, sha256="0")).table(root) is None
    assert Settlement(replace(study, preset_name="other")).table(root) is None
    with monkeypatch.context() as patched:
        patched.setattr(settled, "_package", lambda: "another")
        assert Settlement(study).table(root) is None

    def fingerprint(self: object, elements: Any) -> dict[str, str]:
        return {"version": "another"}

    with monkeypatch.context() as patched:
        patched.setattr(GPAW, "fingerprint", fingerprint)
        assert Settlement(study).table(root) is None
    assert Settlement(study).table(root) is not None


def test_what_was_changed_while_it_ran_is_not_noted(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying_engine(study, tmp_path / "prepared", monkeypatch)
    settlement, root = Settlement(study), tmp_path / "run"
    outcome = run_study(study, root)
    written = write_outcome(outcome, root)
    edit(tmp_path / "mine.extxyz")
    settlement.note(root, outcome, written)
    assert not (root / SETTLED_FILE).exists()
    step = replace(outcome.steps[0], engine={"version": "an earlier one"})
    Settlement(study).note(root, replace(outcome, steps=(step, *outcome.steps[1:])), written)
    assert not (root / SETTLED_FILE).exists()


def test_it_is_told_without_loading_what_calculates(study: Study, root: Path) -> None:
    script = (
        "import sys; from dftflow.cli.main import main; code = main(sys.argv[1:]);"
        "heavy = {'pymatgen', 'scipy', 'ase', 'spglib', 'matplotlib', 'gpaw', 'rich', 'jinja2'};"
        "print(sorted(heavy & set(sys.modules)));"
        "sys.exit(code)"
    )
    argv = [sys.executable, "-c", script, "run", str(study.file), "--preset", "quick", "--out", str(root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "nothing has changed" in done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
